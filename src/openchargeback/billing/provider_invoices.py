"""Compare what providers invoiced for a month with the charges that name each invoice.

Σ BilledCost of the charges of an InvoiceId = the invoice (FOCUS 1.2, "InvoiceId"; FOCUS 1.4, "Invoice Detail"). Charges
count whatever becomes of them, since the provider is paid for all of them. If the charges of a source name no invoice,
as before FOCUS 1.2, all of them are compared with all of its invoices of the month.

`validate`, `periods show`, `periods close` and the plan share this rule.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from openchargeback import money
from openchargeback.ledger.provider_invoices import ProviderInvoice
from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.settings import Config
from openchargeback.model import ChargeRows, InvoiceSum, State
from openchargeback.problems import Problem, Severity
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.wording import counted, listed

_IDS = 3
"""How many invoices are named if all charges of a source are compared with all of its invoices."""

_Key = tuple[str, str, str]
"""Source, invoice and currency."""


class InvoiceStatus(enum.StrEnum):
    """How an invoice and its charges compare.

    missing: charges name an invoice that the ledger lacks, or none. provisional: the provider may still change it.
    """

    MATCHES = "matches"
    DIFFERS = "differs"
    MISSING = "missing"
    PROVISIONAL = "provisional"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCheck:
    """An invoice of a provider compared with the charges of a month that name it, in `currency`.

    invoice: its number, or the numbers of several; empty for charges that name none. charges: how many name it.
    charged: their exact sum. invoiced: exact; None if the ledger lacks the invoice. tolerance: by how much both may
    differ. taxes: the tax of charges and invoice, if the invoice says how much it is. unreadable, rows: as in
    InvoiceSum. path, line: the place of the invoice.
    """

    source: str
    invoice: str
    currency: str
    charges: int
    charged: Decimal
    invoiced: Decimal | None
    tolerance: Decimal
    provisional: bool = False
    taxes: tuple[Decimal, Decimal] | None = None
    unreadable: int = 0
    rows: tuple[ChargeRows, ...] = ()
    path: str = ""
    line: int = 0

    @property
    def difference(self) -> Decimal:
        """Charged less invoiced, exactly; zero without an invoice."""
        return money.ZERO if self.invoiced is None else money.total(self.charged, money.negative(self.invoiced))

    @property
    def status(self) -> InvoiceStatus:
        """How both compare."""
        if self.invoiced is None:
            return InvoiceStatus.MISSING
        if self.provisional:
            return InvoiceStatus.PROVISIONAL
        return InvoiceStatus.DIFFERS if abs(self.difference) > self.tolerance else InvoiceStatus.MATCHES

    @property
    def what(self) -> str:
        """The difference or what is missing, in words."""
        name = f"invoice {self.invoice} of {self.source}"
        if self.status is InvoiceStatus.MISSING:
            amount = f"{counted(self.charges, 'charge')} of {self.source}, {self._amount(self.charged)}"
            if self.invoice:
                return f"{name} is missing: {amount}, name it"
            return f"{amount}, {'name' if self.charges != 1 else 'names'} no invoice"
        invoiced = self.invoiced or money.ZERO
        both = f"is {self._amount(invoiced)}, and its {self._charges} {self._amount(self.charged)}"
        if self.status is InvoiceStatus.PROVISIONAL:
            return f"{name} is not issued yet (InvoiceIssueStatus is Open): it {both}"
        if self.status is InvoiceStatus.MATCHES:
            return f"{name} {both}"
        side = "more" if self.difference > 0 else "less"
        return f"{name} {both}: {self._amount(abs(self.difference))} {side} than invoiced{self._reasons}"

    def as_json(self) -> dict[str, object]:
        """The public JSON form: exact amounts as text."""
        return {
            "source": self.source,
            "invoice": self.invoice,
            "currency": self.currency,
            "status": str(self.status),
            "charges": self.charges,
            "charged": money.exact(self.charged),
            "invoiced": None if self.invoiced is None else money.exact(self.invoiced),
            "difference": None if self.invoiced is None else money.exact(self.difference),
        }

    @property
    def _charges(self) -> str:
        return f"{counted(self.charges, 'charge')} {'sum' if self.charges != 1 else 'sums'} to"

    def _amount(self, amount: Decimal) -> str:
        return f"{money.human_exact(amount, self.currency)} {self.currency}"

    @property
    def _reasons(self) -> str:
        """What may explain a difference."""
        reasons = ""
        if self.taxes and self.taxes[0] != self.taxes[1]:
            reasons += f"; the tax in it is {self._amount(self.taxes[1])}, in the charges {self._amount(self.taxes[0])}"
        if self.unreadable:
            reasons += f"; BilledCost cannot be read in {counted(self.unreadable, 'charge')}"
        return reasons


class Invoiced(Protocol):
    """A period in any form that knows what its charges sum up to by invoice."""

    @property
    def period(self) -> str: ...
    @property
    def state(self) -> State: ...
    @property
    def invoices(self) -> tuple[InvoiceSum, ...]: ...


def checked_sources(ledger: Ledger) -> set[str]:
    """The sources whose invoices the ledger keeps: it has one in any month, or a tolerance for them."""
    kept = {each.source for found in ledger.invoices.values() for each in found}
    return kept | {name for name, each in ledger.config.sources.items() if each.invoice_tolerance is not None}


def check_invoices(ledger: RecordedLedger, period: Invoiced) -> tuple[InvoiceCheck, ...]:
    """Every invoice of a period, and the charges without one, of the sources whose invoices the ledger keeps."""
    return tuple(
        compare_invoices(
            period.invoices,
            ledger.invoices.get(period.period, ()),
            ledger.settings(period.period),
            checked_sources(ledger),
        )
    )


def compare_invoices(
    sums: Sequence[InvoiceSum], invoices: Sequence[ProviderInvoice], config: Config, sources: Collection[str]
) -> Iterator[InvoiceCheck]:
    """The checks of a month in order: by source, then by invoice, charges that name none last.

    sources: those whose invoices are kept; the others are left out.
    """
    for source in sorted(sources):
        own = [each for each in sums if each.source == source]
        found = [each for each in invoices if each.source == source]
        if found and not any(each.invoice for each in own):
            yield from _as_a_whole(own, found, config)
            continue
        charged = {_key(each): each for each in own}
        invoiced = {(source, each.id, each.currency or config.currency): each for each in found}
        keys = sorted({*charged, *invoiced}, key=lambda key: (not key[1], key))
        yield from (_check(key, charged.get(key), invoiced.get(key), config) for key in keys)


def _as_a_whole(
    sums: Sequence[InvoiceSum], invoices: Sequence[ProviderInvoice], config: Config
) -> Iterator[InvoiceCheck]:
    """All charges of a source compared with all of its invoices, by currency."""
    charged = {each.currency: each for each in sums}
    by_currency: dict[str, list[ProviderInvoice]] = {}
    for each in invoices:
        by_currency.setdefault(each.currency or config.currency, []).append(each)
    for currency in sorted({*charged, *by_currency}):
        together = by_currency.get(currency, [])
        first = together[0] if together else None
        taxes = [each.tax for each in together if each.tax is not None]
        whole = first and ProviderInvoice(
            source=first.source,
            id=listed([each.id for each in together], _IDS),
            amount=money.total(*(each.amount for each in together)),
            currency=currency,
            tax=money.total(*taxes) if len(taxes) == len(together) else None,
            provisional=any(each.provisional for each in together),
            path=first.path,
            line=first.line,
        )
        source = invoices[0].source
        yield _check((source, whole.id if whole else "", currency), charged.get(currency), whole, config)


def _key(each: InvoiceSum) -> _Key:
    return each.source, each.invoice, each.currency


def _check(key: _Key, charges: InvoiceSum | None, invoice: ProviderInvoice | None, config: Config) -> InvoiceCheck:
    source, id_, currency = key
    tax = invoice.tax if invoice else None
    return InvoiceCheck(
        source=source,
        invoice=id_,
        currency=currency,
        charges=charges.charges if charges else 0,
        charged=charges.billed if charges else money.ZERO,
        invoiced=invoice.amount if invoice else None,
        tolerance=config.invoice_tolerance(source, currency),
        provisional=invoice.provisional if invoice else False,
        taxes=None if tax is None else (charges.tax if charges else money.ZERO, tax),
        unreadable=charges.unreadable if charges else 0,
        rows=charges.rows if charges else (),
        path=invoice.path if invoice else "",
        line=invoice.line if invoice else 0,
    )


def invoice_problems(ledger: RecordedLedger, periods: Iterable[Invoiced]) -> list[Problem]:
    """A warning for each invoice that differs from its charges, or that the ledger lacks.

    A closed month can only differ: its missing invoices were seen when it was closed. Nothing about a finalized one,
    since nothing can be done about it.
    """
    problems: list[Problem] = []
    for period in periods if checked_sources(ledger) else ():
        if period.state is State.FINALIZED:
            continue
        for each in check_invoices(ledger, period):
            if each.status is InvoiceStatus.DIFFERS:
                problems.append(_differing(each, period))
            elif period.state is State.OPEN and each.status is InvoiceStatus.MISSING:
                problems += _missing(each, period)
            elif period.state is State.OPEN and each.status is InvoiceStatus.PROVISIONAL:
                fix = "replace it with the issued one before you close the month"
                problems.append(_problem(each, fix, code="invoice-missing"))
    return problems


def _differing(each: InvoiceCheck, period: Invoiced) -> Problem:
    fix = (
        f"get the final export of {period.period} or the right invoice; if the difference is right, set "
        f"`sources: {each.source}: invoice_tolerance:` in config.yaml"
    )
    if period.state is State.CLOSED:
        fix = "correct it in an open month, or reopen this one"
    return _problem(each, fix, code="invoice-difference")


def _problem(each: InvoiceCheck, fix: str, *, code: str) -> Problem:
    return Problem(each.path, code, each.what, fix, each.line, severity=Severity.WARNING)


def _missing(each: InvoiceCheck, period: Invoiced) -> Iterator[Problem]:
    """A warning for each file with charges whose invoice is missing, with the first of their rows."""
    fix = f"add it to invoices/{period.period}/{each.source}.yaml"
    if not each.invoice:
        fix = "get the final export, in which charges name their invoice"
    for part in each.rows:
        lines = part.lines or part.rows
        yield Problem(
            part.path,
            "invoice-missing",
            each.what,
            fix,
            line=part.lines[0] if part.lines else 0,
            severity=Severity.WARNING,
            count=part.charges,
            row=part.rows[0],
            field="InvoiceId",
            more=lines[1:],
        )
