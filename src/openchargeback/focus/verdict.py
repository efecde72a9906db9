"""The verdict on an opened file: Frictionless on the suspicious rows (or on all), and the violations that are counted.

Both ways give the same errors, since the sieve passes nothing on which the judge would find one. What does not touch
money is a warning, one a column with its count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress
from typing import Any

import duckdb

from openchargeback.focus import layout, prefilter
from openchargeback.focus.column_rules import MAX_ROWS, Finding, compared_columns, severity_for
from openchargeback.focus.csv_positions import Place, Record
from openchargeback.focus.explaining import explain
from openchargeback.focus.frictionless_check import Fault, judge
from openchargeback.focus.header import check_header
from openchargeback.focus.layout import MISSING
from openchargeback.focus.null_words import BLANK, null_words
from openchargeback.focus.opening import Opened, picked_cells
from openchargeback.focus.row_conditions import SUSPICIOUS, TAG_TEXT
from openchargeback.focus.schema import severity_of
from openchargeback.ledger.settings import Source
from openchargeback.problems import Problem, Severity

BOUND = 10_000
"""How many suspicious rows of a file are judged; with more the file is refused and the rest counted."""

_WINDOW = 1_000
_MOST_NAMED = 10_000
"""How many rows of a warning are named where every place is wanted."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row to judge: its number from 0, its cells, and its record where it is text."""

    number: int
    cells: Sequence[str | None]
    record: Record | None = None


def check_rows(con: duckdb.DuckDBPyConnection, opened: Opened, source: Source, *, full: bool = False) -> list[Problem]:
    """What is wrong with the rows of a file. full: judge every row, not only the suspicious ones."""
    problems = []
    if full:
        rows: Iterable[_Row] = _all(con, opened)
    else:
        wanted, beyond = _suspicious(con, opened)
        rows = _picked(con, opened, wanted)
        if beyond:
            problems.append(_not_judged(opened, beyond))
    most = _MOST_NAMED if full else MAX_ROWS
    errors, lesser, headers = _weighed(opened, _judged(opened, rows), source, most)
    counted = _counted(con, opened, source, most)
    told = [*counted, *_told(con, opened, findings(con, opened, source, most))]
    # What is told of a header among the rows is told of nothing else.
    told = [each for each in told if each.row not in headers or each.count > len(headers)]
    return [*errors, *lesser, *told, *problems]


def findings(con: duckdb.DuckDBPyConnection, opened: Opened, source: Source, most: int = MAX_ROWS) -> list[Finding]:
    """The rules across columns that the file breaks, those of its header first; of each the first `most` rows."""
    screen = opened.screen
    fired = fired_rows(con, opened, [condition for condition, _ in screen.rules], most)
    found = [rule.finding(*fired[condition]) for condition, rule in screen.rules if condition in fired]
    found += _compared(con, opened, most)
    words = _words(con, opened, source, most)
    return [*check_header(opened.names, screen.dialect, source), *found, *words]


def _compared(con: duckdb.DuckDBPyConnection, opened: Opened, most: int) -> list[Finding]:
    """The rules that the rows break together; of each the first `most` rows."""
    rules = opened.screen.compared
    named = ", ".join(["rowid", *(f"{opened.column(name)} AS {name}" for name in sorted(compared_columns(rules)))])

    def select(*parts: str) -> tuple[Any, ...]:
        query = f"WITH file AS (SELECT {named} FROM {opened.table}) SELECT {', '.join(parts)} FROM file"
        return con.execute(query.replace("{tag_texts}", TAG_TEXT)).fetchone() or ()

    broken = select(*(rule.trigger for rule in rules)) if rules else ()
    findings = []
    for rule in compress(rules, broken):
        count, rows = select(f"count(*) FILTER (WHERE {rule.where})", f"min(rowid, {most}) FILTER (WHERE {rule.where})")
        findings += [rule.finding(count, rows)] if count else []
    return findings


def _words(con: duckdb.DuckDBPyConnection, opened: Opened, source: Source, most: int) -> list[Finding]:
    """The columns in which an export wrote a word where no value is."""
    severity = severity_for("null-word", Severity.WARNING, source)
    found = null_words(con, opened, most) if severity else []
    # Where every charge needs a value, such a word is an error of its own.
    found = [each for each in found if each.column not in ("BillingPeriodStart", source.cost)]
    return [
        Finding("null-word", each.column, severity, each.count, each.rows, each.message, BLANK)
        for each in found
        if severity
    ]


def _told(con: duckdb.DuckDBPyConnection, opened: Opened, found: Sequence[Finding]) -> Iterator[Problem]:
    """Findings as problems at the first row that each stands in, or at the header."""
    rows = {row.number: row for row in _picked(con, opened, sorted({each.rows[0] for each in found if each.rows}))}
    for each in found:
        row = rows[each.rows[0]] if each.rows else None
        place = _place(row.record if row else opened.header, opened.names.index(each.column) if each.column else -1)
        yield Problem(
            opened.file.path,
            each.code,
            each.message,
            each.fix,
            place.line,
            place.column,
            place.excerpt,
            each.severity,
            each.count if row is not None else 1,
            _number(opened, row.number) if row is not None else 0,
            each.column,
            _lines(opened, each.rows[1:]),
        )


