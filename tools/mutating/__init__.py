"""Small changes of SQL and Python, for tools/mutants.py."""
