"""An output held against the ledger: a folder or a PDF."""
