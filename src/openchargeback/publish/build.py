"""The steps of a build: gather everything, write everything, then swap it in as a whole."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from openchargeback import __version__
from openchargeback.billing.provider_invoices import InvoiceCheck, check_invoices, checked_sources
from openchargeback.export.receivables import receivables_csv
from openchargeback.files import git
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.files import CONVERSIONS, OWN_FOLDERS
from openchargeback.ledger.lock import watched
from openchargeback.ledger.periods import LOGOS, part_path
from openchargeback.ledger.schema_files import schema_comment
from openchargeback.model import Provenance
from openchargeback.portal.libraries import versions
from openchargeback.portal.paths import STATEMENTS, receivables_file, statements_folder
from openchargeback.portal.report_documents import report_pdfs
from openchargeback.portal.site import FileJob, LastPage, Site, charges_jobs, last_page, site_book, site_jobs
from openchargeback.portal.span_documents import span_jobs, span_pdfs
from openchargeback.portal.statements import PdfPlan, statement_pdfs
from openchargeback.portal.views.rates import ServiceRates, rates
from openchargeback.portal.views.review import choices
from openchargeback.problems import Problem
from openchargeback.publish.books import AllBooks, Step, no_step, open_books, open_cache
from openchargeback.publish.cache import Cache
from openchargeback.publish.cluster import connected
from openchargeback.publish.gathering import Gathered, gather_ledger
from openchargeback.publish.keys import environment, files_digest, key_of
from openchargeback.publish.manifest import OutputKind, intact, read_manifest
from openchargeback.publish.month_charges import MonthCharges, Wanted
from openchargeback.publish.month_files import MonthFiles
from openchargeback.publish.open_data import OpenDataRun, data_keys
from openchargeback.publish.output_swap import Staging, heal, staged
from openchargeback.publish.pdf_run import PdfRun, Workers, write_kept
from openchargeback.publish.secrets import Secrets, secrets_of
from openchargeback.publish.spans import configured_spans, month_spans, names_users
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.environment import make_environment
from openchargeback.wording import counted

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A build: the folder, the number of files and newly rendered PDFs, whether anything changed, provenance."""

    output: Path
    files: int
    rendered: int
    changed: bool
    warnings: tuple[Problem, ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Output:
    """A planned build output: `key` covers all of its inputs, so equal keys mean equal files."""

    books: AllBooks
    provenance: Provenance
    journals: dict[str, bytes]
    pages: tuple[FileJob, ...]
    last: LastPage
    pdfs: tuple[PdfPlan, ...]
    key: str


def build(
    root: Path,
    output: Path,
    *,
    commit: git.Commit | None = None,
    pdfs: bool = True,
    workers: int | None = None,
    scheduler: str | None = None,
    step: Step = no_step,
) -> BuildResult:
    """Write portal, statements, journals and manifest to a folder, as a whole or not at all.

    pdfs: False leaves out the PDFs, so that the links to them lead nowhere. commit: the commit that the ledger's folder
    was extracted from, if it is not a repository itself. workers: processes that render PDFs; scheduler: the address of
    a Dask scheduler whose workers do, and bill months, in their place.
    Raises LedgerFault for errors in the ledger, UsageFault for a folder that is not ours, OutsideFault for disk errors
    and for those of the cluster.
    """
    check_unchanged = watched(root)
    store, secrets, provenance = open_cache(root), secrets_of(root), provenance_of(root, commit)
    gathered = gather_ledger(root)
    sources = files_digest(root)
    inputs = _inputs(sources, gathered, secrets, provenance, pdfs=pdfs)
    heal(output)
    known = store.value("built", inputs, _Built)
    holds = OutputKind.BUILD if pdfs else OutputKind.WITHOUT_PDFS
    if known and (files := _files_published(known.key, provenance, holds, output)) is not None:
        secrets.check(output)
        check_unchanged()
        return BuildResult(output, files, 0, changed=False, warnings=known.warnings, provenance=provenance)
    ledger = gathered[0]
    # PDFs embed the charges of statements, and pages sum them up by person.
    rows = pdfs or (ledger is not None and any(names_users(ledger, period) for period in ledger.periods))
    keep = {Wanted.OPEN_DATA, *((Wanted.STATEMENTS,) if rows else ())}
    with ExitStack() as stack:
        cluster = stack.enter_context(connected(scheduler, root, sources)) if scheduler is not None else None
        books = open_books(root, keep=() if cluster else keep, store=store, step=step, gathered=gathered)
        charges = MonthCharges(books.ledger, store, statements=rows)
        if cluster:
            cluster.make_months(charges, books.periods, step)
        data = stack.enter_context(closing(OpenDataRun(books, charges)))
        planned = plan_output(books, charges, store, provenance, pdfs=pdfs)
        secrets.refuse_in_statements(planned.pdfs)
        if (files := _files_published(planned.key, provenance, holds, output)) is not None:
            secrets.check(output)
            check_unchanged()
            store.keep("built", inputs, _Built(planned.key, planned.books.warnings))
            return _result(planned, output, files, rendered=0, changed=False)
        # Charge files, templates and logos are read until the end.
        checks = (lambda _folder: check_unchanged(), secrets.check)
        with staged(output, planned.provenance, planned.key, holds, checks) as staging:
            rendered = write_output(planned, data, staging, store, cluster or workers, step)
    store.keep("built", inputs, _Built(planned.key, planned.books.warnings))
    store.prune()
    _log.info("published %s in %s", counted(len(staging.files), "file"), output)
    return _result(planned, output, len(staging.files), rendered=rendered, changed=True)


@dataclass(frozen=True, slots=True)
class _Built:
    """What a build of the same inputs planned: its key, and the warnings about the ledger."""

    key: str
    warnings: tuple[Problem, ...]


def _inputs(files: str, gathered: Gathered, secrets: Secrets, provenance: Provenance, *, pdfs: bool) -> str:
    """A key of everything that a build depends on. files: `files_digest` of the ledger.

    The small files, among them the logo, are read and checked each time: what is wrong with them also depends on Git
    and on the file system.
    """
    ledger, problems = gathered
    digests = ledger.digests if ledger else {}
    return key_of(dict(versions()), provenance, pdfs, secrets.digest, problems, digests, files)


def plan_output(books: AllBooks, charges: MonthCharges, store: Cache, provenance: Provenance, *, pdfs: bool) -> Output:
    """Plan pages and PDFs; journals are rendered right away, since they are checked first."""
    root = books.ledger.root
    env, around = make_environment(root / "templates"), environment(root)
    months = MonthFiles(env, store, around)
    journals, warnings = months.journals(books.ledger, books.periods)
    books = replace(books, warnings=(*books.warnings, *warnings))
    site = make_site(books, provenance, {period: tuple(sorted(files)) for period, files in journals.items()})
    over_days, gaps = configured_spans(books, charges)
    books = replace(books, warnings=(*books.warnings, *gaps))
    site = replace(site, spans=month_spans(books, charges), over_days=over_days, pdfs=pdfs)
    written = {path: data for files in journals.values() for path, data in files.items()} | _receivables(books)
    statements, plans = months.statements(site, charges if pdfs else None)
    book = site_book(site)
    browser = charges_jobs(site, env, lambda period: charges.open_data(period).browsed)
    made = (*site_jobs(site, env, book), *browser, *span_jobs(site, env, books.ledger.directory))
    pages = (*(replace(job, key=key_of(around, job.key)) for job in made), *statements)
    if pdfs:
        more = (*span_pdfs(site, env, books.ledger.directory), *report_pdfs(site, env, book))
        plans += [replace(plan, key=key_of(around, plan.key)) for plan in more]
    _log.info("planned %s and %s", counted(len(pages), "portal file"), counted(len(plans), "PDF"))
    last = last_page(site, env, book)
    data = [*data_keys(books.periods), (last.path, key_of(around, last.key))]
    return Output(books, provenance, written, pages, last, tuple(plans), _key(pages, plans, written, data))


def _receivables(books: AllBooks) -> dict[str, bytes]:
    """The files for accounts receivable, by path."""
    made = ((receivables_file(each), receivables_csv(each, books.ledger.settings)) for each in books.periods)
    return {path: data for path, data in made if data is not None}


def _files_published(key: str, provenance: Provenance, holds: OutputKind, output: Path) -> int | None:
    """The number of files in the output, if it is exactly as planned under this key."""
    known = read_manifest(output)
    if known is None or (known.key, known.provenance, known.holds) != (key, provenance, holds):
        return None
    if not intact(output, known):
        return None
    _log.info("nothing changed in %s", output)
    return len(known.files)


def _result(planned: Output, output: Path, files: int, *, rendered: int, changed: bool) -> BuildResult:
    return BuildResult(output, files, rendered, changed, planned.books.warnings, planned.provenance)


def write_output(
    planned: Output, data: OpenDataRun, staging: Staging, store: Cache, workers: Workers, step: Step
) -> int:
    """Write everything; returns the number of newly rendered PDFs.

    While this thread writes pages, other processes render PDFs and another thread makes the open data.
    """
    _write_journals(planned, staging)
    missing = write_kept(planned.pdfs, store, staging)
    with closing(PdfRun(missing, store, workers)) as pdfs:
        _write_pages(planned, staging, store, (pdfs, data), step)
        for path, content in pdfs.rest(step):
            staging.write(path, content)
        step("Writing open data", 0, 0)
        for path, content in data.rest():
            staging.write(path, content)
        _log.info("wrote the open data")
    staging.write(planned.last.path, planned.last.render({path: each.size for path, each in staging.files.items()}))
    _log.info("wrote %s, %s of them newly rendered", counted(len(planned.pdfs), "PDF"), f"{pdfs.rendered:,}")
    return pdfs.rendered


def _write_journals(planned: Output, staging: Staging) -> None:
    for path, data in planned.journals.items():
        staging.write(path, data)
    _log.info("wrote %s", counted(len(planned.journals), "journal and receivables file"))


def _write_pages(
    planned: Output, staging: Staging, store: Cache, beside: Sequence[PdfRun | OpenDataRun], step: Step
) -> None:
    """Write the pages, and what is done in the meantime."""
    rendered = 0
    for number, job in enumerate(planned.pages):
        step("Writing pages", number, len(planned.pages))
        data = store.get("page", job.key)
        if data is None:
            rendered += 1
            data = job.render()
            store.put("page", job.key, data)
        staging.write(job.path, data)
        for path, content in chain.from_iterable(run.finished() for run in beside):
            staging.write(path, content)
    _log.info("wrote %s, %s of them newly rendered", counted(len(planned.pages), "portal file"), f"{rendered:,}")


def write_statements(books: AllBooks, period: str, output: Path, *, step: Step = no_step) -> None:
    """Write the PDF statements of a period to its folder below `output`, as a whole or not at all.

    Replaces the folder as `build` replaces its own. Raises UsageFault if it is not ours, OutsideFault for disk errors.
    """
    root, inside = books.ledger.root, statements_folder(period)
    plans = [replace(plan, path=plan.path.removeprefix(f"{inside}/")) for plan in pdfs_of(books, period)]
    secrets, store = secrets_of(root), open_cache(root)
    secrets.refuse_in_statements(plans)
    folder, key = output / inside.removeprefix(f"{STATEMENTS}/"), _key((), plans, {}, ())
    checks = (lambda _folder: books.check_unchanged(), secrets.check)
    with (
        staged(folder, provenance_of(root), key, OutputKind.STATEMENTS, checks) as staging,
        closing(PdfRun(write_kept(plans, store, staging), store)) as pdfs,
    ):
        for path, data in pdfs.rest(step):
            staging.write(path, data)
    _log.info("published %s in %s", counted(len(plans), "statement"), folder)


def pdfs_of(books: AllBooks, period: str) -> list[PdfPlan]:
    """The plans of the PDF statements of a period, as in a build."""
    root = books.ledger.root
    site = make_site(books, Provenance("", "", __version__), {})
    charges, around = MonthCharges(books.ledger, open_cache(root)), environment(root)
    plans = statement_pdfs(site, make_environment(root / "templates"), charges, period=period)
    return [replace(plan, key=key_of(around, plan.key)) for plan in plans]


def provenance_of(root: Path, commit: git.Commit | None = None) -> Provenance:
    """The provenance of a build. A given commit is exactly the folder's content; otherwise there may be changes."""
    if commit is not None:
        return Provenance(commit.id, commit.date, __version__)
    tip = git.head(root)
    if tip is None:
        return Provenance("", "", __version__)
    return Provenance(tip.id, tip.date, __version__, git.is_dirty(root, (FILE_NAME, *OWN_FOLDERS)))


def make_site(books: AllBooks, provenance: Provenance, files: dict[str, tuple[str, ...]]) -> Site:
    """The input of pages and statements."""
    ledger = books.ledger
    return Site(
        config=ledger.config,
        periods=books.periods,
        people=ledger.directory.people,
        projects={name: entry.project for name, entry in ledger.directory.projects.items()},
        pages=ledger.pages,
        images=ledger.images,
        provenance=provenance,
        journal_files=files,
        logo=ledger.logo.data if ledger.logo else None,
        logo_dark=ledger.logo_dark.data if ledger.logo_dark else None,
        settings={period: ledger.settings(period) for period in ledger.records},
        logos={period: _frozen_logo(ledger, record) for period, record in ledger.records.items()},
        choices=choices(ledger.directory, schema_comment(ledger.root, "approvals/2025-01/new.yaml")),
        rates=_rates(ledger.root),
        funds=ledger.directory.funds,
        invoices=_invoices(books),
        decisions=ledger.approvals,
        postings=ledger.postings,
        deliveries=ledger.deliveries,
    )


def _invoices(books: AllBooks) -> dict[str, tuple[InvoiceCheck, ...]]:
    """The invoices of providers compared with the charges of each month, if the ledger keeps any."""
    ledger = books.ledger
    return {each.period: check_invoices(ledger, each) for each in books.periods} if checked_sources(ledger) else {}


def _rates(root: Path) -> tuple[ServiceRates, ...]:
    """The rates in the ledger's configs of conversions, whose faults `gather_ledger` has reported."""
    if not (root / CONVERSIONS).is_dir():
        return ()
    from openchargeback.convert.kept import kept_configs

    return rates(kept_configs(root)[0])


def _frozen_logo(ledger: RecordedLedger, record: ClosingRecord) -> bytes | None:
    """The logo that a period was closed with; `changed_inputs` has compared its bytes with the record."""
    name = next((name for name in record.files if name in LOGOS), "")
    return (ledger.root / part_path(record.period, name)).read_bytes() if name else None


def _key(
    pages: Sequence[FileJob], pdfs: Sequence[PdfPlan], journals: dict[str, bytes], data: Sequence[tuple[str, str]]
) -> str:
    inputs = [
        *((job.path, job.key) for job in pages),
        *((plan.path, plan.key) for plan in pdfs),
        *data,
        *((path, hashlib.sha256(content).hexdigest()) for path, content in journals.items()),
    ]
    return hashlib.sha256("".join(f"{path}\0{key}\n" for path, key in inputs).encode()).hexdigest()
