"""What became of the journals of closed months, and which of their lines a later journal repeats.

postings/P.yaml ─▶ the status of each line of P's journal ─▶ rejected pairs ─▶ JournaledAgain in the month they name

Only a rejected line is journaled again, once, together with its counterpart: what is in suspense has been posted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.journal import journal_of, summary_of
from openchargeback.ledger.postings import PostedLine, Posting, PostingStatus, postings_path
from openchargeback.ledger.settings import Config, Payer
from openchargeback.model import Journal, JournalDocument, JournaledAgain, JournalLine, RowKind, State
from openchargeback.money import ZERO
from openchargeback.problems import LedgerFault, Problem, Severity
from openchargeback.record.lazy import LazySequence
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.decisions import unusable_values


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSums:
    """Journal lines added up, in cents. net: debits less credits of the payers."""

    lines: int = 0
    debits: Decimal = ZERO
    credits: Decimal = ZERO
    net: Decimal = ZERO

    @classmethod
    def of(cls, lines: Sequence[JournalLine]) -> LineSums:
        """The sums of these lines."""
        signed = [line.signed for line in lines]
        return cls(
            lines=len(lines),
            debits=sum((each for each in signed if each > 0), ZERO),
            credits=-sum((each for each in signed if each < 0), ZERO),
            net=sum((each for each, line in zip(signed, lines, strict=True) if line.payer), ZERO),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAccepted:
    """A row of a document that is in suspense or was rejected, as finance knows it. amount: signed, in cents."""

    document: str
    line: int
    status: PostingStatus
    fund: str
    amount: Decimal
    reason: str
    again: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedMonth:
    """What became of a month's journal: its lines by what happened to them.

    postings: as recorded. exceptions: the rows that were not accepted.
    """

    accepted: LineSums = LineSums()
    suspense: LineSums = LineSums()
    rejected: LineSums = LineSums()
    not_posted: LineSums = LineSums()
    postings: tuple[Posting, ...] = ()
    exceptions: tuple[NotAccepted, ...] = ()

    @property
    def sums(self) -> dict[str, LineSums]:
        """The sums by what happened."""
        return {
            "posted": self.accepted,
            "suspense": self.suspense,
            "rejected": self.rejected,
            "not_posted": self.not_posted,
        }


POSTED_WORDS = {
    "posted": "Posted",
    "suspense": "In suspense",
    "rejected": "Rejected",
    "not_posted": "Not posted",
}
"""What happened to journal lines, for people."""


def recorded_journal(ledger: RecordedLedger, period: str) -> Journal:
    """The journal of a closed period from its record, without descriptions. Raises LedgerFault for a faulty table."""
    record = ledger.records[period]

    def settings(other: str) -> Config:
        return record.config if other == period else ledger.settings(other)

    numbers = {(each.pi, each.project): each.number for each in record.statements}
    stated = [line for line in record.lines if (line.pi, line.project) in numbers]
    return journal_of(period, record.accounting_date, stated, numbers, settings, record.again)


def lazy_journal(ledger: RecordedLedger, period: str) -> Journal:
    """The same, made when its lines are first looked at."""
    return Journal(period, LazySequence(lambda: recorded_journal(ledger, period).lines))


def journaled_again(ledger: RecordedLedger, period: str) -> tuple[JournaledAgain, ...]:
    """The rejected lines that the journal of a period repeats: of a closed one as recorded, else as postings say."""
    if period in ledger.records:
        return ledger.records[period].again
    return tuple(
        each
        for original in sorted(ledger.postings)
        if original < period and original in ledger.records and _names(ledger.postings[original], period)
        for each in _rejected(ledger, original, period)
    )


def _names(postings: Sequence[Posting], period: str) -> bool:
    return any(line.again == period for posting in postings for line in posting.lines)


def _rejected(ledger: RecordedLedger, original: str, period: str) -> Iterator[JournaledAgain]:
    documents = {each.number: each for each in ledger.records[original].documents}
    lines = recorded_journal(ledger, original).lines
    for posting in ledger.postings[original]:
        if posting.document in documents:
            outcome = _Outcome(documents[posting.document], posting, lines)
            yield from (each for each, again in outcome.repeated() if again == period)


def posted_month(journal: Journal, documents: Sequence[JournalDocument], postings: Sequence[Posting]) -> PostedMonth:
    """What became of a month's journal, according to its postings."""
    known = {each.number: each for each in documents}
    statuses: dict[int, PostingStatus] = {}
    exceptions: list[NotAccepted] = []
    for posting in postings:
        if posting.document not in known:
            continue
        outcome = _Outcome(known[posting.document], posting, journal.lines)
        exceptions += outcome.exceptions()
        statuses = outcome.statuses() | statuses
    lines: dict[PostingStatus | None, list[JournalLine]] = defaultdict(list)
    for index, line in enumerate(journal.lines):
        lines[statuses.get(index)].append(line)
    return PostedMonth(
        accepted=LineSums.of(lines[PostingStatus.ACCEPTED]),
        suspense=LineSums.of(lines[PostingStatus.SUSPENSE]),
        rejected=LineSums.of(lines[PostingStatus.REJECTED]),
        not_posted=LineSums.of(lines[None]),
        postings=tuple(postings),
        exceptions=tuple(exceptions),
    )


