"""The records of a profile: writes a sheet as rows of cells and then as bytes, and reads bytes back into cells.

Text is cleaned, and cut where the column is too short. A code (a fund, an account, a number of ours), an amount or a
date that does not fit is refused: cutting it would lose money.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from openchargeback import money
from openchargeback.csv_writing import quoted
from openchargeback.export.journals.sheet import JournalRow, JournalSheet
from openchargeback.ledger.journal_profiles import (
    EVERY_GROUP,
    PRINTABLE_ASCII,
    Align,
    Column,
    Columns,
    Layout,
    Profile,
    ProfileFile,
    Sign,
)
from openchargeback.ledger.patterns import expression
from openchargeback.model import Side
from openchargeback.money import ZERO
from openchargeback.problems import Problem
from openchargeback.templating.clean_text import Code, clean, cut
from openchargeback.templating.text_filters import date_filter

Cells = list[str]


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a file as cells: heading and header records, then lines, then trailer records."""

    before: list[Cells]
    lines: list[Cells]
    after: list[Cells]

    @property
    def all(self) -> Iterator[Cells]:
        """Every record, in order."""
        yield from (*self.before, *self.lines, *self.after)


class Unreadable(ValueError):
    """A file does not have the records of its profile. The message says where and why."""


@dataclass(frozen=True, slots=True)
class _Misfit(Exception):
    """A value that its column cannot hold, and why."""

    text: str
    why: str


def make_records(sheet: JournalSheet, profile: Profile, file: ProfileFile) -> tuple[Records, list[Problem]]:
    """The records of a file of a profile, and every value that does not fit (`journal-value`), each once."""
    writer = _Writer(sheet, profile, file)
    line = line_columns(file, sheet.groups)
    before = [[column.name for column in line]] if file.heading else []
    before += [writer.record(_repeated(each), None) for each in file.header]
    lines = [writer.record(line, row) for row in sheet.rows] if line else []
    after = [writer.record(_repeated(each), None) for each in file.trailer]
    return Records(before, lines, after), writer.problems()


def _repeated(columns: Columns) -> Columns:
    return tuple(column for column in columns for _ in range(column.repeat))


def line_columns(file: ProfileFile, groups: Sequence[str]) -> Columns:
    """The columns of a line, with one for each part of the fund in the place of `line.groups.*`."""
    taken = {column.name for column in file.line}
    found: list[Column] = []
    for column in _repeated(file.line):
        if column.field != EVERY_GROUP:
            found.append(column)
            continue
        for group in groups:
            name = group
            while name in taken:
                name += "_segment"
            taken.add(name)
            found.append(replace(column, name=name, field=f"line.groups.{group}"))
    return tuple(found)


