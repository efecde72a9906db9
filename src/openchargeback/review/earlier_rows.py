"""Rows in folders of earlier months that may duplicate rows of a later one, since they name the same billing month."""

from __future__ import annotations

from openchargeback.focus.months import months_of, rows_of_months
from openchargeback.review.charges import Charges
from openchargeback.review.duplicates import EarlierRows


def earlier_rows(charges: Charges) -> list[EarlierRows]:
    """Rows in folders of earlier months with the same billing month as rows of a later one: one is misplaced."""
    con, ledger = charges.con, charges.ledger
    if not charges.periods or not any(earlier < charges.periods[-1] for earlier in ledger.charge_files):
        return []
    months = _months_named(charges)
    found: list[EarlierRows] = []
    for period in charges.periods:
        own = months.get(period, frozenset())
        for earlier in (each for each in sorted(ledger.charge_files) if own and each < period):
            record = ledger.records.get(earlier)
            if record and earlier not in own and not any(each.flag == "wrong-period" for each in record.flags):
                # According to the record, all its rows belong to its own month.
                continue
            if earlier in months and not own & months[earlier]:
                continue
            for file in ledger.charge_files[earlier]:
                shared = own & months_of(file)
                table = f"earlier_{len(found)}"
                names = rows_of_months(con, table, file, shared) if shared else ()
                if names:
                    columns = {name: f"c{index}" for index, name in enumerate(names)}
                    found.append(EarlierRows(period, file.path, table, columns))
    return found


def _months_named(charges: Charges) -> dict[str, frozenset[str]]:
    """By period, the months that BillingPeriodStart names in its files, as written there."""
    starts = " UNION ALL ".join(
        f"SELECT period, {table.expression('BillingPeriodStart')} AS text FROM {table.numbered}"
        for table in charges.loaded.tables
    )
    if not starts:
        return {}
    found: dict[str, set[str]] = {}
    for period, month in charges.con.execute(f"SELECT DISTINCT period, left(text, 7) FROM ({starts})").fetchall():
        found.setdefault(period, set()).add(month)
    return {period: frozenset(named) for period, named in found.items()}
