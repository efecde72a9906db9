"""The open data of a build: planned by its inputs, and generated only when it is written."""

from __future__ import annotations

from collections.abc import Iterator

from openchargeback.export.focus_books import billing_period_csv, invoice_detail_csv
from openchargeback.export.open_data import FORMAT_VERSION, DataKind, DataResource, datapackage, lines_csv
from openchargeback.model import BilledPeriod
from openchargeback.portal import paths
from openchargeback.publish.bill_ledger import kept_charges
from openchargeback.publish.cache import Cache
from openchargeback.publish.keys import key_of
from openchargeback.record.recorded_ledger import RecordedLedger


def data_keys(periods: tuple[BilledPeriod, ...]) -> list[tuple[str, str]]:
    """The files of the open data, each with its inputs; without `datapackage.json`, which follows from the others."""
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
            )
        ),
        (paths.BILLING_PERIOD_FILE, f"{FORMAT_VERSION} {key_of(states)}"),
    ]


def data_files(ledger: RecordedLedger, periods: tuple[BilledPeriod, ...], store: Cache) -> Iterator[tuple[str, bytes]]:
    """Every file of the open data, one at a time; charges come from the cache if available."""
    resources = []
    for name, kind, path, content in _files(ledger, periods, store):
        resources.append(DataResource.of(name, kind, path.removeprefix(paths.DATA_FOLDER + "/"), content))
        yield path, content
    yield paths.DATA_PACKAGE, datapackage(resources, ledger.config)


def _files(
    ledger: RecordedLedger, periods: tuple[BilledPeriod, ...], store: Cache
) -> Iterator[tuple[str, DataKind, str, bytes]]:
    for period in periods:
        name, kept = period.period, kept_charges(ledger, store, period)
        yield name, DataKind.CHARGES, paths.charges_file(period), kept.charges
        yield name, DataKind.LINES, paths.lines_file(name), lines_csv(period)
        yield name, DataKind.COST_AND_USAGE, paths.cost_and_usage_file(period), kept.focus
        detail = invoice_detail_csv(period, ledger.settings(name))
        yield name, DataKind.INVOICE_DETAIL, paths.invoice_detail_file(name), detail
    yield "", DataKind.BILLING_PERIOD, paths.BILLING_PERIOD_FILE, billing_period_csv(periods, ledger.settings)
