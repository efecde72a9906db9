"""FOCUS: table schemas, dialects, reading, checking."""
