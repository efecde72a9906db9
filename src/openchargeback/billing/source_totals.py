"""The totals of sources, and of the files that charges came from."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.coverage import coverage
from openchargeback.focus.database import sql
from openchargeback.ledger.files import digest_of
from openchargeback.model import FileRecord, SourceTotals
from openchargeback.review.charges import Charges


def source_totals(charges: Charges) -> dict[str, tuple[SourceTotals, ...]]:
    """By period, what each source delivered in each currency, and what became of it. The charges must be settled."""
    covered = coverage(charges)
    result: dict[str, list[SourceTotals]] = {}
    for period, source, currency, files, number, *rest in charges.con.execute(
        sql(__package__, "totals.sql")
    ).fetchall():
        amounts, counts, days = rest[:5], rest[5:], covered.get((period, source))
        result.setdefault(period, []).append(
            SourceTotals(
                source=source,
                currency=currency,
                files=files,
                charges=number,
                imported=amounts[0],
                billed=amounts[1],
                held=amounts[2],
                rejected=amounts[3],
                imported_list=amounts[4],
                charges_billed=counts[0],
                charges_held=counts[1],
                charges_rejected=counts[2],
                days=days.days if days else None,
                first_day=days.first_day if days else None,
                last_day=days.last_day if days else None,
            )
        )
    return {period: tuple(totals) for period, totals in result.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSums:
    """The charges of a file: their number, and the exact sum of their costs."""

    charges: int
    exact_billed: Decimal


def file_sums(charges: Charges) -> dict[str, tuple[FileSums, ...]]:
    """By period, the sums of its charge files. The charges must be attributed."""
    sums = _file_costs(charges)
    result: dict[str, list[FileSums]] = {}
    for each in charges.loaded.files:
        own = FileSums(charges=each.rows, exact_billed=sums.get(each.number, money.ZERO))
        result.setdefault(each.file.period, []).append(own)
    return {period: tuple(files) for period, files in result.items()}


def file_records(charges: Charges) -> dict[str, tuple[FileRecord, ...]]:
    """By period, its charge files. The charges must be attributed."""
    sums = _file_costs(charges)
    result: dict[str, list[FileRecord]] = {}
    for each in charges.loaded.files:
        result.setdefault(each.file.period, []).append(
            FileRecord(
                path=each.file.path,
                source=each.file.source,
                sha256=digest_of(each.file.location),
                size=each.file.size,
                charges=each.rows,
                exact_billed=sums.get(each.number, money.ZERO),
            )
        )
    return {period: tuple(files) for period, files in result.items()}


def _file_costs(charges: Charges) -> dict[int, Decimal]:
    return dict(charges.con.execute("SELECT file, sum(cost) FROM attributed GROUP BY file").fetchall())
