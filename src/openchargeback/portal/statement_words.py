"""The sentences of a statement: what is due, what happens now, what is held, and when the award may pay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.invoices import is_invoice
from openchargeback.characters import one_line
from openchargeback.explanations import explain
from openchargeback.ledger.settings import Config
from openchargeback.model import Amounts, Fund, QueueItem, Statement
from openchargeback.portal.invoice_view import InvoiceView
from openchargeback.review.held_sums import in_total
from openchargeback.templating.filters import date_human, days_human
from openchargeback.wording import counted, listed

NOTHING_CHARGED = "For your information. Nothing will be charged."
"""Shown instead of the amount due if nothing is charged by design."""

REASONS_SHOWN = 3
"""How many reasons why charges are held are named before the rest is counted."""

_NO_PAYMENT = "No payment is needed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The amount that answers what a statement is about, and what happens now.

    is_value: the amount is what the usage was worth, and nothing is due. also: what stands beside it; may be empty.
    """

    heading: str
    amount: Decimal
    is_value: bool
    also: str
    sentence: str


def answer(statement: Statement, config: Config, invoice: InvoiceView | None = None) -> Answer:
    """The answer of a statement. invoice: the one that it is."""
    total = statement.shown if statement.only_shown else statement.amounts
    worth = total.list > 0 and not total.billed
    if statement.only_shown:
        amount = total.list if worth else total.billed
        return Answer(heading="Value of usage", amount=amount, is_value=worth, also="", sentence=NOTHING_CHARGED)
    so_far = " so far" if statement.draft else ""
    if worth:
        return Answer(
            heading=f"Value received{so_far}",
            amount=total.list,
            is_value=True,
            also=f"Amount due {amount_words(total.billed, config.currency)}",
            sentence=_nothing_due(statement, total, config),
        )
    return Answer(
        heading=f"Amount due{so_far}",
        amount=total.billed,
        is_value=False,
        also="",
        sentence=invoice.sentence if invoice else _what_happens(statement, total, config.currency),
    )


def amount_words(amount: Decimal, currency: str) -> str:
    """An amount in running text: `USD 1,234.50`."""
    return f"{currency}\N{NO-BREAK SPACE}{money.human(amount, currency)}"


def not_charged(amount: Decimal, currency: str) -> str:
    """What a statement shows beside what it charges."""
    return f"For your information, not charged: {amount_words(amount, currency)}"


def _nothing_due(statement: Statement, total: Amounts, config: Config) -> str:
    who = one_line(config.organization.name) or "The institution"
    if total.covered == total.list:
        paid = f"{who} pays all of the list price."
    elif total.covered:
        paid = f"The vendor’s discount and {who} take off all of the list price."
    else:
        paid = "The vendor’s discount is all of the list price."
    if statement.draft:
        return f"{paid} Nothing would be charged. Amounts may change until the month is closed."
    return f"{paid} Nothing is charged, and no payment is needed."


def _what_happens(statement: Statement, total: Amounts, currency: str) -> str:
    """What becomes of the amount due, by the state of the month."""
    if not statement.lines or not (total.list or total.billed or total.discount):
        held = " so far: its charges are under review" if statement.held else ""
        return f"Nothing was billed for this project{held}."
    if not total.billed:
        return "Nothing would be charged." if statement.draft else f"Nothing is charged. {_NO_PAYMENT}"
    back = total.billed < 0
    amount = f"{amount_words(abs(total.billed), currency)} " if back else ""
    where = f"{'returned to' if back else 'charged to'} {_funds(statement.funds)}"
    if statement.draft:
        start = f"{amount}would be {where}"
        return f"{_capital(start)} once the month is closed. Amounts may change until then."
    entry = f"by journal entry dated {date_human(statement.accounting_date)}"
    later = statement.accounting_date > statement.issued
    tense = ("will be " if back else "Will be ") if later else "is " if back else ""
    need = "Nothing needs to be done." if back else _NO_PAYMENT
    return f"{_capital(f'{amount}{tense}{where}')} {entry}. {need}"


def together(statements: Sequence[Statement], due: Decimal) -> str:
    """What becomes of the amount due of several statements of a month, in one sentence."""
    first = statements[0]
    if not due:
        return "Nothing would be charged." if first.draft else f"Nothing is charged. {_NO_PAYMENT}"
    if is_invoice(first):
        return f"Invoiced: {'the statement' if len(statements) == 1 else 'each statement'} says how to pay."
    where = f"{'returned to' if due < 0 else 'charged to'} these funds"
    if first.draft:
        return f"Would be {where} once the month is closed. Amounts may change until then."
    will = "will be " if first.accounting_date > first.issued else ""
    return f"{_capital(will + where)} by journal entry dated {date_human(first.accounting_date)}. {_NO_PAYMENT}"


def _funds(funds: Sequence[str]) -> str:
    if len(funds) == 1:
        return one_line(funds[0])
    return "these funds" if funds else "no fund"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def held_words(held: Sequence[QueueItem], currency: str) -> str:
    """How many charges await a decision, over which amount, and why; empty if there are none."""
    if not held:
        return ""
    sums = [each for each in in_total(held, currency) if each.charges]
    totals = [f"{counted(each.charges, 'charge')}, {amount_words(each.exact_billed, each.currency)}" for each in sums]
    reasons = list(dict.fromkeys(flag_words(flag) for item in held for flag in item.uncleared))
    why = f": {listed(reasons, REASONS_SHOWN)}" if reasons else ""
    them = "it" if sum(each.charges for each in sums) == 1 else "them"
    return f"{', and '.join(totals)}{why}. Write to us to release {them}."


def questions_until(statement: Statement, config: Config) -> dt.date:
    """The last day for questions about an issued statement."""
    return statement.issued + dt.timedelta(days=config.statements.questions_until_days)


def flag_words(flag: str) -> str:
    """A flag as a readable reason: `missing-fund` is "no fund is named"; the institution's patterns by their name."""
    if flag.startswith("pattern:"):
        return f"rule “{one_line(flag.removeprefix('pattern:'))}”"
    known = explain(flag)
    return (known.on_statement if known else "") or one_line(flag.replace("-", " "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Who pays under which terms: the award, its period of performance, and the days of the charges, line by line."""

    heading: str
    lines: tuple[str, ...]


def terms(statement: Statement, references: Iterable[tuple[str, str]]) -> Terms:
    """The terms of a statement. references: labels and values of references such as grant numbers, found in tags.

    The period of performance is the project's; without one, that of the only fund.
    """
    project = statement.project
    award = one_line(project.award)
    named = [f"{label} {values}" for label, values in references if values != award]
    performance = span_words(project.start, project.end)
    own = fund_days(statement.paying[0]) if len(statement.paying) == 1 else ""
    lines = [award, *named, performance or own]
    if own and performance not in ("", own):
        lines.append(f"Fund: {own}")
    lines = [line for line in lines if line]
    heading = "Award and period of performance" if lines else "Charges"
    days = days_human(*statement.days) if statement.days else ""
    charges = [f"Charges {days}" if lines else days] if days else []
    return Terms(heading=heading, lines=tuple(lines + charges))


def fund_days(fund: Fund) -> str:
    """The days that a fund may pay for, in words; empty without limits."""
    return span_words(fund.since, fund.until)


def span_words(first: dt.date | None, last: dt.date | None) -> str:
    """`1 Sep 2023 to 31 Aug 2025`, `from 1 Sep 2023`, `until 31 Aug 2025`; empty without limits."""
    if first and last:
        return days_human(first, last)
    return f"from {date_human(first)}" if first else f"until {date_human(last)}" if last else ""
