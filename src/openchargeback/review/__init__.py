"""Flags and decisions."""
