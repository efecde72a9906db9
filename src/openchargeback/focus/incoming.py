"""Files on their way into a ledger: read in full, counted by month, split or compressed on request.

All work is done on copies in a private folder, so that what is checked is what is stored, whatever happens to the
given files in the meantime.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import duckdb

from openchargeback import money
from openchargeback.files.compressing import gzip_to
from openchargeback.files.writing import is_temporary
from openchargeback.focus import csv_text, decompression
from openchargeback.focus.database import database
from openchargeback.focus.deliveries.runs import Delivery
from openchargeback.focus.equal_files import content_digest
from openchargeback.focus.reading import load
from openchargeback.ledger.files import CHARGE_SUFFIXES, ChargeFile, suffix_of
from openchargeback.ledger.settings import Config
from openchargeback.problems import LedgerFault, OutsideFault, Problem, UsageFault, has_errors

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What files contain: how many charges, and their exact sums in the ledger's currency.

    others: exact costs in other currencies, by currency.
    """

    charges: int
    cost: Decimal
    list: Decimal
    others: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file as given, or one month of it.

    name: as the person gave it. staged: the copy with the bytes to store, which have this `suffix` and `size`.
    digest: SHA-256 of the bytes without compression. months: charges by month, ascending.
    part: whether it is one month of a split file. month: what the layout of its delivery says; empty for none.
    estimate: whether its charges are estimates.
    """

    name: str
    staged: Path
    suffix: str
    size: int
    digest: str
    months: dict[str, int]
    content: Content
    problems: tuple[Problem, ...] = ()
    part: bool = False
    month: str = ""
    estimate: bool = False


@dataclass(frozen=True, slots=True)
class Staging:
    """A private folder in which files of one source are read, split and compressed."""

    folder: Path
    source: str
    config: Config

    def receive(self, paths: Sequence[Path]) -> list[Incoming]:
        """Read files in full. Raises UsageFault for what is not a charge file, LedgerFault with all faults of files."""
        copies = [_copy_of(path, self.folder / f"given-{index}") for index, path in enumerate(paths)]
        return self._read_all([(str(path), copy) for path, copy in zip(paths, copies, strict=True)])

    def receive_delivery(self, delivery: Delivery) -> list[Incoming]:
        """Read the parts of the runs of a delivery in full, as `receive` does."""
        wanted = [(run, path) for run in delivery.runs for path in run.parts]
        copies = []
        for index, (_, path) in enumerate(wanted):
            # A name from a delivery never becomes a name on disk.
            target = self.folder / f"part-{index}{suffix_of(path)}"
            delivery.tree.copy(path, target)
            copies.append((delivery.tree.shown(path), target))
        items = self._read_all(copies)
        return [
            replace(item, month=run.month, estimate=run.estimate) for item, (run, _) in zip(items, wanted, strict=True)
        ]

    def _read_all(self, copies: Sequence[tuple[str, Path]]) -> list[Incoming]:
        """Read staged copies, each with its name for messages. Raises LedgerFault with all faults of all files."""
        read = [self._read(name, copy) for name, copy in copies]
        faults = [problem for file, problems in read if file is None for problem in problems]
        if faults:
            raise LedgerFault(faults)
        return [file for file, _ in read if file]

    def split(self, whole: Incoming) -> list[Incoming]:
        """One file per month: the header and its rows' records, with the same bytes as in the whole file."""
        if len(whole.months) < 2:
            return [whole]
        if whole.suffix == ".parquet":
            raise UsageFault(f"{whole.name}: a Parquet file cannot be split unchanged; export each month separately")
        with database() as con:
            load(con, [self._as_charge_file(whole.name, whole.staged)], self.config, only_charges=True)
            rows = con.execute("SELECT strftime(period_start, '%Y-%m') FROM charge ORDER BY n").fetchall()
        stem = whole.staged.name.partition(".")[0]
        targets = {month: self.folder / f"{stem}-{month}.csv" for month in whole.months}
        try:
            _write_records(whole.staged, [month for (month,) in rows], targets)
        except OSError as error:
            raise _not_written(error) from error
        except IndexError as error:
            # DuckDB and Python disagree about what a record is, so neither is trusted.
            raise OutsideFault(f"{whole.name} cannot be split row by row; export each month separately") from error
        parts = []
        for target in targets.values():
            part, problems = self._read(whole.name, target)
            if part is None:
                raise LedgerFault(problems)
            parts.append(replace(part, part=True))
        # Copying record by record should guarantee this, but it is checked anyway: money depends on it.
        charges = sum(part.content.charges for part in parts)
        cost = money.total(*(part.content.cost for part in parts))
        if (charges, cost) != (whole.content.charges, whole.content.cost):
            raise OutsideFault(f"{whole.name} cannot be split without changing its sum; export each month separately")
        return parts

    def compress(self, file: Incoming) -> Incoming:
        """The same file as gzip, without name or time, so that the same content gives the same bytes."""
        if file.suffix != ".csv":
            return file
        target = self.folder / f"{file.staged.name}.gz"
        try:
            with file.staged.open("rb") as given, target.open("wb") as packed:
                # A third of the time of the default level, for an eighth more bytes.
                gzip_to(given, packed, level=4)
        except OSError as error:
            raise _not_written(error) from error
        return replace(file, staged=target, suffix=".csv.gz", size=target.stat().st_size)

    def _as_charge_file(self, name: str, staged: Path) -> ChargeFile:
        ceiling = self.config.limits.charge_file_bytes
        return ChargeFile(name, staged, "", self.source, staged.stat().st_size, ceiling)

    def _read(self, name: str, staged: Path) -> tuple[Incoming | None, list[Problem]]:
        file = self._as_charge_file(name, staged)
        with database() as con:
            try:
                _, problems = load(con, [file], self.config, only_charges=True)
                if has_errors(problems):
                    return None, problems
                # Few starts are many charges', so few are written as months.
                months = con.execute(
                    "SELECT strftime(period_start, '%Y-%m'), sum(charges) FROM "
                    "(SELECT period_start, count(*) AS charges FROM charge GROUP BY ALL) GROUP BY 1 ORDER BY 1"
                ).fetchall()
                content = _content(con, self.config.currency)
            except duckdb.Error as error:
                raise OutsideFault(f"{name} cannot be read: {' '.join(str(error).split())[:300]}") from error
        digest = content_digest(staged, file.ceiling)
        suffix = suffix_of(staged.name)
        return Incoming(name, staged, suffix, file.size, digest, dict(months), content, tuple(problems)), []


