"""The content of a statement, as values that templates only have to show.

    Statement + Config + history ─▶ StatementView ─┬▶ statement.pdf.html ─▶ PDF
                                                   └▶ statement.html     ─▶ page of the portal

Charged and shown-only amounts (sources with `post: false`) are separate throughout: two parts, two totals.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.invoices import is_invoice
from openchargeback.characters import one_line
from openchargeback.ledger.periods import CHART_MONTHS, first_day, last_day, months_until
from openchargeback.ledger.settings import Config
from openchargeback.model import Amounts, Fund, PeriodAmounts, QueueItem, Reference, Statement
from openchargeback.portal.attribution_words import attribution_sentence
from openchargeback.portal.invoice_view import InvoiceView, invoice_view
from openchargeback.portal.letterhead import Letterhead, SummaryRow, discount_steps, room_of
from openchargeback.portal.questions import question_address
from openchargeback.portal.statement_parts import (
    OTHER_SERVICE,
    Corrections,
    Figures,
    Part,
    added,
    part_of,
    source_label,
    sum_of,
)
from openchargeback.portal.statement_words import (
    Answer,
    Terms,
    answer,
    flag_words,
    fund_days,
    held_words,
    not_charged,
    questions_until,
    terms,
)
from openchargeback.review.held_sums import HeldSum, in_total
from openchargeback.templating.filters import date_human, period_human
from openchargeback.wording import listed

REFERENCES_SHOWN = 12
"""How many values of a reference, such as grant numbers, are listed before the rest is counted."""

_MONTHS_NAMED = 2


@dataclass(frozen=True, slots=True)
class Span:
    """The days that a statement is for, both inclusive, and their name."""

    first: dt.date
    last: dt.date
    name: str

    @staticmethod
    def of_month(period: str) -> Span:
        """A month."""
        return Span(first_day(period), last_day(period), period_human(period))


@dataclass(frozen=True, slots=True)
class FundRow:
    """What one accounting string pays.

    days: those that it may pay for, in words; empty if they are unknown or stand elsewhere.
    """

    fund: str
    days: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The change of the amount due since the month before. percent: None if that would mislead."""

    since: str
    change: Decimal
    percent: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """Charges under review; the amount is in `currency`, which may differ from the ledger's."""

    label: str
    service: str
    reasons: tuple[str, ...]
    charges: int
    exact_billed: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One month of the chart. `list` and `due` in cents. known: the ledger has any charges of that month."""

    period: str
    list: Decimal
    due: Decimal
    current: bool
    known: bool


@dataclass(frozen=True, slots=True)
class DiscountNote:
    """Explains the discount of a source: the source, and the institution's text."""

    label: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementView:
    """Everything on a statement, in reading order.

    only_shown: nothing on it is charged; then `main` is what is shown, `due` of a figure is the value of the usage, and
    no fund is shown. main: what is charged, otherwise. shown: the shown-only part beside it; None if there is none.
    summary: from list price to amount due. held_words: the charges under review in a sentence; empty if there are none.
    attribution: how PI, project and fund were found, in a sentence; empty if unknown.
    invoice: what makes it the invoice of an external payer; None for others. funds: those that are journaled.
    question: the address that asks about one of its charges; empty if there is none.
    questions_until: None on a draft, for which no deadline runs yet.
    digest: the first 16 digits of the digest that the figures rest on.
    """

    span: Span
    number: str
    issued: dt.date
    revision: int
    draft: bool
    currency: str
    head: Letterhead
    pi_name: str
    pi_email: str
    department: str
    project_title: str
    project_id: str
    terms: Terms
    answer: Answer
    invoice: InvoiceView | None
    funds: tuple[FundRow, ...]
    only_shown: bool
    summary: tuple[SummaryRow, ...]
    comparison: Comparison | None
    held_words: str
    held: tuple[HeldRow, ...]
    held_total: tuple[HeldSum, ...]
    bars: tuple[Bar, ...]
    main: Part
    shown: Part | None
    discount_notes: tuple[DiscountNote, ...]
    attribution: str
    notes: tuple[str, ...]
    question: str
    questions_until: dt.date | None
    digest: str

    @property
    def word(self) -> str:
        """What the document is called."""
        if self.invoice:
            return self.invoice.word
        return "Draft statement" if self.draft else "Statement"

    @property
    def document(self) -> str:
        """The number that the reader gives: that of the invoice, else of the statement."""
        return self.invoice.number if self.invoice else self.number

    @property
    def kind(self) -> str:
        """What the document is, whatever its state: `Statement`, `Invoice`."""
        return self.invoice.kind if self.invoice else "Statement"

    @property
    def name(self) -> str:
        """The document with its number: `Statement 2025-01-3f9a1c22b7`, `Invoice INV-2025-01-3f9a1c22b7`."""
        return f"{self.kind} {self.document}"

    @property
    def ask_by(self) -> str:
        """Which number to name with a question."""
        return "invoice" if self.invoice else "statement"

    @property
    def dated(self) -> str:
        """Since when it stands, and when an invoice is due."""
        due = f", due {date_human(self.invoice.due)}" if self.invoice and self.invoice.due else ""
        return f"{'As of' if self.draft else 'Issued'} {date_human(self.issued)}{due}"

    @property
    def beside(self) -> tuple[str, ...]:
        """What stands below the answer: the terms of an invoice, and what is not charged."""
        terms = self.invoice.lines if self.invoice else ()
        return (*terms, *([not_charged(self.shown.total.due, self.currency)] if self.shown else []))

    @property
    def to(self) -> tuple[str, ...]:
        """Whom it is for, in lines: the first stands out."""
        lines = [self.pi_name, self.department, self.pi_email]
        if self.invoice:
            order = f"Purchase order {self.invoice.purchase_order}" if self.invoice.purchase_order else ""
            lines = [*self.invoice.to, order, *lines]
        return tuple(line for line in lines if line)

    @property
    def title(self) -> str:
        """The document's title, for windows, search results and screen readers."""
        return f"{self.word} {self.document}: {self.project_title}, {self.span.name}"

    @property
    def last_column(self) -> str:
        """The name of the last column of amounts."""
        return "Value" if self.only_shown else "Amount due"

    @property
    def room(self) -> str:
        """The width that its amounts need, as a class of the style sheet: `usual`, `wide` or `huge`."""
        rows = [row for part in (self.main, self.shown) if part for row in part.figures()]
        return room_of((amount for row in rows for amount in (row.list, row.discount, row.due)), self.currency)


