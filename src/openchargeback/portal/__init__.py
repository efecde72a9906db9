"""Pages, charts, search data, charge browser data, PDFs, journal files."""
