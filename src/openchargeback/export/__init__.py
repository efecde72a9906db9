"""What other programs read: journal files for finance, open data."""
