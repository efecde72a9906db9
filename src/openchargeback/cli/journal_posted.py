"""`focus-billing journal posted`: records what the accounting system did with a journal."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openchargeback.cli.git_commands import commit_lines
from openchargeback.cli.options import PERIOD, root_of, with_ledger
from openchargeback.cli.report import shown
from openchargeback.files import git

if TYPE_CHECKING:
    from openchargeback.publish.answers import Recorded


@click.command("posted")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--period", type=PERIOD, help="The period of the journal, if the file must be about that one.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day of posting, if the file has none.")
@click.option("--by", help="Who records it; Git's user.email by default.")
@click.option(
    "--again",
    type=PERIOD,
    help="The open period that journals rejected lines again; by default the first one after the journal's.",
)
@click.option("--replace", "replacing", is_flag=True, help="Replace what was recorded of these documents before.")
@click.option("--dry-run", is_flag=True, help="Print the file that would be written.")
@with_ledger
def posted(
    file: Path,
    period: str | None,
    day: dt.datetime | None,
    by: str | None,
    again: str | None,
    replacing: bool,
    dry_run: bool,
    named: str | None,
) -> None:
    """Record what the accounting system did with a journal.

    FILE is its answer: CSV, read by the columns that `journal.answers` in config.yaml names, or a few lines of YAML. It
    is compared with the journal as the period was closed. Rejected lines are journaled again, once, in an open period;
    lines in suspense are not.

    \b
    Example: focus-billing journal posted answer.csv
             focus-billing journal posted answer.yaml --again 2025-03
    """
    from openchargeback.export.journals.answers import Recording
    from openchargeback.files.changes import change_files
    from openchargeback.ledger.lock import locked
    from openchargeback.publish.answers import record_answer

    root = root_of(named)
    with locked(root):
        today = dt.datetime.now(dt.UTC).date()
        recording = Recording(
            by=by or git.user(root), on=day.date() if day else today, period=period or "", again=again or ""
        )
        recorded = record_answer(root, file.read_bytes(), file.name, recording, replacing=replacing)
        if dry_run:
            click.echo(recorded.text, nl=False)
            return
        change_files(root, {recorded.path: recorded.text.encode()})
    _report(root, recorded)


def _report(root: Path, recorded: Recorded) -> None:
    """Print what was recorded, and how to commit it."""
    path = recorded.path
    click.echo(path)
    for sentence in recorded.sentences:
        click.echo(shown(sentence))
    loose = git.uncommitted(root, [path], lambda each: each == path) if git.is_kept(root) else {}
    if loose:
        message = f"Record the posting of {recorded.period}"
        click.echo("\n  ".join(["Commit it:", *commit_lines(root, loose, message, Path.cwd())]))
