"""`focus-billing journal posted`: records what the accounting system did with a journal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openchargeback.cli.git_commands import commit_lines
from openchargeback.cli.options import PERIOD, root_of, with_ledger
from openchargeback.cli.report import shown
from openchargeback.files import git
from openchargeback.ledger.postings import Posting, PostingStatus
from openchargeback.problems import LedgerFault, Problem, has_errors
from openchargeback.wording import counted

if TYPE_CHECKING:
    from openchargeback.record.recorded_ledger import RecordedLedger


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
    from openchargeback.export.journals.answers import Recording, complete, month_of_answer, read_answer
    from openchargeback.files.changes import change_files
    from openchargeback.ledger.lock import locked
    from openchargeback.ledger.postings import postings_path, postings_text
    from openchargeback.ledger.schema_files import schema_comment
    from openchargeback.publish.gathering import gather_ledger

    root = root_of(named)
    name = file.name
    with locked(root):
        ledger, problems = gather_ledger(root)
        # What is wrong with postings may be what this command corrects.
        problems = [each for each in problems if not each.path.startswith("postings/")]
        if ledger is None or has_errors(problems):
            raise LedgerFault(problems, root)
        today = dt.datetime.now(dt.UTC).date()
        recording = Recording(
            by=by or git.user(root), on=day.date() if day else today, period=period or "", again=again or ""
        )
        settings = ledger.config.journal.answers
        answer = read_answer(file.read_bytes(), name, settings, recording)
        month, faults = month_of_answer(answer, ledger, name, recording)
        _refuse([*answer.problems, *faults])
        new, faults = complete(answer, ledger, month, name, settings, recording)
        old = {each.document: each for each in ledger.postings.get(month, ())}
        _refuse([*faults, *(_recorded_already(name, old, new) if not replacing else ())])
        merged = tuple({**old, **{each.document: each for each in new}}.values())
        _refuse_consequences(ledger, month, merged)
        path = postings_path(month)
        text = schema_comment(root, path) + postings_text(merged)
        if dry_run:
            click.echo(text, nl=False)
            return
        change_files(root, {path: text.encode()})
    _report(root, month, path, new)


def _refuse(problems: Sequence[Problem]) -> None:
    if has_errors(problems):
        raise LedgerFault(problems)


def _recorded_already(name: str, old: Mapping[str, Posting], new: Sequence[Posting]) -> Iterator[Problem]:
    for each in new:
        if each.document in old:
            what = f"document {each.document} is already recorded, as posted on {old[each.document].on.isoformat()}"
            fix = "if this is a later answer, add --replace; if it is the same file, there is nothing to do"
            yield Problem(name, "answer-file", what, fix, each.at)


def _refuse_consequences(ledger: RecordedLedger, period: str, postings: tuple[Posting, ...]) -> None:
    """Raise LedgerFault if the ledger would contradict itself with these postings of a period."""
    from openchargeback.billing.postings import posting_problems

    _refuse(posting_problems(replace(ledger, postings={**ledger.postings, period: postings})))


def _report(root: Path, period: str, path: str, new: Sequence[Posting]) -> None:
    """Print what was recorded, and how to commit it."""
    click.echo(path)
    for posting in new:
        counts = {status: [each for each in posting.lines if each.status is status] for status in PostingStatus}
        rejected, suspense = counts[PostingStatus.REJECTED], counts[PostingStatus.SUSPENSE]
        parts = [
            f"{counted(len(suspense), 'line')} in suspense" if suspense else "",
            f"{counted(len(rejected), 'line')} rejected, journaled again in {rejected[0].again}" if rejected else "",
        ]
        said = "; ".join(filter(None, parts)) or "all lines accepted"
        click.echo(shown(f"document {posting.document} of {period}, posted on {posting.on.isoformat()}: {said}"))
    loose = git.uncommitted(root, [path], lambda each: each == path) if git.is_kept(root) else {}
    if loose:
        click.echo(
            "\n  ".join(["Commit it:", *commit_lines(root, loose, f"Record the posting of {period}", Path.cwd())])
        )
