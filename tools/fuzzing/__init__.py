"""Faulty charge files and YAML files made from good ones, and what the program must do with each."""
