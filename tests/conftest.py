"""For the whole run: options that write expected files again, repeatable examples, what runs first, and which skips CI
accepts.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import settings

OPTIONS = {
    "--update-expected": "rewrite tests/errors/*/expected.txt",
    "--update-golden": "rewrite tests/golden from the current output",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for option, words in OPTIONS.items():
        parser.addoption(option, action="store_true", help=f"{words}; look at the difference")


# The only skips that CI accepts: what the machine's kernel or user decides, so that nothing can be installed for it.
# Beginnings of reasons. Any other skip would be a test that silently no longer runs.
ACCEPTED_SKIPS = (
    "root writes everywhere",
    "this file system cannot exchange folders",
    "this system cannot exchange folders",
    "mounting a small disk needs root on Linux",
    "mounting is not allowed here",
    "needs /dev/full",
)

# Cheap tests about the whole project, which most changes that break anything break first.
FIRST = ("test_architecture.py", "test_words.py", "test_docs.py", "test_explanations.py", "test_error_reports.py")

# A run that gates a merge tries the same examples every time, a quarter of them if it leaves out the slow tests;
# HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("quick", settings.get_profile("repeatable"), max_examples=25)
settings.register_profile("explore", deadline=None, print_blob=True)


def pytest_configure(config: pytest.Config) -> None:
    usual = "quick" if config.option.markexpr == "not slow" else "repeatable"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", usual))
    # In CI they would make the tests that compare pass by definition.
    for option in OPTIONS:
        if config.getoption(option) and os.environ.get("CI"):
            raise pytest.UsageError(f"{option} is refused where CI is set: run it at your desk, commit the difference")


def unaccepted_skips(reports: list[pytest.TestReport]) -> list[str]:
    """The skipped tests whose reason is not among `ACCEPTED_SKIPS`: node id and reason."""
    found = []
    for report in reports:
        reason = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
        if not reason.startswith(ACCEPTED_SKIPS):
            found.append(f"{report.nodeid}: {reason}")
    return found


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI, a run with a skip that is not accepted fails."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or not os.environ.get("CI") or exitstatus != pytest.ExitCode.OK:
        return
    if skips := unaccepted_skips(terminal.stats.get("skipped", [])):
        terminal.write_line("")
        terminal.write_line("CI accepts no skip but those that tests/conftest.py lists:", red=True)
        for skip in skips:
            terminal.write_line(f"  {skip}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `mostly_slow` says, before slow tests are left out; begin with the files that `FIRST` names."""
    seen = Counter[str]()
    for item in items:
        if mark := item.get_closest_marker("mostly_slow"):
            test = item.nodeid.partition("[")[0]
            if seen[test] >= mark.kwargs["but"]:
                item.add_marker("slow")
            seen[test] += 1
    items.sort(key=lambda item: item.path.name not in FIRST)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes have the name of their parameter in the id of a test: compressed ones hold the clock."""
    return argname if isinstance(val, bytes) else None
