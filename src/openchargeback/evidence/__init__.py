"""Who approved what: from Git, signatures, and what a host recorded."""
