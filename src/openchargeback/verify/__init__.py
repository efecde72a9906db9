"""Verify an output, a folder or a PDF, against the ledger."""
