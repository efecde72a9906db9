"""What stands in the way of closing a month: for `periods close`, and for the month's page of the web program."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from openchargeback.billing.completeness import missing_sources, month_of
from openchargeback.billing.provider_invoices import invoice_problems
from openchargeback.ledger.directory import PEOPLE_FILE, missing_on_invoices
from openchargeback.ledger.files import is_estimate
from openchargeback.ledger.shape import did_you_mean
from openchargeback.model import BilledPeriod
from openchargeback.problems import Problem
from openchargeback.publish.books import AllBooks
from openchargeback.wording import counted, shortened


class ObstacleKind(enum.StrEnum):
    """What has to be done about an obstacle, and so where."""

    UNDECIDED = "undecided"
    VOID = "void"
    CREDIT_FUND = "credit-fund"
    BILL_TO = "bill-to"
    MISSING_SOURCE = "missing-source"
    WITHOUT = "without"  # a source that the person wants to close without, but that is not missing
    ESTIMATE = "estimate"
    INVOICE = "invoice"
    EVIDENCE = "evidence"
    EMPTY = "empty"


_JOINED = {ObstacleKind.VOID: " ({})", ObstacleKind.INVOICE: "; {}", ObstacleKind.EVIDENCE: "; {}"}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One obstacle. what: the fact. fix: what to do, on the command line; may be empty.

    target: what it is about: a source, a path in the ledger, or an email address; empty for the month as a whole.
    """

    kind: ObstacleKind
    what: str
    fix: str = ""
    target: str = ""

    @property
    def text(self) -> str:
        """The obstacle with its fix, as the command line prints it."""
        return self.what + (_JOINED.get(self.kind, ": {}").format(self.fix) if self.fix else "")

    @property
    def can_be_waived(self) -> bool:
        """Whether the person who closes may decide that the month is closed nevertheless."""
        return self.kind in (ObstacleKind.UNDECIDED, ObstacleKind.MISSING_SOURCE)


def listed_by_kind(obstacles: Sequence[Obstacle], text: Callable[[Obstacle], str]) -> list[str]:
    """Their texts in order: of each kind the first ones, and how many more there are."""
    groups = groupby(obstacles, key=lambda each: each.kind)
    return [line for _, group in groups for line in shortened([text(each) for each in group], indent="")]


def closing_obstacles(
    books: AllBooks,
    billed: BilledPeriod,
    missing: Sequence[Problem],
    *,
    leave_held: bool = False,
    without: Sequence[str] = (),
) -> list[Obstacle]:
    """Everything that blocks closing a month, except files that are not committed.

    missing: the evidence that its decisions lack, as `gather_evidence` finds. leave_held: undecided charges stay held.
    without: the sources to close it without.
    """
    found = _obstacles(books, billed, missing, leave_held=leave_held, without=without)
    return list(dict.fromkeys(found))


def _obstacles(
    books: AllBooks, billed: BilledPeriod, missing: Sequence[Problem], *, leave_held: bool, without: Sequence[str]
) -> Iterator[Obstacle]:
    held = sum(item.charges for item in billed.queue)
    if held and not leave_held:
        what = "1 charge is undecided" if held == 1 else f"{held:,} charges are undecided"
        yield Obstacle(ObstacleKind.UNDECIDED, what, "decide them with `review`, or add --leave-held")
    for each in billed.decisions:
        if each.void:
            what = f"{each.path}:{each.line}: {each.void}"
            yield Obstacle(ObstacleKind.VOID, what, "`review refresh` proposes a new decision", each.path)
    yield from _unpayable(books, billed)
    yield from _incomplete(books, billed, without)
    for file in billed.files:
        if is_estimate(file.path):
            fix = f"get the final export of {billed.period}, and replace it with `ingest`"
            yield Obstacle(ObstacleKind.ESTIMATE, f"{file.path} is an estimate", fix, file.path)
    for problem in invoice_problems(books.ledger, [billed]):
        if problem.code == "invoice-difference":
            what = f"{problem.path}:{problem.line}: {problem.message}"
            yield Obstacle(ObstacleKind.INVOICE, what, problem.fix, problem.path)
    for problem in missing:
        yield Obstacle(ObstacleKind.EVIDENCE, f"{problem.path}: {problem.message}", problem.fix, problem.path)
    if not billed.files and not billed.corrections and not billed.again:
        yield Obstacle(ObstacleKind.EMPTY, "it has no charges")


def _unpayable(books: AllBooks, billed: BilledPeriod) -> Iterator[Obstacle]:
    """Sources whose money nobody would receive, and payers who cannot be invoiced."""
    config, directory = books.ledger.config, books.ledger.directory
    for source in sorted({line.source for line in billed.lines if line.amounts.billed}):
        if config.posts(source) and not config.credit_fund(source):
            what = f"the source {source} has no credit fund"
            fix = f"set `sources: {source}: credit_fund:` in config.yaml, or `journal: credit_fund:` for all sources"
            yield Obstacle(ObstacleKind.CREDIT_FUND, what, fix, source)
    for payer in {line.pi: directory.person(line.pi) for line in billed.lines if line.invoiced}.values():
        if lacks := missing_on_invoices(payer.payer_class, payer.bill_to):
            what = f"{payer.email} is to be invoiced, but has no {' and no '.join(lacks)}"
            yield Obstacle(ObstacleKind.BILL_TO, what, f"add it in {PEOPLE_FILE}", payer.email)


def _incomplete(books: AllBooks, billed: BilledPeriod, without: Sequence[str]) -> Iterator[Obstacle]:
    """Expected sources that have no charges, and sources to close without that are not missing."""
    config, month = books.ledger.config, month_of(billed)
    absent = missing_sources(month, config)
    for each in absent:
        if each not in without:
            what = f"the source {each} is expected monthly but has no charges in {billed.period}"
            fix = f"add its file with `ingest`, or add --without {each} --reason TEXT"
            yield Obstacle(ObstacleKind.MISSING_SOURCE, what, fix, each)
    for each in without:
        if each in absent:
            continue
        if month.charges(each):
            what = f"it has {counted(month.charges(each), 'charge')} in {billed.period}"
        elif each not in config.sources:
            what = f"config.yaml lists no such source; {did_you_mean(each, config.sources)}"
        else:
            what = "it is not expected monthly, so --without is not needed"
        yield Obstacle(ObstacleKind.WITHOUT, f"--without {each}", what, each)
