"""What a statement charges, by line and kind of charge: what the books as FOCUS call a detail of an invoice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from openchargeback.model import Amounts, BilledPeriod, BillingLine, Entry, Kind, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledDetail:
    """The charges of one kind in a posted line of a statement. number: of the line there, from 1.

    amounts: in cents; those of all kinds sum to the line.
    """

    statement: Statement
    number: int
    line: BillingLine
    kind: Kind
    charges: int
    amounts: Amounts

    @property
    def id(self) -> str:
        """Unique in the statement: `3-usage`."""
        return f"{self.number}-{self.kind.value}"

    @property
    def reference(self) -> str:
        """The number of the statement that a credit or re-billing corrects; else empty."""
        return self.line.corrects

    @property
    def credit_note(self) -> str:
        """The number of the credit note; empty unless it is a credit."""
        return self.statement.credit_notes[self.line.corrects] if self.line.entry is Entry.CREDIT else ""


def billed_details(period: BilledPeriod) -> Iterator[BilledDetail]:
    """What is charged in a period, in the order of its statements; what is only shown is left out."""
    corrected: dict[tuple[str, ...], dict[Kind, list[Amounts]]] = {}
    for each in period.corrections:
        corrected.setdefault(each.line_key, {}).setdefault(each.kind, []).append(each.amounts)
    for statement in period.statements:
        own: dict[tuple[str, str, str], dict[Kind, list[tuple[int, Amounts]]]] = {}
        for part in statement.resources:
            kinds = own.setdefault((part.fund, part.source, part.service), {})
            kinds.setdefault(part.kind, []).append((part.charges, part.amounts))
        for number, line in enumerate(statement.lines, start=1):
            if not line.posted:
                continue
            found = own.get((line.fund, line.source, line.service), {})
            if line.entry is not Entry.OWN:
                found = {kind: [(1, each) for each in parts] for kind, parts in corrected.get(line.key, {}).items()}
            for kind in sorted(found):
                yield BilledDetail(
                    statement=statement,
                    number=number,
                    line=line,
                    kind=kind,
                    charges=sum(charges for charges, _ in found[kind]),
                    amounts=Amounts.total(amounts for _, amounts in found[kind]),
                )
