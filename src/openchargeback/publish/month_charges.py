"""The charges of a month in a build: the open data, and the rows of `charges.csv` in each statement.

They are made from the month's charge files while it is billed. Both are kept in the cache under a key of everything
that they depend on; without a cache, the month is billed once more, a closed one according to its record.
"""

from __future__ import annotations

import enum
import hashlib
import io
import json
import tempfile
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from openchargeback.billing.browsed_charges import BrowsedCharges, browsed_charges
from openchargeback.billing.charges_data import write_charges
from openchargeback.billing.focus_charges import share_all, write_focus_charges
from openchargeback.billing.lines import StatementKey, sum_resources
from openchargeback.billing.pipeline import settled_month
from openchargeback.billing.provenance import make_references
from openchargeback.billing.statement_charges import statement_rows
from openchargeback.files.compressing import gzip_to
from openchargeback.model import BilledPeriod, BillingLine, Entry, Statement
from openchargeback.portal.paths import charges_file
from openchargeback.publish.cache import Cache
from openchargeback.publish.keys import code_digest, key_of
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.charges import Charges

_CHARGES, _FOCUS, _BROWSED, _ROWS = "charges", "focus charges", "browsed charges", "statement charges"


class Wanted(enum.Enum):
    """What of the charges of newly billed months is kept: open data and charge browser, the rows in statements."""

    OPEN_DATA = enum.auto()
    STATEMENTS = enum.auto()


@dataclass(frozen=True, slots=True)
class OpenData:
    """The charges of a period as files: all of them, and those that are charged to PIs as "Cost and Usage" of FOCUS.

    browsed: all of them for the charge browser.
    """

    charges: bytes
    focus: bytes
    browsed: BrowsedCharges


Rows = Mapping[str, bytes]
"""The number of a statement → the rows of its `charges.csv`, compressed."""

Month = tuple[OpenData, Rows]
"""All that is made of the charges of a period."""


def keep_charges(store: Cache, charges: Charges, periods: Collection[BilledPeriod], wanted: Collection[Wanted]) -> None:
    """Keep the charges of newly billed periods for `MonthCharges`. Their statements must have been made."""
    kinds = {Wanted.OPEN_DATA: (_CHARGES, _FOCUS, _BROWSED), Wanted.STATEMENTS: (_ROWS,)}
    missing = {
        what: [period for period in periods if any(store.get(kind, period.digest) is None for kind in kinds[what])]
        for what in wanted
    }
    if not any(missing.values()):
        return
    share_all(charges)
    for period in missing.get(Wanted.OPEN_DATA, ()):
        _keep(store, period.digest, _open_data(charges, period))
    if missing.get(Wanted.STATEMENTS):
        found = statement_rows(charges)
        for period in missing[Wanted.STATEMENTS]:
            store.put(_ROWS, period.digest, _packed(_by_number(found, period)))


