"""The invariants of docs/ARCHITECTURE.md, checked for every billed period; a violation is an error.

Users cannot fix a violation in the ledger: these checks guard against bugs in the program itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeVar

from openchargeback import money
from openchargeback.billing.events import DONE
from openchargeback.model import (
    Amounts,
    BilledPeriod,
    BillingLine,
    Correction,
    Entry,
    SourceTotals,
)
from openchargeback.problems import Problem

_Key = TypeVar("_Key", str, tuple[str, str])


class Month(Protocol):
    """What a billed period and the record of a closed one have in common."""

    @property
    def period(self) -> str: ...
    @property
    def lines(self) -> Sequence[BillingLine]: ...
    @property
    def corrections(self) -> Sequence[Correction]: ...


class MonthOfLedger(Month, Protocol):
    """The same with the totals of its sources."""

    @property
    def sources(self) -> tuple[SourceTotals, ...]: ...


class HasSums(Protocol):
    """What a charge file contributes to a period."""

    @property
    def charges(self) -> int: ...
    @property
    def exact_billed(self) -> Decimal: ...


class Summed(Month, Protocol):
    """A period with everything that its sums consist of."""

    @property
    def currency(self) -> str: ...
    @property
    def sources(self) -> tuple[SourceTotals, ...]: ...
    @property
    def files(self) -> Sequence[HasSums]: ...


class Addend(Protocol):
    """A billing line, or several of a source summed up."""

    @property
    def source(self) -> str: ...
    @property
    def entry(self) -> Entry: ...
    @property
    def exact_list(self) -> Decimal: ...
    @property
    def exact_billed(self) -> Decimal: ...
    @property
    def amounts(self) -> Amounts: ...


def check(period: BilledPeriod, read: int | None = None) -> list[Problem]:
    """Every invariant that the period violates.

    read: the number of charges read; None for a frozen period, whose charges are not counted again.
    """
    return [*check_sums(period, period.lines, read), *check_published(period)]


def check_published(period: BilledPeriod) -> list[Problem]:
    """Every invariant of its statements and its journal that the period violates."""
    faults = [*statements_tie_out(period), *invoices_fit_payers(period), *journal_balances(period)]
    return [_problem(f"{period.period}: {fault}") for fault in faults]


def check_sums(period: Summed, own: Iterable[Addend], read: int | None = None) -> list[Problem]:
    """Every invariant of its sums that the period violates. own: its billing lines, or their sums by source."""
    received = sum(file.charges for file in period.files)
    faults = [*nothing_lost(period, received), *cents_tie_out(period, own), *corrections_tie_out(period)]
    if read is not None and read != received:
        faults.append("attribution lost or duplicated charges")
    return [_problem(f"{period.period}: {fault}") for fault in faults]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAccount:
    """What one source has held in one currency, from the opening to the closing of a period: opening + newly −
    late billed − late rejected = closing.
    """

    period: str
    source: str
    currency: str
    opening: Decimal
    newly: Decimal
    late_billed: Decimal
    late_rejected: Decimal

    @property
    def closing(self) -> Decimal:
        """Held when the period ends."""
        gone = money.total(self.late_billed, self.late_rejected)
        return money.total(self.opening, self.newly, money.negative(gone))


Remaining = Mapping[str, Mapping[str, Mapping[str, Decimal]]]
"""Exact sums still held, by closed period, source and currency, summed charge by charge."""


def held_accounts(periods: Sequence[MonthOfLedger]) -> list[HeldAccount]:
    """The held charges of a ledger from period to period (ascending), one row per source and currency."""
    accounts: list[HeldAccount] = []
    held: dict[tuple[str, str], Decimal] = {}
    for period in periods:
        moved: dict[tuple[str, str], dict[str, Decimal]] = {key: {} for key in held}
        for source in period.sources:
            _add(moved.setdefault((source.source, source.currency), {}), "newly", source.held)
        for each in period.corrections:
            if each.entry in (Entry.LATE, Entry.REJECTED):
                _add(moved.setdefault((each.source, each.currency), {}), str(each.entry), each.exact_billed)
        for key, sums in sorted(moved.items()):
            account = HeldAccount(
                period=period.period,
                source=key[0],
                currency=key[1],
                opening=held.get(key, money.ZERO),
                newly=sums.get("newly", money.ZERO),
                late_billed=sums.get(Entry.LATE, money.ZERO),
                late_rejected=sums.get(Entry.REJECTED, money.ZERO),
            )
            held[key] = account.closing
            accounts.append(account)
    return accounts


def _add(sums: dict[_Key, Decimal], key: _Key, amount: Decimal) -> None:
    sums[key] = money.total(sums.get(key, money.ZERO), amount)


def check_ledger(periods: Sequence[MonthOfLedger], remaining: Remaining) -> list[Problem]:
    """Every invariant across all periods of a ledger (ascending) that is violated.

    remaining: only for periods with held charges that were decided later.
    """
    faults = (*billed_once(periods), *credits_fit_lines(periods))
    return [_problem(fault) for fault in (*held_is_carried(periods, remaining), *(fault for _, fault in faults))]


def held_is_carried(periods: Sequence[MonthOfLedger], remaining: Remaining) -> list[str]:
    """What is held at the end, summed charge by charge, equals the closing balance of the held accounts."""
    last = {(account.source, account.currency): account.closing for account in held_accounts(periods)}
    counted: dict[tuple[str, str], Decimal] = {}
    for period in periods:
        if period.period not in remaining:
            for each in period.sources:
                _add(counted, (each.source, each.currency), each.held)
        for source, sums in remaining.get(period.period, {}).items():
            for currency, amount in sums.items():
                _add(counted, (source, currency), amount)
    return [
        f"{source}: the held {currency} do not tie out: "
        f"{money.exact(last.get((source, currency), money.ZERO))} by account, "
        f"{money.exact(counted.get((source, currency), money.ZERO))} by charge"
        for source, currency in sorted({*last, *counted})
        if last.get((source, currency), money.ZERO) != counted.get((source, currency), money.ZERO)
    ]


def billed_once(periods: Sequence[Month]) -> list[tuple[str, str]]:
    """No charge is billed twice without a credit in between, or credited without having been billed, and a credit is
    exactly the billed amount. Returns violations with their periods.
    """
    faults = []
    last: dict[tuple[str, str], tuple[str, Correction]] = {}
    allowed = {
        Entry.LATE: (None,),
        Entry.REJECTED: (None,),
        Entry.CREDIT: (None, Entry.LATE, Entry.REBILL),
        Entry.REBILL: (Entry.CREDIT,),
    }
    for period in periods:
        for each in period.corrections:
            key = (each.original, each.charge)
            posted, before = last.get(key, ("", None))
            what = f"{describe(each)} in {period.period}"
            if (before.entry if before else None) not in allowed.get(each.entry, ()):
                why = f"although it was {DONE[before.entry]} in {posted}" if before else "without having been billed"
                faults.append((period.period, f"{what} {why}"))
            elif before and before.amounts + each.amounts != Amounts():
                faults.append((period.period, f"{what}, with different cents than before"))
            elif before and each.entry is Entry.CREDIT and _booked(before) != _booked(each):
                faults.append((period.period, f"{what}, but not posted or invoiced as it was billed"))
            elif before and each.entry is Entry.CREDIT and _payer(before) != _payer(each):
                faults.append((period.period, f"{what}, but to a different payer than was billed"))
            last[key] = (period.period, each)
    return faults


def describe(each: Correction) -> str:
    """A correction in words: which charge, and what was done with it."""
    return f"{each.charge[:16]} of {each.original} is {DONE[each.entry]}"


def _payer(each: Correction | BillingLine) -> tuple[str, ...]:
    return each.pi, each.project, each.fund, each.source, each.service


def _booked(each: Correction | BillingLine) -> tuple[bool, ...]:
    return each.posted, each.invoiced


def credits_fit_lines(periods: Sequence[Month]) -> list[tuple[str, str]]:
    """Credits on a period's own line never exceed its number of charges; if all are credited, so are all its cents.

    Returns violations with the period of the last credit.
    """
    credited: dict[tuple[str, ...], tuple[int, Amounts, tuple[bool, ...], str]] = {}
    known: set[tuple[str, str]] = set()
    for posted, each in ((period.period, each) for period in periods for each in period.corrections):
        if each.entry is Entry.CREDIT and (each.original, each.charge) not in known:
            charges, amounts, _, _ = credited.get((each.original, *_payer(each)), (0, Amounts(), (), ""))
            credited[each.original, *_payer(each)] = (charges + 1, amounts + each.amounts, _booked(each), posted)
        known.add((each.original, each.charge))
    originals = {original for original, *_ in credited}
    lines = {
        (period.period, *_payer(line)): (line.charges, line.amounts, _booked(line))
        for period in periods
        if period.period in originals
        for line in period.lines
        if line.entry is Entry.OWN
    }
    faults = []
    for key, (charges, amounts, reversed_, last) in credited.items():
        count, billed, booked = lines.get(key, (0, Amounts(), reversed_))
        if charges > count or (charges == count and billed + amounts != Amounts()) or booked != reversed_:
            faults.append((last, f"{key[0]}: the credits of {key[2]}, {key[5]} do not match what was billed"))
    return faults


def _problem(fault: str) -> Problem:
    return Problem("", "broken-invariant", fault, "please report this bug; nothing was published")


def nothing_lost(period: Summed, read: int) -> list[str]:
    """Per source and currency imported = billed + held + rejected, exactly, and every row is counted once."""
    faults = []
    for source in period.sources:
        if source.imported != money.total(source.billed, source.held, source.rejected):
            faults.append(f"{source.source}: the imported amount is not billed + held + rejected")
        if source.charges != source.charges_billed + source.charges_held + source.charges_rejected:
            faults.append(f"{source.source}: the number of charges is not billed + held + rejected")
    imported = money.total(*(source.imported for source in period.sources))
    if imported != money.total(*(file.exact_billed for file in period.files)):
        faults.append("the totals of the sources do not sum to the totals of the files")
    if sum(source.charges for source in period.sources) != read:
        faults.append("the sources do not account for every row that was read")
    return faults


def cents_tie_out(period: Summed, lines: Iterable[Addend]) -> list[str]:
    """The own billing lines of a source sum to its exact billed total rounded once; so does the discount.

    lines: those of the period, or their sums by source.
    """
    faults = []
    exact: dict[str, Decimal] = {source.source: money.ZERO for source in period.sources}
    discount: dict[str, Decimal] = dict.fromkeys(exact, money.ZERO)
    cents: dict[str, Amounts] = dict.fromkeys(exact, Amounts())
    for line in lines:
        if line.amounts.list != line.amounts.discount + line.amounts.billed:
            faults.append(f"{line.source}: the list price is not discount + billed")
        if line.entry is not Entry.OWN:
            continue
        exact[line.source] = money.total(exact.get(line.source, money.ZERO), line.exact_billed)
        less = money.negative(line.exact_billed)
        discount[line.source] = money.total(discount.get(line.source, money.ZERO), line.exact_list, less)
        cents[line.source] = cents.get(line.source, Amounts()) + line.amounts
    for source in period.sources:
        if source.currency == period.currency and source.billed != exact[source.source]:
            faults.append(f"{source.source}: the billing lines do not sum to the exact amount billed")
        if source.currency != period.currency and source.billed:
            faults.append(f"{source.source}: charges in {source.currency} are billed")
    for name, amounts in cents.items():
        if amounts.billed != money.to_cents(exact[name], period.currency):
            faults.append(f"{name}: the billing lines do not sum to the rounded total")
        if amounts.discount != money.to_cents(discount[name], period.currency):
            faults.append(f"{name}: the discounts do not sum to the rounded total")
    return faults


def corrections_tie_out(period: Summed) -> list[str]:
    """Charges of earlier periods sum to their lines, in cents and exactly. Late ones are rounded once per source and
    original period. A credit names the statement it corrects, which is never one of the same period.
    """
    faults = []
    lines: dict[tuple[str, ...], tuple[int, Decimal, Decimal, Amounts, tuple[bool, ...]]] = {}
    late: dict[tuple[str, str], tuple[Decimal, Decimal, Amounts]] = {}
    for each in period.corrections:
        if each.original >= period.period:
            faults.append(f"{each.charge[:16]} is corrected in its own period or an earlier one")
        if each.entry is Entry.REJECTED:
            if each.amounts != Amounts():
                faults.append(f"{each.charge[:16]} is both rejected and billed")
            continue
        key = each.line_key
        before = lines.get(key, (0, money.ZERO, money.ZERO, Amounts(), _booked(each)))
        number, exact_list, exact_billed, amounts, booked = before
        if booked != _booked(each):
            faults.append(f"{each.charge[:16]} and its line differ in whether they are posted or invoiced")
        exact_list = money.total(exact_list, each.exact_list)
        exact_billed = money.total(exact_billed, each.exact_billed)
        lines[key] = (number + 1, exact_list, exact_billed, amounts + each.amounts, booked)
        if each.entry is Entry.LATE:
            group = (each.source, each.original)
            billed, discount, cents = late.get(group, (money.ZERO, money.ZERO, Amounts()))
            discount = money.total(discount, each.exact_list, money.negative(each.exact_billed))
            late[group] = (money.total(billed, each.exact_billed), discount, cents + each.amounts)
        elif not each.corrects:
            faults.append(f"{each.charge[:16]} is corrected without naming the statement that billed it")
    recorded = {
        line.key: (line.charges, line.exact_list, line.exact_billed, line.amounts, _booked(line))
        for line in period.lines
        if line.entry is not Entry.OWN
    }
    if recorded != lines:
        faults.append("the charges of earlier periods do not sum to their lines")
    for (source, original), (billed, discount, cents) in late.items():
        rounded = (money.to_cents(billed, period.currency), money.to_cents(discount, period.currency))
        if (cents.billed, cents.discount) != rounded:
            faults.append(f"{source}: the late charges of {original} do not sum to their rounded total")
    return faults


def statements_tie_out(period: BilledPeriod) -> list[str]:
    """Every line is on exactly one statement, numbers are unique, and resources sum to their lines."""
    faults = []
    lines = Counter(line.key for statement in period.statements for line in statement.lines)
    if lines != Counter(line.key for line in period.lines):
        faults.append("a billing line is not on exactly one statement")
    numbers = Counter(statement.number for statement in period.statements)
    faults += [f"two statements have the number {number}" for number, times in numbers.items() if times > 1]
    for statement in period.statements:
        own = {
            (line.fund, line.source, line.service): line.amounts for line in statement.lines if line.entry is Entry.OWN
        }
        parts: dict[tuple[str, str, str], list[Amounts]] = {}
        for each in statement.resources:
            parts.setdefault((each.fund, each.source, each.service), []).append(each.amounts)
        if own != {key: Amounts.total(found) for key, found in parts.items()}:
            faults.append(f"the resources of statement {statement.number} do not sum to its lines")
    return faults


def invoices_fit_payers(period: BilledPeriod) -> list[str]:
    """What is due from an external payer is invoiced, and nothing else is. Only credits may differ: they follow what
    they reverse, even if the payer's class has changed since.
    """
    faults = []
    for each in period.statements:
        lines = (line for line in each.lines if line.entry is not Entry.CREDIT)
        if any(line.invoiced != (line.posted and each.pi.external) for line in lines):
            faults.append(f"{each.number}: a line is not invoiced as its payer is external or internal")
        if any(line.invoiced and not line.posted for line in each.lines):
            faults.append(f"{each.number}: a line that is only shown is invoiced")
    return faults


def journal_balances(period: BilledPeriod) -> list[str]:
    """Debits equal credits. The net of the journal is what statements say is due, without what is invoiced, and what is
    journaled again. Each fund of a statement carries the total of its journaled lines. Per source billed = journaled +
    invoiced + shown only, leaving out what is journaled again, and the credit fund gets exactly the negative of what is
    journaled.
    """
    faults = []
    stated: dict[tuple[str, str], Decimal] = {}
    posted: dict[tuple[str, str], Decimal] = {}
    for statement in period.statements:
        for own in statement.lines:
            if own.journaled:
                _add(stated, (statement.number, own.fund), own.amounts.billed)
    for each in period.journal.lines:
        if each.payer and not each.again:
            _add(posted, (each.statement, each.fund), each.signed)
    if {key: cents for key, cents in stated.items() if cents} != {key: cents for key, cents in posted.items() if cents}:
        faults.append("the journal's postings by fund do not match the statements")
    if period.journal.debits != period.journal.credits:
        faults.append("the journal does not balance")
    due = sum((statement.amounts.billed for statement in period.statements), money.ZERO)
    again = sum((each.billed for each in period.again), money.ZERO)
    if due + again != period.journal.net + period.invoiced.billed:
        faults.append(
            "the statements and what is journaled again do not sum to the net of the journal and the invoices"
        )
    sources = {line.source for line in period.lines} | {line.source for line in period.journal.lines}
    for source in sorted(sources):
        if len({line.posted for line in period.lines if line.source == source and line.entry is Entry.OWN}) > 1:
            faults.append(f"{source}: some of its own lines are posted and some are only shown")
        lines = [line for line in period.journal.lines if line.source == source]
        payers = sum((line.signed for line in lines if line.payer), money.ZERO)
        repeated = sum((each.billed for each in period.again if each.source == source), money.ZERO)
        others = sum((line.signed for line in lines if not line.payer), money.ZERO)
        own_lines = [line for line in period.lines if line.source == source]
        billed = sum((line.amounts.billed for line in own_lines), money.ZERO)
        elsewhere = sum((line.amounts.billed for line in own_lines if not line.journaled), money.ZERO)
        if payers + elsewhere != billed + repeated or others != -payers:
            faults.append(f"{source}: the journal does not post the amount billed")
    return faults
