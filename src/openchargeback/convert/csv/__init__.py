"""Any table, by a mapping in the config: CSV, TSV, JSON lines, a JSON document with a list."""