class _Writer:
    """Writes the cells of one sheet, and collects what does not fit."""

    def __init__(self, sheet: JournalSheet, profile: Profile, file: ProfileFile) -> None:
        self.sheet, self.profile, self.file = sheet, profile, file
        self.allowed = profile.characters or (PRINTABLE_ASCII if file.layout is Layout.FIXED else "")
        self.misfits: dict[tuple[str, str, str], int] = {}
        self.document = {"journal": sheet.head, "totals": sheet.totals, "organization": sheet.config.organization}

    def record(self, columns: Columns, row: JournalRow | None) -> Cells:
        """The cells of one record. row: None outside of lines."""
        return [self.cell(column, row) for column in columns]

    def cell(self, column: Column, row: JournalRow | None) -> str:
        """One cell, padded in a fixed-width file; empty if its value does not fit."""
        try:
            text = self.fitted(column, self.value(column, row))
        except _Misfit as misfit:
            key = (column.title, misfit.text, misfit.why)
            self.misfits[key] = self.misfits.get(key, 0) + 1
            text = ""
        if self.file.layout is Layout.CSV and not column.width:
            return text
        if column.fill == "0" and column.align is Align.RIGHT:
            return text.zfill(column.width)
        return (
            text.rjust(column.width, column.fill)
            if column.align is Align.RIGHT
            else text.ljust(column.width, column.fill)
        )

    def value(self, column: Column, row: JournalRow | None) -> Any:
        """What a column holds, before formatting."""
        if column.text:
            return Code(column.text)
        if column.value:
            return Code(self.profile.values[column.value])
        match column.field.split("."):
            case [""]:
                return ""
            case ["currency"]:
                return Code(self.sheet.config.currency)
            case ["line", "groups", group]:
                return row.groups.get(group, "") if row else ""
            case ["line", "side"] if row:
                return Code(self.profile.debit if row.side == Side.DEBIT else self.profile.credit)
            case ["line", name]:
                return getattr(row, name)
            case [name, *path]:
                found: Any = self.document[name]
                for each in path:
                    found = getattr(found, each)
                return found
        raise AssertionError(column.field)

    def fitted(self, column: Column, value: Any) -> str:
        """A value as text that its column can hold. Raises _Misfit if there is none."""
        most = min(filter(None, (column.width, column.limit)), default=0)
        free = isinstance(value, str) and not isinstance(value, Code)
        text = self.plain(column, value)
        if free:
            text = self.accepted(clean(text))
            text = cut(text, most) if most else text
        elif refused := self.refused(text):
            raise _Misfit(text, f"has the character {refused!r}, which {self.profile.name} does not accept")
        if most and len(text) > most:
            raise _Misfit(text, f"is longer than {most} characters")
        if column.required and not text and not (self.sheet.head.draft and column.field == "journal.document"):
            raise _Misfit("", "is empty")
        return text

    def plain(self, column: Column, value: Any) -> str:
        """A value as text of any length."""
        if value is None:
            return ""
        if isinstance(value, Decimal):
            return self.amount(column, value)
        if isinstance(value, dt.date):
            return date_filter(value, column.date)
        return str(value)

    def amount(self, column: Column, amount: Decimal) -> str:
        """An amount in plain digits."""
        places = money.places(self.sheet.config.currency) if column.places is None else column.places
        text = f"{amount:.{places}f}"
        if Decimal(text) != amount:
            raise _Misfit(f"{amount:f}", f"has more than {places} decimals")
        if amount.adjusted() >= self.profile.digits and amount:
            raise _Misfit(f"{amount:f}", f"has more than {self.profile.digits} digits before the point")
        return f"+{text}" if column.plus and amount >= 0 else text

    def accepted(self, text: str) -> str:
        """Free text with only the characters that the system accepts."""
        if not self.refused(text):
            return text
        plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        # What cleaning removed may only come to light now.
        return clean(" ".join("".join(" " if self.refused(char) else char for char in plain).split()))

    def refused(self, text: str) -> str:
        """The first character that the system does not accept."""
        separator = self.file.separator if self.file.layout is Layout.CSV and not self.file.quote else ""
        if not self.allowed:
            return separator if separator and separator in text else ""
        return next((c for c in text if c == separator or not _accepts(self.allowed, c)), "")

    def problems(self) -> list[Problem]:
        """A problem for each value that does not fit, with the number of its places."""
        return [
            Problem(
                path="",
                code="journal-value",
                message=f"{title} of journal format {self.profile.name} {why}" + (f": {text}" if text else ""),
                fix=_FIX,
                excerpt=clean(text),
                count=count,
            )
            for (title, text, why), count in sorted(self.misfits.items())
        ]


_FIX = (
    "correct the fund or account at its origin (tag, directory, decision, config.yaml), or the expression "
    "`journal.fund`; or adjust the profile"
)


@lru_cache(maxsize=4096)
def _accepts(allowed: str, char: str) -> bool:
    return expression(allowed).matches(char)


def to_bytes(records: Records, file: ProfileFile) -> bytes:
    """The bytes of a file."""
    end = file.line_end.text
    return "".join(_joined(cells, file) + end for cells in records.all).encode()


