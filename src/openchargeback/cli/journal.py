"""`focus-billing journal`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from openchargeback.billing.journal import posts_nothing
from openchargeback.cli.options import PERIOD, root_of, with_ledger
from openchargeback.cli.report import note_problems, progress
from openchargeback.export.descriptions import described_journal
from openchargeback.export.journals import render_format
from openchargeback.files.writing import write_file
from openchargeback.problems import UsageFault
from openchargeback.publish.books import open_lines
from openchargeback.publish.secrets import secrets_of
from openchargeback.templating.environment import make_environment


@click.command()
@click.option("--period", required=True, type=PERIOD)
@click.option("--format", "name", default="detail", show_default=True, help="detail, summary, gl, or your own.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Output file; stdout by default.")
@with_ledger
def journal(period: str, name: str, output: Path | None, named: str | None) -> None:
    """Write one journal file of a period.

    \b
    Example: focus-billing journal --period 2025-01 --format gl -o journal.csv
    """
    root = root_of(named)
    with progress() as step:
        books = open_lines(root, wanted=period, step=step)
    billed = books.period(period)
    if billed is None:
        raise UsageFault(f"the ledger has no period {period}")
    note_problems(books.warnings)
    config = books.ledger.settings(period)
    if posts_nothing(billed, config):
        click.echo(f"nothing to post: no source of {period} is charged (`post: false`)", err=True)
    env = make_environment(root / "templates")
    written = described_journal(books.ledger, billed, env)
    data = render_format(name, written, billed.state, config, env, billed.revision)
    secrets_of(root).refuse_in([(str(output or "the journal"), data)])
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    write_file(output, data)
    click.echo(f"{output}: {len(written.lines):,} journal lines", err=True)
