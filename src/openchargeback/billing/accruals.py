"""The estimate of an open month's journal, for books that are closed before all charges are in, and its reversal."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from openchargeback.model import Journal, JournalLine, Side

ACCRUAL, REVERSAL = "Accrual ", "Reversal "
"""The starts of their descriptions."""


def accrual_of(journal: Journal) -> Journal:
    """The estimate: what the month bills so far. Without what is journaled again, which belongs to earlier months."""
    lines = (each for each in journal.lines if not each.again)
    return replace(journal, lines=tuple(replace(each, description=ACCRUAL + each.description) for each in lines))


def reversal_of(journal: Journal, date: dt.date) -> Journal:
    """The same lines with swapped sides, on a day of the next month: together they are zero."""
    return replace(journal, lines=tuple(_reversed(each, date) for each in journal.lines))


def _reversed(line: JournalLine, date: dt.date) -> JournalLine:
    side = Side.CREDIT if line.side is Side.DEBIT else Side.DEBIT
    return replace(line, date=date, side=side, description=REVERSAL + line.description.removeprefix(ACCRUAL))
