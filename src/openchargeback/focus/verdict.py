"""The verdict on an opened file: Frictionless on the suspicious rows (or on all), plus the violations that are counted.

Both ways give the same errors, since the prefilter passes nothing in which Frictionless would find one. What does not
affect money is a warning, one per column with its count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, compress
from typing import Any

from openchargeback.focus import prefilter
from openchargeback.focus.column_rules import MAX_ROWS, Finding, compared_columns, severity_for
from openchargeback.focus.csv_text import MISSING
from openchargeback.focus.database import count
from openchargeback.focus.explaining import explain
from openchargeback.focus.frictionless_check import Fault, faults_of
from openchargeback.focus.header import check_header
from openchargeback.focus.null_words import null_words
from openchargeback.focus.opening import OpenFile, RawTable, Row, tables_of
from openchargeback.focus.row_conditions import SUSPICIOUS
from openchargeback.focus.schema import severity_of
from openchargeback.problems import Problem, Severity

BOUND = 10_000
"""How many suspicious rows of a file Frictionless checks; beyond that, the file is rejected and the rest counted."""

_WINDOW = 1_000
MOST_NAMED = 10_000
"""How many rows of a warning are listed if all are wanted."""


def check_files(opened: Sequence[OpenFile], *, full: bool = False) -> list[Problem]:
    """What is wrong with these files. full: check every row with Frictionless, not only suspicious ones."""
    marked = set() if full else set().union(*(_marked(table) for table in tables_of(opened)))
    problems = []
    for each in opened:
        if full or each.number in marked or each.layout.uneven:
            problems += check_rows(each, full=full)
        else:
            problems += _finding_problems(each, [*_header_findings(each), *null_words(each, MAX_ROWS)])
    return problems


def _marked(table: RawTable) -> set[int]:
    """The files of a table with any row that meets a condition, by number. May include some without any."""
    masks = range(len(prefilter.masks(table.conditions.sql)))
    signs = [f"bit_or(mask{number}) <> 0" for number in masks]
    signs += [f"coalesce({rule.trigger}, false)" for rule in table.conditions.compared]
    query = f"SELECT file FROM {_named(table, table.name)} GROUP BY file HAVING {' OR '.join(signs)}"
    found = table.con.execute(query.replace("{tag_texts}", table.tag_texts)).fetchall()
    odd = f"SELECT DISTINCT file FROM {table.tag_texts} WHERE NOT {prefilter.plain_object('text')}"
    return {number for (number,) in (*found, *table.con.execute(odd).fetchall())}


def _named(table: RawTable, rows: str) -> str:
    """SQL for rows of a table with the columns that rules compare, under their names."""
    columns = sorted(compared_columns(table.conditions.compared))
    named = ", ".join(f"{table.column(name)} AS {name}" for name in columns)
    return f"(SELECT *{', ' if named else ''}{named} FROM {rows})"


def check_rows(opened: OpenFile, *, full: bool = False) -> list[Problem]:
    """What is wrong with the rows of a file. full: check every row with Frictionless, not only suspicious ones."""
    beyond = 0
    if full:
        rows = opened.all_rows()
    else:
        wanted, beyond = _suspicious(opened)
        rows = opened.picked_rows(wanted)
    most = MOST_NAMED if full else MAX_ROWS
    problems, headers = _fault_problems(opened, _with_faults(opened, rows), most)
    counted = [*_counted_problems(opened, most), *_finding_problems(opened, findings(opened, most))]
    # A repeated header is reported only as such.
    problems += [each for each in counted if each.row not in headers or each.count > len(headers)]
    if beyond:
        message = f"{beyond:,} more rows are suspicious and were not checked"
        fix = f"fix the first {BOUND:,} reported rows, or list all with `validate --full`"
        problems.append(Problem(opened.file.path, "not-judged", message, fix, count=beyond))
    return problems


def findings(opened: OpenFile, most: int = MAX_ROWS) -> list[Finding]:
    """The rules across columns that the file breaks, header rules first, each with its first `most` rows."""
    rules = opened.conditions.rules
    met = rows_meeting(opened, [condition for condition, _ in rules], most)
    return [
        *_header_findings(opened),
        *(rule.finding(*met[condition]) for condition, rule in rules if condition in met),
        *_comparison_findings(opened, most),
        *null_words(opened, most),
    ]


def _header_findings(opened: OpenFile) -> list[Finding]:
    return check_header(opened.names, opened.conditions.dialect, opened.source)


def _comparison_findings(opened: OpenFile, most: int) -> Iterator[Finding]:
    """The rules that rows break in combination, each with its first `most` rows."""
    rules = opened.conditions.compared

    def select(*parts: str) -> tuple[Any, ...]:
        query = f"WITH file AS {_named(opened.table, opened.relation)} SELECT {', '.join(parts)} FROM file"
        return opened.con.execute(query.replace("{tag_texts}", opened.tag_texts)).fetchone() or ()

    broken = select(*(rule.trigger for rule in rules)) if rules else ()
    for rule in compress(rules, broken):
        number, rows = select(f"count(*) FILTER ({rule.where})", f"min(number, {most}) FILTER ({rule.where})")
        if number:
            yield rule.finding(number, rows)


def _finding_problems(opened: OpenFile, found: Sequence[Finding]) -> Iterator[Problem]:
    """Findings as problems at the first row of each, or at the header."""
    rows = _rows_by_number(opened, (each.rows[0] for each in found if each.rows))
    for each in found:
        row = rows[each.rows[0]] if each.rows else None
        yield Problem(
            opened.file.path,
            each.code,
            each.message,
            each.fix,
            severity=each.severity,
            count=each.count if row else 1,
            field=each.column,
            more=_lines(opened, each.rows[1:]),
            **_position(opened, row, opened.names.index(each.column) if each.column else -1),
        )


def with_positions(opened: OpenFile, problems: Sequence[tuple[int, str, Problem]]) -> list[Problem]:
    """Problems with the positions of the rows (from 0) and columns they start in, all rows looked up in one pass."""
    rows = _rows_by_number(opened, (number for number, _, _ in problems))
    return [
        replace(problem, field=name, **_position(opened, rows[number], opened.names.index(name)))
        for number, name, problem in problems
    ]


def header_line(opened: OpenFile) -> int:
    """The line of the header; 0 in a file without lines."""
    return opened.header.line if opened.header else 0


def _rows_by_number(opened: OpenFile, numbers: Iterable[int]) -> dict[int, Row]:
    return {row.number: row for row in opened.picked_rows(sorted(set(numbers)))}


def _position(opened: OpenFile, row: Row | None, column: int) -> dict[str, Any]:
    """The position of a cell of a row or of the header, as fields of a problem; column -1: only the line."""
    record = row.record if row else opened.header
    position: dict[str, Any] = {"row": opened.layout.number(row.number)} if row else {}
    if record and column >= 0:
        place = record.place(column)
        return {**position, "line": place.line, "column": place.column, "excerpt": place.excerpt}
    return {**position, "line": record.line} if record else position


def _lines(opened: OpenFile, rows: Sequence[int]) -> tuple[int, ...]:
    """The lines of rows; in a file without lines, the row numbers."""
    return tuple(map(opened.layout.line, rows))


def _suspicious(opened: OpenFile) -> tuple[list[int], int]:
    """The rows for Frictionless, ascending, at most BOUND, and how many more there are."""
    marked = prefilter.met(SUSPICIOUS)
    odd_tags = f"SELECT text FROM {opened.tag_texts} WHERE NOT {prefilter.plain_object('text')}"
    if opened.con.execute(f"{odd_tags} LIMIT 1").fetchone():
        marked += f" OR {opened.column('Tags')} IN ({odd_tags})"
    uneven = opened.layout.uneven
    wanted = f"FROM {opened.relation} WHERE {marked} OR list_contains($uneven::BIGINT[], number)"
    query = f"SELECT number {wanted} ORDER BY number LIMIT {BOUND + 1}"
    rows = opened.con.execute(query, {"uneven": list(uneven[: BOUND + 1])}).fetchall()
    beyond = count(opened.con, f"SELECT count(*) {wanted}", {"uneven": list(uneven)}) - BOUND if rows[BOUND:] else 0
    return [row for (row,) in rows[:BOUND]], beyond


def _with_faults(opened: OpenFile, rows: Iterator[Row]) -> Iterator[tuple[Row, Fault]]:
    """The faults of rows, each with its row; without rows, Frictionless is not imported."""
    first = next(rows, None)
    if first is None:
        return
    window: dict[int, Row] = {}

    def cells() -> Iterator[Sequence[str | None]]:
        for number, row in enumerate(chain([first], rows)):
            window[number] = row
            # Frictionless reads ahead by its sample of a hundred rows; earlier rows are not requested again.
            window.pop(number - _WINDOW, None)
            yield row.cells

    for fault in faults_of(cells(), opened.conditions.fields, MISSING, opened.conditions.amounts):
        yield window[fault.row], fault


def _fault_problems(opened: OpenFile, faults: Iterable[tuple[Row, Fault]], most: int) -> tuple[list[Problem], set[int]]:
    """Errors one by one, then one warning per code and column for the rest; and the numbers of repeated headers."""
    errors: list[Problem] = []
    headers: set[int] = set()
    lesser: dict[tuple[str, str], tuple[Problem, list[int]]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for row, fault in faults:
        if _is_header(opened, row):
            if opened.layout.number(row.number) not in headers:
                errors.append(_repeated_header(opened, row))
                headers.add(errors[-1].row)
            continue
        name = opened.names[fault.column] if 0 <= fault.column < len(opened.names) else ""
        severity = _severity(opened, fault, name)
        if severity is None or (name == "ChargeCategory" and severity is Severity.WARNING):
            continue  # switched off, or an allowed word in another case, which a rule reports
        if severity is Severity.ERROR:
            errors.append(_problem(opened, row, fault, name, severity))
            continue
        key = fault.code, name
        counts[key] += 1
        if key not in lesser:
            lesser[key] = (_problem(opened, row, fault, name, severity), [])
        elif counts[key] <= most:
            lesser[key][1].append(row.number)
    warnings = (
        replace(problem, count=counts[key], more=_lines(opened, rows)) for key, (problem, rows) in lesser.items()
    )
    return [*errors, *warnings], headers


def _is_header(opened: OpenFile, row: Row) -> bool:
    """Whether a row repeats the header, as in joined files."""
    same = zip(row.cells, opened.labels, strict=False)
    return len(row.cells) == len(opened.labels) and all((cell or "").strip() == label.strip() for cell, label in same)


def _repeated_header(opened: OpenFile, row: Row) -> Problem:
    message, fix = "the header is repeated: files were joined", "remove this line, or ingest the files one by one"
    return Problem(opened.file.path, "repeated-header", message, fix, **_position(opened, row, 0))


def _severity(opened: OpenFile, fault: Fault, name: str) -> Severity | None:
    if not name or fault.code in ("missing-cell", "extra-cell"):
        return Severity.ERROR
    severity = severity_of(fault.code, name, fault.text, opened.source.cost)
    return severity if severity is Severity.ERROR else severity_for(fault.code, severity, opened.source)


def _problem(opened: OpenFile, row: Row, fault: Fault, name: str, severity: Severity, **more: Any) -> Problem:
    column = max(fault.column, 0)
    if fault.code in ("missing-cell", "extra-cell"):
        column = min(column, len(row.cells))
    position = _position(opened, row, column)
    word = (row.cells[column] or "") if fault.text is None and column < len(row.cells) else ""
    needed = severity is Severity.ERROR
    message, fix = explain(fault, name, len(row.cells), len(opened.names), needed=needed, word=word)
    message += "" if row.record else f" (row {position['row']})"
    fields = {"severity": severity, "count": fault.count, "field": name, **position, **more}
    return Problem(opened.file.path, fault.code, message, fix, **fields)


def _counted_problems(opened: OpenFile, most: int) -> Iterator[Problem]:
    """One warning per column for values that the standard requires or restricts but billing does not need."""
    severity = severity_for("constraint-error", Severity.WARNING, opened.source)
    if severity is None:
        return
    met = rows_meeting(opened, [counted.condition for counted in opened.conditions.counted], most)
    for counted in opened.conditions.counted:
        if counted.condition in met:
            number, rows = met[counted.condition]
            column = opened.names.index(counted.column)
            row = next(opened.picked_rows(rows[:1]))
            text = row.cells[column] if column < len(row.cells) else None
            fault = Fault(0, column, "constraint-error", f'constraint "{counted.constraint}"', text or None)
            more = _lines(opened, sorted(rows)[1:])
            yield _problem(opened, row, fault, counted.column, severity, count=number, more=more)


def conditions_met(opened: OpenFile, number: int) -> set[int]:
    """Which of the first so many conditions any row of a file meets."""
    every = ", ".join(f"bit_or(mask{mask})" for mask in range(len(prefilter.masks([""] * number))))
    found = opened.con.execute(f"SELECT {every} FROM {opened.relation}").fetchone() if number else ()
    bits = sum((value or 0) << (prefilter.BITS * mask) for mask, value in enumerate(found or ()))
    return {condition for condition in range(number) if bits >> condition & 1}


def rows_meeting(opened: OpenFile, conditions: Sequence[int], most: int) -> dict[int, tuple[int, list[int]]]:
    """How many rows meet each of these conditions, and the first of them; conditions met by none are left out."""
    if not conditions:
        return {}
    met = conditions_met(opened, max(conditions) + 1)
    some = [condition for condition in conditions if condition in met]
    if not some:
        return {}
    marks = [prefilter.met(condition) for condition in some]
    wanted = ", ".join(f"count(*) FILTER ({mark}), min(number, {most}) FILTER ({mark})" for mark in marks)
    row = opened.con.execute(f"SELECT {wanted} FROM {opened.relation}").fetchone() or ()
    return {condition: (row[2 * place], list(row[2 * place + 1])) for place, condition in enumerate(some)}