def statement_view(
    statement: Statement, config: Config, history: Sequence[PeriodAmounts] = (), *, has_logo: bool = False
) -> StatementView:
    """The view of `statement`.

    history: the same PI and project in other periods, in any order; a missing month has no data, and this period's own
    amounts always come from the statement. has_logo: whether the template may request the logo.
    """
    only_shown = statement.only_shown
    main = part_of(statement, config, posted=not only_shown)
    mixed = not only_shown and any(not line.posted for line in statement.lines)
    shown_part = part_of(statement, config, posted=False) if mixed else None
    bars, invoice = _bars(statement, history), invoice_view(statement, config)
    return StatementView(
        span=Span.of_month(statement.period),
        number=statement.number,
        issued=statement.issued,
        revision=statement.revision,
        draft=statement.draft,
        currency=config.currency,
        head=Letterhead.of(config, has_logo=has_logo),
        pi_name=one_line(statement.pi.name) or one_line(statement.pi.email) or "Unknown PI",
        pi_email=one_line(statement.pi.email) if statement.pi.email != statement.pi.name else "",
        department=one_line(statement.pi.department),
        project_title=one_line(statement.project.title) or one_line(statement.project.id) or "No project",
        project_id=one_line(statement.project.id) if statement.project.id != statement.project.title else "",
        terms=terms(statement, [_reference(reference) for reference in statement.references]),
        answer=answer(statement, config, invoice),
        invoice=invoice,
        funds=_funds(statement),
        only_shown=only_shown,
        summary=_summary(main, config, "Value" if only_shown else "Amount due"),
        comparison=_comparison(bars),
        held_words=held_words(statement.held, config.currency),
        held=tuple(_held(item, config) for item in statement.held),
        held_total=in_total(statement.held, config.currency),
        bars=bars,
        main=main,
        shown=shown_part,
        discount_notes=_discount_notes((main, *([shown_part] if shown_part else [])), config),
        attribution=_attribution(statement, config.currency),
        notes=tuple(one_line(part) for part in config.statements.note.split("\n\n") if part.strip()),
        question=question_address(config, statement.number),
        questions_until=None if statement.draft else questions_until(statement, config),
        digest=statement.digest[:16],
    )


