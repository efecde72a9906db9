"""What to say of a file: a problem for each requirement that it breaks, and how many hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from openchargeback.explanations import Explanation
from openchargeback.focus.column_rules import MAX_ROWS
from openchargeback.focus.conformance.evaluating import Evaluated, Outcome, State, evaluate
from openchargeback.focus.conformance.model import VERSION, Check, Requirement, model, requirements
from openchargeback.focus.database import database
from openchargeback.focus.verdict import MOST_NAMED, header_line, with_positions
from openchargeback.ledger.files import ChargeFile
from openchargeback.problems import Problem

_TOGETHER = 64 << 20
"""The most bytes of files that are read into one database."""

_WRITE_NUMBER = "write a plain number such as 1234.50 or 1.2E-7"
_WRITE_TIME = "write it in UTC like 2025-01-01T00:00:00Z"
_ASK = "correct the file at its source; for a provider's export, report it to the provider"

# What is wrong with a column by the check that it breaks, and what to do if that is not `_ASK`.
_FAULTS = {
    "CheckDecimalValue": ("is not a number", _WRITE_NUMBER),
    "CheckDistinctCount": ("has more than one {ColumnBName}", ""),
    "CheckGreaterOrEqualThanValue": ("is less than {Value}", ""),
    "CheckNationalCurrency": ("is not the code of a national currency", "write its ISO 4217 code, such as USD"),
    "CheckNotSameValue": ("is the same as {ColumnBName}", ""),
    "CheckSameValue": ("differs from {ColumnBName}", ""),
    "ColumnByColumnEqualsColumnValue": ("times {ColumnBName} is not {ResultColumnName}", ""),
    "ColumnPresent": ("is not a column of the file", "add the column {ColumnName}, with this spelling"),
    "FormatCurrency": ("is not a currency as FOCUS writes it", "write its ISO 4217 code, such as USD"),
    "FormatDateTime": ("is not written as FOCUS writes times", _WRITE_TIME),
    "FormatKeyValue": (
        "is not a flat JSON object with unique keys",
        'write it like {{"key": "value"}}, each key once, without objects or lists as values',
    ),
    "FormatNumeric": ("is not written as FOCUS writes numbers", _WRITE_NUMBER),
    "FormatString": ("is blank or damaged text", "leave the cell empty for no value, and write text as UTF-8"),
    "FormatUnit": (
        "is not written as FOCUS writes units",
        "write it like GB, Hours, GB-Hours, GB/Hour or 1000 Requests",
    ),
    "TypeDateTime": ("is not a time", _WRITE_TIME),
    "TypeDecimal": ("is not a number", _WRITE_NUMBER),
    "TypeString": ("is not stored as text", "store the column as text (STRING)"),
}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many requirements there are, and how many of them a file meets, breaks, and is not concerned by."""

    path: str
    requirements: int
    hold: int
    broken: int
    not_applicable: int

    def as_json(self) -> dict[str, object]:
        """The public JSON form."""
        return {
            "path": self.path,
            "model": VERSION,
            "requirements": self.requirements,
            "hold": self.hold,
            "broken": self.broken,
            "not_applicable": self.not_applicable,
        }

    def __str__(self) -> str:
        broken = f"{self.broken:,} {'is' if self.broken == 1 else 'are'} broken"
        rest = f"{self.not_applicable:,} not applicable"
        return f"{self.path}: {self.hold:,} of {self.requirements:,} requirements of {VERSION} hold; {broken}; {rest}"


def conformance(files: Sequence[ChargeFile], *, full: bool = False) -> tuple[list[Problem], list[Counts]]:
    """What files break, with what prevents reading them, and the counts of each file that can be read.

    full: list many rows of each broken requirement, not only the first.
    """
    problems: list[Problem] = []
    counts = []
    for batch in _batches(files):
        with database() as con:
            found, faults = evaluate(con, batch, model(), requirements(), MOST_NAMED if full else MAX_ROWS)
            problems += faults
            for each in found:
                problems += problems_of(each)
                counts.append(_counts(each))
    return problems, counts


