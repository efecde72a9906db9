"""Billing lines, statements, journal entries, reconciliation."""
