"""`focus-billing review`: the queue of flagged charges, and approval files."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import click

from openchargeback import money
from openchargeback.billing.credits import billed_charges, creditable
from openchargeback.cli.batches import books_of, is_open, queue, refuse_faulty, who_and_when, write_batch
from openchargeback.cli.evidence import evidence
from openchargeback.cli.options import PERIOD, F, as_json, root_of, with_ledger
from openchargeback.cli.refresh import refresh
from openchargeback.cli.report import note_problems, print_json, print_table
from openchargeback.ledger.approval_text import Ruling
from openchargeback.ledger.approvals import ID_PATTERN, Verb
from openchargeback.ledger.settings import Payer
from openchargeback.model import Entry, FlagGroup
from openchargeback.problems import UsageFault
from openchargeback.publish.build import Books
from openchargeback.publish.lock import locked

LACKING = ("missing-pi", "missing-project", "missing-fund")
EARLIER_MONTHS = 3
"""How many months before are shown beside a group."""


class _Charge(click.ParamType[str]):
    """A charge id, or its beginning."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(ID_PATTERN, str(value)):
            self.fail(f"{value} is no charge id; write it like 7f3a9c21d0b41e66", param, ctx)
        return str(value)


CHARGE = _Charge()


@click.group()
def review() -> None:
    """The queue of flagged charges, and decisions on them."""


review.add_command(evidence)
review.add_command(refresh)


@review.command("list")
@click.option("--period", type=PERIOD, help="Only this period.")
@with_ledger
@as_json
def list_queue(period: str | None, named: str | None, json_: bool) -> None:
    """The groups of charges that wait for a decision, also those still held from closed periods.

    \b
    Example: focus-billing review list --period 2025-01
    """
    books = books_of(named)
    groups = [group for group in queue(books) if period is None or group.period == period]
    earlier = {group: _earlier(books, group) for group in groups}
    if json_:
        print_json({"groups": [_as_json(books, group, earlier[group]) for group in groups]})
        return
    note_problems(books.warnings)
    if not groups:
        click.echo("nothing waits for a decision")
        return
    print_table(
        ("Period", "Flag", "Source", "Project", "Service", "Charges", "Amount", "Earlier months", "Why"),
        [
            (
                group.period if is_open(books, group.period) else f"{group.period} ({_state(books, group.period)})",
                group.flag,
                group.source,
                group.project or "none",
                group.service,
                f"{group.held:,}",
                f"{money.human(group.exact_held, group.currency)} {group.currency}",
                " ".join(money.human(amount, books.ledger.config.currency) for amount in earlier[group].values()),
                group.why,
            )
            for group in groups
        ],
        right=(5, 6, 7),
    )
    click.echo(f"{len(groups)} group{'s' * (len(groups) != 1)} to decide")
    late = next((group.period for group in groups if not is_open(books, group.period)), "")
    if late:
        click.echo(f"Charges of a closed period are decided from an open one: --period OPEN --of {late}")


def _earlier(books: Books, group: FlagGroup) -> dict[str, Decimal]:
    """What the project's own charges of the service were billed in the months before, in cents, the latest last."""
    before = [period for period in books.periods if period.period < group.period][-EARLIER_MONTHS:]
    key = (group.source, group.project, group.service)
    return {
        period.period: sum(
            (
                line.amounts.billed
                for line in period.lines
                if line.entry is Entry.OWN and (line.source, line.project, line.service) == key
            ),
            money.ZERO,
        )
        for period in before
    }


def _decide(
    verb: Verb, options: dict[str, str | None], payer: Payer, also: tuple[str, ...], charges: tuple[str, ...]
) -> None:
    """Write an approval file for the groups, or the single charges, that the options pick."""
    root = root_of(options["named"])
    with locked(root):
        books = books_of(options["named"])
        period, flag = str(options["period"]), str(options["flag"])
        of = _original(books, period, options["of"])
        picked = _picked(books, of or period, flag, options)
        if not picked:
            raise UsageFault(f"no undecided charges in {of or period} carry {flag} as asked; see `review list`")
        _refuse_impossible(verb, flag)
        others = [] if verb is Verb.REJECT else _other_flags(books, picked, {flag, *also}, charges)
        if others and of:
            raise UsageFault(f"a late decision settles all flags of its charges: add {_as_options(others)}")
        ruling = Ruling(verb, payer, str(options["reason"]), *who_and_when(root, options["by"], options["on"]), of)
        if charges:
            entries = [ruling.on_charges(charges, (flag, *also))]
            count = len(charges)
        else:
            entries = [ruling.on_group(group, also) for group in picked]
            count = sum(group.held for group in picked)
        refuse_faulty(books, period, entries)
        path = write_batch(root, period, str(options["name"] or f"{verb}-{flag}"), entries)
    click.echo(f"{path}: {verb} {count:,} charge{'s' * (count != 1)}; commit it to make it so")
    if others:
        click.echo(f"Some stay held by other flags; {_as_options(others)} would settle these too", err=True)


