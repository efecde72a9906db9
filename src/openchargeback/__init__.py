"""Billing for research computing as a Git repository."""

__version__ = "0.1.0"
