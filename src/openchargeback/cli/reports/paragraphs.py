"""Equal faults together: what fifty thousand rows have in common is said once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from openchargeback.explanations import catalogue
from openchargeback.problems import Problem, Severity, in_order

WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTICE: 2}
"""The heaviest first."""

_REST = re.compile(r"and [\d,]+ more like this")
_DATA = re.compile(r"\S*\d\S*")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Faults of one file with the same code, remedy and kind of message.

    places: those that are listed, in their order, at least one. count: how many there are, listed or not.
    """

    places: tuple[Problem, ...]
    count: int

    @property
    def head(self) -> Problem:
        """The one that is shown for all."""
        return self.places[0]

    @property
    def severity(self) -> Severity:
        """How much they weigh."""
        return self.head.severity


def paragraphs(problems: Iterable[Problem]) -> list[Paragraph]:
    """Problems by paragraph: the heaviest first, then by path and line."""
    groups: dict[tuple[object, ...], list[Problem]] = {}
    rests: list[Problem] = []
    for problem in in_order(problems):
        if not problem.line and _REST.fullmatch(problem.message):
            rests.append(problem)
        else:
            groups.setdefault(_key(problem), []).append(problem)
    counts = {key: sum(problem.count for problem in group) for key, group in groups.items()}
    for rest in rests:
        key = _key_of_rest(rest, groups)
        groups.setdefault(key, [rest])
        counts[key] = counts.get(key, 0) + rest.count
    found = [Paragraph(tuple(group), counts[key]) for key, group in groups.items()]
    return sorted(found, key=lambda each: (WEIGHT[each.severity], each.head.path, each.head.line, each.head.column))


def total(found: Sequence[Paragraph], severity: Severity) -> int:
    """How many faults of one weight there are."""
    return sum(each.count for each in found if each.severity is severity)


def counted(number: int, thing: str) -> str:
    """`1 error`, `1,234 errors`."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def totals(found: Sequence[Paragraph]) -> str:
    """`2 errors, 1 warning`; `no problems` for none."""
    numbers = [(total(found, severity), str(severity)) for severity in WEIGHT]
    return ", ".join(counted(number, word) for number, word in numbers if number) or "no problems"


def _key(problem: Problem) -> tuple[object, ...]:
    return (*_kind(problem), _shape(problem))


def _kind(problem: Problem) -> tuple[object, ...]:
    return problem.path, problem.code, problem.severity, _DATA.sub("…", problem.fix)


def _shape(problem: Problem) -> str:
    """The message without what differs from place to place. Without a line the message is all that tells them apart."""
    if not problem.line:
        return problem.message
    known = catalogue().get(problem.code)
    # In charge files the text behind the colon is that of the cell; elsewhere it is the reason.
    text = problem.message.partition(": ")[0] if known and known.subject == "charges" else problem.message
    return _DATA.sub("…", text)


def _key_of_rest(rest: Problem, groups: dict[tuple[object, ...], list[Problem]]) -> tuple[object, ...]:
    """The group that a problem without a message of its own continues: the reader lists a fixed number of places and
    counts on, so it is the longest of its kind.
    """
    alike = [key for key in groups if key[:-1] == _kind(rest)]
    return max(alike, key=lambda key: len(groups[key]), default=_key(rest))
