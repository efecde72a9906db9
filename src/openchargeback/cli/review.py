"""`focus-billing review`: the queue of flagged charges, and approval files."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from openchargeback import money
from openchargeback.billing.credits import billed_charges, creditable
from openchargeback.cli.evidence import evidence
from openchargeback.cli.options import PERIOD, F, as_json, root_of, with_ledger
from openchargeback.cli.report import note_problems, print_json, print_table, progress, shown
from openchargeback.ledger import git
from openchargeback.ledger.approvals import ID_PATTERN, Decision, Verb
from openchargeback.ledger.schema_files import schema_comment
from openchargeback.ledger.settings import Payer
from openchargeback.ledger.yaml_text import quoted
from openchargeback.model import Entry, FlagGroup, State
from openchargeback.problems import UsageFault
from openchargeback.publish.build import Books, examine
from openchargeback.publish.lock import locked
from openchargeback.publish.single import write_file

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


@review.command("list")
@click.option("--period", type=PERIOD, help="Only this period.")
@with_ledger
@as_json
def list_queue(period: str | None, named: str | None, json_: bool) -> None:
    """The groups of charges that wait for a decision, also those still held from closed periods.

    \b
    Example: focus-billing review list --period 2025-01
    """
    books = _books(named)
    groups = [group for group in _queue(books) if period is None or group.period == period]
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
                group.period if _is_open(books, group.period) else f"{group.period} ({_state(books, group.period)})",
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
    late = next((group.period for group in groups if not _is_open(books, group.period)), "")
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
        books = _books(options["named"])
        period, flag = str(options["period"]), str(options["flag"])
        of = _original(books, period, options["of"])
        picked = _picked(books, of or period, flag, options)
        if not picked:
            raise UsageFault(f"no undecided charges in {of or period} carry {flag} as asked; see `review list`")
        _refuse_impossible(verb, flag)
        others = [] if verb is Verb.REJECT else _other_flags(books, picked, {flag, *also}, charges)
        if others and of:
            raise UsageFault(f"a late decision settles all flags of its charges: add {_as_options(others)}")
        by, on = _who_and_when(root, options)
        reason = str(options["reason"])
        if charges:
            entries = [_entry_of_charges(charges, verb, payer, reason, by, on, flags=(flag, *also), of=of)]
            count = len(charges)
        else:
            entries = [_entry(group, verb, payer, reason, by, on, of, also) for group in picked]
            count = sum(group.held for group in picked)
        path = _write(root, period, str(options["name"] or f"{verb}-{flag}"), entries)
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
        for group in _queue(books)
        if (group.period, group.flag) == (period, flag)
        and all(options[key] in (None, getattr(group, key)) for key in ("source", "project", "service"))
    ]


def _other_flags(books: Books, picked: Sequence[FlagGroup], known: set[str], charges: tuple[str, ...]) -> list[str]:
    """Flags that hold charges of these groups beside the known ones, as far as the ids that groups show tell."""
    ids = {id_ for group in picked for id_ in group.ids if not charges or id_.startswith(charges)}
    return sorted(
        {
            group.flag
            for group in _queue(books)
            if group.period == picked[0].period and group.flag not in known and not ids.isdisjoint(group.ids)
        }
    )


def _as_options(flags: Sequence[str]) -> str:
    return " ".join(f"--clear {flag}" for flag in flags)


def _original(books: Books, period: str, of: str | None) -> str:
    """The closed period whose charges are decided on, empty for the open period's own."""
    if not _is_open(books, period):
        hint = f"; give an open one with --of {period}" if not of else ""
        raise UsageFault(f"{period} is {_state(books, period)}; only an open period takes decisions{hint}")
    if of and _is_open(books, of):
        raise UsageFault(f"{of} is open, so its charges are decided there: --period {of}")
    if of and of > period:
        raise UsageFault(f"{of} is later than {period}")
    return of or ""


def _is_open(books: Books, period: str) -> bool:
    return books.ledger.period_file(period).state is State.OPEN


def _state(books: Books, period: str) -> str:
    return str(books.ledger.period_file(period).state)


def _who_and_when(root: Path, options: dict[str, str | None]) -> tuple[str, str]:
    on, by = str(options["on"] or dt.datetime.now(dt.UTC).date()), options["by"] or git.user(root)
    if not by:
        raise UsageFault("give --by: Git knows no user.email here")
    return by, on


