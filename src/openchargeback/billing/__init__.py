"""Billing lines, statements, journal entries, reconciliation (the invariants)."""
