"""`focus-billing show PI`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from openchargeback.billing.statements import by_statement
from openchargeback.cli.listing import Column, amount, cents, count, json_only, json_rows, print_rows
from openchargeback.cli.options import PERIOD, as_json, root_of, with_ledger
from openchargeback.cli.report import amount_words, held_words, print_json, progress, shown
from openchargeback.ledger.shape import nearest
from openchargeback.model import QueueItem, StatementLines, SummedPeriod
from openchargeback.problems import UsageFault
from openchargeback.publish.books import LedgerLines, open_lines
from openchargeback.review.held_sums import in_total
from openchargeback.wording import listed

_MOST_NAMES = 5
"""How many people are suggested for an unknown name."""


@click.command()
@click.argument("pi")
@click.option("--period", type=PERIOD, help="Only this period.")
@with_ledger
@as_json
def show(pi: str, period: str | None, named: str | None, json_: bool) -> None:
    """Show what a PI was billed, by period and project, and what is held.

    \b
    Example: focus-billing show ada.okafor@example.edu --period 2025-01
    """
    with progress() as step:
        books = open_lines(root_of(named), wanted=period or "", step=step)
    email = books.ledger.directory.email(pi)
    months = [billed for billed in books.periods if period is None or billed.period == period]
    found = [each for billed in months for each in _statements(books, billed) if each.pi.email == email]
    held = [item for billed in months for item in billed.undecided if item.pi == email]
    if not found and not held:
        people = _people(books)
        if email in people:
            raise UsageFault(f"{pi} has no statement and no held charges" + (f" in {period}" if period else ""))
        raise UsageFault(f"the ledger has no PI {pi}{_suggested(pi, people)}")
    currency, name = books.ledger.config.currency, books.ledger.directory.person(email).name
    statements = _statement_columns(found, currency)
    if json_:
        lists = {"statements": json_rows(statements, found), "held": json_rows(_HELD, held)}
        print_json({"pi": email, "name": name, "currency": currency, **lists})
        return
    if found:
        print_rows(statements, found)
    if held:
        click.echo("\nHeld, not billed yet" if found else "Held, not billed yet")
        print_rows(_HELD, held)
    billed_words = amount_words(found, currency) if found else "nothing billed"
    waiting_words = f"; {held_words(in_total(held, currency))} held" if held else ""
    click.echo(shown(f"{name}: {billed_words}{waiting_words}"))


def _statements(books: LedgerLines, billed: SummedPeriod) -> tuple[StatementLines, ...]:
    return by_statement(billed, books.ledger.as_recorded(billed.period).directory)


def _statement_columns(found: Sequence[StatementLines], currency: str) -> list[Column[StatementLines]]:
    return [
        Column("period", "Period", lambda each: each.period),
        *json_only("number"),
        Column("project", "Project", lambda each: each.project.id),
        Column("funds", "Funds", lambda each: list(each.funds), lambda each: " ".join(each.funds)),
        *cents(found, currency),
    ]


_HELD: tuple[Column[QueueItem], ...] = (
    Column("period", "Period", lambda item: item.period),
    Column("item", "", lambda item: item.id),
    Column("project", "Project", lambda item: item.project, lambda item: item.project or "none"),
    *json_only("source"),
    Column("service", "Service", lambda item: item.service),
    count("charges", "Charges", lambda item: item.charges),
    amount("amount", "Amount", lambda item: (item.exact_billed, item.currency)),
    *json_only("currency"),
    Column("flags", "Reason", lambda item: list(item.uncleared), lambda item: ", ".join(item.uncleared)),
)


def _people(books: LedgerLines) -> dict[str, str]:
    """Every PI in the ledger: name by email address."""
    people = {email: person.name for email, person in books.ledger.directory.people.items()}
    for billed in books.periods:
        people |= {item.pi: item.pi for item in billed.undecided if item.pi and item.pi not in people}
        people |= {each.pi.email: each.pi.name for each in _statements(books, billed) if each.pi.email not in people}
    return people


def _suggested(word: str, people: Mapping[str, str]) -> str:
    """A hint: PIs whose address or name contains the word or is spelled like it; else where to look."""
    wanted = word.strip().casefold()
    names = {
        text.casefold(): email for email, name in people.items() for text in (email, email.partition("@")[0], name)
    }
    found = sorted({email for text, email in names.items() if wanted and wanted in text})
    if not found and (near := nearest(wanted, names)):
        found = [names[near]]
    if not found:
        return "; `focus-billing periods show PERIOD` lists the PIs of a period"
    hits = [f"{email} ({people[email]})" if people[email] not in ("", email) else email for email in found]
    return f"; did you mean {listed(hits, _MOST_NAMES)}?"
