"""A journal prepared for files: the data that journal templates see (docs/JOURNAL_TEMPLATES.md).

Cleans text and splits funds into their parts, so that a template only has to place the fields.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from openchargeback.billing.journal import SourceControl, source_controls
from openchargeback.ledger.patterns import Expression, expression
from openchargeback.ledger.periods import fiscal
from openchargeback.ledger.settings import Config
from openchargeback.model import Journal, JournalLine, Side, State
from openchargeback.money import ZERO
from openchargeback.problems import LedgerFault, Problem
from openchargeback.templating.clean_text import Code, clean, cut, unsafe

PAYER, RECIPIENT = "payer", "recipient"
"""The values of the column `role`: a fund may both pay and receive, and the net is summed over the rows of payers."""

_GL_COLUMNS = frozenset(
    ("date", "journal", "line", "account", "fund", "debit", "credit", "description", "reference", "role")
)
"""The columns of `gl.csv` besides the parts of a fund, which must not have these names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """A journal line as written to files; journal templates see it as an item of `lines`.

    amount: > 0, in cents; `debit` and `credit` are None on the other side; `signed` is positive for a debit.
    groups: the named groups of the fund expression, blank if the fund does not match.
    text: the description, cleaned but not truncated; `description` is truncated to the configured limit.
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
    description: str
    text: str

    @property
    def role(self) -> str:
        """`payer` for the PI's fund, `recipient` for the credit fund, regardless of which is debited."""
        return PAYER if self.payer else RECIPIENT

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


@dataclass(frozen=True, slots=True)
class JournalHead:
    """What templates see as `journal`. `date` is the accounting date; None if the journal has no lines.

    fiscal_year, fiscal_period: of that date, according to `fiscal_year_starts`; the first period is 1.
    """

    id: Code
    period: str
    date: dt.date | None
    fiscal_year: int | None
    fiscal_period: int | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalTotals:
    """What templates see as `totals`, in cents.

    net: the payers' debits less their credits, which is the total due on statements.
    hash: debits + credits, the control total of Banner's GURFEED.
    """

    lines: int
    debits: Decimal
    credits: Decimal
    net: Decimal
    hash: Decimal
    sources: tuple[SourceControl, ...]


@dataclass(frozen=True, slots=True)
class JournalSheet:
    """A journal with everything that its files show.

    summary: one row per source, role, fund and account with the net. groups: the parts of a fund, each with its column
    name in `gl.csv`.
    """

    head: JournalHead
    rows: tuple[JournalRow, ...]
    summary: tuple[JournalRow, ...]
    totals: JournalTotals
    config: Config
    groups: dict[str, str]


def journal_id(period: str, revision: int = 1) -> str:
    """The document id of a period's journal: `OCB-2025-01`, `OCB-2025-01-r2` after a reopening."""
    return f"OCB-{period}" + (f"-r{revision}" if revision > 1 else "")


def journal_sheet(journal: Journal, state: State, config: Config, revision: int) -> JournalSheet:
    """The journal prepared for files. Raises LedgerFault for funds that cannot be written, ValueError for a journal
    that does not balance to the cent, which no data can cause.
    """
    if problems := unsafe_funds(journal, config):
        raise LedgerFault(problems)
    controls = source_controls(journal)
    for name, debits, credited in (
        ("the journal", journal.debits, journal.credits),
        *((f"source {control.source}", control.payers, -control.credited) for control in controls),
    ):
        if debits != credited:
            raise ValueError(f"{name} of {journal.period} does not balance: {debits} debited, {credited} credited")
    parts = _expression(config)
    date = journal.lines[0].date if journal.lines else None
    year, month = fiscal(date, config.fiscal_year_starts) if date else (None, None)
    rows = tuple(_row(number, line, parts, config) for number, line in enumerate(journal.lines, start=1))
    return JournalSheet(
        head=JournalHead(Code(journal_id(journal.period, revision)), journal.period, date, year, month, str(state)),
        rows=rows,
        summary=_summary(rows),
        totals=JournalTotals(
            lines=len(journal.lines),
            debits=journal.debits,
            credits=journal.credits,
            net=journal.net,
            hash=journal.debits + journal.credits,
            sources=controls,
        ),
        config=config,
        groups=_headings(parts.names if parts else ()),
    )


def _summary(rows: Iterable[JournalRow]) -> tuple[JournalRow, ...]:
    """The rows netted by source, role, fund and account, without those that net to zero."""
    nets: dict[tuple[str, str, str, str], tuple[JournalRow, Decimal]] = {}
    for row in rows:
        key: tuple[str, str, str, str] = (row.source, row.role, row.fund, row.account)
        first, net = nets.get(key, (row, ZERO))
        nets[key] = first, net + row.signed
    found = [each for _, each in sorted(nets.items(), key=lambda item: item[0]) if each[1]]
    return tuple(
        replace(
            row,
            number=number,
            side=str(Side.DEBIT if net > 0 else Side.CREDIT),
            amount=abs(net),
            statement=Code(),
            service="",
            pi="",
            project="",
            description="",
            text="",
        )
        for number, (row, net) in enumerate(found, start=1)
    )


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


def has_unsafe_part(what: str, code: str, config: Config) -> bool:
    """Whether a `fund` or `account`, or a part of the fund, starts like a formula or contains a control character."""
    fund = _expression(config)
    groups = fund.groups(code).values() if fund and what == "fund" else ()
    return any(unsafe(text) for text in (code, *groups))


def _row(number: int, line: JournalLine, parts: Expression | None, config: Config) -> JournalRow:
    text = clean(line.description)
    return JournalRow(
        number=number,
        period=line.period,
        date=line.date,
        side=str(line.side),
        payer=line.payer,
        fund=Code(line.fund),
        account=Code(line.account),
        groups={name: Code(part) for name, part in (parts.groups(line.fund) if parts else {}).items()},
        amount=line.amount,
        source=line.source,
        source_label=clean(config.source(line.source).label or line.source),
        service=clean(line.service),
        pi=clean(line.pi),
        project=clean(line.project),
        statement=Code(line.statement),
        description=cut(text, config.journal.description_limit),
        text=text,
    )


def _expression(config: Config) -> Expression | None:
    return expression(config.journal.fund) if config.journal.fund else None


def _headings(names: Iterable[str]) -> dict[str, str]:
    """The parts of a fund with unique column names: a part called `fund` becomes `fund_segment`."""
    headings: dict[str, str] = {}
    for name in names:
        heading = name
        while heading in _GL_COLUMNS or heading in headings.values():
            heading += "_segment"
        headings[name] = heading
    return headings
