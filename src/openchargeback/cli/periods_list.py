"""`focus-billing periods list` and `periods show`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import click

from openchargeback import money
from openchargeback.billing.completeness import GONE_SHOWN, Completeness, completeness, month_of
from openchargeback.billing.invoices import invoice_number, is_invoice
from openchargeback.billing.journal import journal_of_period, posts_nothing
from openchargeback.billing.postings import POSTED_WORDS, LineSums, PostedMonth, posted_month
from openchargeback.billing.provider_invoices import InvoiceCheck, check_invoices
from openchargeback.billing.statements import by_statement
from openchargeback.cli.listing import Column, amount, cents, count, json_only, json_rows, print_rows
from openchargeback.cli.options import PERIOD, as_json, root_of, with_ledger
from openchargeback.cli.report import note_problems, print_held, print_json, print_table, progress, shown
from openchargeback.model import (
    Amounts,
    Correction,
    FlagTotal,
    Journal,
    PeriodTotals,
    SourceTotals,
    State,
    StatementLines,
    SummedPeriod,
)
from openchargeback.plan import words
from openchargeback.portal.paths import statement_pdf
from openchargeback.problems import UsageFault
from openchargeback.publish.books import LedgerLines, open_lines, open_totals
from openchargeback.review.held_sums import HeldSum, by_reason, in_total
from openchargeback.wording import counted, listed


@click.command("list")
@with_ledger
@as_json
def list_periods(named: str | None, json_: bool) -> None:
    """List the periods of the ledger, with state and totals.

    \b
    Example: focus-billing periods list
    """
    with progress() as step:
        books = open_totals(root_of(named), step=step)
    currency = books.ledger.config.currency
    columns = _period_columns(books.periods, currency)
    if json_:
        print_json({"currency": currency, "periods": json_rows(columns, books.periods)})
        return
    note_problems(books.warnings)
    if not books.periods:
        click.echo("no periods yet; to add charges, run `focus-billing ingest FILE --source NAME`")
        return
    print_rows(columns, books.periods)


def _period_columns(periods: Sequence[PeriodTotals], currency: str) -> list[Column[PeriodTotals]]:
    # What was held when a month closed may have been decided since.
    since = any(_still_held(each) != _held(each) for each in periods)
    return [
        Column("period", "Period", lambda each: each.period),
        Column("state", "State", lambda each: each.state, lambda each: each.state.capitalize()),
        count("charges", "Charges", lambda each: sum(source.charges for source in each.sources)),
        count("statements", "Statements", lambda each: each.statements),
        *cents(periods, currency),
        _own("held", "Held when closed" if since else "Held", _held),
        _own("still_held", "Still held" if since else "", _still_held),
    ]


def _own(key: str, head: str, of: Callable[[PeriodTotals], Decimal]) -> Column[PeriodTotals]:
    """A column of exact amounts in the ledger's currency, which the table does not name."""
    return Column(
        key, head, lambda each: money.exact(of(each)), lambda each: money.human(of(each), each.currency), right=True
    )


