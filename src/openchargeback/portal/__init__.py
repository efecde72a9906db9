"""Pages, charts, PDFs and journal files."""
