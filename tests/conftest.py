"""Options of the test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option that writes expected files anew; CI never gives it."""
    parser.addoption("--update-expected", action="store_true", help="Write tests/errors/*/expected.txt anew.")
