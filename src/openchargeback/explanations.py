"""The catalog of codes behind `validate --explain` and docs/VALIDATION.md.

The texts are in `explanations.toml`, one table per code; a new code only needs a new table there.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any

from openchargeback.problems import Severity

SUBJECTS = {
    "files": "Files of a ledger",
    "charges": "Charge files",
    "yaml": "YAML files",
    "settings": "Settings and directory",
    "approvals": "Approvals",
    "invoices": "Invoices of providers",
    "periods": "Closed periods",
    "journal": "Journal",
    "convert": "Conversions",
    "plan": "The plan of a branch",
    "program": "The program itself",
    "flags": "Flags",
}
"""The parts of the catalog, in order, with their headings."""

PATTERN_FLAG = "pattern:<name>"
"""The code for the flags of all review patterns, whose names each ledger chooses."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One code. All texts are plain prose with `code` in backticks; severity is None for a code that is only a flag.

    on_statement: the flag in words for a PI: why a charge is under review.
    """

    code: str
    subject: str
    severity: Severity | None
    title: str
    means: str
    matters: str
    fix: str
    example: str
    source: str
    on_statement: str = ""

    @property
    def kind(self) -> str:
        """`error`, `warning` or `notice`; `flag`, or both, such as `flag, error`."""
        words = (["flag"] if self.subject == "flags" else []) + ([str(self.severity)] if self.severity else [])
        return ", ".join(words)

    def as_json(self) -> dict[str, object]:
        """The public JSON form of `validate --explain CODE --format json`."""
        return {
            "code": self.code,
            "subject": self.subject,
            "flag": self.subject == "flags",
            "severity": str(self.severity) if self.severity else None,
            "title": self.title,
            "means": self.means,
            "matters": self.matters,
            "fix": self.fix,
            "example": self.example,
            "source": self.source,
        }


@cache
def catalog() -> dict[str, Explanation]:
    """Every code with its explanation, by subject in the order of SUBJECTS, then by code."""
    found = [
        _entry(code, subject, fields)
        for subject, entries in tomllib.loads(_text()).items()
        for code, fields in entries.items()
    ]
    order = list(SUBJECTS)
    return {each.code: each for each in sorted(found, key=lambda each: (order.index(each.subject), each.code))}


@cache
def _text() -> str:
    return resources.files(__package__).joinpath("explanations.toml").read_text(encoding="utf-8")


def _entry(code: str, subject: str, fields: dict[str, Any]) -> Explanation:
    texts = {name: text.strip("\n") for name, text in fields.items() if name not in ("severity", "by_source")}
    severity = Severity(fields["severity"]) if "severity" in fields else None
    return Explanation(code=code, subject=subject, severity=severity, **texts)


def explain(code: str) -> Explanation | None:
    """The explanation of a code or flag as typed by a person; None if there is no such code."""
    return catalog().get(_known_as(code))


def is_explained(code: str) -> bool:
    """Whether there is an explanation of a code. Reading all of them takes as long as a small command."""
    return re.search(rf'^\[[\w-]+\."?{re.escape(_known_as(code))}"?\]$', _text(), re.MULTILINE) is not None


def _known_as(code: str) -> str:
    name = code.strip().strip("[]").lower()
    return PATTERN_FLAG if name.startswith("pattern:") else name


def similar(code: str) -> list[str]:
    """Codes that may be meant, most likely first: those with a similar spelling, else those that share a word."""
    name = code.strip().strip("[]").lower()
    near = get_close_matches(name, catalog(), n=3, cutoff=0.6)
    words = {word for word in name.split("-") if len(word) > 2}
    return near or [known for known in catalog() if words & set(known.split("-"))][:3]
