"""The open data of a build: planned by its inputs, and generated only when it is written."""

from __future__ import annotations

from collections.abc import Iterator

from openchargeback.export.open_data import FORMAT_VERSION, DataResource, datapackage, lines_csv
from openchargeback.model import BilledPeriod
from openchargeback.portal import paths
from openchargeback.publish.month_charges import MonthCharges
from openchargeback.record.recorded_ledger import RecordedLedger


def data_keys(periods: tuple[BilledPeriod, ...]) -> list[tuple[str, str]]:
    """The files of the open data, each with its inputs; without `datapackage.json`, which follows from the others."""
    return [
        (path, f"{FORMAT_VERSION} {period.digest}")
        for period in periods
        for path in (paths.charges_file(period), paths.lines_file(period.period))
    ]


def data_files(
    ledger: RecordedLedger, periods: tuple[BilledPeriod, ...], charges_of: MonthCharges
) -> Iterator[tuple[str, bytes]]:
    """Every file of the open data, one at a time."""
    resources = []
    for period in periods:
        charges = charges_of.open_data(period)
        for kind, path, content in (
            ("charges", paths.charges_file(period), charges),
            ("lines", paths.lines_file(period.period), lines_csv(period)),
        ):
            inside = path.removeprefix(paths.DATA_FOLDER + "/")
            resources.append(DataResource.of(period.period, kind, inside, content))
            yield path, content
    yield paths.DATA_PACKAGE, datapackage(resources, ledger.config)
