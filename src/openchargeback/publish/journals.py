"""A month with its journal, from which the files for the accounting system are written."""

from __future__ import annotations

from openchargeback.export.journals.descriptions import described_journal
from openchargeback.export.journals.files import Month
from openchargeback.problems import UsageFault
from openchargeback.publish.books import LedgerLines
from openchargeback.templating.environment import make_environment


def journal_month(books: LedgerLines, period: str) -> Month:
    """A month with its journal. Raises UsageFault if the ledger does not have it."""
    billed = books.period(period)
    if billed is None:
        raise UsageFault(f"the ledger has no period {period}")
    env = make_environment(books.ledger.root / "templates")
    return Month(
        period=billed,
        journal=described_journal(books.ledger, billed, env),
        config=books.ledger.settings(period),
        own=books.ledger.journal_profiles,
        env=env,
    )