def content_of(files: Sequence[ChargeFile], config: Config) -> Content | None:
    """The combined content of charge files of one source and period; None if one of them cannot be read."""
    with database() as con:
        _, problems = load(con, files, config, only_charges=True)
        return None if has_errors(problems) else _content(con, config.currency)


def _copy_of(path: Path, target: Path) -> Path:
    suffix = suffix_of(path.name)
    if not path.exists():
        raise UsageFault(f"{path} does not exist")
    if not path.is_file():
        raise UsageFault(f"{path} is not a file; name the charge files themselves")
    if is_temporary(path.name):
        raise UsageFault(f"{path} is a temporary file that an interrupted command left; name the charge file itself")
    if not suffix:
        raise UsageFault(f"{path} is not a supported charge file; use {', '.join(CHARGE_SUFFIXES)}")
    # A plain name: DuckDB would read `[1]` or `*` in a name as a pattern.
    target = target.with_name(target.name + suffix)
    try:
        given = path.open("rb")
    except OSError as error:
        raise UsageFault(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    with given:
        try:
            with target.open("wb") as out:
                shutil.copyfileobj(given, out, _BLOCK)
        except OSError as error:
            raise _not_written(error) from error
    return target


def _content(con: duckdb.DuckDBPyConnection, currency: str) -> Content:
    query = "SELECT currency, count(*), sum(cost), sum(list) FROM charge GROUP BY currency ORDER BY currency"
    rows = con.execute(query).fetchall()
    own = next((row for row in rows if row[0] == currency), (currency, 0, money.ZERO, money.ZERO))
    others = tuple((row[0], row[2]) for row in rows if row[0] != currency)
    return Content(charges=sum(row[1] for row in rows), cost=own[2], list=own[3], others=others)


def _write_records(whole: Path, months: list[str], targets: dict[str, Path]) -> None:
    with decompression.binary(whole) as raw:
        start = b"\xef\xbb\xbf" if raw.read(3) == b"\xef\xbb\xbf" else b""
    with ExitStack() as open_files, decompression.text(whole) as file:
        outs = {month: open_files.enter_context(target.open("wb")) for month, target in targets.items()}
        for out in outs.values():
            out.write(start)
        row = -1
        for record in csv_text.records(file):
            data = record.text.encode()
            if row < 0:
                # The header, and blank lines before it, which count in the line numbers of problems.
                for out in outs.values():
                    out.write(data)
                row += bool(record.cells)
            elif record.cells:
                outs[months[row]].write(data)
                row += 1


def _not_written(error: OSError) -> OutsideFault:
    return OutsideFault(f"a temporary file cannot be written: {(error.strerror or str(error)).lower()}")