@click.command("show")
@click.argument("period", type=PERIOD)
@click.option("--why", metavar="NUMBER", help="Trace this statement's lines to their charges.")
@click.option("--line", "lines", type=click.IntRange(1), multiple=True, help="With --why: only this line; repeatable.")
@with_ledger
@as_json
def show_period(period: str, why: str | None, lines: tuple[int, ...], named: str | None, json_: bool) -> None:
    """Show a period: sources, invoices of providers, statements, flags, journal.

    With --why, trace the amounts of a statement to its charges.

    \b
    Example: focus-billing periods show 2025-01 --json
             focus-billing periods show 2025-01 --why 2025-01-3f9a1c22b7
    """
    if lines and not why:
        raise UsageFault("--line requires --why NUMBER")
    with progress() as step:
        books = open_lines(root_of(named), wanted=period, step=step)
    billed = books.period(period)
    if billed is None:
        raise UsageFault(f"the ledger has no period {period}")
    if why:
        from openchargeback.cli.why import print_trace

        print_trace(books, billed, why, lines, json_=json_)
        return
    months = [month_of(each) for each in books.periods]
    rows = completeness(month_of(billed), months, books.ledger.settings(period))
    if json_:
        print_json(_as_json(billed, books, rows))
        return
    note_problems(books.warnings)
    click.secho(f"{period}  {billed.state.capitalize()}", bold=True)
    click.echo(f"Accounting date {billed.accounting_date.isoformat()}")
    for absent in billed.without:
        click.echo(shown(f"Without {absent.source}: {words.without(absent)}"))
    print_rows(_SOURCES, billed.sources)
    _print_completeness(rows, books, billed.currency)
    if invoices := check_invoices(books.ledger, billed):
        click.echo()
        print_rows(_INVOICES, invoices)
    if billed.flags:
        click.echo()
        print_rows(_FLAGS, billed.flags)
    if billed.undecided:
        click.echo()
        scope = period if billed.state is State.OPEN else f"{period}, still held"
        print_held(by_reason(billed.undecided), in_total(billed.undecided, billed.currency), scope)
    if billed.corrections:
        click.echo()
        print_rows(_earlier_columns(billed.currency), _earlier(billed))
    click.echo()
    _print_totals(billed, books)


def _print_totals(billed: SummedPeriod, books: LedgerLines) -> None:
    """Print the totals of the statements and of the journal."""
    currency = billed.currency
    nothing = posts_nothing(billed, books.ledger.settings(billed.period))
    statements = len({(line.pi, line.project) for line in billed.lines})
    lead = f"{counted(statements, 'statement')}: "
    if not nothing:
        click.echo(shown(lead + _amounts(billed.amounts, "due", books)))
        lead = ""
    if invoiced := {(line.pi, line.project) for line in billed.lines if line.invoiced}:
        due = money.human(billed.invoiced.billed, currency)
        click.echo(f"of which invoiced to external payers: {due} {currency} on {counted(len(invoiced), 'invoice')}")
    if any(not line.posted for line in billed.lines):
        click.echo(f"{lead}for information, not charged: {_amounts(billed.shown, 'value', books)}")
    if nothing:
        click.echo("no journal: no source of the period is charged (`post: false`)")
        return
    journal = journal_of_period(billed, books.ledger.settings)
    again = f", of which {money.human(journal.again, currency)} is journaled again" if billed.again else ""
    click.echo(
        f"journal of {len(journal.lines):,} lines: debits {money.human(journal.debits, currency)}, "
        f"credits {money.human(journal.credits, currency)}, net {money.human(journal.net, currency)} {currency}{again}"
    )
    if journal.debits != journal.net:
        click.echo("The net is the amount owed: refunds swap sides, so they add to both debits and credits.")
    _print_posted(billed, journal, books)


def _print_posted(billed: SummedPeriod, journal: Journal, books: LedgerLines) -> None:
    """Print what became of the journal of a closed period."""
    if billed.state is State.OPEN:
        click.echo("The journal is a draft until the period is closed.")
        return
    month = posted_month(journal, billed.documents, books.ledger.postings.get(billed.period, ()))
    click.echo()
    print_rows(_posted_columns(billed.currency), [row for row in _posted_rows(month) if row.sums.lines])
    for each in month.exceptions:
        again = f", journaled again in {each.again}" if each.again else ""
        amount_ = f"{money.human(each.amount, billed.currency)} {billed.currency}"
        where = f"document {each.document} line {each.line}"
        click.echo(shown(f"{where}, {amount_}: {each.status}{again} ({each.reason})"))


@dataclass(frozen=True, slots=True)
class _PostedRow:
    """Journal lines that the same happened to."""

    what: str
    sums: LineSums


def _posted_rows(month: PostedMonth) -> list[_PostedRow]:
    return [_PostedRow(what, sums) for what, sums in month.sums.items()]


def _posted_columns(currency: str) -> tuple[Column[_PostedRow], ...]:
    def cents_(key: str, head: str, of: Callable[[LineSums], Decimal]) -> Column[_PostedRow]:
        return Column(
            key,
            head,
            lambda row: money.plain(of(row.sums), currency),
            lambda row: money.human(of(row.sums), currency),
            right=True,
        )

    return (
        Column("status", "Journal", lambda row: row.what, lambda row: POSTED_WORDS[row.what]),
        count("lines", "Lines", lambda row: row.sums.lines),
        cents_("debits", "Debits", lambda sums: sums.debits),
        cents_("credits", "Credits", lambda sums: sums.credits),
        cents_("net", f"Net {currency}", lambda sums: sums.net),
    )


