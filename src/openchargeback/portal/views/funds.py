"""Funds: a list, and a page for each with what it paid, by project, PI, service and month."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from openchargeback.ledger.directory import FundEntry
from openchargeback.model import BillingLine, Fund
from openchargeback.portal import paths
from openchargeback.portal.shell import Link
from openchargeback.portal.statement_words import fund_days
from openchargeback.portal.views.common import Book, state_view
from openchargeback.portal.views.sheet import Fact, Sheet
from openchargeback.portal.views.spending import (
    Part,
    Spender,
    by_money,
    by_pi,
    by_project,
    by_service,
    due_word,
    list_columns,
    list_row,
    part_table,
    spender_sheet,
    summed,
)
from openchargeback.portal.views.tables import (
    DESCENDING,
    LIST_ROWS,
    PART_ROWS,
    Cell,
    Column,
    Cut,
    Kind,
    Row,
    Table,
    money_column,
    table,
)
from openchargeback.templating.filters import period_human
from openchargeback.wording import counted

Funds = Mapping[str, FundEntry]
"""The funds of the directory by id."""

_SPONSORS = {
    "federal": "Federal sponsor",
    "state": "State sponsor",
    "private": "Private sponsor",
    "institutional": "Institutional fund",
}


def sponsor_words(fund: FundEntry | None) -> str:
    """Whose money a fund is; empty if the directory does not say."""
    return _SPONSORS.get(fund.sponsor_type, "") if fund else ""


def fund_cell(book: Book, funds: Funds, id_: str) -> Cell:
    """A fund with its title and its page."""
    known = funds.get(id_)
    return Cell(id_ or _no_fund(book), paths.fund_page(id_), known.title if known else "")


def by_fund(book: Book, funds: Funds) -> Part[str]:
    """By the fund that pays."""
    return Part(
        "By fund",
        Column("Fund", note="Title"),
        book.paying_fund,
        partial(fund_cell, book, funds),
        lambda id_: {"fund": id_},
    )


def fund_list(book: Book, funds: Funds) -> Sheet:
    """All funds that ever paid for anything, by what they pay for the month shown. funds: those of the directory."""
    lines = book.by_fund
    empty = "Funds appear here with the first billed charge that names one."
    if not lines:
        return Sheet(title="Funds", empty=empty)
    more = (Column("May pay for"), Column("Sponsor"))
    rows = [
        list_row(book, spender, (Cell(_days(funds.get(id_))), Cell(sponsor_words(funds.get(id_)))))
        for id_, own in lines.items()
        for spender in [_spender(book, funds, id_, own)]
    ]
    latest = book.months[book.current]
    unused = sum(id_ not in lines for id_ in funds)
    note = f"{counted(unused, 'fund')} of the directory never paid for anything" if unused else ""
    found = table(
        "funds",
        "What each fund pays for",
        list_columns(book, "Fund", "Title", more),
        by_money(rows),
        note=note,
        total=counted(sum(map(bool, lines)), "fund"),
        cut=Cut(paths.table_file(f"funds-{latest}"), LIST_ROWS),
    )
    state = state_view(book.periods[book.current])
    return Sheet(
        title="Funds",
        window=f"Funds, {period_human(latest)}",
        status=(period_human(latest), state.word if state.kind != "open" else "Open, draft"),
        draft=state.kind == "open",
        tables=(found,),
    )


def fund_view(book: Book, funds: Funds, id_: str) -> Sheet:
    """The page of one fund. funds: those of the directory."""
    lines = book.by_fund[id_]
    spender = _spender(book, funds, id_, lines)
    parts = [
        part_table(book, spender, part, paths.table_file(name, "fund", id_))
        for name, part in (("projects", by_project(book)), ("pis", by_pi(book)))
    ]
    services = part_table(book, spender, by_service(book), paths.table_file("services", "fund", id_))
    known = funds.get(id_)
    title = f"{id_}: {known.title}" if known and known.title else id_ or _no_fund(book)
    verb = "Value," if book.showback else "Invoiced for" if not id_ else "Paid for"
    tables = [*parts, services, _statements(book, id_, lines)]
    return spender_sheet(book, spender, title, tables, kind="Fund", verb=verb)


def _no_fund(book: Book) -> str:
    return "No fund named" if book.showback else "Invoiced, no fund"


def _spender(book: Book, funds: Funds, id_: str, lines: list[BillingLine]) -> Spender:
    known = funds.get(id_)
    cell = fund_cell(book, funds, id_)
    days, sponsor = _days(known), sponsor_words(known)
    facts = [Fact(label="May pay for", text=days)] if days else []
    facts += [Fact(label="Sponsor", text=sponsor)] if sponsor else []
    if known and known.department:
        facts.append(Fact(label="Owner", text=known.department))
    return Spender(
        id=id_,
        name=Link(str(cell.value), cell.path),
        detail=cell.note,
        lines=lines,
        facts=tuple(facts),
        facet={"fund": id_} if id_ else {},
        months={},
    )


def _days(fund: FundEntry | None) -> str:
    """The days a fund may pay for."""
    if fund is None:
        return ""
    days = fund_days(Fund(fund.id, fund.title, fund.since, fund.until))
    return days if fund.active else f"{days}, inactive" if days else "Inactive"


def _statements(book: Book, id_: str, lines: list[BillingLine]) -> Table:
    """The statements that the fund pays for, newest first, each with the fund's share of it."""
    shares = summed(lines, lambda line: (line.period, line.pi, line.project))
    columns = (
        Column("Month", Kind.PERIOD, order=DESCENDING),
        Column("Statement", Kind.ID),
        Column("PI"),
        Column("Project"),
        money_column("List", book.currency),
        money_column(due_word(book), book.currency),
    )

    def row(key: tuple[str, str, str]) -> Row:
        statement, share = book.statement_of[key], shares[key]
        period, pi, project = key
        return (
            Cell(period, paths.period_page(period)),
            Cell(statement.number, paths.statement_page(statement)),
            Cell(book.pi_link(pi).label, book.pi_link(pi).path),
            Cell(project, book.project_link(project).path),
            Cell(share.list),
            Cell(share.billed),
        )

    ordered = sorted(shares, key=lambda key: (-shares[key].billed, key))
    ordered.sort(key=lambda key: key[0], reverse=True)
    return table(
        "statements",
        "Statements",
        columns,
        map(row, ordered),
        note="What this fund pays of each",
        total=counted(len(shares), "statement"),
        cut=Cut(paths.table_file("statements", "fund", id_), PART_ROWS),
    )
