"""Reads tables and JSON into records: a line and a cell per column; the faults of a file that is not whole.

`read_records` is also for the converters of packages (docs/IMPLEMENTATION-GUIDE-TEMPLATE.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from openchargeback.convert.csv.json_records import json_records
from openchargeback.convert.csv.table import table_records
from openchargeback.convert.documents import compressed
from openchargeback.convert.kinds import Input
from openchargeback.problems import Problem

_START = 4096


@dataclass(frozen=True, slots=True)
class Layout:
    """How inputs are laid out, as the keys of CsvSettings of the same names say.

    format: `table`, `json`, or `auto`. items: in JSON, the keys to the list of records, joined by dots; more: the key
    that tells of a further page. delimiter: empty for that of the header. skip: lines before the header. columns:
    their names if there is no header. final_newline: whether the last line must end, for a cut file to be noticed.
    """

    format: str = "auto"
    items: str = ""
    more: str = ""
    delimiter: str = ""
    quote: str = '"'
    encoding: str = "utf-8"
    skip: int = 0
    columns: tuple[str, ...] = ()
    final_newline: bool = True


@dataclass(slots=True)
class Records:
    """The records of a file, read as they are iterated: line, the cells of the columns asked for (None if it has none),
    and the whole record as text. problems: complete when the iteration has ended; after an error it ends early.
    """

    rows: Iterator[tuple[int, Sequence[str | None], str]]
    problems: list[Problem] = field(default_factory=list)


def read_records(file: Input, columns: Sequence[str], needed: Sequence[str], layout: Layout = Layout()) -> Records:
    """The records of a file. columns: to return, in this order; needed: those without which it is refused."""
    problems: list[Problem] = []
    if fault := compressed(file):
        return Records(iter(()), [fault])
    if _is_json(file.path, layout.format):
        rows = json_records(file, columns, needed, layout.items, layout.more, problems)
    else:
        rows = table_records(file, columns, layout, problems)
    return Records(rows, problems)


def _is_json(path: Path, format_: str) -> bool:
    if format_ != "auto":
        return format_ == "json"
    with path.open("rb") as file:
        return file.read(_START).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))
