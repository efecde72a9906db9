"""What a reader makes of a listing: levels, what it left out and why, and its faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from openchargeback.convert.documents import Source, is_rounded, whole
from openchargeback.convert.json_places import Key
from openchargeback.convert.storage.settings import StorageSettings
from openchargeback.problems import Problem

KIB = 1024
AGAIN = "export it again, with exact figures"


@dataclass(frozen=True, slots=True)
class Level:
    """A figure of one path at one moment.

    place: its line, or for JSON its number (`Source.objects`). bytes: as the settings choose; None if there is no such
    limit. at: when, as RFC 3339, if the listing says it. own: whether the figure is without what is below the path.
    """

    place: int
    path: str
    bytes: int | None
    owner: str = ""
    person: str = ""
    system: str = ""
    at: str = ""
    own: bool = False


@dataclass(slots=True)
class Sheet:
    """The levels of one file.

    users: whether user names may be kept. read: records. after: of each page that another should follow, what the next
    one starts after; last: whether there is a page that none follows; firsts: the first id of each page.
    """

    source: Source
    own: StorageSettings
    users: bool = False
    levels: list[Level] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    after: list[int | None] = field(default_factory=list)
    last: bool = False
    firsts: list[int | None] = field(default_factory=list)

    @property
    def read(self) -> int:
        """How many records there were."""
        return len(self.levels) + self.left_out.total()

    def problem(self, code: str, message: str, fix: str, line: int = 0) -> None:
        """Record a fault of the file. line: a line, or the number of an object of JSON."""
        self.problems.append(Problem(self.source.file.name, code, message, fix, self.source.line_of(line)))

    def bytes(self, value: object, what: str, line: int = 0, unit: int = 1) -> int | None:
        """A figure in bytes; None with a fault if it is not a whole number. what: where it stands. unit: its bytes."""
        if (number := whole(value)) is not None:
            return number * unit
        shown = "nothing" if value is None else f'"{str(value)[:40]}"'
        if is_rounded(value):
            self.problem("usage-rounded", f"{what} is rounded: {shown}", AGAIN, line)
        else:
            fix = "check the command: figures must be whole numbers, without commas and points"
            self.problem("usage-number", f"{what} is not a number of bytes: {shown}", fix, line)
        return None

    def limit(self, value: object, what: str, line: int = 0, unit: int = 1) -> int | None:
        """A limit in bytes; None if there is none, which systems write in several ways."""
        if value is None or value in ("", "-", "none", "0", "0k", 0, -1):
            return None
        return self.bytes(value, what, line, unit)

    def records(self, found: object, *keys: Key) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """The objects of the JSON list at the keys: number, path in the document, value. Others are faults."""
        yield from self.source.objects(found, keys, self.problem, AGAIN)


@dataclass(frozen=True, slots=True)
class Format:
    """A format. metrics: what its figures can be. fits: whether a file is one. read: fills a sheet."""

    name: str
    metrics: Sequence[str]
    fits: Callable[[Source], bool]
    read: Callable[[Sheet], None]


def objects(document: Any) -> list[dict[str, Any]]:
    """The objects of a document that is a list; else none."""
    return [each for each in document if isinstance(each, dict)] if isinstance(document, list) else []
