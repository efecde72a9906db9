"""`focus-billing review`: the queue of flagged charges, and approval files."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from openchargeback import money
from openchargeback.cli.options import PERIOD, F, as_json, root_of, with_ledger
from openchargeback.cli.report import note_problems, print_json, print_table, progress
from openchargeback.ledger import git
from openchargeback.ledger.approvals import Verb
from openchargeback.ledger.settings import Payer
from openchargeback.ledger.yaml_text import quoted
from openchargeback.model import FlagGroup, State
from openchargeback.problems import UsageFault
from openchargeback.publish.build import Books, examine
from openchargeback.publish.single import write_file


@click.group()
def review() -> None:
    """The queue of flagged charges, and decisions on them."""


@review.command("list")
@click.option("--period", type=PERIOD, help="Only this period.")
@with_ledger
@as_json
def list_queue(period: str | None, named: str | None, json_: bool) -> None:
    """The groups of charges that wait for a decision.

    \b
    Example: focus-billing review list --period 2025-01
    """
    books = _books(named)
    groups = [group for group in _queue(books) if period is None or group.period == period]
    if json_:
        print_json({"groups": [_as_json(group) for group in groups]})
        return
    note_problems(books.warnings)
    if not groups:
        click.echo("nothing waits for a decision")
        return
    print_table(
        ("Period", "Flag", "Source", "Project", "Service", "Charges", "Amount", "Why"),
        [
            (
                group.period,
                group.flag,
                group.source,
                group.project or "none",
                group.service,
                f"{group.held:,}",
                f"{money.human(group.exact_held, group.currency)} {group.currency}",
                group.why,
            )
            for group in groups
        ],
        right=(5, 6),
    )
    click.echo(f"{len(groups)} group{'s' * (len(groups) != 1)} to decide")


def _decide(verb: Verb, options: dict[str, str | None], payer: Payer) -> None:
    """Write an approval file for the groups that the options pick."""
    root = root_of(options["named"])
    books = _books(options["named"])
    period, flag = str(options["period"]), str(options["flag"])
    if books.ledger.period_file(period).state is not State.OPEN:
        raise UsageFault(f"{period} is {books.ledger.period_file(period).state}; only an open period takes decisions")
    picked = [
        group
        for group in _queue(books)
        if (group.period, group.flag) == (period, flag)
        and all(options[key] in (None, getattr(group, key)) for key in ("source", "project", "service"))
    ]
    if not picked:
        raise UsageFault(f"no undecided charges in {period} carry {flag} as asked; see `review list`")
    on, by = str(options["on"] or dt.datetime.now(dt.UTC).date()), options["by"] or git.user(root)
    if not by:
        raise UsageFault("give --by: Git knows no user.email here")
    path = _free_path(root, period, str(options["name"] or f"{verb}-{flag}"))
    entries = [_entry(group, verb, payer, str(options["reason"]), by, on) for group in picked]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, ("decisions:\n" + "".join(entries)).encode())
    charges = sum(group.held for group in picked)
    click.echo(
        f"{path.relative_to(root).as_posix()}: {verb} {charges:,} charge{'s' * (charges != 1)}; commit it to make it so"
    )


def _entry(group: FlagGroup, verb: Verb, payer: Payer, reason: str, by: str, on: str) -> str:
    where = {key: getattr(group, key) for key in ("source", "flag", "project", "service", "pi")}
    selector = ", ".join(f"{key}: {quoted(value)}" for key, value in where.items())
    changes = {key: value for key in ("pi", "project", "fund") if (value := getattr(payer, key))}
    values = ", ".join(f"{key}: {quoted(value)}" for key, value in changes.items())
    expected = f"charges: {group.held}, billed: {quoted(money.exact(group.exact_held))}, digest: {group.digest}"
    lines = [
        f"  - where: {{{selector}}}",
        f"    expect: {{{expected}}}",
        f"    decision: {verb}",
        *([f"    set: {{{values}}}"] if values else []),
        f"    reason: {quoted(reason)}",
        f"    by: {quoted(by)}",
        f"    on: {on}",
    ]
    return "\n".join(lines) + "\n"


def _free_path(root: Path, period: str, name: str) -> Path:
    """A file of its own for every batch: never one that is there."""
    stem = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "batch"
    folder = root / "approvals" / period
    number = 1
    while (path := folder / (f"{stem}.yaml" if number == 1 else f"{stem}-{number}.yaml")).exists():
        number += 1
    return path


_common: list[Callable[[Any], Any]] = [
    click.option("--period", required=True, type=PERIOD),
    click.option("--flag", required=True, help="The flag to decide on, such as missing-fund."),
    click.option("--source", help="Only charges of this source."),
    click.option("--project", help='Only charges of this project; "" for those without one.'),
    click.option("--service", help="Only charges of this service."),
    click.option("--reason", required=True, help="Why, for the reviewer and the auditor."),
    click.option("--by", help="Who decides; Git's user.email without it."),
    click.option("--on", help="The date; today without it.", type=click.DateTime(["%Y-%m-%d"])),
    click.option("--name", help="The name of the approval file."),
    with_ledger,
]


def _with_common(function: F) -> F:
    for option in reversed(_common):
        function = option(function)
    return function


def _options(values: dict[str, object]) -> dict[str, str | None]:
    on = values.get("on")
    day = on.date().isoformat() if isinstance(on, dt.datetime) else None
    return {key: None if value is None else str(value) for key, value in values.items()} | {"on": day}


@review.command()
@_with_common
def approve(**values: object) -> None:
    """Approve flagged charges as they are.

    \b
    Example: focus-billing review approve --period 2025-01 --flag pattern:gpu --reason "agreed, REQ-142"
    """
    _decide(Verb.APPROVE, _options(values), Payer())


@review.command()
@_with_common
def reject(**values: object) -> None:
    """Reject flagged charges: they are billed to nobody.

    \b
    Example: focus-billing review reject --period 2025-01 --flag possible-duplicate --reason "sent twice"
    """
    _decide(Verb.REJECT, _options(values), Payer())


@review.command()
@click.option("--set-pi", default="", help="The PI who is responsible.")
@click.option("--set-project", default="", help="The project it was for.")
@click.option("--set-fund", default="", help="The fund that pays.")
@_with_common
def reassign(set_pi: str, set_project: str, set_fund: str, **values: object) -> None:
    """Bill flagged charges to another PI, project or fund.

    \b
    Example: focus-billing review reassign --period 2025-01 --flag missing-fund --set-fund BIO-2024-001 --reason "asked"
    """
    if not (set_pi or set_project or set_fund):
        raise UsageFault("say to whom: --set-pi, --set-project or --set-fund")
    _decide(Verb.REASSIGN, _options(values), Payer(set_pi, set_project, set_fund))


def _books(named: str | None) -> Books:
    """The ledger as far as it can be billed: decisions may be what mends it, so their errors do not stop the queue."""
    from openchargeback.problems import LedgerFault

    with progress() as step:
        root = root_of(named)
        ledger, periods, problems = examine(root, step=step)
    if ledger is None:
        raise LedgerFault(problems, root)
    return Books(ledger, periods, tuple(problems))


def _queue(books: Books) -> list[FlagGroup]:
    return [group for period in books.periods for group in period.flags if group.held]


def _as_json(group: FlagGroup) -> dict[str, object]:
    return {
        "period": group.period,
        "flag": group.flag,
        "source": group.source,
        "project": group.project,
        "service": group.service,
        "pi": group.pi,
        "charges": group.held,
        "amount": money.exact(group.exact_held),
        "currency": group.currency,
        "digest": group.digest,
        "ids": list(group.ids),
        "why": group.why,
    }