def _held(period: PeriodTotals) -> Decimal:
    return money.total(*(each.held for each in period.sources if each.currency == period.currency))


def _still_held(period: PeriodTotals) -> Decimal:
    return in_total(period.undecided, period.currency)[0].exact_billed


def _amounts(amounts: Amounts, what: str, books: LedgerLines) -> str:
    from openchargeback.portal.discount_words import discount_rows

    currency = books.ledger.config.currency
    between = [
        f"{row.label[:1].lower()}{row.label[1:]} {money.human(row.amount, currency)}"
        for row in discount_rows(amounts, books.ledger.config.organization.name)
    ]
    parts = (f"list {money.human(amounts.list, currency)}", *between, f"{what} {money.human(amounts.billed, currency)}")
    return f"{', '.join(parts)} {currency}"


def _imported(key: str, of: Callable[[SourceTotals], Decimal]) -> Column[SourceTotals]:
    return Column(
        key,
        key.capitalize(),
        lambda each: money.exact(of(each)),
        lambda each: money.human(of(each), each.currency),
        right=True,
    )


_SOURCES: tuple[Column[SourceTotals], ...] = (
    Column("source", "Source", lambda each: each.source),
    *json_only("currency", "files"),
    count("charges", "Charges", lambda each: each.charges),
    _imported("imported", lambda each: each.imported),
    _imported("billed", lambda each: each.billed),
    _imported("held", lambda each: each.held),
    _imported("rejected", lambda each: each.rejected),
    Column("", "Currency", lambda each: each.currency),
)


def _invoice_amount(head: str, of: Callable[[InvoiceCheck], Decimal | None]) -> Column[InvoiceCheck]:
    def text(each: InvoiceCheck) -> str:
        found = of(each)
        return "" if found is None else f"{money.human_exact(found, each.currency)} {each.currency}"

    return Column("", head, text, right=True)


_INVOICES: tuple[Column[InvoiceCheck], ...] = (
    Column("", "Invoice", lambda each: each.invoice or "none"),
    Column("", "Source", lambda each: each.source),
    count("", "Charges", lambda each: each.charges),
    _invoice_amount("Charged", lambda each: each.charged),
    _invoice_amount("Invoiced", lambda each: each.invoiced),
    _invoice_amount("Difference", lambda each: None if each.invoiced is None else each.difference),
    Column("", "Result", lambda each: each.status),
)

_FLAGS: tuple[Column[FlagTotal], ...] = (
    Column("flag", "Flag as raised", lambda each: each.flag),
    *json_only("currency"),
    count("charges", "Charges", lambda each: each.charges),
    amount("amount", "Amount", lambda each: (each.exact_billed, each.currency)),
)

