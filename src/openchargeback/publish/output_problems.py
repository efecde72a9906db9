"""What stops the outputs of a build, or spoils them. Looks closely only where a quick look finds anything odd."""

from __future__ import annotations

from collections.abc import Sequence

from openchargeback.billing.provider_invoices import invoice_problems
from openchargeback.billing.summaries import Summary
from openchargeback.ledger.settings import DEFAULT_FORMATS, JournalSettings
from openchargeback.model import BilledPeriod, State, SummedPeriod
from openchargeback.problems import Problem, Severity
from openchargeback.publish.bill_ledger import Scope, bill_ledger, sum_ledger
from openchargeback.publish.cache import Cache
from openchargeback.publish.keys import environment, key_of
from openchargeback.record.recorded_ledger import RecordedLedger

_NO_CACHE = Cache(None)
_WRITABLE = "journal can be written"


def output_problems(ledger: RecordedLedger, summaries: Sequence[Summary], store: Cache) -> list[Problem]:
    """Everything that would stop the outputs of a build, and warnings about them."""
    opened = [each for each in summaries if each.totals.state is State.OPEN]
    warnings = _without_credit_fund(ledger, {source for each in opened for source in each.crediting})
    invoices = invoice_problems(ledger, (each.totals for each in summaries))
    return [*warnings, *invoices, *_journal_problems(ledger, summaries, store), *_glyph_problems(ledger, opened)]


def _journal_problems(ledger: RecordedLedger, summaries: Sequence[Summary], store: Cache) -> list[Problem]:
    """Problems of journal files: of formats and templates, and of what a file cannot hold.

    That those of a closed month can be written is kept, since its record never changes.
    """
    own = [
        each.totals.period
        for each in summaries
        if ledger.config.journal.formats != DEFAULT_FORMATS
        or ledger.journal_profiles
        or ledger.settings(each.totals.period).journal.description != JournalSettings().description
        or _has_unsafe_codes(ledger, each)
    ]
    if not own:
        return []
    from openchargeback.export.journals.files import journal_problems

    keys = _journal_keys(ledger, own)
    unknown = [period for period in own if period not in keys or store.get(_WRITABLE, keys[period]) is None]
    if not unknown:
        return []
    periods, _ = sum_ledger(ledger, store, Scope(only=unknown))
    problems = journal_problems(ledger, periods)
    for each in periods:
        if each.period in keys and not problems:
            store.put(_WRITABLE, keys[each.period], b"")
    return problems


def _journal_keys(ledger: RecordedLedger, periods: Sequence[str]) -> dict[str, str]:
    """Everything that the journal files of the closed ones among these periods depend on."""
    if not ledger.records:
        return {}
    from openchargeback.templating.environment import make_environment

    outside = key_of(environment(ledger.root), make_environment(ledger.root / "templates").digest)
    keys, before = {}, ""
    for period, record in sorted(ledger.records.items()):
        # A credit is booked with the settings of the month that it corrects.
        before = key_of(before, period, record.digest, ledger.settings(period))
        keys[period] = key_of(outside, before, ledger.journal_profiles)
    return {period: keys[period] for period in periods if period in keys}


def _has_unsafe_codes(ledger: RecordedLedger, summary: Summary) -> bool:
    from openchargeback.export.journals.sheet import has_unsafe_part

    config = ledger.settings(summary.totals.period)
    sources = [config.source(name) for name in summary.crediting]
    accounts = {config.journal.account, config.journal.credit_account}
    accounts |= {code for source in sources for code in (source.account, source.credit_account)}
    funds = {*summary.funds, *(config.credit_fund(source.name) for source in sources)}
    codes = [*(("account", code) for code in accounts), *(("fund", code) for code in funds)]
    return any(has_unsafe_part(what, code, config) for what, code in codes)


def _glyph_problems(ledger: RecordedLedger, summaries: Sequence[Summary]) -> list[Problem]:
    texts = {text for each in summaries for text in each.texts}
    texts |= {text for person in ledger.directory.people.values() for text in person.texts}
    texts |= {entry.project.title for entry in ledger.directory.projects.values()}
    texts |= {decision.by for decisions in ledger.approvals.values() for decision in decisions}
    texts |= {*ledger.config.letterhead, *ledger.config.invoice_texts}
    texts |= {text for source in ledger.config.sources.values() for text in (source.label, source.note)}
    odd = sorted(text for text in texts if not text.isascii())
    if not odd or not summaries:
        return []
    from openchargeback.portal.glyphs import glyph_problems, lacks_glyphs

    if not lacks_glyphs(ledger, odd):
        return []
    scope = Scope(only=[each.totals.period for each in summaries])
    return glyph_problems(ledger, bill_ledger(ledger, _NO_CACHE, scope)[0])


def output_warnings(ledger: RecordedLedger, periods: Sequence[BilledPeriod]) -> list[Problem]:
    """Warnings about the outputs that do not stop a build."""
    from openchargeback.portal.glyphs import glyph_problems

    return [*line_warnings(ledger, periods), *glyph_problems(ledger, periods)]


def line_warnings(ledger: RecordedLedger, periods: Sequence[SummedPeriod]) -> list[Problem]:
    """The warnings that follow from billing lines alone."""
    return [*_credit_fund_warnings(ledger, periods), *invoice_problems(ledger, periods)]


def _credit_fund_warnings(ledger: RecordedLedger, periods: Sequence[SummedPeriod]) -> list[Problem]:
    """A warning for every source of open periods whose journal lines have no fund to credit."""
    crediting = {
        line.source
        for period in periods
        if period.state is State.OPEN
        for line in period.lines
        if line.posted and line.amounts.billed
    }
    return _without_credit_fund(ledger, crediting)


def _without_credit_fund(ledger: RecordedLedger, crediting: set[str]) -> list[Problem]:
    return [
        Problem(
            "config.yaml",
            "no-credit-fund",
            f"the source {source} has no credit fund, so its journal lines credit an empty fund",
            f"set `sources: {source}: credit_fund:`, or `journal: credit_fund:` for all sources",
            severity=Severity.WARNING,
        )
        for source in sorted(crediting)
        if not ledger.config.credit_fund(source)
    ]