def _batches(files: Sequence[ChargeFile]) -> Iterator[list[ChargeFile]]:
    """Files to read into one database: small ones together, which saves time, large ones alone, which saves memory."""
    batch: list[ChargeFile] = []
    for file in files:
        if batch and sum(each.size for each in batch) + file.size > _TOGETHER:
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _counts(evaluated: Evaluated) -> Counts:
    states = (State.HOLDS, State.BROKEN, State.NOT_APPLICABLE)
    return Counts(evaluated.file.file.path, len(evaluated.outcomes), *map(evaluated.number, states))


def problems_of(evaluated: Evaluated) -> list[Problem]:
    """The requirements that a file breaks, each at the first row that breaks it, or at the header."""
    opened = evaluated.file
    placed = []
    problems = []
    for each in evaluated.broken:
        problem = _problem(opened.file.path, each)
        if each.rows:
            more = tuple(map(opened.layout.line, each.rows[1:]))
            placed.append((each.rows[0], each.requirement.column, replace(problem, more=more)))
        else:
            problems.append(replace(problem, line=header_line(opened)))
    return [*problems, *with_positions(opened, placed)]


def _problem(path: str, broken: Outcome) -> Problem:
    each = broken.requirement
    fault, fix = _said(each.requirement, each.column)
    return Problem(
        path,
        each.id,
        f"{fault}: {each.text}",
        fix or _ASK,
        severity=each.severity,
        count=broken.count,
        field=each.column,
    )


def _said(check: Check, column: str) -> tuple[str, str]:
    """What is wrong with a column that breaks a check, and what to do; empty for the usual."""
    function, value = check["CheckFunction"], check.get("Value")
    if function in {"CheckValue", "CheckNotValue"}:
        if value is None:
            return f"{column} has {'a' if function == 'CheckValue' else 'no'} value", ""
        return f"{column} is {'not ' * (function == 'CheckValue')}{value}", ""
    if function in {"AND", "OR"}:
        beside = next(iter(_columns(check) - {column}), "")
        return (f"{column} does not go with {beside}" if beside else f"{column} is not an allowed value"), ""
    fault, fix = _FAULTS[function]
    subject = check.get("ColumnAName", column)
    return f"{subject} {fault.format(**check)}", fix.format(**check)


def _columns(check: Check) -> set[str]:
    """The columns that a check made of simple checks names."""
    items = check.get("Items", ())
    return set().union(*map(_columns, items)) if items else {check["ColumnName"]}


def explanation(code: str) -> Explanation | None:
    """A requirement as a record of the catalog of codes; None if the model has none of this id."""
    known = model()
    name = next((each for each in known.rules if each.lower() == code.strip().strip("[]").lower()), "")
    if not name:
        return None
    rule = known.rules[name]
    criteria = rule["ValidationCriteria"]
    evaluated = {each.id: each for each in requirements()}
    reason = known.corrected.get(name) or known.undecided.get(name)
    return Explanation(
        code=name,
        subject="charges",
        severity=evaluated[name].severity if name in evaluated else None,
        title=criteria["MustSatisfy"].strip(),
        means=f"{VERSION} says {criteria['Keyword']}. {_how(name, evaluated)}",
        matters=reason or "The file is checked as the requirements model of the FOCUS project says.",
        fix=f"{_ASK[0].upper()}{_ASK[1:]}.",
        example=_example(evaluated[name]) if name in evaluated else name,
        source=f"{VERSION}, {rule['Reference']}",
    )


def _how(name: str, evaluated: Mapping[str, Requirement]) -> str:
    if name not in evaluated:
        return "It is not evaluated by itself."
    criteria = sorted(evaluated[name].criteria)
    return f"It applies if the file shows {' and '.join(criteria)}." if criteria else "It applies to every file."


def _example(requirement: Requirement) -> str:
    """What the report of a file says that breaks a requirement."""
    return f"{requirement.id}: {_said(requirement.requirement, requirement.column)[0]}"
