"""Shared costs, split among those who used what was paid for (FOCUS 1.3, split cost allocation)."""
