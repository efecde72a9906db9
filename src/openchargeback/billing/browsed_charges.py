"""Every charge of a period for the charge browser of the portal, in columns that a script reads quickly.

Texts are replaced by numbers, amounts by whole numbers that add up exactly (`browsed_columns.sql`), and each column is
one JSON list. What only the details of a single charge show is in files of their own. DuckDB writes all of it, so a
million charges are never Python objects.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from openchargeback import money
from openchargeback.billing.lines import numbered_lines
from openchargeback.focus.cells import cells
from openchargeback.focus.columns import COLUMNS, USER_COLUMN
from openchargeback.focus.database import count, identifier, literal, named_rows, sql
from openchargeback.model import BillingLine, Entry
from openchargeback.review.charges import Charges
from openchargeback.review.ids import number_rest

DETAILS = 2_000
"""The charges in one file of details."""

FIRST = 500
"""The charges that readers without scripts see, the largest ones."""

_BLOCK = 50 * DETAILS
"""The charges whose details are made at once: a million would not fit in memory."""

_OWN = ("file", "row", "pi_via", "project_via", "fund_via", "exact_list", "exact_billed")
# Shown of every charge, or the same for all charges of a month.
_SHOWN = {
    *("BilledCost", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ListCost", "ResourceId"),
    *("ResourceName", "ServiceName"),
}
PARTS = 5
NEVER_EMPTY = ("day", "id_1", "id_2")
"""The columns that are there whatever they contain; any other is left out if it is zero for all charges."""
# Level 1 takes half the time of the default, for a sixth more bytes.
LEVEL = 1


@dataclass(frozen=True, slots=True)
class BrowsedCharges:
    """The charges of a period for the charge browser.

    columns: JSON, compressed: `fields` (the names of the details), `texts` (column → its texts by code; of `resource`,
    name and id) and `columns` (name → one number per charge; one that is zero for all charges is left out, such as the
    currency of a ledger that has only one).
    resources: JSON, compressed: the texts of `resource`, without the empty one.
    details: for each `DETAILS` charges a JSON list, compressed, of one list per charge.
    first: the largest charges, as texts by column. rows: the number of all.
    """

    rows: int
    columns: bytes
    resources: bytes
    details: tuple[bytes, ...]
    first: tuple[dict[str, str], ...]

    def packed(self) -> bytes:
        """All of it as bytes, for a cache: a line of JSON, then what is compressed."""
        parts = (self.columns, self.resources, *self.details)
        sizes = [*map(len, parts)]
        head = json.dumps({"rows": self.rows, "first": self.first, "sizes": sizes})
        return b"\n".join((head.encode(), b"".join(parts)))

    @classmethod
    def unpacked(cls, entry: bytes) -> BrowsedCharges:
        """What `packed` gives the bytes of."""
        head, _, data = entry.partition(b"\n")
        known, parts, start = json.loads(head), [], 0
        for size in known["sizes"]:
            parts.append(data[start : start + size])
            start += size
        columns, resources, *details = parts
        return cls(known["rows"], columns, resources, tuple(details), tuple(known["first"]))


def browsed_charges(charges: Charges, period: str, recorded: Collection[BillingLine] | None = None) -> BrowsedCharges:
    """The charges of a period. Call `focus_charges.share_all` first.

    recorded: the lines of a closed month. Where this version of the program computes a line differently, its charges
    are exact, since their cents would contradict the record.
    """
    con, config = charges.con, charges.config
    number_rest(charges)
    sources = sorted(charges.sources)
    con.execute(
        sql(
            __package__,
            "browsed_charges.sql",
            unit=_unit(config.currency),
            **cells(con, description="ChargeDescription"),
        ),
        {
            "period": period,
            "posting": [source for source in sources if config.posts(source)],
            "unknown": _unknown(charges, recorded),
        },
    )
    con.execute(sql(__package__, "browsed_words.sql"))
    places = money.places(config.currency)
    minor, left = f"{10 ** (money.EXACT_PLACES - places)}::HUGEINT", str(10**places)
    con.execute(sql(__package__, "browsed_columns.sql", minor=minor, left=left))
    rows = count(con, "SELECT count(*) FROM browsed")
    first = tuple(
        {name: str(value) for name, value in row.items()}
        for row in named_rows(con, sql(__package__, "browsed_first.sql"), {"most": FIRST})
    )
    texts = _texts(con)
    resources = packed_resources(texts.get("resource", []))
    return BrowsedCharges(rows, _columns(con, texts), resources, tuple(_details(con, rows)), first)


def detail_fields(con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """What the details of a charge are, in order: our own, then the columns of the charge files."""
    present = {name for (name,) in con.execute("SELECT column_name FROM (DESCRIBE cell)").fetchall()}
    return (*_OWN, *(name for name in (*COLUMNS, USER_COLUMN) if name in present - _SHOWN))


def _unknown(charges: Charges, recorded: Collection[BillingLine] | None) -> list[int]:
    """The numbers of the lines that are computed differently from the record."""
    if recorded is None:
        return []
    own = {line for line in recorded if line.entry is Entry.OWN}
    made = numbered_lines(charges.con, charges.config, charges.directory)
    return sorted(number for line, number in made.items() if line not in own)


def _unit(currency: str) -> str:
    """SQL for the minor unit of a currency, with all of its places."""
    places = money.places(currency)
    return f"{money.minor_unit(currency):f}::DECIMAL({places + 1}, {places})"


def packed_resources(texts: Iterable[Sequence[str]]) -> bytes:
    """Names and ids of resources, as `BrowsedCharges.resources`."""
    listed = json.dumps([each for each in texts if each[0]], separators=(",", ":"))
    # The best compression: every search loads them.
    return gzip.compress(listed.encode(), mtime=0)


def _texts(con: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    """The texts of each column by their code; of a resource, its name and id."""
    texts: dict[str, list[Any]] = {}
    for field, text, detail in con.execute("SELECT field, text, detail FROM word ORDER BY field, code").fetchall():
        texts.setdefault(field, []).append([text, detail] if field == "resource" else text)
    return texts


def _columns(con: duckdb.DuckDBPyConnection, texts: Mapping[str, list[Any]]) -> bytes:
    """The columns as compressed JSON."""
    parts = [json.dumps({"fields": detail_fields(con), "texts": texts})[:-1], ', "columns": {']
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
        path = Path(folder) / "column"
        listed = [f'"{name}": [{_column(con, name, path)}]' for name in _wanted(con)]
    return gzip.compress("".join((*parts, ", ".join(listed), "}}")).encode(), LEVEL, mtime=0)


def _wanted(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The columns, except those that are zero for all charges."""
    names = [name for (name,) in con.execute("SELECT column_name FROM (DESCRIBE browsed_column)").fetchall()]
    names.remove("place")
    found = con.execute(f"SELECT {', '.join(f'bool_or({name} <> 0)' for name in names)} FROM browsed_column").fetchone()
    return [name for name, used in zip(names, found or (), strict=True) if used or name in NEVER_EMPTY]


def _column(con: duckdb.DuckDBPyConnection, name: str, path: Path) -> str:
    """One column, as text: numbers with commas between them."""
    con.execute(
        f"COPY (SELECT {identifier(name)} FROM browsed_column ORDER BY place) TO {literal(str(path))} "
        "(FORMAT csv, HEADER false, USE_TMP_FILE false)"
    )
    return path.read_text(encoding="ascii").rstrip("\n").replace("\n", ",")


def _details(con: duckdb.DuckDBPyConnection, rows: int) -> Iterator[bytes]:
    """The details, a file at a time."""
    names = detail_fields(con)[len(_OWN) :]
    found = cells(con, **{f"f{number}": name for number, name in enumerate(names)})
    query = sql(
        __package__,
        "browsed_details.sql",
        size=str(DETAILS),
        cells="".join(f", {found[f'f{number}']}" for number in range(len(names))),
    )
    for since in range(0, rows, _BLOCK):
        for (text,) in con.execute(query, {"since": since, "until": since + _BLOCK}).fetchall():
            yield gzip.compress(f"[{text}]".encode(), LEVEL, mtime=0)