def _attribution(statement: Statement, currency: str) -> str:
    posted = (each for each in statement.attributions if each.posted)
    found = [replace(each, by=tuple(map(one_line, each.by))) for each in posted]
    return attribution_sentence(found, currency, invoiced=is_invoice(statement))


def _reference(reference: Reference) -> tuple[str, str]:
    """A reference's label and values: `Grant`, `GR-1, GR-2 and 3 more`."""
    shown = [one_line(value) for value in reference.values[:REFERENCES_SHOWN]]
    rest = reference.count - len(shown)
    label = one_line(reference.name).replace("_", " ")
    return label[:1].upper() + label[1:], ", ".join(shown) + (f" and {rest:,} more" if rest else "")


def _funds(statement: Statement) -> tuple[FundRow, ...]:
    every = added((line.fund, line.amounts) for line in statement.lines if line.journaled)
    found = {fund: amounts for fund, amounts in every.items() if fund or amounts.billed}
    known = {fund.id: fund for fund in statement.paying}
    several = len(found) > 1
    return tuple(
        FundRow(one_line(fund), fund_days(known.get(fund, Fund(fund))) if several else "", Figures.of(amounts))
        for fund, amounts in sorted(found.items())
    )


def _summary(part: Part, config: Config, last: str) -> tuple[SummaryRow, ...]:
    """From the list price of the month's charges to what is due: who grants which discount, credits, late charges."""
    blocks: dict[str, list[Figures]] = {}
    for block in part.services:
        blocks.setdefault(block.source, []).append(block.figures)
    sources = {source: sum_of(rows) for source, rows in blocks.items()}
    rows = [SummaryRow(label="List price", detail="", amount=part.charges.list), *discount_steps(sources, config)]
    for label, corrected in (("Credits", part.credits), ("Late charges", part.late)):
        if corrected:
            rows.append(SummaryRow(label=label, detail=_months_of(corrected), amount=corrected.total.due))
    return (*rows, SummaryRow(label=last, detail="", amount=part.total.due))


def _months_of(block: Corrections) -> str:
    months = [period_human(period) for period in sorted({row.original for row in block.rows if row.original})]
    return f"for {listed(months, _MONTHS_NAMED)}" if months else ""


def _comparison(bars: Sequence[Bar]) -> Comparison | None:
    """The change since the calendar month before; None without a statement of that month."""
    before, now = bars[-2], bars[-1]
    if not (before.list or before.due):
        return None
    change = now.due - before.due
    return Comparison(
        since=period_human(before.period), change=change, percent=money.change_percent(change, before.due)
    )


def _held(item: QueueItem, config: Config) -> HeldRow:
    return HeldRow(
        label=source_label(config, item.source),
        service=one_line(item.service) or OTHER_SERVICE,
        reasons=tuple(flag_words(flag) for flag in item.uncleared),
        charges=item.charges,
        exact_billed=item.exact_billed,
        currency=item.currency,
    )


def _bars(statement: Statement, history: Sequence[PeriodAmounts]) -> tuple[Bar, ...]:
    """The amount due by month; on a shown-only statement, the value of the usage."""
    period, shows = statement.period, statement.only_shown
    known = {entry.period: entry.shown if shows else entry.amounts for entry in history}
    known[period] = statement.shown if shows else statement.amounts
    return tuple(
        Bar(
            period=at,
            list=known.get(at, Amounts()).list,
            due=known.get(at, Amounts()).billed,
            current=at == period,
            known=at in known,
        )
        for at in months_until(period, CHART_MONTHS)
    )


def _discount_notes(parts: Iterable[Part], config: Config) -> tuple[DiscountNote, ...]:
    """The texts of the sources that grant a discount here."""
    discounted = {block.source: block.label for part in parts for block in part.services if block.figures.discount}
    return tuple(
        DiscountNote(label, one_line(config.source(source).note))
        for source, label in discounted.items()
        if one_line(config.source(source).note)
    )
