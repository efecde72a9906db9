"""The files of an accrual: the estimate of an open month's journal, and its reversal in the next month."""

from __future__ import annotations

from dataclasses import replace

from openchargeback.billing.accruals import accrual_of, reversal_of
from openchargeback.export.journals.documents import DocumentKind, NoNumber, document_number
from openchargeback.export.journals.files import JournalFile, Month, make_documents, write_documents
from openchargeback.ledger.journal_profiles import Profile
from openchargeback.ledger.periods import first_day, next_period
from openchargeback.model import Journal
from openchargeback.problems import UsageFault


def accrual_files(month: Month, profile: Profile, revision: int) -> list[JournalFile]:
    """The files of an estimate and of its reversal, each with a document number of its own.

    revision: counts the estimates of the month, so that a second one has other numbers. Raises UsageFault if the
    profile has no number for it, LedgerFault for what cannot be written.
    """
    estimate = accrual_of(month.journal)
    reversal = reversal_of(estimate, first_day(next_period(month.period.period)))
    return [
        *_files(estimate, month, profile, revision, DocumentKind.ACCRUAL),
        *_files(reversal, month, profile, revision, DocumentKind.REVERSAL),
    ]


def _files(journal: Journal, month: Month, profile: Profile, revision: int, kind: DocumentKind) -> list[JournalFile]:
    # Not a draft: an estimate is posted, and has the day of its own posting.
    dated = replace(month, period=replace(month.period, closed_on=journal.lines[0].date))
    try:
        documents = make_documents(
            journal, profile, lambda of, part: document_number(of, month.period.period, revision, part, kind)
        )
    except NoNumber as error:
        raise UsageFault(f"journal format {profile.name}: {error}") from error
    return write_documents(journal, documents, profile, dated, f"{kind.name}-{month.period.period}-")