@dataclass(slots=True)
class MonthCharges:
    """The charges of the months of a ledger, as far as they are asked for.

    Several threads may ask: the one that plans PDFs and those that make the open data. statements: whether rows of
    statements are asked for, too, so that a month is billed only once for both.
    """

    ledger: RecordedLedger
    store: Cache
    statements: bool = True
    _rows: dict[str, Rows] = field(default_factory=dict)
    _locks: Mapping[str, RLock] = field(init=False)

    def __post_init__(self) -> None:
        self._locks = {period: RLock() for period in self.ledger.periods}

    def lacks(self, period: BilledPeriod) -> bool:
        """Whether anything of a period would have to be made."""
        kinds = (_CHARGES, _FOCUS, _BROWSED, *((_ROWS,) if self.statements else ()))
        return any(self.store.get(kind, self.month_key(period)) is None for kind in kinds)

    def keep(self, period: BilledPeriod, made: Month) -> None:
        """Keep what `make_month` made."""
        key, (data, rows) = self.month_key(period), made
        _keep(self.store, key, data)
        if self.statements:
            self.store.put(_ROWS, key, _packed(rows))

    def open_data(self, period: BilledPeriod) -> OpenData:
        """The charges of a billed period as the files `portal.paths.charges_file` and `cost_and_usage_file`.

        Raises LedgerFault if its files can no longer be read.
        """
        with self._locks[period.period]:
            kept = [self.store.get(kind, self.month_key(period)) for kind in (_CHARGES, _FOCUS, _BROWSED)]
            charges, focus, browsed = kept
            if charges is None or focus is None or browsed is None:
                return self._make(period)[0]
            return OpenData(charges, focus, BrowsedCharges.unpacked(browsed))

    def kept(self, kind: str, period: BilledPeriod, make: Callable[[], bytes]) -> bytes:
        """A file that follows from a period and its settings, which a record fixes: kept for a closed one."""
        if period.period not in self.ledger.records:
            return make()
        data = self.store.get(kind, self.month_key(period))
        if data is None:
            data = make()
            self.store.put(kind, self.month_key(period), data)
        return data

    def key(self, period: BilledPeriod, statement: Statement) -> str:
        """What identifies the rows of a statement: for a closed month, without making them."""
        if period.period in self.ledger.records:
            return self.month_key(period)
        return hashlib.sha256(self._rows_of(period).get(statement.number, b"")).hexdigest()

    def rows(self, period: BilledPeriod, statement: Statement) -> str | None:
        """The rows of a statement's `charges.csv` for the charges of the month itself.

        None if this version of the program computes the statement of a closed month differently.
        """
        packed = self._rows_of(period).get(statement.number)
        return None if packed is None else zlib.decompress(packed).decode()

    def month_key(self, period: BilledPeriod) -> str:
        """What identifies the charges of a period, with what became of them."""
        record = self.ledger.records.get(period.period)
        return key_of(code_digest(), record.digest) if record else period.digest

    def _rows_of(self, period: BilledPeriod) -> Rows:
        with self._locks[period.period]:
            rows = self._rows.get(period.period)
            if rows is None:
                kept = self.store.get(_ROWS, self.month_key(period))
                rows = self._make(period)[1] if kept is None else _unpacked(kept)
                # A month is planned and printed as a whole, so the one before is not needed again.
                self._rows = {period.period: rows}
            return rows

    def _make(self, period: BilledPeriod) -> Month:
        """Bill the period again; keeps both results."""
        made = make_month(self.ledger, period, statements=self.statements)
        self.keep(period, made)
        return made


def make_month(ledger: RecordedLedger, period: BilledPeriod, *, statements: bool) -> Month:
    """The charges of a period, billed again. statements: whether to make rows of statements, too."""
    record = ledger.records.get(period.period)
    recorded_lines = record.lines if record else None
    with settled_month(ledger, period.period, ids_of_all=True) as charges:
        sum_resources(charges.con, charges.config.currency)
        make_references(charges.con, charges.config)
        share_all(charges)
        data = _open_data(charges, period, recorded_lines)
        found = statement_rows(charges, recorded_lines) if statements else {}
    return data, _by_number(found, period)


def _by_number(found: Mapping[StatementKey, str], period: BilledPeriod) -> Rows:
    """The rows of the statements of a period; those of other lines only have no rows of their own."""
    rows = {}
    for each in period.statements:
        key = (period.period, each.pi.email, each.project.id)
        if key in found or all(line.entry is not Entry.OWN for line in each.lines):
            rows[each.number] = zlib.compress(found.get(key, "").encode(), 1)
    return rows


def _packed(rows: Rows) -> bytes:
    """The rows of a period as one entry of the cache: their sizes as JSON in the first line, then all of them."""
    head = json.dumps({number: len(data) for number, data in rows.items()})
    return b"\n".join((head.encode(), b"".join(rows.values())))


def _unpacked(entry: bytes) -> Rows:
    head, _, data = entry.partition(b"\n")
    rows, start = {}, 0
    for number, size in json.loads(head).items():
        rows[number] = data[start : start + size]
        start += size
    return rows


def _keep(store: Cache, key: str, data: OpenData) -> None:
    store.put(_CHARGES, key, data.charges)
    store.put(_FOCUS, key, data.focus)
    store.put(_BROWSED, key, data.browsed.packed())


def _open_data(charges: Charges, period: BilledPeriod, recorded: Collection[BillingLine] | None = None) -> OpenData:
    browsed = browsed_charges(charges, period.period, recorded)
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
        path, focus = Path(folder) / "charges.csv", Path(folder) / "focus.csv"
        write_charges(charges, period.period, path)
        write_focus_charges(charges, period, focus)
        return OpenData(_file_bytes(path, charges_file(period)), _file_bytes(focus, charges_file(period)), browsed)


def _file_bytes(path: Path, name: str) -> bytes:
    """The bytes of a file, compressed if its name says so; without a timestamp, to keep them deterministic."""
    if not name.endswith(".gz"):
        return path.read_bytes()
    packed = io.BytesIO()
    with path.open("rb") as plain:
        # Level 1 takes half the time of the default, for a sixth more bytes.
        gzip_to(plain, packed, level=1)
    return packed.getvalue()
