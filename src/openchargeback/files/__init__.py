"""Git, locks, and writes that a kill or a full disk leaves undone or done as a whole. This room knows no ledger."""
