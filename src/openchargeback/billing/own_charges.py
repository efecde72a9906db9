"""The charges of a month that an audience may see, taken from those of all: as a file, as sums, and for the browser."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import duckdb

from openchargeback import money
from openchargeback.billing.browsed_charges import (
    DETAILS,
    FIRST,
    LEVEL,
    NEVER_EMPTY,
    PARTS,
    BrowsedCharges,
    packed_resources,
)
from openchargeback.files.compressing import gzip_to
from openchargeback.focus.database import database, file_literal, filled, insert, literal, named_rows, query
from openchargeback.model import SourceTotals
from openchargeback.money import ZERO

_GZIP = b"\x1f\x8b"
_BLOCKS = 50
"""How many files of details are kept once read: those of a usual month, but not of a million charges."""

Payers = Collection[tuple[str, str]]
"""PIs (email address) with a project (id) each; empty text where a charge has none."""


@dataclass(frozen=True, slots=True)
class OwnCharges:
    """What an audience may see of the charges of a month.

    charges: as `charges.csv`, with the same columns. totals: by source and currency, exact.
    """

    charges: bytes
    totals: tuple[SourceTotals, ...]
    browsed: BrowsedCharges


@dataclass(frozen=True, slots=True)
class _Known:
    """The columns of a month's charge browser, read. places: payer → the numbers of its charges."""

    fields: list[str]
    texts: dict[str, list[Any]]
    columns: dict[str, list[int]]
    places: dict[tuple[str, str], list[int]]


