"""What no piece of usage of a machine may be, with what to do about it."""

from __future__ import annotations

from openchargeback.convert.findings import conflicting, repeated

RULES = (conflicting("clash", "resource"), repeated("repeated"))
"""On `judged`."""