def _write(root: Path, period: str, name: str, entries: Sequence[str]) -> str:
    """Write decisions as a new approval file; gives its path in the ledger."""
    path = _free_path(root, period, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    relative = path.relative_to(root).as_posix()
    write_file(path, (schema_comment(root, relative) + "decisions:\n" + "".join(entries)).encode())
    return relative


def _entry(
    group: FlagGroup, verb: Verb, payer: Payer, reason: str, by: str, on: str, of: str = "", also: Sequence[str] = ()
) -> str:
    where = {key: getattr(group, key) for key in ("source", "flag", "project", "service", "pi")}
    selector = ", ".join(f"{key}: {quoted(value)}" for key, value in where.items())
    expected = f"charges: {group.held}, billed: {quoted(money.exact(group.exact_held))}, digest: {quoted(group.digest)}"
    head = [f"where: {{{selector}}}", f"expect: {{{expected}}}", *_clears(also)]
    return _lines(head, verb, payer, reason, by, on, of)


def _entry_of_charges(
    charges: Sequence[str],
    verb: Verb,
    payer: Payer,
    reason: str,
    by: str,
    on: str,
    *,
    flags: Sequence[str] = (),
    of: str = "",
) -> str:
    head = [f"charges: [{', '.join(quoted(charge) for charge in charges)}]"]
    return _lines([*head, *_clears(flags)], verb, payer, reason, by, on, of)


def _clears(flags: Sequence[str]) -> list[str]:
    return [f"clears: [{', '.join(quoted(flag) for flag in flags)}]"] if flags else []


def _lines(head: list[str], verb: Verb, payer: Payer, reason: str, by: str, on: str, of: str) -> str:
    changes = {key: value for key in ("pi", "project", "fund") if (value := getattr(payer, key))}
    values = ", ".join(f"{key}: {quoted(value)}" for key, value in changes.items())
    lines = [
        *head,
        *([f"period: {quoted(of)}"] if of else []),
        f"decision: {verb}",
        *([f"set: {{{values}}}"] if values else []),
        f"reason: {quoted(reason)}",
        f"by: {quoted(by)}",
        f"on: {on}",
    ]
    return "  - " + "\n    ".join(lines) + "\n"


def _free_path(root: Path, period: str, name: str) -> Path:
    """A file of its own for every batch: never one that is there."""
    stem = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "batch"
    folder = root / "approvals" / period
    number = 1
    while (path := folder / (f"{stem}.yaml" if number == 1 else f"{stem}-{number}.yaml")).exists():
        number += 1
    return path


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
        books = _books(options["named"])
        _original(books, period, of)
        if of not in books.ledger.frozen:
            raise UsageFault(f"{of} has no record of its closing")
        by, on = _who_and_when(root, options)
        found = (*charges, *billed_charges(books.ledger, of, resources)) if resources else charges
        if not found:
            raise UsageFault(f"no charge of {', '.join(resources)} was billed in {of}")
        ids = list(dict.fromkeys(found))
        told = _credited(books, of, period, ids)
        payer = Payer(set_pi, set_project, set_fund)
        entry = _entry_of_charges(ids, Verb.CREDIT, payer, str(options["reason"]), by, on, of=of)
        path = _write(root, period, str(options["name"] or f"credit-{of}"), [entry])
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


@review.command()
@click.option("--period", type=PERIOD, help="Only the decisions in this period's folder.")
@click.option("--by", help="Who decides; Git's user.email without it.")
@click.option("--on", help="The date; today without it.", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--dry-run", is_flag=True, help="Only print the proposal.")
@with_ledger
def refresh(period: str | None, by: str | None, on: dt.datetime | None, dry_run: bool, named: str | None) -> None:
    """Propose decisions in place of void ones, in a new approval file; the void ones are for you to remove.

    \b
    Example: focus-billing review refresh --dry-run
    """
    root = root_of(named)
    with locked(root):
        books = _books(named)
        if period and books.period(period) is None:
            raise UsageFault(f"the ledger has no period {period}")
        void = [(each, decision) for each, decision in _void(books) if period in (None, each)]
        if not void:
            click.echo("no decision is void")
            return
        who, when = _who_and_when(root, {"by": by, "on": on.date().isoformat() if on else None})
        for folder in sorted({each for each, _ in void}):
            entries = [
                _entry(
                    group, decision.verb, decision.set, decision.reason, who, when, decision.period, decision.clears[1:]
                )
                for each, decision in void
                if each == folder
                for group in _successors(books, folder, decision)
            ]
            if dry_run and entries:
                click.echo("decisions:\n" + "".join(entries), nl=False)
            elif entries:
                click.echo(f"{_write(root, folder, 'refresh', entries)}: a proposal to look through and commit")
    click.echo("Remove by hand, since they are void:", err=True)
    for each, decision in void:
        gone = "" if _successors(books, each, decision) else "; nothing that it names waits any more, or it names ids"
        click.echo(f"  {decision.place}: {decision.verb}, {shown(decision.reason)}{gone}", err=True)


def _void(books: Books) -> list[tuple[str, Decision]]:
    """The void decisions of open periods, with the period whose folder they lie in."""
    places = {(each.path, each.line) for period in books.periods for each in period.decisions if each.void}
    return [
        (period, decision)
        for period, decisions in sorted(books.ledger.approvals.items())
        if _is_open(books, period)
        for decision in decisions
        if (decision.path, decision.line) in places
    ]


def _successors(books: Books, period: str, decision: Decision) -> list[FlagGroup]:
    """The groups that a void selector means now."""
    wanted = {key: value for key, value in decision.where.items() if key != "pi"}
    if "pi" in decision.where:
        wanted["pi"] = books.ledger.directory.email(decision.where["pi"])
    if "source" in wanted:
        wanted["source"] = wanted["source"].lower()
    return [
        group
        for group in _queue(books)
        if decision.where
        and group.period == (decision.period or period)
        and all(getattr(group, key) == value for key, value in wanted.items())
    ]


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
    """What waits: by period, then flag, the group with most money first."""
    groups = [group for period in books.periods for group in period.queue]
    return sorted(groups, key=lambda each: (each.period, each.flag, -abs(each.exact_held)))


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