class MonthTable:
    """The charges of a month in a database, from its `charges.csv`; of a large month, that is compressed."""

    def __init__(self, con: duckdb.DuckDBPyConnection, charges: bytes, browsed: BrowsedCharges, currency: str) -> None:
        """currency: the ledger's."""
        packed = charges.startswith(_GZIP)
        self._con, self._packed, self._browsed, self._currency = con, packed, browsed, currency
        self._block = lru_cache(_BLOCKS)(lambda number: json.loads(gzip.decompress(browsed.details[number])))
        with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
            path = Path(folder) / ("charges.csv.gz" if packed else "charges.csv")
            path.write_bytes(charges)
            names = next(csv.reader([_head(charges, packed=packed)]))
            columns = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names) + "}"
            con.execute(filled(query(__package__, "published_charge"), file=file_literal(path), columns=columns))

    @cached_property
    def payers(self) -> list[tuple[str, str]]:
        """Every PI and project that a charge has."""
        found = self._con.execute("SELECT DISTINCT coalesce(pi, ''), coalesce(project, '') FROM published_charge")
        return found.fetchall()

    def resources(self, payers: Payers) -> list[str]:
        """Ids and names of the resources of these payers."""
        self._select(payers)
        return [text for (text,) in self._con.execute(query(__package__, "resource_names")).fetchall()]

    def ids(self, payers: Payers) -> list[str]:
        """The ids of the charges of these payers."""
        self._select(payers)
        return [text for (text,) in self._con.execute(query(__package__, "own_ids")).fetchall()]

    def own(self, payers: Payers) -> OwnCharges:
        """The charges of these payers."""
        self._select(payers)
        totals = tuple(SourceTotals(**row) for row in named_rows(self._con, query(__package__, "own_totals")))
        return OwnCharges(self._file(), totals, self._browser(payers))

    def _select(self, payers: Payers) -> None:
        self._con.execute(query(__package__, "own_payer"))
        insert(self._con, "own_payer", [(pi or None, project or None) for pi, project in sorted(payers)])
        self._con.execute(query(__package__, "own_charge"))

    def _file(self) -> bytes:
        with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
            plain, packed = Path(folder) / "own.csv", Path(folder) / "own.csv.gz"
            own = query(__package__, "own_rows").rstrip().removesuffix(";")
            self._con.execute(f"COPY ({own}) TO {literal(str(plain))} (FORMAT csv, HEADER, USE_TMP_FILE false)")
            if not self._packed:
                return plain.read_bytes()
            with plain.open("rb") as source, packed.open("wb") as target:
                gzip_to(source, target, level=LEVEL)
            return packed.read_bytes()

    @cached_property
    def _known(self) -> _Known:
        """The columns of the charge browser."""
        found = json.loads(gzip.decompress(self._browsed.columns))
        texts, columns = found["texts"], found["columns"]
        columns |= {name: [0] * self._browsed.rows for name in texts if name not in columns}
        places: dict[tuple[str, str], list[int]] = {}
        for n, (pi, project) in enumerate(zip(columns["pi"], columns["project"], strict=True)):
            places.setdefault((texts["pi"][pi], texts["project"][project]), []).append(n)
        return _Known(found["fields"], texts, columns, places)

    def _browser(self, payers: Payers) -> BrowsedCharges:
        """The charges of these payers for the charge browser, with none of the others' texts."""
        known = self._known
        kept = sorted(n for payer in set(payers) for n in known.places.get(payer, ()))
        columns = {name: [values[n] for n in kept] for name, values in known.columns.items()}
        texts = {}
        for name, all_texts in known.texts.items():
            used = sorted(set(columns[name]))
            place = {code: n for n, code in enumerate(used)}
            texts[name] = [all_texts[code] for code in used]
            columns[name] = [place[code] for code in columns[name]]
        first = tuple(_first(texts, columns, self._currency))
        shown = {name: values for name, values in columns.items() if name in NEVER_EMPTY or any(values)}
        data = _packed({"fields": known.fields, "texts": texts, "columns": shown})
        resources = packed_resources(texts["resource"])
        rows = [self._block(n // DETAILS)[n % DETAILS] for n in kept]
        details = tuple(_packed(rows[since : since + DETAILS]) for since in range(0, len(rows), DETAILS))
        return BrowsedCharges(len(kept), data, resources, details, first)


def _first(texts: dict[str, list[Any]], columns: dict[str, list[int]], currency: str) -> Iterator[dict[str, str]]:
    """The largest charges, as `BrowsedCharges.first`."""

    def parts(name: str, n: int) -> list[int]:
        return [columns[f"{name}_{part}"][n] if f"{name}_{part}" in columns else 0 for part in range(1, PARTS + 1)]

    def amount(name: str, n: int) -> str:
        units = sum((Decimal(part).scaleb(8 - 8 * place) for place, part in enumerate(parts(name, n))), ZERO)
        return money.exact(units.scaleb(-money.places(currency)))

    count = len(columns["day"])
    for n in sorted(range(count), key=lambda n: parts("amount", n), reverse=True)[:FIRST]:
        named = {
            name: str(texts[name][columns[name][n]])
            for name in ("service", "pi", "project", "fund", "state", "currency")
        }
        yield {
            "id": f"{columns['id_1'][n]:08x}{columns['id_2'][n]:08x}",
            "day": str(dt.date(1970, 1, 1) + dt.timedelta(days=columns["day"][n])),
            "resource": texts["resource"][columns["resource"][n]][0],
            **named,
            "list": amount("list", n),
            "amount": amount("amount", n),
        }


def _head(charges: bytes, *, packed: bool) -> str:
    """The first line of `charges.csv`."""
    with gzip.open(io.BytesIO(charges)) if packed else io.BytesIO(charges) as file:
        return file.readline().decode()


def charge_ids(charges: bytes) -> list[str]:
    """The ids in `charges.csv`."""
    text = gzip.decompress(charges) if charges.startswith(_GZIP) else charges
    return [row[0] for row in csv.reader(io.StringIO(text.decode("utf-8"), newline=""))][1:]


def _packed(value: object) -> bytes:
    return gzip.compress(json.dumps(value, separators=(",", ":")).encode(), LEVEL, mtime=0)


@contextmanager
def month_table(charges: bytes, browsed: BrowsedCharges, currency: str) -> Iterator[MonthTable]:
    """The charges of a month, from `charges.csv` and the data of the charge browser. currency: the ledger's."""
    with database() as con:
        yield MonthTable(con, charges, browsed, currency)
