"""Writing files so that a kill or a full disk leaves the old ones or the new ones, and locks. It knows no ledger."""
