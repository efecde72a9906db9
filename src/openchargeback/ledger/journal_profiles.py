"""Journal profiles: how a journal file is written for one accounting system (`journals/workday.yaml`).

A profile is data: which records a file has, and which columns a record. The shipped profiles are in
`site_templates/journals/`; a ledger adds its own, or replaces a shipped one, in `templates/journals/`. One that
`extends` a shipped profile changes only the keys it has.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from openchargeback.ledger.declared import shape_of
from openchargeback.ledger.files import PROFILES as FOLDER
from openchargeback.ledger.shape import (
    Integer,
    ListOf,
    MapOf,
    Record,
    RegularExpression,
    Text,
    Verbatim,
    did_you_mean,
)
from openchargeback.ledger.shipped import shipped_templates
from openchargeback.ledger.yaml_tree import Node, Reader, parse
from openchargeback.model import RowKind
from openchargeback.problems import Problem

EVERY_GROUP = "line.groups.*"
"""A column of this field is one column for each named group of `journal.fund`."""

PRINTABLE_ASCII = "[ -~]"
"""The characters of a fixed-width file without `characters`: one byte each, so that positions are bytes, too."""


class Layout(enum.StrEnum):
    """How the columns of a record are told apart: by a separator, or by their width."""

    CSV = "csv"
    FIXED = "fixed"


class Sign(enum.StrEnum):
    """How debits and credits are told apart: by the sign of the amount, by two columns, or by an indicator."""

    SIGNED = "signed"
    COLUMNS = "columns"
    INDICATOR = "indicator"


class Negatives(enum.StrEnum):
    """How a refund is written: with swapped sides and a positive amount, or with a negative amount."""

    SWAP = "swap"
    KEEP = "keep"


class Align(enum.StrEnum):
    """Which end of a column its content is at."""

    LEFT = "left"
    RIGHT = "right"


class LineEnd(enum.StrEnum):
    """What ends a line."""

    LF = "lf"
    CRLF = "crlf"

    @property
    def text(self) -> str:
        """The characters."""
        return "\r\n" if self is LineEnd.CRLF else "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a record. Exactly one of `field`, `text` and `value` says what it holds; without, it is empty.

    at: its line in the file.
    """

    name: Annotated[str, Text(what="a heading", help="The heading of the column, and its name in messages.")] = ""
    field: Annotated[str, "What is written, by its name in docs/JOURNAL_TEMPLATES.md: `line.fund`, `totals.hash`."] = ""
    text: Annotated[str, Verbatim("The same text in every row.")] = ""
    value: Annotated[str, "The text of that name under `values`."] = ""
    width: Annotated[int, Integer(1, 1000, "The width of a column of a fixed-width file.")] = 0
    limit: Annotated[int, Integer(1, 1000, "The most characters. Text is cut; a code or an amount is refused.")] = 0
    align: Annotated[Align, "The side of a wider column that the content is on."] = Align.LEFT
    fill: Annotated[str, Verbatim("The character that fills a wider column; `0` goes between sign and digits.")] = " "
    date: Annotated[str, "The format of a date: `%Y %y %m %d %j %b %%` and any other text."] = "%Y-%m-%d"
    places: Annotated[int | None, Integer(0, 8, "The decimals of an amount; those of the currency unless set.")] = None
    plus: Annotated[bool, "Write a plus sign before positive amounts."] = False
    required: Annotated[bool, "Refuse the journal if this column is empty in any row."] = False
    optional: Annotated[bool, "Leave the column empty if `journal.fund` has no such group."] = False
    repeat: Annotated[int, Integer(1, 500, "How many such columns there are.")] = 1
    at: int = 0

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> Column:
        """The column; a contradiction is recorded as a problem."""
        found = [name for name in ("field", "text", "value") if values.get(name)]
        if len(found) > 1:
            message = f"the column has both `{found[0]}` and `{found[1]}`"
            reader.fault(node, "journal-profile", message, "keep the one that says what the column holds")
        if len(values.get("fill", " ")) != 1:
            reader.fault(node, "journal-profile", "`fill` is not a single character", 'write one, such as "0"')
        return cls(**values, at=node.line)

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.name or self.field or self.value or self.text