class _Outcome:
    """What became of one document. lines: those of the whole journal."""

    def __init__(self, document: JournalDocument, posting: Posting, lines: Sequence[JournalLine]) -> None:
        self.document, self.posting, self.lines = document, posting, lines
        self.rows = rows_of(document, lines)
        self.row_of = {index: number for number, members in enumerate(self.rows, start=1) for index in members}
        self.listed = {each.line: each for each in posting.lines if 1 <= each.line <= len(self.rows)}

    def statuses(self) -> dict[int, PostingStatus]:
        """The status of each line of the document, by its index in the journal."""
        result = {}
        for payer in range(self.document.first - 1, self.document.last, 2):
            rejected = self.rejected(payer)
            for index in (payer, payer + 1):
                own = self.listed.get(self.row_of.get(index, 0))
                status = own.status if own else PostingStatus.ACCEPTED
                if status is PostingStatus.REJECTED and not rejected:
                    status = PostingStatus.ACCEPTED  # contradicts the line of the payer, which is a problem of its own
                result[index] = PostingStatus.REJECTED if rejected else status
        return result

    def rejected(self, payer: int) -> PostedLine | None:
        """The listed line by which a pair of lines is rejected, given the index of the payer's; None if it is not."""
        own = self.listed.get(self.row_of.get(payer, 0))
        if own is not None and own.status is PostingStatus.REJECTED:
            return own
        if self.document.rows is RowKind.SUMMARY:
            return None  # the row of a credit fund is that of many payers
        other = self.listed.get(self.row_of.get(payer + 1, 0))
        return other if other is not None and other.status is PostingStatus.REJECTED else None

    def repeated(self) -> Iterator[tuple[JournaledAgain, str]]:
        """Each rejected pair as it is journaled again, and the period that does so; empty if none is named."""
        for payer in range(self.document.first - 1, self.document.last, 2):
            listed = self.rejected(payer)
            if listed is None:
                continue
            line, other = self.lines[payer], self.lines[payer + 1]
            yield (
                JournaledAgain(
                    original=line.period,
                    document=self.document.number,
                    line=self.row_of[payer],
                    number=payer + 1,
                    fund=listed.new_fund or line.fund,
                    account=line.account,
                    credit_fund=other.fund,
                    credit_account=other.account,
                    billed=line.signed,
                    source=line.source,
                    service=line.service,
                    pi=line.pi,
                    project=line.project,
                    statement=line.statement,
                ),
                listed.again,
            )

    def exceptions(self) -> Iterator[NotAccepted]:
        """The listed rows that were not accepted."""
        amounts = row_amounts(self.document, self.lines)
        for number, each in sorted(self.listed.items()):
            if each.status is not PostingStatus.ACCEPTED:
                line, amount = amounts[number - 1]
                yield NotAccepted(
                    document=self.document.number,
                    line=number,
                    status=each.status,
                    fund=line.fund,
                    amount=amount,
                    reason=each.reason,
                    again=each.again,
                )


def rows_of(document: JournalDocument, lines: Sequence[JournalLine]) -> list[tuple[int, ...]]:
    """The lines of the journal that make up each row of a document, as indexes."""
    start = document.first - 1
    if document.rows is RowKind.LINES:
        return [(index,) for index in range(start, document.last)]
    return [tuple(start + index for index in members) for members in summary_of(lines[start : document.last])]


