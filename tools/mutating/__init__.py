"""Small changes to SQL and Python, for tools/mutants.py."""
