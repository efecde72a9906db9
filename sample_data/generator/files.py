"""Which charges are in which file, and the text of a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from generator import aws, azure, hpc, hyperv, qumulo, slurm, storage
from generator.months import Month
from generator.spending import Source

SOURCES = (aws.SOURCE, azure.SOURCE, hpc.SOURCE, storage.SOURCE)
HISTORY = ("2024-11", "2024-12")
"""Closed months of the sample ledger."""
NEW = ("2025-01", "2025-12")
"""Months to bring into the ledger."""
USAGE = "2025-12"
"""The month of which there are usage records."""


def files() -> Iterator[tuple[str, str]]:
    """Path in the repository and text of every file, newest months last."""
    for period in HISTORY:
        for source in SOURCES:
            yield f"ledger/charges/{period}/{source.provider.source}.csv", text(source, Month.parse(period))
    for period in NEW:
        for source in SOURCES:
            yield f"sample_data/{source.provider.source}_{period}.csv", text(source, Month.parse(period))
    yield from usage(Month.parse(USAGE))


def usage(month: Month) -> Iterator[tuple[str, str]]:
    """Path and text of the usage records of a month."""
    folder = "sample_data/usage"
    yield f"{folder}/hpc/sacct-{month}.txt", slurm.usage(month)
    for name, page in qumulo.samples(month):
        yield f"{folder}/storage/{name}.json", page
    yield f"{folder}/vm/vms-{month}-{month.days:02}.json", hyperv.machines(month)


def text(source: Source, month: Month) -> str:
    """The file of a source for a month; an empty cell is null."""
    out = io.StringIO()
    writer = csv.DictWriter(out, source.provider.columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(source.charges(month))
    return out.getvalue()