def row_amounts(document: JournalDocument, lines: Sequence[JournalLine]) -> list[tuple[JournalLine, Decimal]]:
    """For each row of a document its first line, which has the fund of all, and its amount: positive for a debit."""
    return [
        (lines[members[0]], sum((lines[index].signed for index in members), ZERO))
        for members in rows_of(document, lines)
    ]


# ── Problems ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def posting_problems(ledger: RecordedLedger) -> list[Problem]:
    """Where postings contradict the journals, and what still has to be journaled again."""
    problems: list[Problem] = []
    for period, postings in sorted(ledger.postings.items()):
        if ledger.period_file(period).state is State.OPEN:
            what = f"{period} is open, so its journal is a draft that cannot have been posted"
            problems.append(Problem(postings_path(period), "posting-mismatch", what, "remove the file", 1))
        elif period in ledger.records:
            journal = lazy_journal(ledger, period)
            try:
                found = [
                    *check_postings(journal, ledger.records[period].documents, postings),
                    *_again_problems(ledger, period, journal, postings),
                ]
            except LedgerFault:
                continue  # a problem of its own
            problems += found
    return [*problems, *_unfounded(ledger)]


def check_postings(
    journal: Journal, documents: Sequence[JournalDocument], postings: Sequence[Posting]
) -> Iterator[Problem]:
    """Where postings contradict the journal of their month."""
    known = {each.number: each for each in documents}
    earlier: list[JournalDocument] = []
    for posting in postings:
        document = known.get(posting.document)
        if document is None:
            numbers = ", ".join(sorted(known)) or "none"
            what = f"the journal of {journal.period} has no document {posting.document}"
            yield _mismatch(posting, what, f"use one of {numbers}")
            continue
        yield from _document_faults(posting, document)
        for other in earlier:
            if other.first <= document.last and document.first <= other.last:
                what = f"document {document.number} has the same lines as {other.number}, which was posted, too"
                yield _mismatch(posting, what, "keep the document that was posted, once")
        earlier.append(document)
        if posting.lines:  # mostly, everything was accepted
            yield from _line_faults(posting, document, journal)


def _mismatch(posting: Posting, message: str, fix: str, at: int = 0) -> Problem:
    return Problem(posting.path, "posting-mismatch", message, fix, at or posting.at)


def _document_faults(posting: Posting, document: JournalDocument) -> Iterator[Problem]:
    if posting.format and posting.format != document.format:
        what = f"document {document.number} is of format {document.format}, not {posting.format}"
        yield _mismatch(posting, what, f"write `format: {document.format}`")
    if posting.sha256 and posting.sha256 not in document.files.values():
        what = f"the file that was posted as document {document.number} is not the one that the month was closed with"
        fix = "compare the posted file with `focus-billing journal --check FILE`"
        yield _mismatch(posting, what, fix)


def _line_faults(posting: Posting, document: JournalDocument, journal: Journal) -> Iterator[Problem]:
    outcome, amounts = _Outcome(document, posting, journal.lines), row_amounts(document, journal.lines)
    seen: set[int] = set()
    for each in posting.lines:
        where = f"line {each.line} of document {document.number}"
        if each.line in seen:
            yield _mismatch(posting, f"{where} is listed twice", "keep one of them", each.at)
        seen.add(each.line)
        if each.line > len(outcome.rows):
            what = f"document {document.number} has {len(outcome.rows)} lines, not {each.line}"
            yield _mismatch(posting, what, "correct the number of the line", each.at)
            continue
        line, amount = amounts[each.line - 1]
        given = [
            *([each.debit] if each.debit is not None else ()),
            *([-each.credit] if each.credit is not None else ()),
        ]
        if (given and sum(given, ZERO) != amount) or (each.amount is not None and abs(each.amount) != abs(amount)):
            side = "debit" if amount > 0 else "credit"
            what = f"{where} is a {side} of {abs(amount)} in the journal, not {' and '.join(_words(each, amount))}"
            yield _mismatch(posting, what, "correct the amount, or the number of the line", each.at)
        if each.fund and each.fund != line.fund:
            what = f"{where} has the fund {line.fund} in the journal, not {each.fund}"
            yield _mismatch(posting, what, "correct the fund, or the number of the line", each.at)
    yield from _one_sided(posting, document, outcome)


def _words(line: PostedLine, like: Decimal) -> Iterator[str]:
    """The amounts that a line is said to have. like: an amount with the decimals of the currency."""
    for side, amount in (("", line.amount), ("a debit of ", line.debit), ("a credit of ", line.credit)):
        if amount is not None:
            cents = amount.quantize(like)
            yield side + (f"{cents:f}" if cents == amount else money.exact(amount))


