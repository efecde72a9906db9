"""`focus-billing review`: the queue of held charges. The commands that decide have their own files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import click

from openchargeback import money
from openchargeback.billing.earlier import EarlierMonths
from openchargeback.billing.period_review import is_open, open_review
from openchargeback.cli.ask import ask
from openchargeback.cli.batches import amount_of, books_of, describe, queue
from openchargeback.cli.credit import credit
from openchargeback.cli.decide import approve, reassign, reject
from openchargeback.cli.evidence import evidence
from openchargeback.cli.listing import Column, count, json_only, json_rows, print_rows
from openchargeback.cli.options import PERIOD, as_json, with_ledger
from openchargeback.cli.refresh import refresh
from openchargeback.cli.report import held_words, note_problems, print_json, shown
from openchargeback.cli.reports.excerpt import cut
from openchargeback.focus.tags import json_fault
from openchargeback.ledger.deliveries import asked_words
from openchargeback.model import FlagNote, HeldCharge, QueueItem, State
from openchargeback.problems import UsageFault
from openchargeback.publish.books import LedgerLines
from openchargeback.review.held_sums import in_total
from openchargeback.review.proposals import commands, needed_fields, possible_verbs
from openchargeback.wording import counted

_MOST_CHARGES = 50
"""How many charges of an item `review show` prints."""

_MOST_TAGS = 500
"""How many characters of their tags it prints."""


@click.group()
def review() -> None:
    """Review held charges and decide them."""


for _command in (approve, reject, reassign, ask, credit, refresh, evidence):
    review.add_command(_command)


@review.command("list")
@click.option("--period", type=PERIOD, help="Only this period.")
@with_ledger
@as_json
def list_queue(period: str | None, named: str | None, json_: bool) -> None:
    """List what needs a decision, largest amounts first.

    Includes charges still held from closed periods.

    \b
    Example: focus-billing review list --period 2025-01
    """
    books = books_of(named)
    items = [item for item in queue(books) if period is None or item.period == period]
    if json_:
        print_json({"items": json_rows(_item_columns(books), items)})
        return
    note_problems(books.warnings)
    if not items:
        click.echo("Nothing to review.")
        return
    print_rows(_item_columns(books), items)
    waiting = held_words(in_total(items, books.ledger.config.currency))
    scope = f"in {period}" if period else "in all periods"
    click.echo(
        f"{counted(len(items), 'item')} to review {scope}, {waiting}; for details, run `focus-billing review show ITEM`"
    )
    late = next((item.period for item in items if not is_open(books.ledger, item.period)), "")
    if late:
        click.echo(f"To decide charges of a closed period, use an open one: --period OPEN --of {late}")


def _month(books: LedgerLines, item: QueueItem) -> str:
    """The period of an item, with its state unless that is open."""
    state = books.ledger.period_file(item.period).state
    return item.period if state is State.OPEN else f"{item.period} ({state})"


def reasons(item: QueueItem) -> str:
    """The flags that hold an item, each with the first reason it was raised."""
    return "; ".join(_reason(note) for note in item.details.notes if note.flag in item.uncleared) or ", ".join(
        item.uncleared
    )


def _reason(note: FlagNote) -> str:
    more = f" (+{len(note.reasons) - 1})" if len(note.reasons) > 1 else ""
    return f"{note.flag}: {note.reasons[0]}{more}" if note.reasons else note.flag


@review.command("show")
@click.argument("item")
@with_ledger
@as_json
def show_item(item: str, named: str | None, json_: bool) -> None:
    """Show an item of the queue in full, by its id or that of one of its charges.

    \b
    Example: focus-billing review show q3f9a1c22b7
    """
    books = books_of(named)
    found, charges = _find(books, item)
    if json_:
        (row,) = json_rows(_item_columns(books), [found])
        print_json({**row, "all_charges": json_rows(_charge_columns(found), charges)})
        return
    _print_item(books, found, charges)


def _find(books: LedgerLines, wanted: str) -> tuple[QueueItem, tuple[HeldCharge, ...]]:
    """The item with that id, or with a charge whose id starts with it."""
    items = queue(books)
    known = [item for item in items if item.id == wanted]
    periods = sorted({item.period for item in known or items})
    for period in periods:
        of = "" if is_open(books.ledger, period) else period
        folder = (
            period if not of else next((p for p in books.ledger.periods if is_open(books.ledger, p) and p > of), "")
        )
        with open_review(books.ledger, folder, of) as opened:
            for item in opened.items:
                charges = opened.charges_of(item)
                if item.id == wanted or any(each.id.startswith(wanted) for each in charges if len(wanted) >= 8):
                    return item, charges
    raise UsageFault(f"{wanted} is not in the queue; see `focus-billing review list`")


def _print_item(books: LedgerLines, item: QueueItem, charges: tuple[HeldCharge, ...]) -> None:
    config, details = books.ledger.config, item.details
    click.secho(f"{item.id}  {item.period}  {describe(item)}", bold=True)
    rows = [
        (
            "Amount",
            f"{amount_of(item)}, list {money.human(item.exact_list, item.currency)}, {counted(item.charges, 'charge')}",
        ),
        ("PI", item.pi or "none"),
        ("Sub-account", ", ".join(details.sub_accounts)),
        ("Days", _days(details.first_day, details.last_day)),
    ]
    months = EarlierMonths(books.periods).before(item)
    if months:
        earlier = [f"{each.period} {money.human(each.amounts.billed, config.currency)}" for each in months]
        rows.append(("Before", "  ".join(earlier)))
    for note in details.notes:
        cleared = "" if note.flag in item.uncleared else " (cleared)"
        rows += [("Reason", f"{note.flag}{cleared}" + (f": {why}" if why else "")) for why in note.reasons or ("",)]
    width = max(len(label) for label, _ in rows)
    for label, text in rows:
        if text:
            click.echo(f"{label.ljust(width)}  {shown(text)}")
    click.echo()
    print_rows(_charge_columns(item), charges[:_MOST_CHARGES])
    if len(charges) > _MOST_CHARGES:
        click.echo(f"and {counted(len(charges) - _MOST_CHARGES, 'more charge')}; --json lists all")
    for tags in dict.fromkeys(each.tags for each in charges[:_MOST_CHARGES] if each.tags):
        _print_tags(tags, malformed="malformed-tags" in item.flags)
    click.echo()
    click.echo("To decide:")
    late = not is_open(books.ledger, item.period)
    for line in commands(item, books.ledger.config, books.ledger.directory.external, late=late):
        click.echo(f"  {line}")


def _print_tags(tags: str, *, malformed: bool) -> None:
    """The tags as in the file, with a caret below the character where parsing fails."""
    fault = json_fault(tags) if malformed else None
    if fault is None:
        click.echo(f"Tags: {shown(tags)[:_MOST_TAGS]}")
        return
    excerpt = cut(tags, fault, 1, _MOST_TAGS)
    click.echo(f"Tags: {excerpt.text}")
    click.echo("      " + " " * excerpt.caret + click.style("^", fg="red", bold=True))


def _days(first: object, last: object) -> str:
    if first is None:
        return ""
    return str(first) if last in (None, first) else f"{first} to {last}"


def _quantity(charge: HeldCharge) -> str:
    if charge.quantity is None:
        return ""
    price = f" × {money.exact(charge.unit_price)}" if charge.unit_price is not None else ""
    return f"{money.exact(charge.quantity)} {charge.unit}".rstrip() + price


def _item_columns(books: LedgerLines) -> tuple[Column[QueueItem], ...]:
    currency, config, external = books.ledger.config.currency, books.ledger.config, books.ledger.directory.external

    months = EarlierMonths(books.periods)

    def earlier(item: QueueItem) -> dict[str, str]:
        return {each.period: money.plain(each.amounts.billed, currency) for each in months.before(item)}

    def asked(item: QueueItem) -> str | None:
        return asked_words(books.ledger.deliveries.get(item.period, ()), item.id) or None

    def without_project(item: QueueItem) -> str:
        return f"none ({item.sub_account or item.resource})".replace(" ()", "")

    return (
        Column("item", "Item", lambda item: item.id),
        Column("period", "Period", lambda item: item.period, lambda item: _month(books, item)),
        Column("state", "", lambda item: str(books.ledger.period_file(item.period).state)),
        Column("project", "Project", lambda item: item.project, lambda item: item.project or without_project(item)),
        *json_only("pi"),
        Column("service", "Service", lambda item: item.service),
        Column("source", "Source", lambda item: item.source),
        *json_only("currency", "sub_account", "resource"),
        Column("flags", "", lambda item: list(item.flags)),
        Column("uncleared", "", lambda item: list(item.uncleared)),
        count("charges", "Charges", lambda item: item.charges),
        Column("list", "", lambda item: money.exact(item.exact_list)),
        Column("amount", "Amount", lambda item: money.exact(item.exact_billed), amount_of, right=True),
        Column("asked", "Asked" if books.ledger.deliveries else "", asked, lambda item: asked(item) or ""),
        Column("why", "Reason", lambda item: {note.flag: list(note.reasons) for note in item.details.notes}, reasons),
        *json_only("digest"),
        Column("ids", "", lambda item: list(item.ids)),
        Column("sub_accounts", "", lambda item: list(item.details.sub_accounts)),
        Column("resources", "", lambda item: list(item.details.resources)),
        Column("resource_count", "", lambda item: item.details.resource_count),
        Column("first_day", "", lambda item: _iso(item.details.first_day)),
        Column("last_day", "", lambda item: _iso(item.details.last_day)),
        Column("quantity", "", lambda item: _exact(item.details.quantity)),
        Column("unit", "", lambda item: item.details.unit),
        Column("earlier", "", earlier),
        Column("decisions", "", lambda item: [verb.value for verb in possible_verbs(item, config, external)]),
        Column("needed", "", lambda item: list(needed_fields(item, config, external))),
        Column("samples", "", lambda item: json_rows(_charge_columns(item), item.details.samples)),
    )


def _charge_columns(item: QueueItem) -> tuple[Column[HeldCharge], ...]:
    def human(of: Callable[[HeldCharge], Decimal]) -> Callable[[HeldCharge], str]:
        return lambda each: money.human(of(each), item.currency)

    return (
        Column("charge", "Charge", lambda each: each.id),
        Column("", "Days", lambda each: _days(each.first_day, each.last_day)),
        Column("first_day", "", lambda each: _iso(each.first_day)),
        Column("last_day", "", lambda each: _iso(each.last_day)),
        *json_only("sub_account", "resource_id"),
        Column("resource_name", "Resource", lambda each: each.resource_name, _resource),
        Column("quantity", "Quantity × unit price", lambda each: _exact(each.quantity), _quantity, right=True),
        *json_only("unit"),
        Column("unit_price", "", lambda each: _exact(each.unit_price)),
        Column(
            "list", "List", lambda each: money.exact(each.exact_list), human(lambda each: each.exact_list), right=True
        ),
        Column(
            "billed",
            f"Billed {item.currency}",
            lambda each: money.exact(each.exact_billed),
            human(lambda each: each.exact_billed),
            right=True,
        ),
        Column("currency", "", lambda _each: item.currency),
        *json_only("tags"),
        Column("file", "File, row", lambda each: each.path, lambda each: f"{each.path}, {each.row}"),
        *json_only("row"),
    )


def _resource(charge: HeldCharge) -> str:
    return charge.resource_name or charge.resource_id


def _iso(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None


def _exact(amount: Decimal | None) -> str | None:
    return money.exact(amount) if amount is not None else None
