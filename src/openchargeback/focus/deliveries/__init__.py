"""Native FOCUS exports as they land: folders and zip archives, one module for each provider's layout."""