def _refuse_impossible(verb: Verb, flag: str) -> None:
    """What a charge lacks cannot be approved, and another currency cannot be billed: such a file would be an error."""
    if verb is Verb.APPROVE and flag in LACKING:
        raise UsageFault(
            f"{flag} cannot be approved, since nobody would pay: "
            f"use `review reassign` with --set-{flag.removeprefix('missing-')}, or `review reject`"
        )
    if verb is not Verb.REJECT and flag == "foreign-currency":
        raise UsageFault("charges in another currency can only be rejected: use `review reject`")


def _picked(books: Books, period: str, flag: str, options: dict[str, str | None]) -> list[FlagGroup]:
    """The groups of a flag that the options ask for."""
    return [
        group
        for group in queue(books)
        if (group.period, group.flag) == (period, flag)
        and all(options[key] in (None, getattr(group, key)) for key in ("source", "project", "service"))
    ]


def _other_flags(books: Books, picked: Sequence[FlagGroup], known: set[str], charges: tuple[str, ...]) -> list[str]:
    """Flags that hold charges of these groups beside the known ones, as far as the ids that groups show tell."""
    ids = {id_ for group in picked for id_ in group.ids if not charges or id_.startswith(charges)}
    return sorted(
        {
            group.flag
            for group in queue(books)
            if group.period == picked[0].period and group.flag not in known and not ids.isdisjoint(group.ids)
        }
    )


def _as_options(flags: Sequence[str]) -> str:
    return " ".join(f"--clear {flag}" for flag in flags)


def _original(books: Books, period: str, of: str | None) -> str:
    """The closed period whose charges are decided on, empty for the open period's own."""
    if not is_open(books, period):
        hint = f"; give an open one with --of {period}" if not of else ""
        raise UsageFault(f"{period} is {_state(books, period)}; only an open period takes decisions{hint}")
    if of and is_open(books, of):
        raise UsageFault(f"{of} is open, so its charges are decided there: --period {of}")
    if of and of > period:
        raise UsageFault(f"{of} is later than {period}")
    return of or ""


def _state(books: Books, period: str) -> str:
    return str(books.ledger.period_file(period).state)


_writing: list[Callable[[Any], Any]] = [
    click.option("--reason", required=True, help="Why, for the reviewer and the auditor."),
    click.option("--by", help="Who decides; Git's user.email without it."),
    click.option("--on", help="The date; today without it.", type=click.DateTime(["%Y-%m-%d"])),
    click.option("--name", help="The name of the approval file."),
    with_ledger,
]
_common: list[Callable[[Any], Any]] = [
    click.option("--period", required=True, type=PERIOD, help="The open period whose folder takes the decision."),
    click.option("--of", type=PERIOD, help="A closed period whose charges are still held; without it, the same."),
    click.option("--flag", required=True, help="The flag to decide on, such as missing-fund."),
    click.option("--clear", "also", multiple=True, help="Another flag of these charges to settle; repeatable."),
    click.option("--source", help="Only charges of this source."),
    click.option("--project", help='Only charges of this project; "" for those without one.'),
    click.option("--service", help="Only charges of this service."),
    click.option("--charge", "charges", multiple=True, type=CHARGE, help="Only this charge, by id; repeatable."),
    *_writing,
]
_set: list[Callable[[Any], Any]] = [
    click.option("--set-pi", default="", help="The PI who is responsible."),
    click.option("--set-project", default="", help="The project it was for."),
    click.option("--set-fund", default="", help="The fund that pays."),
]


