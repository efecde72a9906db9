"""Usage records of other systems, converted to FOCUS charge files (docs/CONVERTERS.md)."""
