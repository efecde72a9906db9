"""`focus-billing show PI`."""

from __future__ import annotations

from collections.abc import Mapping

import click

from openchargeback import money
from openchargeback.cli.options import PERIOD, as_json, root_of, with_ledger
from openchargeback.cli.report import amount_columns, amount_words, held_words, print_json, print_table, progress, shown
from openchargeback.ledger.line_table import amount_values
from openchargeback.ledger.shape import nearest
from openchargeback.problems import UsageFault
from openchargeback.publish.build import Books, open_books
from openchargeback.review.held_sums import in_total
from openchargeback.wording import listed

_MOST_NAMES = 5
"""How many people are suggested for a name that nobody has."""


@click.command()
@click.argument("pi")
@click.option("--period", type=PERIOD, help="Only this period.")
@with_ledger
@as_json
def show(pi: str, period: str | None, named: str | None, json_: bool) -> None:
    """What a PI was billed, by period and project, and what of theirs is held.

    \b
    Example: focus-billing show ada.okafor@example.edu --period 2025-01
    """
    with progress() as step:
        books = open_books(root_of(named), wanted=period or "", step=step)
    email = books.ledger.directory.email(pi)
    months = [billed for billed in books.periods if period is None or billed.period == period]
    found = [each for billed in months for each in billed.statements if each.pi.email == email]
    held = [item for billed in months for item in billed.undecided if item.pi == email]
    if not found and not held:
        people = _people(books)
        if email in people:
            raise UsageFault(f"{pi} has no statement and no held charges" + (f" in {period}" if period else ""))
        raise UsageFault(f"the ledger has no PI {pi}{_suggested(pi, people)}")
    currency, name = books.ledger.config.currency, books.ledger.directory.person(email).name
    if json_:
        rows = [
            {
                "period": each.period,
                "number": each.number,
                "project": each.project.id,
                "funds": list(each.funds),
                **amount_values(each.amounts, currency),
                "shown": money.plain(each.shown.billed, currency),
            }
            for each in found
        ]
        waiting = [
            {
                "period": item.period,
                "item": item.id,
                "project": item.project,
                "source": item.source,
                "service": item.service,
                "flags": list(item.uncleared),
                "charges": item.charges,
                "amount": money.exact(item.exact_billed),
                "currency": item.currency,
            }
            for item in held
        ]
        print_json({"pi": email, "name": name, "currency": currency, "statements": rows, "held": waiting})
        return
    if found:
        heads, amounts = amount_columns(found, currency)
        print_table(
            ("Period", "Project", "Funds", *heads),
            [
                (each.period, each.project.id, " ".join(each.funds), *cells)
                for each, cells in zip(found, amounts, strict=True)
            ],
            right=(3, 4, 5, 6),
        )
    if held:
        click.echo("\nHeld, not billed yet" if found else "Held, not billed yet")
        print_table(
            ("Period", "Project", "Service", "Charges", "Amount", "Reason"),
            [
                (
                    item.period,
                    item.project or "none",
                    item.service,
                    f"{item.charges:,}",
                    f"{money.human(item.exact_billed, item.currency)} {item.currency}",
                    ", ".join(item.uncleared),
                )
                for item in held
            ],
            right=(3, 4),
        )
    billed_words = amount_words(found, currency) if found else "nothing billed"
    waiting_words = f"; {held_words(in_total(held, currency))} held" if held else ""
    click.echo(shown(f"{name}: {billed_words}{waiting_words}"))


def _people(books: Books) -> dict[str, str]:
    """Everybody whom the ledger knows as a PI: name by e-mail address."""
    people = {email: person.name for email, person in books.ledger.directory.people.items()}
    for billed in books.periods:
        people |= {item.pi: item.pi for item in billed.undecided if item.pi and item.pi not in people}
        people |= {each.pi.email: each.pi.name for each in billed.statements if each.pi.email not in people}
    return people


def _suggested(word: str, people: Mapping[str, str]) -> str:
    """Those whose address or name holds the word, or is spelled most like it; else where to look."""
    wanted = word.strip().casefold()
    names = {
        text.casefold(): email for email, name in people.items() for text in (email, email.partition("@")[0], name)
    }
    found = sorted({email for text, email in names.items() if wanted and wanted in text})
    if not found and (near := nearest(wanted, names)):
        found = [names[near]]
    if not found:
        return "; `focus-billing periods show PERIOD` lists the PIs of a period"
    told = [f"{email} ({people[email]})" if people[email] not in ("", email) else email for email in found]
    return f"; did you mean {listed(told, _MOST_NAMES)}?"
