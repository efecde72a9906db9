"""The decisions of all months: who decided what, when and why, and how strong the evidence for it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from openchargeback.ledger.approvals import Decision
from openchargeback.model import LEVELS, DecisionRecord, Evidence
from openchargeback.portal import paths
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.sheet import Sheet
from openchargeback.portal.views.tables import MOST_ROWS, Cell, Column, Cut, Kind, Row, money_column, table
from openchargeback.wording import counted

_NOT_YET = "not recorded yet"


def decided_charges(decisions: Mapping[str, Sequence[Decision]]) -> dict[str, str]:
    """The page of the charges that each decision decided, by the place of the decision (`path:line`).

    decisions: of each month.
    """
    every = (each for found in decisions.values() for each in found)
    return {each.place: paths.charges_view(each.charges_period, decision=each.place) for each in every}


def approvals(book: Book, decided: Mapping[str, str]) -> Sheet:
    """Every decision, the latest first. decided: the page of its charges, by its place."""
    rows: list[tuple[tuple[str, str, str, int], Row]] = []
    void = 0
    for period in book.periods:
        evidence = {each.path: each for each in period.evidence}
        for decision in period.decisions:
            void += bool(decision.void)
            place = (decision.on, period.period, decision.path, decision.line)
            rows.append((place, _row(period.period, decision, evidence.get(decision.path), decided)))
    if not rows:
        return Sheet(title="Approvals", empty="Decisions on charges under review appear here once one is committed.")
    found = [row for _, row in sorted(rows, key=lambda each: each[0], reverse=True)]
    note = f"The latest {MOST_ROWS} of {len(found):,}; the file has all" if len(found) > MOST_ROWS else ""
    columns = (
        Column("Date", Kind.DATE, order="descending"),
        Column("Decision", note="Void because"),
        Column("What"),
        Column("Reason"),
        Column("By"),
        Column("Charges", Kind.COUNT, adds=True),
        money_column("Amount", book.currency, kind=Kind.EXACT),
        Column("Evidence", note="Who approved"),
        Column("Month", Kind.PERIOD),
        Column("File", Kind.ID, note="Path"),
    )
    status = [counted(len(found), "decision")]
    if void:
        status.append(f"{void:,} void")
    return Sheet(
        title="Approvals made",
        status=tuple(status),
        lead=(
            "Each decision on charges under review, as its file in the ledger says. The amount leads to the charges "
            f"that it decided. Evidence of who approved the file is recorded when its month is closed. {LEVELS}"
        ),
        tables=(table("approvals", "Decisions", columns, found, note=note, cut=Cut(paths.table_file("approvals"))),),
    )


def _row(period: str, decision: DecisionRecord, evidence: Evidence | None, decided: Mapping[str, str]) -> Row:
    place = f"{decision.path}:{decision.line}"
    amount: Decimal | None = None if decision.void else decision.exact_billed
    return (
        Cell(decision.on or None),
        Cell(decision.decision.capitalize(), "", f"void: {decision.void}" if decision.void else ""),
        Cell(decision.what),
        Cell(decision.reason),
        Cell(decision.by),
        Cell(0 if decision.void else decision.charges),
        Cell(amount, "" if decision.void else decided.get(place, paths.charges_page(period))),
        Cell(str(evidence.level) if evidence else "–", hint=evidence.who if evidence else _NOT_YET),
        Cell(period, paths.period_page(period)),
        Cell(place.rpartition("/")[2], hint=place),
    )
