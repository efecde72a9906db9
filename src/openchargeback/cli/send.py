"""`focus-billing send`."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openchargeback.cli.git_commands import commit_lines
from openchargeback.cli.listing import Column, json_rows, print_rows
from openchargeback.cli.options import PERIOD, as_json, root_of, with_ledger
from openchargeback.cli.report import note_problems, print_json, progress, shown
from openchargeback.files import git
from openchargeback.ledger.deliveries import LONGEST_REASON, Delivery, DeliveryKind, deliveries_path
from openchargeback.problems import UsageFault
from openchargeback.wording import counted

if TYPE_CHECKING:
    from openchargeback.deliver.parcels import Request
    from openchargeback.deliver.statements import Result
    from openchargeback.publish.books import AllBooks, Step

_DAY = click.DateTime(["%Y-%m-%d"])
UNSENT = 3
"""The exit code when a message did not go out, after all others did."""


@click.command()
@click.option("--period", type=PERIOD, help="The month.")
@click.option("--dry-run", is_flag=True, help="Only list the messages.")
@click.option("--only", multiple=True, metavar="EMAIL|PROJECT", help="Only for this address or project; repeatable.")
@click.option("--resend", "why", metavar="WHY", help="Send again what was sent, and say why; with --only or --unknown.")
@click.option("--unknown", is_flag=True, help="Only messages of which nobody knows whether they arrived.")
@click.option("--draft", is_flag=True, help="Send drafts of an open month, for objections.")
@click.option("--object-by", "object_by", type=_DAY, metavar="DATE", help="The last day to object to a draft.")
@click.option("--status", is_flag=True, help="Show what was sent, and what did not arrive.")
@click.option(
    "--bounces",
    type=click.Path(path_type=Path, exists=True),
    metavar="MBOX|DIR",
    help="Record the reports (RFC 3464) in this mailbox or folder of messages that came back.",
)
@click.option("--changed", "base", metavar="BASE", help="All months that were closed since this Git revision.")
@click.option(
    "--finance",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[PERIOD]",
    help="Hand the bundle of this month, or of --period, to finance, once.",
)
@click.option("--drop", metavar="FOLDER", default="", help="With --finance: copy the bundle here instead of emailing.")
@click.option(
    "--reserve",
    metavar="REMOTE",
    default="",
    help="Reserve on this Git remote first, as CI must. With --dry-run, only look at what is reserved.",
)
@with_ledger
@as_json
def send(
    period: str | None,
    dry_run: bool,
    only: tuple[str, ...],
    why: str | None,
    unknown: bool,
    draft: bool,
    object_by: dt.datetime | None,
    status: bool,
    bounces: Path | None,
    base: str | None,
    finance: str | None,
    drop: str,
    reserve: str,
    named: str | None,
    json_: bool,
) -> None:
    """Email statements: one message for each PI, once each.

    Without `email.host` in config.yaml, messages are written to the folder `outbox` instead (development mode).

    \b
    Example: focus-billing send --period 2025-01 --dry-run
             focus-billing send --period 2025-01
             focus-billing send --period 2025-01 --only ada@example.edu --resend "deleted by mistake"
             focus-billing send --period 2025-02 --draft --object-by 2025-03-05
             focus-billing send --finance 2025-01
             focus-billing send --bounces ~/Mail/bounces
    """
    period = _month(period, finance)
    if period is None and bounces is None and base is None:
        raise click.UsageError("Missing option '--period'.")
    root = root_of(named)
    if bounces:
        _bounces(root, bounces, period, json_)
        return
    if base is not None:
        if period or status or draft or finance is not None:
            raise UsageFault("--changed goes with --dry-run, --reserve and --json only")
        _changed(root, base, dry_run, reserve, json_)
        return
    if period is None:
        return
    if drop and finance is None:
        raise UsageFault("--drop goes with --finance")
    if finance is not None:
        _finance(root, period, drop, reason(why or ""), dry_run, json_)
        return
    if status:
        _status(root, period, json_)
        return
    request = _request(only, why, unknown, draft, object_by)
    with progress(lines=True) as step:
        books, result = send_period(root, period, request, dry_run=dry_run, reserve=reserve, step=step)
    if json_:
        print_json({"period": period, "dry_run": dry_run, **result_json(result)})
    else:
        note_problems(books.warnings)
        if result.messages:
            _note_logo(books)
        print_result(root, period, result, dry_run)
    if not result.outcome.complete:
        raise SystemExit(UNSENT)


def _month(period: str | None, finance: str | None) -> str | None:
    """The month of --period or --finance; None if neither names one."""
    if not finance:
        return period
    month = PERIOD.convert(finance, None, None)
    if period not in (None, month):
        raise UsageFault(f"--finance {month} and --period {period} are different months")
    return month


def reason(why: str) -> str:
    """A reason to send something again, as the log can have it."""
    if len(why) > LONGEST_REASON:
        raise UsageFault(f"the reason has {len(why):,} characters; give one of at most {LONGEST_REASON:,}")
    return " ".join(why.split())


def _request(
    only: tuple[str, ...], why: str | None, unknown: bool, draft: bool, object_by: dt.datetime | None
) -> Request:
    from openchargeback.deliver.parcels import Request

    if why is not None and not why.strip():
        raise UsageFault("--resend needs a reason, such as --resend 'deleted by mistake'")
    if why and not (only or unknown):
        raise UsageFault("--resend sends again what was sent; say which with --only EMAIL, or --unknown")
    if unknown and not why:
        raise UsageFault("--unknown needs --resend WHY, since these messages may have arrived")
    if draft != (object_by is not None):
        raise UsageFault("--draft and --object-by DATE belong together")
    if object_by and object_by.date() < dt.datetime.now(dt.UTC).date():
        raise UsageFault(f"--object-by {object_by.date()} is in the past")
    return Request(
        kind=DeliveryKind.DRAFT if draft else DeliveryKind.STATEMENTS,
        only=only,
        why=reason(why or ""),
        unknown=unknown,
        object_by=object_by.date() if object_by else None,
    )


def send_period(
    root: Path, period: str, request: Request, *, dry_run: bool = False, reserve: str = "", step: Step
) -> tuple[AllBooks, Result]:
    """Read the ledger and send, or only plan it."""
    from openchargeback.deliver.statements import Office, Result, plan_statements, send_statements
    from openchargeback.publish.books import open_books

    books = open_books(root, wanted=period, step=step)
    if dry_run:
        plan = plan_statements(books, period, request, reserve=reserve)
        return books, Result(plan.messages, plan.open)
    office = Office(environment=os.environ, reserve=reserve, step=step)
    return books, send_statements(books, period, request, office)


_COLUMNS: list[Column[Delivery]] = [
    Column("to", "To", lambda each: each.to),
    Column("kind", "", lambda each: str(each.kind)),
    Column("copy", "", lambda each: each.copy),
    Column("statements", "Statements", lambda each: [said.number for said in each.statements],
           lambda each: ", ".join(said.number for said in each.statements)),
    Column("state", "State", lambda each: each.outcome),
    Column("at", "At (UTC)", lambda each: each.at, lambda each: each.at[:16].replace("T", " ")),
    Column("attempt", "", lambda each: each.attempt),
    Column("reply", "Answer", lambda each: each.answer, lambda each: each.answer[:70]),
    Column("id", "", lambda each: each.id),
]  # fmt: skip


def result_json(result: Result) -> dict[str, object]:
    """A result as JSON: the messages with what became of them, and those left alone."""
    done = {each.id: each for each in (*result.outcome.sent, *result.outcome.failed, *result.outcome.unknown)}
    rows = [done.get(message.id, message.delivery) for message in result.messages]
    rows = rows or [done.get(each.id, each) for each in result.asked]
    messages = json_rows(_COLUMNS, rows)
    for row, delivery in zip(messages, rows, strict=True):
        if delivery.id not in done:
            row["state"] = "written" if result.outbox else "planned"
    return {
        "messages": messages,
        "unknown": json_rows(_COLUMNS, result.open),
        "outbox": str(result.outbox) if result.outbox else None,
    }


def print_result(root: Path, period: str, result: Result, dry_run: bool) -> None:
    """Print what a run did, what did not go out and why, and how to commit the log."""
    from openchargeback.deliver.mime import address_fault

    outcome = result.outcome
    if dry_run:
        for message in result.messages:
            what = ", ".join(each.number for each in message.delivery.statements)
            note = f" (copy: {message.parcel.copy})" if message.parcel.copy else " (revised)" if message.revised else ""
            if fault := address_fault(message.parcel.to):
                note += f" (no mail can go there: {fault})"
            click.echo(shown(f"{message.parcel.to}{note}: {what}"))
        click.echo(f"{counted(len(result.messages), 'message')} would be sent")
    elif result.outbox:
        click.echo(
            f"{counted(len(result.messages) - len(outcome.failed), 'message')} written to {result.outbox}; "
            "nothing was sent, since config.yaml has no `email.host`"
        )
    elif result.messages:
        click.echo(f"{counted(len(outcome.sent), 'message')} sent")
    else:
        click.echo(f"nothing to send for {period}")
    print_unsent(result)
    if outcome.unknown or result.open:
        click.echo(
            "Ask these people whether the email arrived. If not: "
            f"focus-billing send --period {period} --unknown --resend WHY",
            err=True,
        )
    if not dry_run and not result.outbox:
        print_commit(root, deliveries_path(period), f"Record the emails of {period}")


def _note_logo(books: AllBooks) -> None:
    from openchargeback.deliver.preparing import logo_note

    if note := logo_note(books.ledger):
        click.echo(f"note: {note}", err=True)


def print_unsent(result: Result) -> None:
    """Print what did not go out, and what may have."""
    for each in result.outcome.failed:
        click.echo(shown(f"failed: {each.to}: {each.reply}"), err=True)
    for each in (*result.outcome.unknown, *result.open):
        reason = each.reply or "the program was stopped"
        click.echo(shown(f"unknown: {each.to}: {reason} (message {each.id})"), err=True)


def print_commit(root: Path, path: str, message: str) -> None:
    """Print how to commit a file, if it differs from the last commit."""
    loose = git.uncommitted(root, [path], lambda each: each == path) if git.is_kept(root) else {}
    if loose:
        click.echo("\n  ".join(["Commit the log:", *commit_lines(root, loose, message, Path.cwd())]))


def _status(root: Path, period: str, json_: bool) -> None:
    """Print what was sent of a month, and what did not arrive."""
    from openchargeback.deliver.log import Log
    from openchargeback.ledger.deliveries import latest

    deliveries = Log(root, period).deliveries
    if json_:
        undelivered = [each for each in latest(deliveries) if each.undelivered or each.open]
        print_json(
            {
                "period": period,
                "messages": json_rows(_COLUMNS, deliveries),
                "undelivered": json_rows(_COLUMNS, undelivered),
            }
        )
        return
    if not deliveries:
        click.echo(f"nothing was sent for {period}")
        return
    print_rows(_COLUMNS, deliveries)
    last = latest(deliveries)
    arrived = sum(1 for each in last if not each.undelivered and not each.open)
    parts = [f"{counted(arrived, 'message')} sent"]
    counts = ((word, sum(1 for each in last if each.outcome == word)) for word in ("bounced", "failed", "unknown"))
    parts += [f"{number} {word}" for word, number in counts if number]
    click.echo(", ".join(parts))


def _bounces(root: Path, place: Path, period: str | None, json_: bool) -> None:
    """Record which messages came back."""
    from openchargeback.deliver.bounces import bounced, read_reports
    from openchargeback.deliver.log import Log, sending_alone
    from openchargeback.ledger.deliveries import logged_periods

    reports, other = read_reports(place)
    with sending_alone(root):
        logs = {each: Log.to_write(root, each) for each in ([period] if period else logged_periods(root))}
        changed = bounced({each: log.deliveries for each, log in logs.items()}, reports)
        for each, entries in changed.items():
            logs[each].record(*entries)
    found = [entry for entries in changed.values() for entry in entries]
    if json_:
        print_json({"bounced": json_rows(_COLUMNS, found), "reports": len(reports), "other": other})
        return
    for entry in found:
        click.echo(shown(f"bounced: {entry.to}: {entry.answer}"))
    rest = len(reports) - len(found)
    parts = [f"{counted(len(found), 'message')} came back"]
    if rest:
        parts.append(f"{counted(rest, 'report')} already recorded or not about our messages")
    if other:
        parts.append(f"{counted(other, 'message')} not a report of a failed delivery")
    click.echo("; ".join(parts))
    for each in changed:
        print_commit(root, deliveries_path(each), f"Record emails of {each} that came back")


def _changed(root: Path, base: str, dry_run: bool, reserve: str, json_: bool) -> None:
    """Send every month that was closed, or closed again, since a revision; each ends up in its own log."""
    from openchargeback.deliver.parcels import Request
    from openchargeback.deliver.reservation import closed_since

    results = {}
    with progress(lines=True) as step:
        for period in closed_since(root, base):
            _, results[period] = send_period(root, period, Request(), dry_run=dry_run, reserve=reserve, step=step)
    if json_:
        rows = [{"period": period, **result_json(result)} for period, result in results.items()]
        print_json({"dry_run": dry_run, "periods": rows})
    else:
        for period, result in results.items():
            print_result(root, period, result, dry_run)
        if not results:
            click.echo(f"no month was closed since {base}")
    if not all(result.outcome.complete for result in results.values()):
        raise SystemExit(UNSENT)


def _finance(root: Path, period: str, drop: str, why: str, dry_run: bool, json_: bool) -> None:
    """Hand the bundle of a month to finance."""
    from openchargeback.deliver.finance import send_finance
    from openchargeback.deliver.statements import Office
    from openchargeback.publish.books import open_books

    if dry_run:
        raise UsageFault("--dry-run does not go with --finance; `focus-billing bundle` shows what finance would get")
    with progress(lines=True) as step:
        books = open_books(root, wanted=period, step=step)
        office = Office(environment=os.environ, step=step)
        result = send_finance(books, period, _bundle_writer(books, period, step), office, drop=drop, why=why)
    if json_:
        print_json({"period": period, **result_json(result)})
    elif result.outbox and result.outcome.complete:
        click.echo(f"the bundle is in {result.outbox}; nothing was sent, since config.yaml has no `email.host`")
    else:
        for each in result.outcome.sent:
            click.echo(shown(f"{period} handed to {each.to}: {each.reply}"))
        if not result.asked and not result.open:
            click.echo(f"{period} was handed to finance before; to do it again, add --resend WHY")
        print_unsent(result)
        print_commit(root, deliveries_path(period), f"Record that finance has {period}")
    if not result.outcome.complete:
        raise SystemExit(UNSENT)


def _bundle_writer(books: AllBooks, period: str, step: Step) -> Callable[[Path], Path]:
    from openchargeback.publish.bundle import write_bundle

    def write(folder: Path) -> Path:
        archive = write_bundle(books, period, folder, zipped=True, step=step).archive
        if archive is None:
            raise UsageFault(f"{period} has no bundle")
        return archive

    return write
