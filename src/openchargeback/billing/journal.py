"""The journal: a debit and a credit of the same cents for every billing line that is due, not invoiced and not zero.

The payer's fund is debited and the source's credit fund credited, so each pair of lines balances, and with it each
source and the whole journal. Lines of earlier journals that the accounting system rejected follow in the same form.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache

from openchargeback.billing.statements import statement_number
from openchargeback.ledger.settings import Config
from openchargeback.model import BillingLine, Entry, Journal, JournaledAgain, JournalLine, Side, SummedPeriod
from openchargeback.money import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceControl:
    """What one source posts, in cents of the ledger's currency.

    debits, credits: sums of both sides, equal to each other. Refunds swap sides, so neither is the amount owed.
    payers: debits − credits on the payers' funds, which is what the source billed.
    credited: debits − credits on the credit fund, exactly the negative of `payers`.
    """

    source: str
    lines: int
    debits: Decimal
    credits: Decimal
    payers: Decimal
    credited: Decimal

    @property
    def received(self) -> Decimal:
        """What the credit fund receives."""
        return ZERO - self.credited

    @property
    def balanced(self) -> bool:
        """Whether the credit fund receives exactly what payers are charged."""
        return self.payers == self.received


def journal_of(
    period: str,
    date: dt.date,
    lines: Sequence[BillingLine],
    statement_numbers: Mapping[tuple[str, str], str],
    settings: Callable[[str], Config],
    again: Sequence[JournaledAgain] = (),
) -> Journal:
    """The journal of a period: by line key, payer then counterpart. Descriptions only name the corrected statement.

    date: the posting date of every line. statement_numbers: (PI, project) → number, for every line that is not zero.
    settings: returns those that a period is shown with. A credit reverses an earlier posting, so it goes to the credit
    fund and accounts of the period whose statement it corrects, even if they have changed since.
    again: rejected lines of earlier periods that this journal repeats.
    The counterparts of a source without a credit fund have an empty fund; the caller must report that.
    """
    settings_of = cache(settings)  # a ledger combines them each time
    entries: list[JournalLine] = []
    for line in sorted(lines, key=lambda line: line.key):
        if not line.journaled or not line.amounts.billed:
            continue
        number = statement_numbers[line.pi, line.project]
        entries += _pair(line, period, date, number, settings_of(booked_as_in(line)))
    entries += [half for each in again for half in _repeated(each, period, date)]
    return Journal(period, tuple(entries))


def booked_as_in(line: BillingLine) -> str:
    """The period with whose settings a line is booked: for a credit, that of the statement that it corrects."""
    # A statement number starts with its period.
    return line.corrects[:7] if line.entry is Entry.CREDIT else line.period


def journal_of_period(period: SummedPeriod, settings: Callable[[str], Config]) -> Journal:
    """The journal of a period whose statements have the usual numbers. settings: as for `journal_of`."""
    payers = {(line.pi, line.project) for line in period.lines}
    numbers = {payer: statement_number(period.period, *payer, period.revision) for payer in payers}
    return journal_of(period.period, period.accounting_date, period.lines, numbers, settings, period.again)


def source_controls(journal: Journal) -> tuple[SourceControl, ...]:
    """The totals of each source in the journal, sorted by source."""
    sources: dict[str, list[JournalLine]] = {}
    for line in journal.lines:
        sources.setdefault(line.source, []).append(line)
    return tuple(_control(source, sources[source]) for source in sorted(sources))


def summary_of(lines: Sequence[JournalLine]) -> list[tuple[int, ...]]:
    """The lines that make up each row of a summary, as indexes: one row per source, role, fund and account, sorted.

    What is journaled again has rows of its own. Leaves out rows that net to zero.
    """
    rows: dict[tuple[str | bool, ...], list[int]] = {}
    for index, line in enumerate(lines):
        rows.setdefault(summary_key(line), []).append(index)
    return [
        tuple(members) for _, members in sorted(rows.items()) if sum((lines[index].signed for index in members), ZERO)
    ]


def summary_key(line: JournalLine) -> tuple[str | bool, ...]:
    """What the lines of a row of a summary share; the payer sorts first."""
    return line.source, not line.payer, line.fund, line.account, line.again


def posts_nothing(period: SummedPeriod, config: Config) -> bool:
    """Whether a period is showback only: it has charges, but no line is posted and no source posts."""
    if period.again:
        return False
    sources = {each.source for each in period.sources} | {line.source for line in period.lines}
    return bool(sources) and not any(line.posted for line in period.lines) and not any(map(config.posts, sources))


def with_descriptions(journal: Journal, describe: Callable[[JournalLine], str]) -> Journal:
    """The journal with full descriptions. describe: makes one from the payer's line, for both lines of the pair.

    The corrected statement comes first, so that an accounting system's length limit cannot cut it off.
    """
    lines = []
    for payer, counterpart in zip(journal.lines[::2], journal.lines[1::2], strict=True):
        # What is journaled again was used in the month of its statement, not in that of this journal.
        of_then = replace(payer, period=payer.statement[:7]) if payer.again else payer
        text = payer.description + describe(of_then)
        lines += [replace(payer, description=text), replace(counterpart, description=text)]
    return replace(journal, lines=tuple(lines))


def _corrected(line: BillingLine) -> str:
    if line.entry is Entry.LATE:
        return f"Late {line.original}: "
    if line.entry is Entry.CREDIT:
        return f"Credit {line.corrects}: "
    return f"Rebill {line.corrects}: " if line.entry is Entry.REBILL else ""


def _pair(
    line: BillingLine, period: str, date: dt.date, number: str, config: Config
) -> tuple[JournalLine, JournalLine]:
    source = config.source(line.source)
    account = source.account or config.journal.account
    payer = JournalLine(
        period=period,
        date=date,
        # Many accounting systems refuse negative amounts, so a refund swaps the sides instead (2 × positive).
        side=Side.DEBIT if line.amounts.billed > 0 else Side.CREDIT,
        payer=True,
        fund=line.fund,
        account=account,
        amount=abs(line.amounts.billed),
        source=line.source,
        service=line.service,
        pi=line.pi,
        project=line.project,
        statement=number,
        description=_corrected(line),
    )
    return payer, _counterpart(payer, config.credit_fund(line.source), config.credit_account(line.source))


def _repeated(each: JournaledAgain, period: str, date: dt.date) -> tuple[JournalLine, JournalLine]:
    payer = JournalLine(
        period=period,
        date=date,
        side=Side.DEBIT if each.billed > 0 else Side.CREDIT,
        payer=True,
        fund=each.fund,
        account=each.account,
        amount=abs(each.billed),
        source=each.source,
        service=each.service,
        pi=each.pi,
        project=each.project,
        statement=each.statement,
        description=f"Repost {each.document} line {each.line}: ",
        again=each.document,
    )
    return payer, _counterpart(payer, each.credit_fund, each.credit_account)


def _counterpart(payer: JournalLine, fund: str, account: str) -> JournalLine:
    side = Side.CREDIT if payer.side is Side.DEBIT else Side.DEBIT
    return replace(payer, side=side, payer=False, fund=fund, account=account)


def _control(source: str, lines: list[JournalLine]) -> SourceControl:
    return SourceControl(
        source=source,
        lines=len(lines),
        debits=sum((line.amount for line in lines if line.side is Side.DEBIT), ZERO),
        credits=sum((line.amount for line in lines if line.side is Side.CREDIT), ZERO),
        payers=sum((line.signed for line in lines if line.payer), ZERO),
        credited=sum((line.signed for line in lines if not line.payer), ZERO),
    )
