"""The difference in money between two revisions of a ledger."""
