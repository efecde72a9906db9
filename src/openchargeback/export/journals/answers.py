"""What the accounting system answered: reads a CSV file, or YAML written by hand, as postings of a month's journal.

A CSV file is read by the columns that `journal.answers` in config.yaml names; a YAML file has the same form as
`postings/P.yaml`. All faults of a file are reported at once (`answer-file`, `posting-mismatch`), and then nothing of it
is used.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.postings import check_postings, recorded_journal, row_amounts, rows_of
from openchargeback.ledger.periods import next_period
from openchargeback.ledger.postings import PostedLine, Posting, PostingStatus, read_postings
from openchargeback.ledger.settings import AnswerSettings
from openchargeback.model import Journal, JournalDocument, State
from openchargeback.money import ZERO
from openchargeback.problems import Problem, has_errors
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.clean_text import clean

_ENDINGS = (".yaml", ".yml")
_NUMBER = re.compile(r"0*[1-9]\d{0,6}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The postings in an answer file, and what it says of each document besides: the lines that it lists."""

    postings: tuple[Posting, ...]
    listed: Mapping[str, frozenset[int]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """How postings are recorded. period: that of the journal, if the person names it. on: if the file does not say.

    again: the open month that journals rejected lines again; by default the next one.
    """

    by: str
    on: dt.date
    period: str = ""
    again: str = ""


def read_answer(data: bytes, name: str, settings: AnswerSettings, recording: Recording) -> Answer:
    """The postings in an answer file with that name."""
    if name.lower().endswith(_ENDINGS):
        postings, problems = read_postings(data, name)
        return Answer(postings=postings, problems=tuple(problems))
    return _Table(name, settings, recording).read(data)


def _fault(name: str, message: str, fix: str, line: int = 0) -> Problem:
    return Problem(name, "answer-file", message, fix, line)


class _Table:
    """Reads an answer in CSV."""

    def __init__(self, name: str, settings: AnswerSettings, recording: Recording) -> None:
        self.name, self.settings, self.recording = name, settings, recording
        self.problems: list[Problem] = []
        self.words = {
            word.strip().casefold(): status
            for status, words in (
                (PostingStatus.ACCEPTED, settings.accepted),
                (PostingStatus.SUSPENSE, settings.suspense),
                (PostingStatus.REJECTED, settings.rejected),
            )
            for word in words
        }

    def read(self, data: bytes) -> Answer:
        """The postings of all documents in the file."""
        wanted = [each for each in (self.settings.document, self.settings.line, self.settings.status) if each]
        if len(wanted) < 3:
            message = "`journal.answers` does not say which columns have document, line and status"
            self.problems.append(_fault(self.name, message, "set `journal.answers` in config.yaml, or write YAML"))
            return self.answer({}, {})
        lines: dict[str, list[PostedLine]] = {}
        days: dict[str, dt.date] = {}
        for number, row in self.rows(data, wanted):
            line = self.line(row, number)
            if line is None:
                continue
            document = row[self.settings.document].strip()
            lines.setdefault(document, []).append(line)
            if self.settings.date and (day := self.day(row[self.settings.date], number)):
                days[document] = max(day, days.get(document, day))
        return self.answer(lines, days)

    def answer(self, lines: Mapping[str, Sequence[PostedLine]], days: Mapping[str, dt.date]) -> Answer:
        """The answer from the lines of each document."""
        for document, listed in lines.items():
            self.problems += _repeated(self.name, document, listed)
        postings = tuple(
            Posting(
                document=document,
                on=days.get(document, self.recording.on),
                lines=tuple(listed),
                path=self.name,
                at=listed[0].at,
            )
            for document, listed in lines.items()
        )
        numbers = {document: frozenset(each.line for each in listed) for document, listed in lines.items()}
        return Answer(postings=postings, listed=numbers, problems=tuple(self.problems))

    def rows(self, data: bytes, wanted: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
        """The rows of the file with their line numbers."""
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.problems.append(_fault(self.name, "not UTF-8 text", "save it as CSV in UTF-8", line))
            return
        found = csv.reader(io.StringIO(text, newline=""), delimiter=self.settings.separator, strict=True)
        head: list[str] = []
        line = 1
        try:
            for cells in found:
                if not head:
                    head = [cell.strip() for cell in cells]
                    columns = [*wanted, *filter(None, self.optional())]
                    if missing := [name for name in columns if name not in head]:
                        message = f"the file has no column {', '.join(missing)}"
                        fix = f"correct `journal.answers`; the file has {', '.join(head)}"
                        self.problems.append(_fault(self.name, message, fix, 1))
                        return
                elif any(cell.strip() for cell in cells):
                    if len(cells) != len(head):
                        message = f"{len(cells)} cells, but there are {len(head)} columns"
                        self.problems.append(_fault(self.name, message, "correct the row", line))
                    else:
                        yield line, dict(zip(head, cells, strict=True))
                line = found.line_num + 1
        except csv.Error as error:
            self.problems.append(_fault(self.name, f"not readable as CSV: {error}", "export it again", line))

    def optional(self) -> tuple[str, ...]:
        """The columns that an institution may name."""
        settings = self.settings
        return settings.amount, settings.debit, settings.credit, settings.fund, settings.reason, settings.date

    def line(self, row: Mapping[str, str], at: int) -> PostedLine | None:
        """One line of a document; None with a problem if it cannot be read."""
        settings, word = self.settings, row[self.settings.status].strip()
        number, status = row[settings.line].strip(), self.words.get(word.casefold())
        if not _NUMBER.fullmatch(number):
            message = f"{settings.line} is not a line number: {clean(number)[:60] or 'nothing'}"
            self.problems.append(_fault(self.name, message, "correct it", at))
            return None
        if status is None:
            known = ", ".join([*settings.accepted, *settings.suspense, *settings.rejected]) or "none"
            message = f"{settings.status} has an unknown word: {clean(word)[:60] or 'nothing'}"
            fix = f"list it in `journal.answers` under accepted, suspense or rejected; listed are {known}"
            self.problems.append(_fault(self.name, message, fix, at))
            return None
        amounts = {name: self.cents(row, getattr(settings, name), at) for name in ("amount", "debit", "credit")}
        reason = clean(row[settings.reason])[:1000] if settings.reason else ""
        return PostedLine(
            line=int(number),
            status=status,
            fund=row[settings.fund].strip() if settings.fund else "",
            debit=amounts["debit"],
            credit=amounts["credit"],
            amount=amounts["amount"],
            reason=reason or ("" if status is PostingStatus.ACCEPTED else clean(word)),
            at=at,
        )

    def cents(self, row: Mapping[str, str], column: str, at: int) -> Decimal | None:
        """The amount in a column; None if it is empty or there is no such column."""
        text = row[column].strip().replace(",", "") if column else ""
        if not text:
            return None
        amount = money.parse(text)
        if amount is None:
            self.problems.append(_fault(self.name, f"{column} is not an amount: {clean(text)[:60]}", "correct it", at))
        return amount

    def day(self, text: str, at: int) -> dt.date | None:
        """The date in a cell; None if it is empty."""
        if not text.strip():
            return None
        try:
            return dt.datetime.strptime(text.strip(), self.settings.date_format).replace(tzinfo=dt.UTC).date()
        except ValueError:
            message = f"{self.settings.date} is not a date as {self.settings.date_format}: {clean(text)[:60]}"
            self.problems.append(_fault(self.name, message, "correct it, or `journal.answers.date_format`", at))
            return None


def _repeated(name: str, document: str, lines: Sequence[PostedLine]) -> Iterator[Problem]:
    """Lines that the file lists twice."""
    first: dict[int, int] = {}
    for each in lines:
        if each.line in first:
            message = f"line {each.line} of document {document} is listed twice, first on line {first[each.line]}"
            yield _fault(name, message, "remove one of them", each.at)
        first.setdefault(each.line, each.at)


def month_of_answer(
    answer: Answer, ledger: RecordedLedger, name: str, recording: Recording
) -> tuple[str, list[Problem]]:
    """The month that an answer is about, by its document numbers; empty, with the problem, if it is none or several."""
    months = {each.number: period for period, record in ledger.records.items() for each in record.documents}
    found = {months[each.document] for each in answer.postings if each.document in months}
    unknown = [each for each in answer.postings if each.document not in months]
    problems = [
        _fault(
            name,
            f"document {clean(each.document)[:60] or 'without a number'} is not one of this ledger",
            "check that the file answers a journal of this ledger; the page of a journal lists its documents",
            each.at,
        )
        for each in unknown
    ]
    if len(found) > 1:
        message = f"the file answers the journals of several months: {', '.join(sorted(found))}"
        problems.append(_fault(name, message, "record one month after the other"))
    elif found and recording.period and recording.period not in found:
        message = f"the file answers the journal of {min(found)}, not of {recording.period}"
        problems.append(_fault(name, message, "name the right file, or leave out --period"))
    elif not answer.postings and not answer.problems:
        problems.append(_fault(name, "the file has no lines", "export it again"))
    return ("" if problems else min(found, default="")), problems


def complete(
    answer: Answer, ledger: RecordedLedger, period: str, name: str, settings: AnswerSettings, recording: Recording
) -> tuple[tuple[Posting, ...], list[Problem]]:
    """The postings of an answer with everything that is recorded of them, and where they contradict the journal."""
    documents = {each.number: each for each in ledger.records[period].documents}
    journal = recorded_journal(ledger, period)
    problems = list(check_postings(journal, tuple(documents.values()), answer.postings))
    if settings.unlisted == "refused":
        for document, listed in answer.listed.items():
            problems += _unlisted(name, documents[document], listed, journal)
    if has_errors(problems):
        return (), problems
    again = recording.again or next_open(ledger, period)
    return (
        tuple(_completed(each, documents[each.document], journal, recording, again) for each in answer.postings),
        problems,
    )


def _unlisted(name: str, document: JournalDocument, listed: frozenset[int], journal: Journal) -> Iterator[Problem]:
    missing = sorted({*range(1, len(rows_of(document, journal.lines)) + 1)} - listed)
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (f" and {len(missing) - 5:,} more" if len(missing) > 5 else "")
        message = f"the file does not list every line of document {document.number}: {shown}"
        fix = "export the whole answer; if only exceptions are exported, set `journal.answers.unlisted: accepted`"
        yield _fault(name, message, fix)


def _completed(
    posting: Posting, document: JournalDocument, journal: Journal, recording: Recording, again: str
) -> Posting:
    """The posting with format, digest and, for each line that was not accepted, its fund, amount and next month."""
    rows = row_amounts(document, journal.lines)
    lines = []
    for each in posting.lines:
        if each.status is PostingStatus.ACCEPTED:
            continue
        line, amount = rows[each.line - 1]
        lines.append(
            replace(
                each,
                fund=line.fund,
                debit=amount if amount > 0 else None,
                credit=ZERO - amount if amount < 0 else None,
                amount=None,
                again=(each.again or again) if each.status is PostingStatus.REJECTED else "",
            )
        )
    return replace(
        posting,
        format=document.format,
        sha256=posting.sha256 or next(iter(document.files.values()), ""),
        by=posting.by or recording.by,
        lines=tuple(sorted(lines, key=lambda each: each.line)),
    )


def next_open(ledger: RecordedLedger, period: str) -> str:
    """The first open month after a period: one of the ledger, else the month after its last."""
    later = [each for each in ledger.periods if each > period]
    found = [each for each in later if ledger.period_file(each).state is State.OPEN]
    return found[0] if found else next_period(later[-1] if later else period)