def placed(
    con: duckdb.DuckDBPyConnection, opened: Opened, problems: Sequence[tuple[int, str, Problem]]
) -> list[Problem]:
    """Problems at the rows (from 0) and columns that they begin in; the rows of a file are looked for once."""
    rows = {row.number: row for row in _picked(con, opened, sorted({number for number, _, _ in problems}))}
    found = []
    for number, name, problem in problems:
        place = _place(rows[number].record, opened.names.index(name))
        row = _number(opened, number)
        found.append(replace(problem, line=place.line, column=place.column, excerpt=place.excerpt, row=row, field=name))
    return found


def _lines(opened: Opened, rows: Sequence[int]) -> tuple[int, ...]:
    """The lines of rows; in a file without lines their numbers."""
    return tuple(opened.layout.line(row) if opened.layout else row + 2 for row in rows)


def _number(opened: Opened, row: int) -> int:
    return opened.layout.number(row) if opened.layout else row + 2


def _suspicious(con: duckdb.DuckDBPyConnection, opened: Opened) -> tuple[list[int], int]:
    """The rows for the judge, ascending, at most BOUND; and how many there are beyond."""
    marked = prefilter.fired(SUSPICIOUS)
    odd_tags = f"SELECT text FROM {TAG_TEXT} WHERE NOT {prefilter.plain_object('text')}"
    if con.execute(f"{odd_tags} LIMIT 1").fetchone():
        marked += f" OR {opened.column('Tags')} IN ({odd_tags})"
    uneven = list(opened.layout.uneven) if opened.layout else []
    rows = con.execute(
        f"SELECT rowid FROM {opened.table} WHERE {marked} OR list_contains($uneven::BIGINT[], rowid) "
        f"ORDER BY rowid LIMIT {BOUND + 1}",
        {"uneven": uneven[: BOUND + 1]},
    ).fetchall()
    if len(rows) <= BOUND:
        return [row for (row,) in rows], 0
    total = con.execute(
        f"SELECT count(*) FROM {opened.table} WHERE {marked} OR list_contains($uneven::BIGINT[], rowid)",
        {"uneven": uneven},
    ).fetchone()
    return [row for (row,) in rows[:BOUND]], (total[0] if total else 0) - BOUND


def _not_judged(opened: Opened, beyond: int) -> Problem:
    message = f"{beyond:,} more rows are suspicious and were not judged"
    fix = f"fix the first {BOUND:,} reported rows, or list all with `validate --full`"
    return Problem(opened.file.path, "not-judged", message, fix, count=beyond)


def _all(con: duckdb.DuckDBPyConnection, opened: Opened) -> Iterator[_Row]:
    if opened.layout is None:
        for start in range(0, opened.rows, BOUND):
            yield from _picked(con, opened, range(start, min(start + BOUND, opened.rows)))
        return
    for number, record in layout.all_rows(opened.file.location):
        yield _Row(number, record.cells, record)


def _picked(con: duckdb.DuckDBPyConnection, opened: Opened, wanted: Sequence[int]) -> Iterator[_Row]:
    if opened.layout is None:
        for number, cells in picked_cells(con, opened, wanted):
            yield _Row(number, cells)
        return
    for number, record in layout.picked_rows(opened.file.location, opened.layout, wanted):
        yield _Row(number, record.cells, record)


def _judged(opened: Opened, rows: Iterable[_Row]) -> Iterator[tuple[_Row, Fault]]:
    """The judge's faults with the rows that they belong to; nothing is imported where no row is suspicious."""
    first = next(iterator := iter(rows), None)
    if first is None:
        return
    window: dict[int, _Row] = {}

    def cells() -> Iterator[Sequence[str | None]]:
        for number, row in enumerate(chain([first], iterator)):
            window[number] = row
            # Frictionless reads ahead by its sample of a hundred rows; the rows behind are not asked for again.
            window.pop(number - _WINDOW, None)
            yield row.cells

    for fault in judge(cells(), opened.screen.fields, MISSING, opened.screen.amounts):
        yield window[fault.row], fault


