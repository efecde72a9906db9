"""The options that write expected files anew."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

OPTIONS = {
    "--update-expected": "write tests/errors/*/expected.txt anew",
    "--update-golden": "write tests/golden anew from what comes out now",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for option, words in OPTIONS.items():
        parser.addoption(option, action="store_true", help=f"{words}; look at the difference")


# A run that gates a merge tries the same examples every time; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_configure(config: pytest.Config) -> None:
    # In CI they would make the tests that compare pass by definition.
    for option in OPTIONS:
        if config.getoption(option) and os.environ.get("CI"):
            raise pytest.UsageError(f"{option} is refused where CI is set: run it at your desk, commit the difference")
