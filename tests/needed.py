"""Skips a test whose program the machine lacks. `tools/setup test` installs them all; CI fails on such a skip."""

from __future__ import annotations

import pytest

from programs import find


def needs(*programs: str) -> pytest.MarkDecorator:
    """Mark a test, or with `pytestmark` a file, as driving these programs."""
    missing = [program for program in programs if find(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")