def _weighed(
    opened: Opened, faults: Iterable[tuple[_Row, Fault]], source: Source, most: int
) -> tuple[list[Problem], list[Problem], set[int]]:
    """Errors one by one; what weighs less as one warning a code and column; the numbers of rows that are headers."""
    errors: list[Problem] = []
    headers: set[int] = set()
    lesser: dict[tuple[str, str], tuple[Problem, list[int]]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for row, fault in faults:
        if _is_header(opened, row):
            number = _number(opened, row.number)
            errors += [] if number in headers else [_repeated_header(opened, row, number)]
            headers.add(number)
            continue
        name = opened.names[fault.column] if 0 <= fault.column < len(opened.names) else ""
        severity = _severity(fault, name, source)
        if severity is None or (name == "ChargeCategory" and severity is Severity.WARNING):
            continue  # switched off; or another case of an allowed word, which a rule tells
        if severity is Severity.ERROR:
            errors.append(_problem(opened, row, fault, name, severity))
            continue
        key = fault.code, name
        counts[key] += 1
        if key not in lesser:
            lesser[key] = (_problem(opened, row, fault, name, severity), [])
        elif counts[key] <= most:
            lesser[key][1].append(row.number)
    warnings = [
        replace(problem, count=counts[key], more=_lines(opened, rows)) for key, (problem, rows) in lesser.items()
    ]
    return errors, warnings, headers


def _is_header(opened: Opened, row: _Row) -> bool:
    """Whether a row is the header once more, as where files were joined."""
    same = zip(row.cells, opened.labels, strict=False)
    return len(row.cells) == len(opened.labels) and all((cell or "").strip() == label.strip() for cell, label in same)


def _repeated_header(opened: Opened, row: _Row, number: int) -> Problem:
    place = _place(row.record, 0)
    message, fix = "the header is here again: files were joined", "remove this line, or add the files one by one"
    return Problem(
        opened.file.path, "repeated-header", message, fix, place.line, place.column, place.excerpt, row=number
    )


def _severity(fault: Fault, name: str, source: Source) -> Severity | None:
    if not name or fault.code in ("missing-cell", "extra-cell"):
        return Severity.ERROR
    severity = severity_of(fault.code, name, fault.text, source.cost)
    return severity if severity is Severity.ERROR else severity_for(fault.code, severity, source)


def _problem(opened: Opened, row: _Row, fault: Fault, name: str, severity: Severity) -> Problem:
    column = max(fault.column, 0)
    if fault.code in ("missing-cell", "extra-cell"):
        column = min(column, len(row.cells))
    place = _place(row.record, column)
    number = _number(opened, row.number)
    word = (row.cells[column] or "") if fault.text is None and column < len(row.cells) else ""
    needed = severity is Severity.ERROR
    message, fix = explain(fault, name, len(row.cells), len(opened.names), needed=needed, word=word)
    return Problem(
        opened.file.path,
        fault.code,
        message if place.line else f"{message} (row {number})",
        fix,
        place.line,
        place.column,
        place.excerpt,
        severity,
        fault.count,
        number,
        name,
    )


def _place(record: Record | None, column: int) -> Place:
    """Where a cell stands; the line alone where it is about no single cell (-1)."""
    if record is None:
        return Place(0, 0, "")
    return record.place(column) if column >= 0 else Place(record.line, 0, "")


def _counted(con: duckdb.DuckDBPyConnection, opened: Opened, source: Source, most: int) -> list[Problem]:
    """One warning a column for values that the standard demands or restricts and billing does not need."""
    severity = severity_for("constraint-error", Severity.WARNING, source)
    if severity is None:
        return []
    counts = fired_rows(con, opened, [counted.condition for counted in opened.screen.counted], most)
    problems = []
    for counted in opened.screen.counted:
        count, rows = counts.get(counted.condition, (0, []))
        if not count:
            continue
        column = opened.names.index(counted.column)
        found = next(iter(_picked(con, opened, rows[:1])))
        text = found.cells[column] if column < len(found.cells) else None
        fault = Fault(0, column, "constraint-error", f'constraint "{counted.constraint}"', text or None)
        problem = _problem(opened, found, fault, counted.column, severity)
        problems.append(replace(problem, count=count, more=_lines(opened, sorted(rows)[1:])))
    return problems


def fired_rows(
    con: duckdb.DuckDBPyConnection, opened: Opened, conditions: Sequence[int], most: int = 1
) -> dict[int, tuple[int, list[int]]]:
    """How many rows meet each condition of the screen, and the first ones; conditions that none meets are left out."""
    if not conditions:
        return {}
    every = ", ".join(f"bit_or(mask{number})" for number in range(max(conditions) // prefilter.BITS + 1))
    found = con.execute(f"SELECT {every} FROM {opened.table}").fetchone()
    bits = sum((value or 0) << (prefilter.BITS * number) for number, value in enumerate(found or ()))
    fired = [condition for condition in conditions if bits >> condition & 1]
    if not fired:
        return {}
    wanted = ", ".join(
        f"count(*) FILTER ({prefilter.fired(condition)}), min(rowid, {most}) FILTER ({prefilter.fired(condition)})"
        for condition in fired
    )
    row = con.execute(f"SELECT {wanted} FROM {opened.table}").fetchone() or ()
    return {condition: (row[2 * place], list(row[2 * place + 1])) for place, condition in enumerate(fired)}
