"""`focus-billing periods`: the life of a month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openchargeback.billing.provider_invoices import invoice_problems
from openchargeback.cli.git_commands import commit_lines
from openchargeback.cli.host import host_record, kept_option, review_options
from openchargeback.cli.options import PERIOD, root_of, with_ledger
from openchargeback.cli.periods_list import list_periods, show_period
from openchargeback.cli.report import print_problems, progress, shown
from openchargeback.files import git
from openchargeback.files.git import Loose
from openchargeback.ledger.lock import locked
from openchargeback.ledger.periods import Event
from openchargeback.ledger.uncommitted import uncommitted_inputs, uncommitted_record, uncommitted_sealed
from openchargeback.model import BilledPeriod, State, Without
from openchargeback.problems import OutsideFault, UsageFault
from openchargeback.publish.books import AllBooks, open_books
from openchargeback.wording import shortened

if TYPE_CHECKING:
    from openchargeback.publish.closing_obstacles import Obstacle

_commit_option = click.option(
    "--commit",
    is_flag=True,
    help="Commit the files written and every file they depend on, but nothing else that is staged.",
)


@click.group()
def periods() -> None:
    """List, show, open, close and finalize billing months."""


periods.add_command(list_periods)
periods.add_command(show_period)


@periods.command("open")
@click.argument("period", type=PERIOD)
@_commit_option
@with_ledger
def open_period(period: str, commit: bool, named: str | None) -> None:
    """Open a period, or reopen a closed one as its next revision.

    If the period is open already, a leftover closing record is removed.

    \b
    Example: focus-billing periods open 2025-02
             focus-billing periods open 2025-02 --commit
    """
    from openchargeback.publish import closing

    root = root_of(named)
    _refuse_commit(root, commit)
    with locked(root):
        ledger = closing.ledger_to_reopen(root, period)
        if closing.is_open(ledger, period):
            click.echo(f"{period} is already open")
            return
        _report_or_commit(root, period, closing.reopen(ledger, period), State.OPEN, {} if commit else None)


@periods.command("close")
@click.argument("period", type=PERIOD)
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The closing date; today by default.")
@click.option(
    "--accounting-date",
    "dated",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The date of every journal line; by default the last day of the period.",
)
@click.option("--by", help="Who closes; Git's user.email by default.")
@click.option("--leave-held", is_flag=True, help="Close even if charges are undecided; they stay held.")
@click.option(
    "--without",
    metavar="SOURCE",
    multiple=True,
    help="Close even if this source, expected monthly, has no charges; repeatable; requires --reason.",
)
@click.option("--reason", help="With --without: why the month is complete without the source.")
@_commit_option
@review_options
@kept_option
@with_ledger
def close_period(
    period: str,
    day: dt.datetime | None,
    dated: dt.datetime | None,
    by: str | None,
    leave_held: bool,
    without: tuple[str, ...],
    reason: str | None,
    commit: bool,
    event: Path | None,
    reviews: Path | None,
    commits: Path | None,
    kept: tuple[Path, ...],
    named: str | None,
) -> None:
    """Close a period: its statements become final, and it accepts no further charges.

    Statements carry the closing date, journals the accounting date. Evidence of who approved its decisions is recorded,
    as far as there is any (`review evidence`). Everything it depends on (charges, decisions, settings, directory,
    templates, earlier records) must be committed; --commit does so.

    \b
    Example: focus-billing periods close 2025-01 --on 2025-02-05
             focus-billing periods close 2025-01 --commit
             focus-billing periods close 2025-06 --on 2025-07-08 --accounting-date 2025-06-30
             focus-billing periods close 2025-06 --without hpc --reason "down for maintenance all June"
    """
    from openchargeback.evidence.gathering import gather_evidence, read_evidence
    from openchargeback.publish import closing
    from openchargeback.publish.closing_obstacles import closing_obstacles

    accounting_date = closing.accounting_day(period, dated.date() if dated else None)
    if without and not (reason or "").strip():
        raise UsageFault("--without requires --reason TEXT: why the month is complete without the source")
    if reason is not None and not without:
        raise UsageFault("--reason requires --without SOURCE")
    root = root_of(named)
    _refuse_commit(root, commit)
    with locked(root):
        books = _books(named, period, lines=True)
        known = books.ledger.period_file(period)
        if known.state is not State.OPEN:
            done = known.state is State.CLOSED
            rests_on = uncommitted_inputs(books.ledger, period) if done else {}
            _done_already(root, period, known.state, rests_on, commit=commit and done)
            return
        recorded = [each for path in kept for each in read_evidence(path)]
        host = host_record(event, reviews, commits)
        loose = uncommitted_inputs(books.ledger, period)
        evidence, missing = gather_evidence(
            books.ledger, periods=(period,), host=host, recorded=recorded, pending=loose if commit else ()
        )
        skipped = tuple(dict.fromkeys(each.strip().lower() for each in without))
        billed = _period(books, period)
        obstacles = closing_obstacles(books, billed, missing, leave_held=leave_held, without=skipped)
        _refuse_close(period, obstacles, _to_commit(root, period, {} if commit else loose, "closing"))
        if warnings := invoice_problems(books.ledger, [billed]):
            print_problems(warnings, root)
        closed = Event(day.date() if day else dt.datetime.now(dt.UTC).date(), by or git.user(root))
        with progress("Writing the closing record", lines=True):
            paths = closing.close(
                books,
                period,
                closed,
                evidence,
                dated=accounting_date,
                without=[Without(source, (reason or "").strip(), closed.by) for source in skipped],
            )
        _report_or_commit(root, period, paths, State.CLOSED, loose if commit else None)


def _refuse_close(period: str, obstacles: Sequence[Obstacle], to_commit: Sequence[str]) -> None:
    """Raise UsageFault with everything that blocks closing. to_commit: lines on files that are not committed."""
    from openchargeback.publish.closing_obstacles import listed_by_kind

    lines = [*listed_by_kind(obstacles, lambda each: each.text), *to_commit]
    if lines:
        raise UsageFault(f"{period} cannot be closed\n  " + "\n  ".join(lines))


@periods.command("finalize")
@click.argument("period", type=PERIOD)
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The date; today by default.")
@click.option("--by", help="Who finalizes; Git's user.email by default.")
@_commit_option
@with_ledger
def finalize_period(period: str, day: dt.datetime | None, by: str | None, commit: bool, named: str | None) -> None:
    """Finalize a closed period, so that it can never be reopened.

    What it seals (charges, decisions and the closing record) must be committed; --commit does so.

    \b
    Example: focus-billing periods finalize 2025-01
    """
    from openchargeback.publish import closing

    root = root_of(named)
    _refuse_commit(root, commit)
    with locked(root):
        ledger = _books(named, period, lines=True).ledger
        known = ledger.period_file(period)
        if known.state is State.FINALIZED:
            _done_already(root, period, known.state, uncommitted_sealed(ledger, period), commit=commit)
            return
        closing.refuse_unclosed(ledger, period)
        loose = uncommitted_sealed(ledger, period)
        if loose and not commit:
            obstacles = _to_commit(root, period, loose, "seal")
            raise UsageFault(f"{period} cannot be finalized\n  " + "\n  ".join(obstacles))
        event = Event(day.date() if day else dt.datetime.now(dt.UTC).date(), by or git.user(root))
        paths = [closing.finalize(ledger, period, event)]
        _report_or_commit(root, period, paths, State.FINALIZED, loose if commit else None)


def _books(named: str | None, wanted: str, *, lines: bool = False) -> AllBooks:
    with progress(lines=lines) as step:
        return open_books(root_of(named), wanted=wanted, step=step)


def _period(books: AllBooks, period: str) -> BilledPeriod:
    billed = books.period(period)
    if billed is None:
        raise UsageFault(f"the ledger has no period {period}")
    return billed


_DONE = {State.OPEN: "Open", State.CLOSED: "Close", State.FINALIZED: "Finalize"}
_LISTED = 10
"""How many uncommitted files are listed by name."""


def _refuse_commit(root: Path, commit: bool) -> None:
    """Refuse --commit if Git could not commit, before anything is written."""
    if commit and not git.is_kept(root):
        raise UsageFault("--commit needs a ledger in a Git repository")
    if commit and (why := git.cannot_commit(root)):
        raise UsageFault(f"--commit: {why}")


def _to_commit(root: Path, period: str, loose: Mapping[str, Loose], what: str) -> list[str]:
    """Lines with the files that must be committed first, and how; empty if there are none."""
    if not loose:
        return []
    count = f"{len(loose):,} files" if len(loose) > 1 else "1 file"
    named = shortened([shown(f"{path} ({why})") for path, why in loose.items()], _LISTED)
    commands = commit_lines(root, loose, f"Files that {period} depends on", Path.cwd())
    return [
        f"{count} that this {what} depends on {'is' if len(loose) == 1 else 'are'} not committed:",
        *named,
        "commit with these commands, or run again with --commit:",
        *(f"  {command}" for command in commands),
    ]


def _done_already(root: Path, period: str, state: State, rests_on: Mapping[str, Loose], *, commit: bool) -> None:
    """Commit what an earlier command left uncommitted; without --commit, raise UsageFault with how to do so.

    rests_on: uncommitted files that the earlier command depended on.
    """
    written = {**rests_on, **uncommitted_record(root, period)}
    if commit and written:
        _report_or_commit(root, period, [], state, rests_on)
        return
    lines = commit_lines(root, written, f"{_DONE[state]} {period}", Path.cwd()) if written else []
    raise UsageFault("\n  ".join([f"{period} is already {state}" + (". Commit it:" if lines else ""), *lines]))


def _report_or_commit(
    root: Path, period: str, paths: list[str], state: State, commit: Mapping[str, Loose] | None
) -> None:
    """List the files written and commit them, or print how.

    commit: further files to commit; None if the person commits.
    """
    for path in paths:
        click.echo(path)
    message, done = f"{_DONE[state]} {period}", f"{period} is {state}"
    written = uncommitted_record(root, period)
    if commit is None:
        lines = commit_lines(root, written, message, Path.cwd()) if written else []
        click.echo("\n  ".join([f"{done}. Commit it:" if lines else f"{done}.", *lines]))
        return
    loose = {**commit, **written}
    if not loose:
        click.echo(f"{done}. There is nothing to commit.")
        return
    try:
        made = git.commit_files(root, loose, message)
    except OutsideFault as fault:
        commands = "\n  ".join(commit_lines(root, loose, message, Path.cwd()))
        raise OutsideFault(f"{done}, but it was not committed: {fault}\nCommit it yourself:\n  {commands}") from fault
    click.echo(f"{done}, in commit {made[:12]}.")
