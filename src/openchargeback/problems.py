"""Faults in data, and the exceptions that stop the program.

A fault in data is a value: stages collect `Problem`s and return all of them along with their result.
If the program cannot go on, it raises one of the exceptions below. Each has its exit code:

    OpenChargebackError
    ├── LedgerFault        1  problems in the ledger; carries them
    ├── UsageFault         2  the command was given something it cannot work with
    └── OutsideFault       3  something outside failed: a library, the disk, another program
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class Severity(enum.StrEnum):
    """How severe a problem is: errors stop every output; warnings and notices are only reported."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault in the data of a ledger, with its place and its fix.

    path: relative to the ledger, with forward slashes; empty for the ledger as a whole.
    line, column: physical line and character position as shown by an editor, from 1; 0 if there is none.
    code: the stable name of the kind of fault, such as `type-error`; `validate --explain CODE` explains it.
    message: what is wrong, in one sentence without a period.
    fix: what to do about it.
    excerpt: the faulty text, at most one line.
    count: how many places this problem covers.
    row, field: for a fault in a table, the row number (the header is 1) and the column name, as in Frictionless.
    more: the lines (in a file without lines, the rows) of the next places that it covers, as far as they were kept.
    """

    path: str
    code: str
    message: str
    fix: str = ""
    line: int = 0
    column: int = 0
    excerpt: str = ""
    severity: Severity = Severity.ERROR
    count: int = 1
    row: int = 0
    field: str = ""
    more: tuple[int, ...] = ()

    @property
    def place(self) -> str:
        """`path:line:column`, as far as known."""
        return ":".join([self.path or ".", *(str(number) for number in (self.line, self.column) if number)])

    def as_json(self) -> dict[str, object]:
        """The public JSON form of `validate --format json`."""
        table = {"row": self.row, "field": self.field} if self.row else {}
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "fix": self.fix,
            "count": self.count,
            **table,
        }


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether any of them is an error, which stops outputs."""
    return any(problem.severity is Severity.ERROR for problem in problems)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sorted by place, so that reports are deterministic."""
    return sorted(set(problems), key=lambda p: (p.path, p.line, p.column, p.code, p.message, p.excerpt))


class OpenChargebackError(Exception):
    """Base of all exceptions that this program raises on purpose; never shown with a traceback."""

    exit_code = 3


class LedgerFault(OpenChargebackError):
    """The ledger has errors, so nothing is published. root: its folder, if known, for excerpts."""

    exit_code = 1

    def __init__(self, problems: Iterable[Problem], root: Path | None = None) -> None:
        self.problems = in_order(problems)
        self.root = root
        errors = sum(p.severity is Severity.ERROR for p in self.problems)
        super().__init__(f"{errors} error{'s' * (errors != 1)} in the ledger")

    def __reduce__(self) -> tuple[type[LedgerFault], tuple[list[Problem], Path | None]]:
        """For other processes: exceptions are otherwise made again from their message."""
        return LedgerFault, (self.problems, self.root)


class UsageFault(OpenChargebackError):
    """The command cannot work with what it was given."""

    exit_code = 2


class OutsideFault(OpenChargebackError):
    """Something outside the program failed."""

    exit_code = 3