def _joined(cells: Cells, file: ProfileFile) -> str:
    if file.layout is Layout.FIXED:
        return "".join(cells)
    return (
        file.separator.join(_quoted(cell, file.separator) for cell in cells)
        if file.quote
        else file.separator.join(cells)
    )


def _quoted(cell: str, separator: str) -> str:
    text = quoted(cell)
    return f'"{cell}"' if text == cell and separator in cell else text


def read_records(data: bytes, file: ProfileFile, groups: Sequence[str]) -> Records:
    """The records of a file that a profile has written, by their order. Raises Unreadable."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("it is not UTF-8 text") from error
    rows = list(_rows(text, file, groups))
    first, last = len(file.header) + file.heading, len(rows) - len(file.trailer)
    if last < first:
        raise Unreadable(f"it has {len(rows)} lines, fewer than its header and trailer")
    if rows and file.heading and rows[0] != [column.name for column in line_columns(file, groups)]:
        raise Unreadable("line 1 is not the heading of the format")
    for number, cells in enumerate(rows[first:last], start=first + 1):
        if len(cells) != len(line_columns(file, groups)):
            expected = len(line_columns(file, groups))
            raise Unreadable(f"line {number} has {len(cells)} columns, the format has {expected}")
    return Records(rows[:first], rows[first:last], rows[last:])


def _rows(text: str, file: ProfileFile, groups: Sequence[str]) -> Iterator[Cells]:
    end = file.line_end.text
    if text and not text.endswith(end):
        raise Unreadable("its last line is cut off, or its lines end differently")
    if file.layout is Layout.CSV and file.quote:
        try:
            yield from csv.reader(io.StringIO(text, newline=""), delimiter=file.separator, strict=True)
        except csv.Error as error:
            raise Unreadable(f"it is not readable as CSV: {error}") from error
        return
    rows = text.split(end)[:-1]
    others = len(file.header) + len(file.trailer)
    kinds = [*map(_repeated, file.header), *([line_columns(file, groups)] * (len(rows) - others))]
    for number, (row, columns) in enumerate(zip(rows, [*kinds, *map(_repeated, file.trailer)], strict=False), start=1):
        if file.layout is Layout.CSV:
            yield row.split(file.separator)
            continue
        widths = [column.width for column in columns]
        if len(row) != sum(widths):
            raise Unreadable(f"line {number} has {len(row)} characters, the format has {sum(widths)}")
        yield [row[sum(widths[:place]) : sum(widths[: place + 1])] for place in range(len(widths))]


def signed_amount(cells: Cells, columns: Columns, profile: Profile) -> Decimal:
    """The amount of a line as read from its cells: positive for a debit. Raises Unreadable."""
    by_field = {column.field: cell.strip() for column, cell in zip(columns, cells, strict=True)}
    try:
        match profile.sign:
            case Sign.SIGNED:
                return Decimal(by_field["line.signed"])
            case Sign.COLUMNS:
                return Decimal(by_field["line.debit"] or 0) - Decimal(by_field["line.credit"] or 0)
        amount, side = Decimal(by_field["line.amount"]), by_field["line.side"]
    except InvalidOperation as error:
        raise Unreadable("it has an amount that is no number") from error
    if side not in (profile.debit, profile.credit):
        raise Unreadable(f"it has a line with {side!r} instead of {profile.debit} or {profile.credit}")
    return amount if side == profile.debit else ZERO - amount


def signed_in_text(data: bytes, file: ProfileFile) -> list[Decimal]:
    """The amounts in the output of a template, found by the expression `read`: positive for a debit."""
    find = expression(file.read)
    found = []
    for line in data.decode().splitlines():
        if find.matches(line):
            parts: Mapping[str, str] = find.groups(line)
            if "signed" in parts:
                found.append(Decimal(parts["signed"]))
            else:
                found.append(Decimal(parts["debit"] or 0) - Decimal(parts["credit"] or 0))
    return found