def _one_sided(posting: Posting, document: JournalDocument, outcome: _Outcome) -> Iterator[Problem]:
    """Lines that were rejected while the lines they balance were not: no accounting system posts half a pair."""
    told: set[int] = set()
    for payer in range(document.first - 1, document.last, 2):
        rows = [outcome.row_of.get(index, 0) for index in (payer, payer + 1)]
        own, other = (outcome.listed.get(row) for row in rows)
        statuses = [each.status if each else None for each in (own, other)]
        rejected = [status is PostingStatus.REJECTED for status in statuses]
        if rejected[0] == rejected[1]:
            continue
        if document.rows is RowKind.LINES:
            wrong, place = statuses[rejected.index(False)] is not None, own if rejected[0] else other
        else:
            wrong, place = rejected[1], other
        if wrong and place is not None and place.line not in told:
            told.add(place.line)
            what = (
                f"line {place.line} of document {document.number} was rejected, but not "
                f"line {rows[1] if place is own else rows[0]}, which it balances"
            )
            yield _mismatch(
                posting, what, "give both the same status; what is posted on one side is in suspense", place.at
            )


def _again_problems(
    ledger: RecordedLedger, period: str, journal: Journal, postings: Sequence[Posting]
) -> Iterator[Problem]:
    """Rejected lines that no month journals again, or one that cannot."""
    documents = {each.number: each for each in ledger.records[period].documents}
    for posting in postings:
        if posting.document not in documents or not posting.lines:
            continue
        outcome = _Outcome(documents[posting.document], posting, journal.lines)
        for number, each in sorted(outcome.listed.items()):
            if each.status is not PostingStatus.REJECTED:
                continue
            where = f"line {number} of document {posting.document}"
            if not each.again and any(outcome.rejected(payer) is each for payer in range(0, len(journal.lines), 2)):
                fix = "name an open month that journals it again: `again:`"
                what = f"{where} was rejected, and no later journal repeats it"
                yield Problem(posting.path, "not-journaled-again", what, fix, each.at, severity=Severity.WARNING)
            elif each.again and each.again <= period:
                what = f"{where} cannot be journaled again in {each.again}, which is not after {period}"
                yield Problem(posting.path, "posting-again", what, "name a later open month", each.at)
            elif each.new_fund and each.again and each.again not in ledger.records:
                unusable = unusable_values(Payer(fund=each.new_fund), ledger.config, ledger.directory)
                if unusable is not None:
                    what = f"{where} names a new fund, but {unusable.message}"
                    yield Problem(posting.path, "posting-again", what, unusable.fix, each.at)
        for repeated, again in outcome.repeated():
            record = ledger.records.get(again)
            if record is not None and repeated not in record.again:
                each = outcome.rejected(repeated.number - 1) or posting.lines[0]
                where = f"line {repeated.line} of document {posting.document}"
                what = f"{where} is not journaled again in {again}, which is closed"
                fix = f"name a month that is still open, or reopen {again}"
                yield Problem(posting.path, "posting-again", what, fix, each.at)


def _unfounded(ledger: RecordedLedger) -> Iterator[Problem]:
    """Lines that a closed month's journal repeats, although no posting says that they were rejected."""
    found: dict[str, set[tuple[JournaledAgain, str]]] = {}
    for again, record in sorted(ledger.records.items()):
        for each in record.again:
            if each.original not in ledger.records:
                continue
            if each.original not in found:
                found[each.original] = _all_rejected(ledger, each.original)
            if (each, again) not in found[each.original]:
                path = postings_path(each.original)
                what = f"the journal of {again} repeats line {each.line} of document {each.document}"
                what += f", which is not recorded as rejected and journaled again in {again}"
                yield Problem(path, "posting-again", what, "restore the file from Git")


def _all_rejected(ledger: RecordedLedger, original: str) -> set[tuple[JournaledAgain, str]]:
    """Every rejected pair of a closed period, with the period that journals it again."""
    documents = {each.number: each for each in ledger.records[original].documents}
    try:
        lines = recorded_journal(ledger, original).lines
    except LedgerFault:
        return set()
    return {
        pair
        for posting in ledger.postings.get(original, ())
        if posting.document in documents
        for pair in _Outcome(documents[posting.document], posting, lines).repeated()
    }
