"""What a reader makes of a file: machines of a list, or pieces of usage with their times; and its faults."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from openchargeback import money
from openchargeback.convert.documents import Source
from openchargeback.convert.instants import seconds
from openchargeback.convert.json_places import Key
from openchargeback.convert.vm.settings import VmSettings
from openchargeback.problems import Problem, Severity

AGAIN = "export it again, and check that the command exits with 0"
MIB = 1024
"""MiB in a GiB: memory and disks are kept in MiB."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine in a list. texts: its tags and notes, read for project and tier and then dropped.

    place: its line, or for JSON its number (`Source.objects`). created: seconds since 1970, if the list says it.
    cores, memory (MiB), disk (MiB): None if the list does not say.
    """

    place: int
    id: str
    name: str
    running: bool
    template: bool = False
    cores: int | None = None
    memory: int | None = None
    disk: int | None = None
    pool: str = ""
    folder: str = ""
    texts: tuple[str, ...] = ()
    created: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Usage of one meter over an interval (seconds since 1970, UTC, half-open). identity: the same in every export.

    subsidy: percent of the list price, in place of that of the rate.
    """

    place: int
    identity: str
    resource: str
    account: str
    tier: str = ""
    person: str = ""
    subsidy: Decimal | None = None
    meter: str
    variant: str = ""
    starts: int
    ends: int
    amount: int


@dataclass(slots=True)
class Report:
    """The content of one file. month: its start and end, if it is known. total: records of all pages, if it is said."""

    source: Source
    own: VmSettings
    month: tuple[int, int] | None
    users: bool = False
    machines: list[Machine] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    read: int = 0
    total: int = 0

    def problem(self, code: str, message: str, fix: str, line: int = 0, severity: Severity = Severity.ERROR) -> None:
        """Record a fault of the file. line: a line, or the number of an object of JSON."""
        at = self.source.line_of(line)
        self.problems.append(Problem(self.source.file.name, code, message, fix, at, severity=severity))

    def scaled(self, value: object, what: str, line: int, scale: int) -> int | None:
        """A number times `scale`, which must be whole; None with a fault otherwise. what: where it stands."""
        text = value if isinstance(value, str) else f"{value:f}" if isinstance(value, int | Decimal) else ""
        number = None if isinstance(value, bool) else money.parse(text.strip())
        result = None if number is None else number * scale
        if result is None or result < 0 or result != int(result):
            fix = "write a plain number that is not negative; for a decimal comma, set `vm: decimal`"
            self.problem("usage-number", f'{what} is not a number: "{text[:40]}"', fix, line)
            return None
        return int(result)

    def instant(self, value: object, what: str, line: int) -> int | None:
        """A time of ISO 8601 in seconds since 1970; one without a zone is UTC. None with a fault if it is none."""
        try:
            at = dt.datetime.fromisoformat(str(value))
            at = at.astimezone(dt.UTC).replace(tzinfo=None) if at.tzinfo else at
        except (ValueError, OverflowError):
            self.problem(
                "usage-time", f'{what} is not a time: "{str(value)[:40]}"', "write it like 2025-01-31T23:59:59", line
            )
            return None
        return seconds(at)

    def objects(self, found: object, *keys: Key) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """The objects of the JSON list at the keys: number, path in the document, value. Others are faults."""
        yield from self.source.objects(found, keys, self.problem, AGAIN)


@dataclass(frozen=True, slots=True)
class Format:
    """A format. listed: whether it is a list of a moment. fits: whether a file is one. read: fills a report."""

    name: str
    listed: bool
    fits: Callable[[Source], bool]
    read: Callable[[Report], None]
