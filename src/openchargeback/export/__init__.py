"""Output for other programs: journal files for finance, open data."""
