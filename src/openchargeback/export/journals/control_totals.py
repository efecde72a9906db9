"""The control totals of a month's journal: what to compare before and after posting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.journal import source_controls
from openchargeback.export.journals.files import JournalFile, Month, changed_files, month_files, start_of
from openchargeback.ledger.periods import fiscal
from openchargeback.model import SummedPeriod
from openchargeback.problems import Problem

_NAME = "control-totals.json"


def name_of(period: SummedPeriod) -> str:
    """The name of the control totals of a month: `DRAFT-control-totals.json` while it is open."""
    return f"{start_of(period)}{_NAME}"


def period_files(month: Month) -> tuple[dict[str, bytes], list[Problem]]:
    """All files of a month's journal by name, with warnings; if it posts nothing, only the control totals.

    An accounting system may refuse an empty file, or wait for one; these totals say that there is nothing to import.
    Raises as `month_files`.
    """
    files = month_files(month)
    named = {file.name: file.data for file in files}
    return {**named, name_of(month.period): control_totals(month, files)}, changed_files(month, files)


def control_totals(month: Month, files: Sequence[JournalFile]) -> bytes:
    """The bytes of the control totals. Amounts are text, in cents; null where a file cannot be read back."""
    period, journal, currency = month.period, month.journal, month.config.currency
    year, number = fiscal(period.accounting_date, month.config.fiscal_year_starts)

    def sums(lines: int, debits: Decimal, credits_: Decimal, net: Decimal) -> dict[str, object]:
        amounts = {"debits": debits, "credits": credits_, "net": net}
        return {"lines": lines} | {name: money.plain(each, currency) for name, each in amounts.items()}

    totals = {
        "period": period.period,
        "state": period.state,
        "status": "final" if month.closed else "DRAFT",
        "currency": currency,
        "journal": {
            "date": period.accounting_date.isoformat(),
            "fiscal_year": year,
            "fiscal_period": number,
            **sums(len(journal.lines), journal.debits, journal.credits, journal.net),
            "statements": money.plain(journal.net - journal.again, currency),
            "again": money.plain(journal.again, currency),
        },
        "sources": {
            each.source: sums(each.lines, each.debits, each.credits, each.payers) for each in source_controls(journal)
        },
        "files": {
            file.name: {
                "document": file.document.number or None,
                "sha256": file.sha256,
                **(
                    sums(file.totals.lines, file.totals.debits, file.totals.credits, file.totals.net)
                    if file.totals
                    else dict.fromkeys(("lines", "debits", "credits", "net"))
                ),
            }
            for file in files
        },
    }
    return (json.dumps(totals, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
