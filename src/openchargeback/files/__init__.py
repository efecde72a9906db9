"""Git, locks, and writes that are all or nothing even if killed or out of disk space. Nothing here knows ledgers."""
