"""The open data of a build and the data of its charge browser, generated beside its pages."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event

from openchargeback.export.focus_books import billing_period_csv, invoice_detail_csv
from openchargeback.export.open_data import FORMAT_VERSION, DataKind, DataResource, datapackage, lines_csv
from openchargeback.model import BilledPeriod
from openchargeback.portal import paths
from openchargeback.portal.charge_scripts import charge_scripts
from openchargeback.publish.books import AllBooks
from openchargeback.publish.keys import key_of
from openchargeback.publish.month_charges import MonthCharges, OpenData
from openchargeback.record.recorded_ledger import RecordedLedger

_SMALL = 8 << 20
"""The most bytes of charge files of a month that is made beside others."""


def data_keys(periods: tuple[BilledPeriod, ...]) -> list[tuple[str, str]]:
    """The files of the open data, each with its inputs; without `datapackage.json`, which follows from the others.

    The first script of a month's charge browser stands for those with details.
    """
    states = [(each.digest, each.state, each.closed_on, each.finalized_on) for each in periods]
    return [
        *(
            (path, f"{FORMAT_VERSION} {period.digest}")
            for period in periods
            for path in (
                paths.charges_file(period),
                paths.lines_file(period.period),
                paths.cost_and_usage_file(period),
                paths.invoice_detail_file(period.period),
                paths.charges_script(period.period),
            )
        ),
        (paths.BILLING_PERIOD_FILE, f"{FORMAT_VERSION} {key_of(states)}"),
    ]


def data_files(
    ledger: RecordedLedger, periods: tuple[BilledPeriod, ...], charges: MonthCharges
) -> Iterator[tuple[str, bytes]]:
    """Every file of the open data and of the charge browser, one at a time."""
    resources = []
    for period, kept in _made_ahead(ledger, periods, charges):
        for name, kind, path, content in _files(ledger, period, kept, charges):
            resources.append(DataResource.of(name, kind, path.removeprefix(paths.DATA_FOLDER + "/"), content))
            yield path, content
        yield from charge_scripts(period.period, kept.browsed)
    path, content = paths.BILLING_PERIOD_FILE, billing_period_csv(periods, ledger.settings)
    name = path.removeprefix(paths.DATA_FOLDER + "/")
    resources.append(DataResource.of("", DataKind.BILLING_PERIOD, name, content))
    yield path, content
    yield paths.DATA_PACKAGE, datapackage(resources, ledger.config)


def _files(
    ledger: RecordedLedger, period: BilledPeriod, kept: OpenData, charges: MonthCharges
) -> Iterator[tuple[str, DataKind, str, bytes]]:
    """The open data of a month."""
    name = period.period
    yield name, DataKind.CHARGES, paths.charges_file(period), kept.charges
    yield name, DataKind.LINES, paths.lines_file(name), charges.kept("lines", period, lambda: lines_csv(period))
    yield name, DataKind.COST_AND_USAGE, paths.cost_and_usage_file(period), kept.focus
    detail = charges.kept("invoice detail", period, lambda: invoice_detail_csv(period, ledger.settings(name)))
    yield name, DataKind.INVOICE_DETAIL, paths.invoice_detail_file(name), detail


def _made_ahead(
    ledger: RecordedLedger, periods: Sequence[BilledPeriod], charges: MonthCharges
) -> Iterator[tuple[BilledPeriod, OpenData]]:
    """The charges of each period, in order. Small months are made side by side, a large one takes all cores itself."""
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        ahead: deque[tuple[BilledPeriod, Future[OpenData]]] = deque()
        try:
            for period in periods:
                is_large = sum(file.text_size for file in ledger.charge_files.get(period.period, ())) > _SMALL
                while len(ahead) > (0 if is_large else cores):
                    yield _next_made(ahead)
                ahead.append((period, pool.submit(charges.open_data, period)))
                if is_large:
                    yield _next_made(ahead)
            while ahead:
                yield _next_made(ahead)
        finally:
            pool.shutdown(cancel_futures=True)


def _next_made(ahead: deque[tuple[BilledPeriod, Future[OpenData]]]) -> tuple[BilledPeriod, OpenData]:
    period, made = ahead.popleft()
    return period, made.result()


class OpenDataRun:
    """The files of the open data, made from now on in another thread, since most of that is DuckDB's work.

    Close it in the end, which stops it after the file that it is making.
    """

    def __init__(self, books: AllBooks, charges: MonthCharges) -> None:
        self._made: SimpleQueue[tuple[str, bytes] | None] = SimpleQueue()
        self._ended = False
        self._stopped = Event()
        self._beside = ThreadPoolExecutor(1)
        self._making = self._beside.submit(self._make, books, charges)

    def close(self) -> None:
        """Stop making them."""
        self._stopped.set()
        self._beside.shutdown()

    def finished(self) -> Iterator[tuple[str, bytes]]:
        """The next ones that are done by now, without waiting."""
        while not self._ended and not self._made.empty():
            yield from self._next()

    def rest(self) -> Iterator[tuple[str, bytes]]:
        """All others. Raises what making them raised."""
        while not self._ended:
            yield from self._next()
        self._making.result()

    def _next(self) -> Iterator[tuple[str, bytes]]:
        each = self._made.get()
        if each is None:
            self._ended = True
        else:
            yield each

    def _make(self, books: AllBooks, charges: MonthCharges) -> None:
        try:
            for each in data_files(books.ledger, books.periods, charges):
                if self._stopped.is_set():
                    return
                self._made.put(each)
        finally:
            self._made.put(None)
