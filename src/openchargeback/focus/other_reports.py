"""Providers' cost reports that are not FOCUS, recognized by their header, and the FOCUS export to use instead."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

# Azure names columns in the language of the account, with the English name in parentheses.
_ENGLISH = re.compile(r".*\((\w+)\)\s*")
_ENOUGH = 2


@dataclass(frozen=True, slots=True)
class OtherReport:
    """A report that is not FOCUS; `other_reports.toml` explains each field."""

    name: str
    fix: str
    labels: frozenset[str]


@cache
def other_reports() -> tuple[OtherReport, ...]:
    """The known reports."""
    text = resources.files(__package__).joinpath("other_reports.toml").read_text(encoding="utf-8")
    listed = tomllib.loads(text)["report"]
    return tuple(OtherReport(each["name"], each["fix"], frozenset(each["labels"].split())) for each in listed)


def other_report(labels: Sequence[str]) -> OtherReport | None:
    """The report whose labels a header without FOCUS columns matches best."""
    found = {_plain(label) for label in labels}
    best = max(other_reports(), key=lambda report: len(report.labels & found))
    return best if len(best.labels & found) >= _ENOUGH else None


def _plain(label: str) -> str:
    english = _ENGLISH.fullmatch(label)
    return (english[1] if english else label).strip().casefold()
