"""Recognizes the source of a charge file: by its name, by the provider in its rows, by its columns.

Name and provider must not contradict each other; the columns decide between sources that both leave open, but say
nothing alone, since a new source may have the same ones. A wrong guess would bill charges under the wrong settings, so
where any doubt remains, a person is asked.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from openchargeback.focus import decompression, parquet
from openchargeback.focus.columns import canonical_name
from openchargeback.focus.database import database
from openchargeback.ledger.reading import Ledger

_LOOKED_AT = 1 << 17
"""How many characters of a file's start are looked at."""
_ROWS = 200
_PROVIDERS = ("ProviderName", "ServiceProviderName", "InvoiceIssuerName")


@dataclass(frozen=True, slots=True)
class _Look:
    """What the start of a file shows: its columns, and the providers in its first rows in lower case."""

    columns: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()


class Recognition:
    """Recognizes files by the sources of one ledger; looks at the newest file of each.

    sources: those that the ledger has settings or files of.
    """

    def __init__(self, ledger: Ledger) -> None:
        newest = {file.source: file for _, found in sorted(ledger.charge_files.items()) for file in found}
        self.sources = sorted({*ledger.config.sources, *newest})
        looks = {name: _look(file.location) for name, file in newest.items()}
        self._known = {name: looks.get(name, _Look()) for name in self.sources}
        self._labels: Mapping[str, str] = {name: ledger.config.source(name).label.casefold() for name in self._known}

    def source(self, name: str, path: Path) -> str:
        """The source of a file, empty if it is not certain. name: as the person has it; path: with its bytes."""
        look = _look(path)
        opinions = [found for found in (self._by_name(name), self._by_provider(look)) if found]
        left = set.intersection(*opinions) if opinions else set()
        if len(left) > 1:
            left = {each for each in left if self._known[each].columns == look.columns}
        return left.pop() if len(left) == 1 else ""

    def _by_name(self, name: str) -> set[str]:
        text = name.casefold()
        found = {each for each in self._known if re.search(rf"(?<![a-z0-9]){re.escape(each)}(?![a-z0-9])", text)}
        # A file of `hpc-gpu` is none of `hpc`.
        return {each for each in found if not any(each != other and each in other for other in found)}

    def _by_provider(self, look: _Look) -> set[str]:
        return {
            each
            for each, known in self._known.items()
            if known.providers & look.providers or {each, self._labels[each]} & look.providers
        }


def _look(path: Path) -> _Look:
    """The start of a file; nothing if it cannot be read, which other checks report."""
    try:
        rows = _parquet_rows(path) if parquet.is_parquet(path) else _text_rows(path)
    except (*decompression.UNREADABLE, csv.Error, duckdb.Error):
        return _Look()
    if not rows:
        return _Look()
    names = [canonical_name(label) for label in rows[0]]
    places = [index for index, name in enumerate(names) if name in _PROVIDERS]
    cells = (row[index] for row in rows[1:] for index in places if index < len(row))
    return _Look(frozenset(names), frozenset(cell.strip().casefold() for cell in cells if cell and cell.strip()))


def _text_rows(path: Path) -> list[list[str]]:
    with decompression.text(path) as file:
        start = file.read(_LOOKED_AT)
    if len(start) == _LOOKED_AT:
        start = start[: start.rfind("\n") + 1]
    rows = []
    for row in csv.reader(io.StringIO(start, newline="")):
        rows += [row] if row else []
        if len(rows) > _ROWS:
            break
    return rows


def _parquet_rows(path: Path) -> list[list[str]]:
    with database() as con:
        names, relation = parquet.text_relation(con, path)
        found = con.execute(f"SELECT * FROM {relation} LIMIT {_ROWS}").fetchall()
    return [names, *([str(cell or "") for cell in row[: len(names)]] for row in found)]
