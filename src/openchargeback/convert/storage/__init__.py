"""Capacity of storage systems, from their listings of quotas and usage."""
