"""Plan the files of each month: its journal files, and the pages and PDFs of its statements.

All that a closed month shows follows from its record. So what was planned for one is kept: a later build that finds
every one of its files in the cache computes none of them. Equal keys mean equal files, as everywhere in the cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from typing import TypeVar

from openchargeback.export.journals.control_totals import period_files
from openchargeback.export.journals.files import Month
from openchargeback.model import BilledPeriod, State, SummedPeriod
from openchargeback.portal.paths import drafts_folder, journal_folder, statements_folder
from openchargeback.portal.pdf_pool import PdfJob
from openchargeback.portal.site import FileJob, Site, site_shell
from openchargeback.portal.statement_data import StatementCharges
from openchargeback.portal.statements import PdfPlan, statement_jobs, statement_pdfs
from openchargeback.problems import Problem
from openchargeback.publish.cache import Cache
from openchargeback.publish.keys import key_of
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.environment import Templates

_Job = TypeVar("_Job", FileJob, PdfPlan)

# What the record of a closed month determines.
_RECORDED = {"lines", "statements", "journal", "sources", "files", "queue", "flags", "decisions", "corrections"}
# By month: only that of its own is shown by a statement.
_BY_MONTH = {"settings", "logos", "postings"}
# What no statement of a closed month shows; of all months, only how they are shown in the frame.
_OF_OTHERS = {
    "periods",
    "people",
    "projects",
    "known",
    "provenance",
    "journal_files",
    "rates",
    "images",
    "spans",
    "over_days",
    "deliveries",
}


@dataclass(frozen=True, slots=True)
class _Keys:
    """The files that were planned for the statements of a closed month: path and key of each."""

    pages: tuple[tuple[str, ...], ...]
    pdfs: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class _JournalFiles:
    """The names of a closed month's journal files, with the warnings about them."""

    names: tuple[str, ...]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class MonthFiles:
    """Plans the files of the months of a ledger.

    store: has what earlier builds planned. environment: everything outside the ledger that bytes depend on
    (`keys.environment`); part of each key.
    """

    env: Templates
    store: Cache
    environment: str

    def journals(
        self, ledger: RecordedLedger, periods: Iterable[BilledPeriod]
    ) -> tuple[dict[str, dict[str, bytes]], list[Problem]]:
        """Period → the path of each journal file in the output → its bytes; and warnings.

        Drafts are apart from what is posted. Raises LedgerFault for values and templates that cannot be written.
        """
        digest = self.env.digest
        made: dict[str, dict[str, bytes]] = {}
        warnings: list[Problem] = []
        for period in periods:
            config, own = ledger.settings(period.period), ledger.journal_profiles
            month = Month(period=period, journal=period.journal, config=config, own=own, env=self.env)
            folder = journal_folder(period.period) if month.closed else drafts_folder(period.period)
            files, found = self._journal(month, digest)
            made[period.period] = {f"{folder}/{name}": data for name, data in files.items()}
            warnings += found
        return made, warnings

    def _journal(self, month: Month, digest: str) -> tuple[dict[str, bytes], Sequence[Problem]]:
        if not month.closed:
            return period_files(month)
        key = key_of(self.environment, digest, _identity(month.period), month.config, month.own)
        known = self.store.value("journal files", key, _JournalFiles)
        kept = {name: self.store.get("journal", key_of(key, name)) for name in known.names} if known else {}
        if known and None not in kept.values():
            return {name: data for name, data in kept.items() if data is not None}, known.warnings
        made, warnings = period_files(replace(month, journal=month.journal.whole))
        for name, data in made.items():
            self.store.put("journal", key_of(key, name), data)
        self.store.keep("journal files", key, _JournalFiles(tuple(made), tuple(warnings)))
        return made, warnings

    def statements(self, site: Site, charges: StatementCharges | None) -> tuple[list[FileJob], list[PdfPlan]]:
        """The pages of all statements, and their PDFs, in the order of the months.

        charges: what `charges.csv` of each PDF has; None leaves the PDFs out.
        """
        # What all months share; none of it is shown by the statements of a closed month alone.
        common = (
            site_shell(site),
            [getattr(site, each.name) for each in fields(site) if each.name not in _OF_OTHERS | _BY_MONTH],
        )
        outside = key_of(self.environment, self.env.digest, common, charges is None)
        keys = {period.period: _key(site, period, outside) for period in site.periods}
        known = {period: self.store.value("statements", key, _Keys) if key else None for period, key in keys.items()}
        missing = [period for period, found in known.items() if found is None]
        # One month alone is quick; several are planned together, since they share the history of all.
        alone = missing[0] if len(missing) == 1 else ""
        new_pages = statement_jobs(site, self.env, period=alone) if missing else []
        new_pdfs = statement_pdfs(site, self.env, charges, period=alone) if missing and charges else []
        pages: list[FileJob] = []
        plans: list[PdfPlan] = []
        for period, found in known.items():
            if found is None:
                mine = (_of_month(new_pages, period), _of_month(new_pdfs, period))
                if keys[period]:
                    self.store.keep("statements", keys[period], _Keys(*(_listed(jobs) for jobs in mine)))
            else:
                mine = _later(site, self.env, charges, period, found)
            pages += (replace(job, key=key_of(self.environment, job.key)) for job in mine[0])
            plans += (replace(plan, key=key_of(self.environment, plan.key)) for plan in mine[1])
        return pages, plans


def _key(site: Site, period: BilledPeriod, outside: str) -> str:
    """Everything that the statements of a closed month depend on; empty if other months have a say in them."""
    if period.state is State.OPEN or any(each.history is None for each in period.statements):
        return ""
    name = period.period
    postings = site.postings.get(name, ())
    return key_of(outside, _identity(period), site.config_of(name), site.logo_of(name), postings)


def _identity(period: SummedPeriod) -> list[object]:
    """What identifies a closed month with all that it shows: the digest of its record, and its state."""
    return [getattr(period, each.name) for each in fields(period) if each.name not in _RECORDED]


def _of_month(jobs: Sequence[_Job], period: str) -> list[_Job]:
    return [job for job in jobs if job.path.startswith(f"{statements_folder(period)}/")]


def _listed(jobs: Sequence[FileJob] | Sequence[PdfPlan]) -> tuple[tuple[str, ...], ...]:
    return tuple((job.path, job.key) for job in jobs)


def _later(
    site: Site, env: Templates, charges: StatementCharges | None, period: str, keys: _Keys
) -> tuple[list[FileJob], list[PdfPlan]]:
    """The jobs of a month whose keys are known, which are made once a file of it is missing in the cache."""

    @cache
    def pages() -> dict[str, FileJob]:
        return {job.path: job for job in statement_jobs(site, env, period=period)}

    @cache
    def pdfs() -> dict[str, PdfPlan]:
        return {plan.path: plan for plan in statement_pdfs(site, env, charges, period=period)} if charges else {}

    def render(path: str) -> bytes:
        return pages()[path].render()

    def job(path: str) -> PdfJob:
        return pdfs()[path].job()

    return (
        [FileJob(path, key, partial(render, path)) for path, key in keys.pages],
        [PdfPlan(path, key, partial(job, path)) for path, key in keys.pdfs],
    )
