"""Faulty charge files and YAML files made from valid ones, and what the program must do with each."""
