"""The record that closing a month writes, the seal that finalizing adds, and notes on both."""
