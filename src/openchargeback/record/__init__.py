"""What closing a month records, the seal that finalizing puts on it, and notes on it."""
