"""The life cycle of a month on disk: closing freezes it, finalizing seals it, reopening removes the record."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from openchargeback import __version__
from openchargeback.billing.corrections import post
from openchargeback.billing.freezing import Details, freeze
from openchargeback.billing.journal import with_descriptions
from openchargeback.billing.periods import bill_period
from openchargeback.billing.pipeline import PostedCorrections
from openchargeback.export.journals.descriptions import describer
from openchargeback.export.journals.files import Month, assigned_documents
from openchargeback.export.journals.profiles import profile_of
from openchargeback.files.changes import change_files
from openchargeback.ledger.approvals import Decision, Verb
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.periods import (
    CHART_MONTHS,
    FROZEN,
    PARTS,
    Event,
    PeriodFile,
    first_day,
    last_day,
    months_until,
    part_path,
    write_period,
)
from openchargeback.ledger.postings import postings_path
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.ledger.schema_files import schema_comment
from openchargeback.model import BilledPeriod, Correction, Entry, Evidence, JournalDocument, State, Without
from openchargeback.portal.libraries import PROGRAM, versions
from openchargeback.portal.logo import usable_logo
from openchargeback.portal.statements import statement_histories
from openchargeback.problems import LedgerFault, Problem, UsageFault, has_errors
from openchargeback.publish.books import AllBooks
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.record.files import read_record, record_files
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.record.seal import left_over, make_seal, no_longer_finalized
from openchargeback.templating.environment import make_environment
from openchargeback.wording import counted, listed

_log = logging.getLogger(__name__)


def accounting_day(period: str, given: dt.date | None) -> dt.date:
    """The accounting date of a month: as given, else its last day. Raises UsageFault if it is before the month."""
    if given and given < first_day(period):
        raise UsageFault(f"the accounting date {given} is before the start of {period}")
    return given or last_day(period)


def close(
    books: AllBooks,
    period: str,
    event: Event,
    evidence: Sequence[Evidence] = (),
    *,
    dated: dt.date | None = None,
    without: Sequence[Without] = (),
) -> list[str]:
    """Freeze an open period and close it; returns the paths written. Checks nothing but the invariants.

    evidence: who approved its decisions, to be recorded. dated: the accounting date; by default the last day.
    without: the expected sources that it has no charges of.
    Writes all files or none (`change_files`).
    """
    ledger = books.ledger
    state = ledger.period_file(period)
    closed = PeriodFile(
        State.CLOSED, state.revision, event, accounting_date=accounting_day(period, dated), without=tuple(without)
    )
    details = Details()
    then = replace(ledger, period_files={**ledger.period_files, period: closed})
    posted = post(ledger)[0].get(period, PostedCorrections())
    billed, problems = bill_period(then, period, posted=posted, then=details.read)
    if billed is None or has_errors(problems):
        raise LedgerFault(problems)
    _log.info("billed %s once more: %s", period, counted(len(billed.lines), "line"))
    charted = months_until(period, CHART_MONTHS)[:-1]
    # Reading the statements of a closed month takes long, so only of those that the record shows.
    earlier = [each for each in books.periods if each.period in charted]
    frozen = freeze(then, billed, details, statement_histories((*earlier, billed)), __version__)
    libraries = {name: version for name, version in versions().items() if name != PROGRAM}
    frozen = replace(
        frozen, evidence=tuple(evidence), libraries=libraries, documents=_documents(then, billed), again=billed.again
    )
    contents = record_files(frozen, details.held, _logo(ledger))
    contents[part_path(period, FROZEN)] = (
        schema_comment(ledger.root, part_path(period, FROZEN)).encode() + contents[part_path(period, FROZEN)]
    )
    digest = hashlib.sha256(contents[part_path(period, FROZEN)]).hexdigest()
    contents |= state_file(ledger.root, period, replace(closed, frozen=digest))
    change_files(ledger.root, {**dict.fromkeys(_files_of_record(ledger.root, period)), **contents})
    _log.info("recorded %s in %s", period, counted(len(contents), "file"))
    return list(contents)


def _documents(ledger: RecordedLedger, billed: BilledPeriod) -> tuple[JournalDocument, ...]:
    """The documents of the journal of a month that is being closed, with numbers that no other document has.

    Raises LedgerFault for a journal that cannot be written.
    """
    config, own = ledger.config, ledger.journal_profiles
    env = make_environment(ledger.root / "templates")
    journal = with_descriptions(billed.journal, describer(config, env))
    month = Month(period=billed, journal=journal, config=config, own=own, env=env)
    documents = assigned_documents(month, [profile_of(name, own) for name in config.journal.formats])
    taken = {each.number: record.period for record in ledger.records.values() for each in record.documents}
    problems = [
        Problem(
            FILE_NAME,
            "journal-profile",
            f"the document {each.number} of {billed.period} in journal format {each.format} has the number of one of "
            f"{taken[each.number]}",
            "set another `document.prefix` in the profile",
        )
        for each in documents
        if each.number in taken
    ]
    if problems:
        raise LedgerFault(problems, ledger.root)
    return documents


def refuse_unclosed(ledger: Ledger, period: str) -> None:
    """Raise UsageFault for a month that cannot be finalized, since it is not closed."""
    state = ledger.period_file(period).state
    if state is not State.CLOSED:
        raise UsageFault(f"{period} is {state}; only a closed period can be finalized")


def finalize(ledger: Ledger, period: str, event: Event) -> str:
    """Seal a closed period; returns the path written."""
    state = ledger.period_file(period)
    final = replace(state, state=State.FINALIZED, finalized=event)
    written = state_file(ledger.root, period, make_seal(ledger.root, period, final))
    change_files(ledger.root, written)
    return next(iter(written))


def ledger_to_reopen(root: Path, period: str) -> Ledger:
    """The small files of a ledger in which a month is to be reopened, with errors elsewhere: reopening may be the fix.

    Raises LedgerFault for a period file that was tampered with, lest a finalized month be reopened.
    """
    ledger, problems = read_ledger(root)
    if ledger is None:
        raise LedgerFault(problems)
    faults = [each for each in (*problems, *no_longer_finalized(ledger)) if each.path == f"periods/{period}.yaml"]
    if has_errors(faults):
        raise LedgerFault(faults, root)
    return ledger


def is_open(ledger: Ledger, period: str) -> bool:
    """Whether a month has a period file that says so, and no closing record is left over."""
    known = period in ledger.period_files and ledger.period_file(period).state is State.OPEN
    return known and not left_over(ledger, period)


def reopen(ledger: Ledger, period: str) -> list[str]:
    """Open a period; a closed one gets its next revision and loses its record, which Git keeps. Returns the paths.

    If an open period has a leftover record, the record is removed and its revision is not used again.
    """
    state = ledger.period_file(period)
    if state.state is State.FINALIZED:
        raise UsageFault(f"{period} is finalized and cannot be reopened; correct it in an open period")
    if ledger.postings.get(period):
        path = postings_path(period)
        raise UsageFault(
            f"{period} cannot be reopened: its journal was posted ({path}), and would be posted twice; correct it in "
            f"an open period, or remove {path} if all of it was rejected"
        )
    record = read_record(ledger.root, period, state)[0]
    dependent = _dependent_decisions(ledger, period, record)
    if dependent:
        raise UsageFault(f"{period} cannot be reopened: decisions elsewhere depend on it: {listed(dependent, 5)}")
    opened = state_file(ledger.root, period, PeriodFile(State.OPEN, _next_revision(ledger, period, record)))
    changed = {**opened, **dict.fromkeys(_files_of_record(ledger.root, period))}
    change_files(ledger.root, changed)
    return list(changed)


def _next_revision(ledger: Ledger, period: str, record: ClosingRecord | None) -> int:
    """The revision of a reopened period: the first one that none of its closings has used."""
    state = ledger.period_file(period)
    if state.state is State.OPEN and not (ledger.root / part_path(period, FROZEN)).is_file():
        return state.revision
    return max(state.revision, (record.revision if record else state.revision) + 1)


def _dependent_decisions(ledger: Ledger, period: str, record: ClosingRecord | None) -> list[str]:
    """The places of decisions in other folders that depend on what a period held or billed: on its own charges, and
    credits of what it billed late or again.
    """
    billed = [each for each in record.corrections if each.entry in (Entry.LATE, Entry.REBILL)] if record else []
    # Without a readable record it is unknown which charges those are, but their periods are known.
    unknown = {each.period for each in ledger.approvals.get(period, ())} if record is None else set()

    def depends(folder: str, decision: Decision) -> bool:
        if decision.period == period:
            return True
        if folder == period or decision.verb is not Verb.CREDIT:
            return False
        return decision.period in unknown or any(_names(decision, charge) for charge in billed)

    return [each.place for folder, found in sorted(ledger.approvals.items()) for each in found if depends(folder, each)]


def _names(decision: Decision, charge: Correction) -> bool:
    return decision.period == charge.original and charge.charge.startswith(decision.charges)


def state_file(root: Path, period: str, state: PeriodFile) -> dict[str, bytes]:
    """The period file with this state: its path and its bytes."""
    path = f"periods/{period}.yaml"
    return {path: (schema_comment(root, path) + write_period(state)).encode()}


def _files_of_record(root: Path, period: str) -> list[str]:
    """The existing files of an earlier closing record, starting with the one that has the digests of the others."""
    paths = [part_path(period, name) for name in (FROZEN, *PARTS)]
    return [path for path in paths if (root / path).is_file()]


def _logo(ledger: Ledger) -> tuple[str, bytes] | None:
    usable = ledger.logo is not None and usable_logo(ledger.logo.data) is not None
    return (ledger.logo.kind, ledger.logo.data) if ledger.logo and usable else None