Columns = tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFile:
    """One of the files of a profile; most have only one. Without records and template it is empty."""

    extension: Annotated[str, Text(r"[A-Za-z0-9]{1,16}", "a file extension", "The extension of the file.")]
    layout: Annotated[Layout, "Whether columns are separated or have fixed widths."] = Layout.CSV
    separator: Annotated[str, Verbatim("The character between columns.")] = ","
    quote: Annotated[bool, "Put cells in quotes where necessary; `false`: remove separators from text instead."] = True
    heading: Annotated[bool, "Begin with the names of the columns of `line`."] = False
    header: Annotated[tuple[Columns, ...], "Records before the lines, each a list of columns."] = ()
    line: Annotated[Columns, "The columns of a line."] = ()
    trailer: Annotated[tuple[Columns, ...], "Records after the lines, each a list of columns."] = ()
    line_end: Annotated[LineEnd, "What ends a line of the file."] = LineEnd.LF
    template: Annotated[str, "A Jinja template in `templates/` that writes the file, instead of records."] = ""
    read: Annotated[
        str,
        RegularExpression(
            "How to read a template's output back: matches every line with an amount, in the named groups `debit` and "
            "`credit`, or `signed`. Then the sums of the file are checked like those of records."
        ),
    ] = ""

    @property
    def records(self) -> Iterator[Columns]:
        """Every kind of record, in order."""
        yield from (*self.header, self.line, *self.trailer)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentNumber:
    """The document numbers of a profile (docs/JOURNALS.md). prefix: by default derived from the profile's name."""

    prefix: Annotated[str, "The start of every number; it tells the profiles of a ledger apart."] = ""
    length: Annotated[int, Integer(8, 60, "The most characters of a number.")] = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How journal files are written for one accounting system.

    path: of its file, as in problems. shipped: whether it comes with the program.
    """

    name: str
    label: Annotated[str, Text(filled=True, help="The accounting system, and which of its imports.")]
    proven: Annotated[
        bool, "Whether the files agree with a published description of the format; `false` shows as `not proven`."
    ] = True
    note: Annotated[str, Text(max_length=2000, help="What is uncertain, or must be agreed with finance.")] = ""
    extends: Annotated[str, "The shipped profile that has the keys left out here; `values` are combined."] = ""
    rows: Annotated[RowKind, "lines: each journal line; summary: the net of each source, role, fund and account."] = (
        RowKind.LINES
    )
    sign: Annotated[Sign, "signed: by the sign; columns: debit and credit; indicator: an absolute amount and a word."]
    negatives: Annotated[
        Negatives, "How a refund is written: `swap` swaps the sides, `keep` has a negative amount."
    ] = Negatives.SWAP
    debit: Annotated[str, "The word for a debit, with `sign: indicator`."] = "debit"
    credit: Annotated[str, "The word for a credit, with `sign: indicator`."] = "credit"
    characters: Annotated[
        str,
        RegularExpression(
            "A regular expression for the characters that the system accepts, such as `[A-Za-z0-9 .-]`. Accents are "
            "removed; any other character in text becomes a blank, and in a code is refused."
        ),
    ] = ""
    digits: Annotated[int, Integer(1, 20, "The most digits of an amount before the point.")] = 15
    most_lines: Annotated[
        int, Integer(2, 9_999_999, "The most lines of a document; a longer journal is split, and each part balances.")
    ] = 9_999_999
    document: Annotated[DocumentNumber, "The document numbers."] = DocumentNumber()
    values: Annotated[
        dict[str, str],
        MapOf(
            Verbatim(),
            key_pattern=r"[a-z][a-z0-9_]*",
            help="Texts that columns name, such as the company. An empty one must be set before the profile is used.",
        ),
    ] = field(default_factory=dict)
    files: Annotated[tuple[ProfileFile, ...], ListOf(shape_of(ProfileFile), least=1, help="The files of a journal.")]
    path: str = ""
    shipped: bool = False

    @property
    def prefix(self) -> str:
        """The start of its document numbers."""
        return self.document.prefix or f"OCB-{self.name.upper()}-"


def _shape() -> Record:
    whole = shape_of(Profile, whole=False)
    # Which of these may be left out depends on `extends`.
    return replace(
        whole,
        required=(),
        rules={"if": {"not": {"required": ["extends"]}}, "then": {"required": list(whole.required)}},
    )


PROFILE = _shape()
"""The shape of a profile."""

_REQUIRED = ("label", "sign", "files")


def read_profile(data: bytes, path: str, *, shipped: bool = False) -> tuple[Profile | None, list[Problem]]:
    """The profile in a file, and its faults; None if it is not usable."""
    name = PurePosixPath(path).stem
    root, reader = parse(data, path)
    if root is None:
        if not reader.problems:
            reader.problems.append(Problem(path, "empty-file", "this file is empty", "describe the format", 1))
        return None, reader.problems
    values: dict[str, Any] | None = PROFILE.read(root, reader)
    if values is None or reader.problems:
        return None, reader.problems
    base = values.get("extends", "")
    if base and base not in shipped_names():
        reader.fault(
            root, "journal-profile", f"extends {base}, which is not shipped", did_you_mean(base, shipped_names())
        )
    elif missing := [key for key in _REQUIRED if not base and key not in values]:
        reader.fault(root, "missing-key", f"{', '.join(missing)} is missing", f"add `{missing[0]}:` here")
    if reader.problems:
        return None, reader.problems
    if base:
        known = shipped_profile(base)
        # The prefix tells profiles apart, so that of another name is not inherited.
        inherited = {} if base == name else {"document": replace(known.document, prefix="")}
        values = inherited | values | {"values": {**known.values, **values.get("values", {})}}
        known = replace(known, files=tuple(map(_elsewhere, known.files)))
        return replace(known, **values, name=name, path=path, shipped=False), []
    return Profile(**values, name=name, path=path, shipped=shipped), []


def _elsewhere(file: ProfileFile) -> ProfileFile:
    """The file with columns that have no place: they are in the profile that another extends."""

    def placeless(columns: Columns) -> Columns:
        return tuple(replace(column, at=0) for column in columns)

    header, trailer = tuple(map(placeless, file.header)), tuple(map(placeless, file.trailer))
    return replace(file, header=header, line=placeless(file.line), trailer=trailer)


@cache
def shipped_names() -> tuple[str, ...]:
    """The names of the shipped profiles, sorted."""
    return tuple(sorted(path.stem for path in (shipped_templates() / FOLDER).glob("*.yaml")))


@cache
def shipped_profile(name: str) -> Profile:
    """A shipped profile. Raises ValueError if it is faulty, which no data can cause."""
    path = f"{FOLDER}/{name}.yaml"
    profile, problems = read_profile((shipped_templates() / path).read_bytes(), path, shipped=True)
    if profile is None:
        raise ValueError(f"{path}: {[each.message for each in problems]}")
    return profile


def shipped_text(name: str) -> str:
    """The text of a shipped profile, as a starting point for another."""
    return (shipped_templates() / FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def template_path(root: Path, name: str) -> Path:
    """Where the profile of a ledger with that name is."""
    return root / "templates" / FOLDER / f"{name}.yaml"