def _with(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _options(values: dict[str, object]) -> dict[str, str | None]:
    on = values.get("on")
    day = on.date().isoformat() if isinstance(on, dt.datetime) else None
    return {key: None if value is None else str(value) for key, value in values.items()} | {"on": day}


@review.command()
@_with(*_common)
def approve(also: tuple[str, ...], charges: tuple[str, ...], **values: object) -> None:
    """Approve flagged charges as they are.

    \b
    Example: focus-billing review approve --period 2025-01 --flag pattern:gpu --reason "agreed, REQ-142"
    """
    _decide(Verb.APPROVE, _options(values), Payer(), also, charges)


@review.command()
@_with(*_common)
def reject(also: tuple[str, ...], charges: tuple[str, ...], **values: object) -> None:
    """Reject flagged charges: they are billed to nobody.

    \b
    Example: focus-billing review reject --period 2025-01 --flag possible-duplicate --reason "sent twice"
    """
    _decide(Verb.REJECT, _options(values), Payer(), also, charges)


@review.command()
@_with(*_set, *_common)
def reassign(
    set_pi: str, set_project: str, set_fund: str, also: tuple[str, ...], charges: tuple[str, ...], **values: object
) -> None:
    """Bill flagged charges to another PI, project or fund.

    \b
    Example: focus-billing review reassign --period 2025-02 --of 2025-01 --flag missing-fund --set-fund BIO-2024-001
             --reason "asked"
    """
    if not (set_pi or set_project or set_fund):
        raise UsageFault("say to whom: --set-pi, --set-project or --set-fund")
    _decide(Verb.REASSIGN, _options(values), Payer(set_pi, set_project, set_fund), also, charges)


@review.command()
@click.option("--period", required=True, type=PERIOD, help="The open period whose statement carries the credit.")
@click.option("--of", required=True, type=PERIOD, help="The closed period of the charges.")
@click.option("--charge", "charges", multiple=True, type=CHARGE, help="The id of a charge; as often as needed.")
@click.option("--resource", "resources", multiple=True, help="All billed charges of this resource, by its id.")
@_with(*_set, *_writing)
def credit(
    period: str,
    of: str,
    charges: tuple[str, ...],
    resources: tuple[str, ...],
    set_pi: str,
    set_project: str,
    set_fund: str,
    **values: object,
) -> None:
    """Take back charges that a closed period billed; with --set-… bill them again rightly.

    \b
    Example: focus-billing review credit --period 2025-02 --of 2025-01 --charge 7f3a9c21d0b41e66 --reason "billed twice"
    """
    if not (charges or resources):
        raise UsageFault("say which charges: --charge or --resource")
    options = _options(values)
    root = root_of(options["named"])
    with locked(root):
        books = books_of(options["named"])
        _original(books, period, of)
        if of not in books.ledger.frozen:
            raise UsageFault(f"{of} has no record of its closing")
        who, when = who_and_when(root, options["by"], options["on"])
        found = (*charges, *billed_charges(books.ledger, of, resources)) if resources else charges
        if not found:
            raise UsageFault(f"no charge of {', '.join(resources)} was billed in {of}")
        ids = list(dict.fromkeys(found))
        told = _credited(books, of, period, ids)
        payer = Payer(set_pi, set_project, set_fund)
        entry = Ruling(Verb.CREDIT, payer, str(options["reason"]), who, when, of).on_charges(ids)
        refuse_faulty(books, period, [entry])
        path = write_batch(root, period, str(options["name"] or f"credit-{of}"), [entry])
    for line in told:
        click.echo(line)
    click.echo(f"{path}: credit {len(ids):,} charge{'s' * (len(ids) != 1)}; commit it to make it so")


def _credited(books: Books, of: str, period: str, ids: Sequence[str]) -> list[str]:
    """What crediting these charges takes back, in words. Raises UsageFault where one cannot be credited."""
    currency = books.ledger.config.currency
    billed, faults = creditable(books.ledger, of, period, ids)
    if faults:
        raise UsageFault(f"{of} cannot be credited like that\n  " + "\n  ".join(faults))
    return [
        f"{each.charge[:16]}  {money.human(each.amounts.billed, currency)} {currency}  {each.pi}, {each.project}, "
        f"statement {each.corrects}"
        for each in billed
    ]


def _as_json(books: Books, group: FlagGroup, earlier: dict[str, Decimal]) -> dict[str, object]:
    currency = books.ledger.config.currency
    return {
        "period": group.period,
        "state": _state(books, group.period),
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
        "earlier": {period: money.plain(amount, currency) for period, amount in earlier.items()},
    }
