"""Groups equal faults: what fifty thousand rows have in common is reported once.

Warnings and notices are less severe, so one paragraph covers a code in a charge file, whatever the columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from openchargeback.explanations import catalog
from openchargeback.ledger.check_codes import SETTABLE
from openchargeback.ledger.files import source_of
from openchargeback.problems import Problem, Severity, in_order
from openchargeback.wording import counted

LISTED = 100
"""How many locations of a paragraph machine-readable reports list; the rest are counted."""

WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTICE: 2}
"""The most severe first."""

_DATA = re.compile(r"\S*\d\S*")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Faults in one file with the same code; for errors, also with the same fix and kind of message.

    places: the problems, in order, at least one. count: how many faults they represent, with or without their own
    location.
    """

    places: tuple[Problem, ...]
    count: int

    @property
    def head(self) -> Problem:
        """The one shown for all."""
        return self.places[0]

    @property
    def beyond(self) -> int:
        """How many others the head represents, unless its message already says so."""
        # With several places, a number in the message is something else, such as the cells of a row.
        stated = len(self.places) == 1 and not self.head.more and f"{self.count:,}" in self.head.message.split()
        return 0 if stated else self.count - 1

    @property
    def times(self) -> str:
        """` (50,000 times)`; for cells `, and 3 more`; empty if there is only one or the message says how many."""
        if self.beyond and self.head.code == "missing-cell":
            return f", and {self.beyond:,} more"
        return f" ({self.count:,} times)" if self.beyond else ""

    @property
    def lines(self) -> tuple[int, ...]:
        """The known lines (in Parquet, rows) of all these faults, each once, ascending."""
        known = ((each.line or each.row, *each.more) for each in self.places)
        return tuple(sorted({line for lines in known for line in lines if line}))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of these faults, the head's first."""
        return tuple(dict.fromkeys(each.field for each in self.places if each.field))

    @property
    def setting(self) -> str:
        """The key of `config.yaml` that sets the severity of this check for the file's source; empty if none does."""
        source = source_of(self.head.path) if _in_charges(self.head) else None
        return f"sources.{source}.severity.{self.head.code}" if source and self.head.code in SETTABLE else ""

    @property
    def severity(self) -> Severity:
        """The severity of all of them."""
        return self.head.severity


def paragraphs(problems: Iterable[Problem], *, full: bool = False) -> list[Paragraph]:
    """Problems by paragraph: the most severe first, then by path and line.

    full: group warnings as narrowly as errors.
    """
    groups: dict[tuple[object, ...], list[Problem]] = {}
    for problem in in_order(problems):
        groups.setdefault(_key(problem, full=full), []).append(problem)
    found = [Paragraph(tuple(group), sum(problem.count for problem in group)) for group in groups.values()]
    return sorted(found, key=lambda each: (WEIGHT[each.severity], each.head.path, each.head.line, each.head.column))


def total(found: Sequence[Paragraph], severity: Severity) -> int:
    """How many faults of one severity there are."""
    return sum(each.count for each in found if each.severity is severity)


def totals(found: Sequence[Paragraph]) -> str:
    """`2 errors, 1 warning`; `no problems` for none."""
    numbers = [(total(found, severity), str(severity)) for severity in WEIGHT]
    return ", ".join(counted(number, word) for number, word in numbers if number) or "no problems"


def _key(problem: Problem, *, full: bool) -> tuple[object, ...]:
    in_charges = _in_charges(problem)
    if problem.severity is not Severity.ERROR and not full and (problem.line or problem.row):
        # Apart from the checks of charge files, every value has its own meaning, so two messages are two faults.
        message = "" if in_charges and _is_check(problem) else problem.message
        return problem.path, problem.code, problem.severity, message
    fix = _DATA.sub("…", problem.fix) if in_charges else problem.fix
    # A row that ends early lacks many cells for the same reason.
    field = "" if problem.code == "missing-cell" else problem.field
    return problem.path, problem.code, problem.severity, field, fix, _shape(problem)


def _in_charges(problem: Problem) -> bool:
    return PurePosixPath(problem.path).is_relative_to("charges")


def _shape(problem: Problem) -> str:
    """The message without what differs by location; all of it if there is no location to distinguish them."""
    if not problem.line and not problem.row:
        return problem.message
    # In charge files, the text after the colon is the cell's; elsewhere it is the reason.
    text = problem.message.partition(": ")[0] if _is_check(problem) else problem.message
    return _DATA.sub("…", text)


def _is_check(problem: Problem) -> bool:
    known = catalog().get(problem.code)
    return known is not None and known.subject == "charges"
