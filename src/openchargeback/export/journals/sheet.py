"""A document prepared for its files: the data that columns and templates of a profile see (docs/JOURNAL_TEMPLATES.md).

Cleans text and splits funds into their parts, so that a profile only has to place the fields.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from openchargeback.billing.journal import SourceControl, source_controls, summary_of
from openchargeback.ledger.journal_profiles import Negatives, Profile
from openchargeback.ledger.patterns import Expression, expression
from openchargeback.ledger.periods import fiscal
from openchargeback.ledger.settings import Config
from openchargeback.model import Journal, JournalDocument, JournalLine, RowKind, Side
from openchargeback.money import ZERO
from openchargeback.problems import LedgerFault, Problem
from openchargeback.templating.clean_text import Code, clean, cut, unsafe

PAYER, RECIPIENT = "payer", "recipient"
"""The values of the column `role`: a fund may both pay and receive, and the net is summed over the rows of payers."""


_PLAIN = re.compile(r"[A-Za-z0-9-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """A line of a document as written to files.

    amount: `debit` and `credit` are None on the other side; `signed` is positive for a debit. Negative only with
    `negatives: keep`.
    groups: the named groups of the fund expression, blank if the fund does not match.
    text: the description, cleaned but not truncated; `description` is truncated to the configured limit.
    again: the document whose rejected line this one repeats.
    """

    number: int
    period: str
    date: dt.date
    side: str
    payer: bool
    fund: Code
    account: Code
    groups: dict[str, Code]
    amount: Decimal
    source: str
    source_label: str
    service: str
    pi: str
    project: str
    statement: Code
    again: Code
    description: str
    text: str

    @property
    def role(self) -> str:
        """`payer` for the PI's fund, `recipient` for the credit fund, regardless of which is debited."""
        return PAYER if self.payer else RECIPIENT

    @property
    def ledger_account(self) -> str:
        """Fund and account as an account of plain-text accounting, such as `Expenses:F-BIO-2024:A-7300`.

        Components begin with a capital and have letters, digits and hyphens (Beancount); any other code is in hex.
        """
        return f"{'Expenses' if self.payer else 'Income'}:{_component('F', self.fund)}:{_component('A', self.account)}"

    @property
    def debit(self) -> Decimal | None:
        """The amount of a debit line."""
        return self.amount if self.side == Side.DEBIT else None

    @property
    def credit(self) -> Decimal | None:
        """The amount of a credit line."""
        return self.amount if self.side == Side.CREDIT else None

    @property
    def signed(self) -> Decimal:
        """Debit positive, credit negative."""
        return self.amount if self.side == Side.DEBIT else -self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHead:
    """What profiles see as `journal`.

    document: its number; empty for a draft. part, parts: which document of the month's journal this is.
    date: the accounting date. closed: the day the month was closed; the accounting date for a draft.
    fiscal_year, fiscal_period: of the accounting date, by `fiscal_year_starts`; the first period is 1.
    """

    document: Code
    draft: bool
    period: str
    part: int
    parts: int
    date: dt.date
    closed: dt.date
    fiscal_year: int
    fiscal_period: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalTotals:
    """What profiles see as `totals`, in cents.

    net: the payers' debits less their credits. hash: debits + credits without sign, a control total of Banner and KFS.
    """

    lines: int
    debits: Decimal
    credits: Decimal
    net: Decimal
    hash: Decimal
    sources: tuple[SourceControl, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSheet:
    """A document with everything that its files show. groups: the names of the parts of a fund."""

    head: JournalHead
    rows: tuple[JournalRow, ...]
    totals: JournalTotals
    config: Config
    groups: tuple[str, ...]


def make_sheet(
    journal: Journal,
    document: JournalDocument,
    profile: Profile,
    config: Config,
    *,
    parts: int,
    date: dt.date,
    closed: dt.date | None,
) -> JournalSheet:
    """One document of a journal. date: the accounting date. closed: None for a draft.

    Raises ValueError if it does not balance to the cent, which no data can cause.
    """
    lines = journal.lines[document.first - 1 : document.last]
    own = Journal(journal.period, lines)
    refuse_unbalanced(own)
    fund = fund_expression(config)
    rows = [_row(number, line, fund, config) for number, line in enumerate(lines, start=1)]
    if profile.rows is RowKind.SUMMARY:
        rows = _summary(rows, lines)
    if profile.negatives is Negatives.KEEP:
        rows = [_unswapped(row) for row in rows]
    year, month = fiscal(date, config.fiscal_year_starts)
    return JournalSheet(
        head=JournalHead(
            document=Code(document.number),
            draft=closed is None,
            period=journal.period,
            part=document.part,
            parts=parts,
            date=date,
            closed=closed or date,
            fiscal_year=year,
            fiscal_period=month,
        ),
        rows=tuple(rows),
        totals=JournalTotals(
            lines=len(rows),
            debits=sum((row.debit or ZERO for row in rows), ZERO),
            credits=sum((row.credit or ZERO for row in rows), ZERO),
            net=sum((row.signed for row in rows if row.payer), ZERO),
            hash=sum((abs(row.amount) for row in rows), ZERO),
            sources=source_controls(own),
        ),
        config=config,
        groups=fund.names if fund else (),
    )


def refuse_unbalanced(journal: Journal) -> None:
    """Raise ValueError if a journal, one of its sources or a pair of funds in it does not balance to the cent."""
    sums: dict[str, Decimal] = {}
    for payer, counterpart in _pairs(journal.lines):
        pair = f"{payer.fund!r} to {counterpart.fund!r}"
        for name in ("the journal", f"source {payer.source}", f"source {payer.source}, {pair}"):
            sums[name] = sums.get(name, ZERO) + payer.signed + counterpart.signed
        if not payer.payer or counterpart.payer or payer.source != counterpart.source:
            raise ValueError(f"the journal of {journal.period} is not made of pairs: {pair}")
    wrong = [f"{name} by {amount}" for name, amount in sums.items() if amount]
    if wrong:
        raise ValueError(f"the journal of {journal.period} does not balance: {', '.join(wrong)}")


def _pairs(lines: Sequence[JournalLine]) -> Iterable[tuple[JournalLine, JournalLine]]:
    if len(lines) % 2:
        raise ValueError(f"the journal of {lines[0].period} does not balance: a line has no counterpart")
    return zip(lines[::2], lines[1::2], strict=True)


def _summary(rows: Sequence[JournalRow], lines: Sequence[JournalLine]) -> list[JournalRow]:
    """The rows netted by source, role, fund and account."""
    nets = [(rows[each[0]], sum((rows[index].signed for index in each), ZERO)) for each in summary_of(lines)]
    return [
        replace(
            row,
            number=number,
            side=str(Side.DEBIT if net > 0 else Side.CREDIT),
            amount=abs(net),
            statement=Code(),
            service="",
            pi="",
            project="",
            description=row.source_label,
            text=row.source_label,
        )
        for number, (row, net) in enumerate(nets, start=1)
    ]


def _unswapped(row: JournalRow) -> JournalRow:
    """The row on the side that a charge has, so that a refund is negative."""
    side = Side.DEBIT if row.payer else Side.CREDIT
    return row if row.side == side else replace(row, side=str(side), amount=ZERO - row.amount)


def unsafe_funds(journal: Journal, config: Config) -> list[Problem]:
    """Funds and accounts that no file can hold unchanged and safely (`unsafe-fund`), each once with its line count."""
    counts = Counter(part for line in journal.lines for part in (("account", line.account), ("fund", line.fund)))
    return [
        Problem(
            path="",
            code="unsafe-fund",
            message=f"the {what} {code!r}, or a part of it, starts like a formula or contains a control character",
            fix=f"correct the {what} at its origin: tag, directory, decision or config.yaml",
            excerpt=clean(code),
            count=count,
        )
        for (what, code), count in sorted(counts.items())
        if has_unsafe_part(what, code, config)
    ]


def refuse_unsafe(journal: Journal, config: Config) -> None:
    """Raise LedgerFault for funds and accounts that cannot be written."""
    if problems := unsafe_funds(journal, config):
        raise LedgerFault(problems)


def has_unsafe_part(what: str, code: str, config: Config) -> bool:
    """Whether a `fund` or `account`, or a part of the fund, starts like a formula or contains a control character."""
    fund = fund_expression(config)
    groups = fund.groups(code).values() if fund and what == "fund" else ()
    return any(unsafe(text) for text in (code, *groups))


def _row(number: int, line: JournalLine, fund: Expression | None, config: Config) -> JournalRow:
    text = clean(line.description)
    return JournalRow(
        number=number,
        period=line.period,
        date=line.date,
        side=str(line.side),
        payer=line.payer,
        fund=Code(line.fund),
        account=Code(line.account),
        groups={name: Code(part) for name, part in (fund.groups(line.fund) if fund else {}).items()},
        amount=line.amount,
        source=line.source,
        source_label=clean(config.source(line.source).label or line.source),
        service=clean(line.service),
        pi=clean(line.pi),
        project=clean(line.project),
        statement=Code(line.statement),
        again=Code(line.again),
        description=cut(text, config.journal.description_limit),
        text=text,
    )


def _component(letter: str, code: str) -> str:
    """A component of an account; never the same for two codes."""
    if _PLAIN.fullmatch(code):
        return f"{letter}-{code}"
    return f"X{letter}-{code.encode().hex()}" if code else letter


def fund_expression(config: Config) -> Expression | None:
    """The expression that splits accounting strings."""
    return expression(config.journal.fund) if config.journal.fund else None
