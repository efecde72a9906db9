"""`focus-billing ingest`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import click

from openchargeback import money
from openchargeback.cli.options import PERIOD, as_json, root_of, with_ledger
from openchargeback.cli.report import print_json, print_problems, shown
from openchargeback.focus.deliveries.opening import is_delivery, open_delivery
from openchargeback.focus.deliveries.runs import Delivery
from openchargeback.focus.ingest import IngestedFile, Request
from openchargeback.focus.ingest import ingest as put_in_place
from openchargeback.focus.overlap import overlap_lines
from openchargeback.ledger.lock import locked
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.settings import Config
from openchargeback.problems import LedgerFault, UsageFault
from openchargeback.publish.bill_ledger import still_billing
from openchargeback.publish.books import open_cache
from openchargeback.wording import counted


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--source", required=True, help="Source of the charges, such as aws; case is ignored.")
@click.option("--period", type=PERIOD, help="Period of the charges, if the files do not show it.")
@click.option("--replace", "mode", flag_value="replace", help="Replace the existing files of the source and period.")
@click.option("--add", "mode", flag_value="add", help="Add to the existing files of the source and period.")
@click.option("--split", "mode", flag_value="split", help="Split a file that spans several months.")
@click.option("--compress", is_flag=True, help="Compress with gzip.")
@click.option("--estimate", is_flag=True, help="The charges are estimates, with which a period cannot be closed.")
@click.option("--dry-run", is_flag=True, help="Show what would be done without doing it.")
@with_ledger
@as_json
def ingest(
    files: tuple[Path, ...],
    source: str,
    period: str | None,
    mode: Literal["replace", "add", "split"] | None,
    compress: bool,
    estimate: bool,
    dry_run: bool,
    named: str | None,
    json_: bool,
) -> None:
    """Check charge files and copy them into the ledger, byte for byte, ready to commit.

    A folder or zip archive is a delivery of AWS, Azure, OCI or another provider, as it lands: of each month, the parts
    of the newest run are taken.

    \b
    Example: focus-billing ingest aws_2025-01.csv --source aws
             focus-billing ingest ../exports/aws --source aws --dry-run
    """
    root = root_of(named)
    with nullcontext() if dry_run else locked(root):
        ledger, problems = read_ledger(root)
        if ledger is None:
            raise LedgerFault(problems)
        request = Request(source, period, mode, compress, dry_run, estimate)
        delivery = _delivery(files, ledger.config, period)
        done = put_in_place(
            ledger, delivery or files, request, lambda found: still_billing(ledger, open_cache(root), found)
        )
    if json_:
        told = {"delivery": delivery.as_json() if delivery else None}
        print_json({"dry_run": dry_run, **told, "files": [item.as_json() for item in done]})
        return
    if warnings := [problem for item in done for problem in item.problems]:
        print_problems(warnings)
    if delivery:
        _print_delivery(delivery, dry_run=dry_run)
    _print_files(done, ledger.config.currency, dry_run=dry_run)


def _print_files(done: Sequence[IngestedFile], currency: str, *, dry_run: bool) -> None:
    """Print what was done with each file."""
    for item in done:
        for line in overlap_lines(Path(item.origin).name, item.overlaps):
            click.echo(shown(line), err=True)
    would = "would be " if dry_run else ""
    for item in done:
        count, amount = item.content.charges, money.human(item.content.cost, currency)
        click.echo(
            f"{item.path}: {would}{item.action}, {counted(count, 'charge')}, "
            f"{amount} {currency} ({item.period}, {item.source})"
        )
    for path in dict.fromkeys(filter(None, (item.usage_removed for item in done))):
        click.echo(f"{path}: {would}removed: the charges that it belongs to are replaced")


def _delivery(paths: Sequence[Path], config: Config, period: str | None) -> Delivery | None:
    """The delivery that is named, or its run of a period; None if files are named.

    Raises UsageFault if anything else is named beside it.
    """
    found = [path for path in paths if is_delivery(path)]
    if not found:
        return None
    if len(paths) > 1:
        raise UsageFault(f"{shown(str(found[0]))} is a delivery: ingest it by itself, since its files belong together")
    return open_delivery(found[0], config.limits.charge_file_bytes, dt.datetime.now(dt.UTC), period)


def _print_delivery(delivery: Delivery, *, dry_run: bool) -> None:
    """Print on stderr which runs are taken and which are not; of a dry run, the parts as well."""
    for run in delivery.runs:
        month = f"{run.month}, " if run.month else ""
        parts = counted(len(run.parts), "part")
        click.echo(shown(f"{delivery.layout}: {month}run {run.name}, {parts}"), err=True)
        for part in run.parts if dry_run else ():
            click.echo(shown(f"  {part}"), err=True)
    for each in delivery.skipped:
        click.echo(shown(f"skipped: {each}"), err=True)
    for each in delivery.notes:
        click.echo(f"note: {each}", err=True)