_HELD: tuple[Column[HeldSum], ...] = (
    Column("flags", "", lambda each: list(each.flags)),
    *json_only("items", "charges"),
    amount("amount", "", lambda each: (each.exact_billed, each.currency)),
    *json_only("currency"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Earlier:
    """Charges of an earlier period that were corrected in the same way, in one currency."""

    original: str
    entry: str
    currency: str
    charges: int
    exact: Decimal
    cents: Decimal


def _earlier(period: SummedPeriod) -> list[_Earlier]:
    """The corrections of a period, summed by original period, kind of correction, and currency."""
    found: dict[tuple[str, str, str], list[Correction]] = {}
    for each in period.corrections:
        found.setdefault((each.original, str(each.entry), each.currency), []).append(each)
    return [
        _Earlier(
            original=original,
            entry=entry,
            currency=currency,
            charges=len(charges),
            exact=money.total(*(each.exact_billed for each in charges)),
            cents=sum((each.amounts.billed for each in charges), money.ZERO),
        )
        for (original, entry, currency), charges in sorted(found.items())
    ]


def _earlier_columns(currency: str) -> tuple[Column[_Earlier], ...]:
    return (
        Column("original", "Earlier period", lambda each: each.original),
        Column("entry", "Entry", lambda each: each.entry),
        count("charges", "Charges", lambda each: each.charges),
        Column(
            "exact",
            "Exact",
            lambda each: money.exact(each.exact),
            lambda each: f"{money.signed_exact(each.exact)} {each.currency}",
            right=True,
        ),
        *json_only("currency"),
        Column(
            "billed",
            f"Due {currency}",
            lambda each: money.plain(each.cents, currency),
            lambda each: money.human(each.cents, currency),
            right=True,
        ),
    )


def _statement_columns(statements: Sequence[StatementLines], currency: str) -> list[Column[StatementLines]]:
    return [
        *json_only("number"),
        Column("invoice", "", lambda each: invoice_number(each.number) if is_invoice(each) else ""),
        Column("pi", "", lambda each: each.pi.email),
        Column("project", "", lambda each: each.project.id),
        *cents(statements, currency),
        Column("pdf", "", statement_pdf),
    ]


def _print_completeness(rows: Sequence[Completeness], books: LedgerLines, currency: str) -> None:
    """Print what each source delivered compared with the months before, and which PIs are gone."""
    if not rows:
        return
    click.echo()
    print_table(
        ("Source", "File", "Days", f"Total {currency}", "Median of 3", "Change", "PIs gone"),
        [
            (
                each.source,
                _files(each),
                words.days(each),
                money.human(each.total, currency),
                "" if each.median is None else money.human(each.median, currency),
                words.against_median(each),
                f"{len(each.gone):,}" if each.gone else "",
            )
            for each in rows
        ],
        right=(3, 4, 5, 6),
    )
    directory = books.ledger.directory
    for each in rows:
        if each.gone:
            names = [directory.person(pi).name for pi in each.gone]
            click.echo(shown(f"Gone from {each.source}: {listed(names, GONE_SHOWN)}"))


def _files(row: Completeness) -> str:
    """The charge file without its folder, the number of files if several, else `missing` or `none`."""
    if not row.charges:
        return "missing" if row.missing else "none"
    return row.files[0].split("/", 2)[-1] if len(row.files) == 1 else f"{len(row.files):,} files"


def _as_json(period: SummedPeriod, books: LedgerLines, rows: Sequence[Completeness]) -> dict[str, object]:
    currency, journal = period.currency, journal_of_period(period, books.ledger.settings)
    statements = by_statement(period, books.ledger.as_recorded(period.period).directory)
    month = posted_month(journal, period.documents, books.ledger.postings.get(period.period, ()))
    return {
        "period": period.period,
        "state": period.state,
        "revision": period.revision,
        "accounting_date": period.accounting_date.isoformat(),
        "currency": currency,
        "sources": json_rows(_SOURCES, period.sources),
        "completeness": [each.as_json() for each in rows],
        "invoices": [each.as_json() for each in check_invoices(books.ledger, period)],
        "without": [{"source": each.source, "reason": each.reason, "by": each.by} for each in period.without],
        "statements": json_rows(_statement_columns(statements, currency), statements),
        "earlier": json_rows(_earlier_columns(currency), _earlier(period)),
        "flags": json_rows(_FLAGS, period.flags),
        "held": json_rows(_HELD, by_reason(period.undecided)),
        "journal": {
            **{name: money.plain(getattr(journal, name), currency) for name in ("debits", "credits", "net")},
            "lines": len(journal.lines),
            "again": money.plain(journal.again, currency),
            "documents": [
                {"format": each.format, "number": each.number, "lines": each.lines} for each in period.documents
            ],
            "posted": json_rows(_posted_columns(currency), _posted_rows(month)),
            "exceptions": [
                {
                    **{name: getattr(each, name) for name in ("document", "line", "status", "fund", "reason", "again")},
                    "amount": money.plain(each.amount, currency),
                }
                for each in month.exceptions
            ],
        },
        "invoiced": money.plain(period.invoiced.billed, currency),
        "shown": money.plain(period.shown.billed, currency),
    }
