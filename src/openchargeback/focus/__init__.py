"""FOCUS: dialects, reading, checking."""
