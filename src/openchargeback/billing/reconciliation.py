"""The invariants of DESIGN section 4, checked on every period that is billed; a broken one is an error.

A person cannot mend them in the ledger: they guard against faults of the program itself.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import duckdb

from openchargeback import money
from openchargeback.focus.database import count
from openchargeback.model import Amounts, BilledPeriod
from openchargeback.problems import Problem


def check(con: duckdb.DuckDBPyConnection, period: BilledPeriod) -> list[Problem]:
    """Every invariant that does not hold for the period."""
    read = sum(file.charges for file in period.files)
    faults = [
        *nothing_lost(period, read),
        *cents_tie_out(period),
        *statements_tie_out(period),
        *journal_balances(period),
    ]
    if count(con, "SELECT count(*) FROM attributed") != read:
        faults.append("charges were lost or doubled while they were attributed")
    return [
        Problem("", "broken-invariant", f"{period.period}: {fault}", "please report this: nothing was published")
        for fault in faults
    ]


def nothing_lost(period: BilledPeriod, read: int) -> list[str]:
    """Per source and currency imported = billed + held + rejected, exactly, and every row is counted once."""
    faults = []
    for source in period.sources:
        if source.imported != source.billed + source.held + source.rejected:
            faults.append(f"{source.source}: imported is not billed + held + rejected")
        if source.charges != source.charges_billed + source.charges_held + source.charges_rejected:
            faults.append(f"{source.source}: charges are not billed + held + rejected")
    imported = sum((source.imported for source in period.sources), money.ZERO)
    if imported != sum((file.exact_billed for file in period.files), money.ZERO):
        faults.append("the sources do not sum to the files")
    if sum(source.charges for source in period.sources) != read:
        faults.append("the sources do not hold every row that was read")
    return faults


def cents_tie_out(period: BilledPeriod) -> list[str]:
    """The billing lines of a source sum to its exact billed total rounded once; so does the discount."""
    faults = []
    exact: dict[str, Decimal] = {source.source: money.ZERO for source in period.sources}
    discount: dict[str, Decimal] = dict.fromkeys(exact, money.ZERO)
    cents: dict[str, Amounts] = dict.fromkeys(exact, Amounts())
    for line in period.lines:
        exact[line.source] += line.exact_billed
        discount[line.source] += line.exact_list - line.exact_billed
        cents[line.source] += line.amounts
        if line.amounts.list != line.amounts.discount + line.amounts.billed:
            faults.append(f"{line.source}: list is not discount + billed")
    for source in period.sources:
        if source.currency == period.currency and source.billed != exact[source.source]:
            faults.append(f"{source.source}: the billing lines do not hold everything that is billed")
        if source.currency != period.currency and source.billed:
            faults.append(f"{source.source}: charges in {source.currency} are billed")
    for name, amounts in cents.items():
        if amounts.billed != money.to_cents(exact[name], period.currency):
            faults.append(f"{name}: the billing lines do not sum to the rounded total")
        if amounts.discount != money.to_cents(discount[name], period.currency):
            faults.append(f"{name}: the discounts do not sum to the rounded total")
    return faults


def statements_tie_out(period: BilledPeriod) -> list[str]:
    """Every line stands on exactly one statement, numbers are unique, and resources sum to their lines."""
    faults = []
    lines = Counter(line.key for statement in period.statements for line in statement.lines)
    if lines != Counter(line.key for line in period.lines):
        faults.append("a billing line is not on exactly one statement")
    numbers = Counter(statement.number for statement in period.statements)
    faults += [f"two statements have the number {number}" for number, times in numbers.items() if times > 1]
    for statement in period.statements:
        own = {(line.fund, line.source, line.service): line.amounts for line in statement.lines}
        summed: dict[tuple[str, str, str], Amounts] = {}
        for each in statement.resources:
            key = (each.fund, each.source, each.service)
            summed[key] = summed.get(key, Amounts()) + each.amounts
        if own != summed:
            faults.append(f"the resources of statement {statement.number} do not sum to its lines")
    return faults


def journal_balances(period: BilledPeriod) -> list[str]:
    """Debits equal credits; payers carry the billed total, per source the credit fund exactly the negative."""
    faults = []
    if period.journal.debits != period.journal.credits:
        faults.append("the journal does not balance")
    for source in {line.source for line in period.lines}:
        own = [line for line in period.journal.lines if line.source == source]
        payers = sum((line.signed for line in own if line.payer), money.ZERO)
        others = sum((line.signed for line in own if not line.payer), money.ZERO)
        billed = sum((line.amounts.billed for line in period.lines if line.source == source), money.ZERO)
        if payers != billed or others != -billed:
            faults.append(f"{source}: the journal does not post what is billed")
    return faults
