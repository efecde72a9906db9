"""Records what the accounting system did with a month's journal: `journal posted`, and the upload of an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from openchargeback.billing.postings import posting_problems
from openchargeback.export.journals.answers import Recording, complete, month_of_answer, read_answer
from openchargeback.ledger.postings import Posting, PostingStatus, postings_path, postings_text
from openchargeback.ledger.schema_files import schema_comment
from openchargeback.problems import LedgerFault, Problem, has_errors
from openchargeback.publish.gathering import gather_ledger
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.wording import counted


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an answer makes of a month's postings. path, text: the file to write. new: the postings of the answer."""

    period: str
    path: str
    text: str
    new: tuple[Posting, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the accounting system did with each document."""
        return tuple(_sentence(self.period, posting) for posting in self.new)


def record_answer(root: Path, data: bytes, name: str, recording: Recording, *, replacing: bool = False) -> Recorded:
    """Compare an answer with the journal of its month as closed. Writes nothing.

    name: of the file, for problems; its ending tells YAML from CSV. replacing: whether documents may be recorded
    already. Raises LedgerFault with every fault of the file or the ledger.
    """
    ledger, problems = gather_ledger(root)
    # What is wrong with postings may be what this corrects.
    problems = [each for each in problems if not each.path.startswith("postings/")]
    if ledger is None or has_errors(problems):
        raise LedgerFault(problems, root)
    settings = ledger.config.journal.answers
    answer = read_answer(data, name, settings, recording)
    month, faults = month_of_answer(answer, ledger, name, recording)
    _refuse([*answer.problems, *faults])
    new, faults = complete(answer, ledger, month, name, settings, recording)
    old = {each.document: each for each in ledger.postings.get(month, ())}
    _refuse([*faults, *(_recorded_already(name, old, new) if not replacing else ())])
    merged = tuple({**old, **{each.document: each for each in new}}.values())
    _refuse_consequences(ledger, month, merged)
    path = postings_path(month)
    return Recorded(month, path, schema_comment(root, path) + postings_text(merged), new)


def _refuse(problems: Sequence[Problem]) -> None:
    if has_errors(problems):
        raise LedgerFault(problems)


def _recorded_already(name: str, old: Mapping[str, Posting], new: Sequence[Posting]) -> Iterator[Problem]:
    for each in new:
        if each.document in old:
            what = f"document {each.document} is already recorded, as posted on {old[each.document].on.isoformat()}"
            fix = "if this is a later answer, add --replace; if it is the same file, there is nothing to do"
            yield Problem(name, "answer-file", what, fix, each.at)


def _refuse_consequences(ledger: RecordedLedger, period: str, postings: tuple[Posting, ...]) -> None:
    """Raise LedgerFault if the ledger would contradict itself with these postings of a period."""
    _refuse(posting_problems(replace(ledger, postings={**ledger.postings, period: postings})))


def _sentence(period: str, posting: Posting) -> str:
    counts = {status: [each for each in posting.lines if each.status is status] for status in PostingStatus}
    rejected, suspense = counts[PostingStatus.REJECTED], counts[PostingStatus.SUSPENSE]
    parts = [
        f"{counted(len(suspense), 'line')} in suspense" if suspense else "",
        f"{counted(len(rejected), 'line')} rejected, journaled again in {rejected[0].again}" if rejected else "",
    ]
    said = "; ".join(filter(None, parts)) or "all lines accepted"
    return f"document {posting.document} of {period}, posted on {posting.on.isoformat()}: {said}"
