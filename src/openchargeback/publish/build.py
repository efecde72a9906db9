"""The order of a build: gather everything, then write everything, then exchange it as a whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from openchargeback import __version__
from openchargeback.export.descriptions import describe_journals
from openchargeback.export.journals import period_files
from openchargeback.files import git
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.directory import Entry
from openchargeback.ledger.files import OWN_FOLDERS
from openchargeback.ledger.frozen import LOGOS, Frozen, part_path
from openchargeback.ledger.links import CACHE
from openchargeback.ledger.lock import watched
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.model import BilledPeriod, Provenance, State
from openchargeback.portal.glyphs import glyph_problems
from openchargeback.portal.own_pages import page_problems
from openchargeback.portal.paths import STATEMENTS, journal_folder, statements_folder
from openchargeback.portal.pdf_pool import render_pdfs
from openchargeback.portal.site import FileJob, Site, site_jobs
from openchargeback.portal.statements import PdfPlan, statement_jobs, statement_pdfs
from openchargeback.portal.views.review import KnownProject
from openchargeback.problems import LedgerFault, Problem, Severity, has_errors
from openchargeback.publish.billed import bill_ledger, with_records
from openchargeback.publish.cache import Cache
from openchargeback.publish.manifest import Holds, intact, read_manifest
from openchargeback.publish.open_data import data_files, data_keys
from openchargeback.publish.secrets import secrets_of
from openchargeback.publish.staging import heal, staged
from openchargeback.templating.environment import Templates, make_environment

Step = Callable[[str, int, int], None]
"""Tells progress: what is being done, how many are done, of how many (0 where that is not known)."""


@dataclass(frozen=True, slots=True)
class Books:
    """A ledger with all its periods billed, without errors."""

    ledger: Ledger
    periods: tuple[BilledPeriod, ...]
    warnings: tuple[Problem, ...]

    def period(self, name: str) -> BilledPeriod | None:
        """One billed period, None where the ledger has none of that name."""
        return next((period for period in self.periods if period.period == name), None)


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: where, how many files, PDFs rendered anew, whether anything changed, and from what."""

    output: Path
    files: int
    rendered: int
    changed: bool
    warnings: tuple[Problem, ...]
    provenance: Provenance


def open_cache(root: Path) -> Cache:
    """The cache of a ledger."""
    return Cache(root / CACHE / "cache")


def examine(
    root: Path,
    *,
    wanted: str = "",
    only: Collection[str] | None = None,
    data: bool = False,
    store: Cache | None = None,
    step: Step | None = None,
) -> tuple[Ledger | None, tuple[BilledPeriod, ...], list[Problem]]:
    """Read and bill a ledger and collect every problem. None for the ledger where its config cannot be used.

    only: bill just these periods, and tell just their problems beside those of the small files.
    data: keep the charges of what is billed anew, for the open data of a build. store: instead of the ledger's cache.
    """
    ledger, problems = read_ledger(root)
    if ledger is None:
        return None, (), problems
    store = open_cache(root) if store is None else store
    ledger, faults = with_records(ledger, store)
    problems += faults
    names = [period for period in ledger.periods if not wanted or period <= wanted]

    def tell(period: str) -> None:
        if step:
            step("Billing months", names.index(period), len(names))

    periods, faults = bill_ledger(ledger, store, wanted=wanted, only=only, data=data, progress=tell)
    periods, undescribed = describe_journals(ledger, periods)
    linked = page_problems(ledger.pages, ledger.images, ledger.config.portal.links)
    return ledger, periods, [*problems, *linked, *faults, *undescribed, *output_warnings(ledger, periods)]


def open_books(
    root: Path, *, wanted: str = "", data: bool = False, store: Cache | None = None, step: Step | None = None
) -> Books:
    """Read and bill a ledger. Raises LedgerFault with every problem where there is any error, OutsideFault where the
    ledger changed meanwhile.
    """
    check = watched(root)
    ledger, periods, problems = examine(root, wanted=wanted, data=data, store=store, step=step)
    check()
    if ledger is None or has_errors(problems):
        raise LedgerFault(problems, root)
    return Books(ledger, periods, tuple(problems))


def build(
    root: Path,
    output: Path,
    *,
    commit: git.Commit | None = None,
    workers: int | None = None,
    step: Step | None = None,
) -> Built:
    """Write portal, statements, journals and manifest to a folder, as a whole or not at all.

    commit: what the folder of the ledger holds, where it is no repository itself.
    Raises LedgerFault for errors in the ledger, UsageFault for a folder that is not ours, OutsideFault for the disk.
    """
    check = watched(root)
    books = open_books(root, data=True, step=step)
    store = open_cache(root)
    env = make_environment(root / "templates")
    provenance = provenance_of(root, commit)
    journals = _journals(books, env)
    site = make_site(books, provenance, {period: tuple(sorted(files)) for period, files in journals.items()})
    pages = [*site_jobs(site, env), *statement_jobs(site, env)]
    pdfs = statement_pdfs(site, env)
    key = _key(pages, pdfs, journals, data_keys(books.periods))
    heal(output)
    known = read_manifest(output)
    secrets = secrets_of(root)
    secrets.refuse_in_statements(pdfs)
    if known is not None and (known.key, known.provenance) == (key, provenance) and intact(output, known):
        secrets.check(output)
        return Built(output, len(known.files), 0, False, books.warnings, provenance)
    # Charge files, templates and logos are read until the end.
    with staged(output, provenance, key, checks=[lambda _folder: check(), secrets.check]) as staging:
        for files in journals.values():
            for path, data in files.items():
                staging.write(path, data)
        for number, job in enumerate(pages):
            if step:
                step("Writing pages", number, len(pages))
            staging.write(job.path, _page(job, store))
        if step:
            step("Writing open data", 0, 0)
        for path, content in data_files(books.ledger, books.periods, store):
            staging.write(path, content)
        rendered = 0
        for path, data, fresh in pdf_files(pdfs, store, workers=workers, step=step):
            staging.write(path, data)
            rendered += fresh
        count = len(staging.files)
    store.prune()
    return Built(output, count, rendered, True, books.warnings, provenance)


def write_statements(books: Books, period: str, output: Path, *, step: Step | None = None) -> None:
    """Write the PDF statements of a period to its folder below `output`, as a whole or not at all.

    The folder is replaced as `build` replaces its own. Raises UsageFault where it is not ours, OutsideFault for the
    disk.
    """
    root = books.ledger.root
    plans = statement_pdfs(
        make_site(books, Provenance("", "", __version__), {}), make_environment(root / "templates"), period=period
    )
    secrets = secrets_of(root)
    secrets.refuse_in_statements(plans)
    inside = statements_folder(period)
    folder = output / inside.removeprefix(f"{STATEMENTS}/")
    with staged(folder, provenance_of(root), _key((), plans, {}, ()), Holds.STATEMENTS, [secrets.check]) as staging:
        for path, data, _ in pdf_files(plans, open_cache(root), step=step):
            staging.write(path.removeprefix(f"{inside}/"), data)


def provenance_of(root: Path, commit: git.Commit | None = None) -> Provenance:
    """Where the build comes from. A commit that is given is what the folder holds; else the folder may hold more."""
    if commit is not None:
        return Provenance(commit.id, commit.date, __version__)
    tip = git.head(root)
    if tip is None:
        return Provenance("", "", __version__)
    return Provenance(tip.id, tip.date, __version__, git.is_dirty(root, (FILE_NAME, *OWN_FOLDERS)))


def pdf_files(
    plans: Sequence[PdfPlan], store: Cache, *, workers: int | None = None, step: Step | None = None
) -> list[tuple[str, bytes, bool]]:
    """The PDFs of these plans with their paths, in their order, and whether each was rendered anew."""
    found = {plan.path: store.get("pdf", plan.key) for plan in plans}
    missing = {plan.path: plan for plan in plans if found[plan.path] is None}
    jobs = [plan.job() for plan in missing.values()]

    def tell(done: int) -> None:
        if step:
            step("Writing PDFs", done, len(jobs))

    # A worker needs about a second to start, so few statements are rendered here.
    count = workers or min(os.cpu_count() or 1, max(1, len(jobs) // 4))
    if jobs:
        tell(0)
        for path, data in render_pdfs(jobs, count, tell):
            store.put("pdf", missing[path].key, data)
            found[path] = data
    return [(path, data, path in missing) for path, data in found.items() if data is not None]


def _page(job: FileJob, store: Cache) -> bytes:
    kept = store.get("page", job.key)
    if kept is not None:
        return kept
    data = job.render()
    store.put("page", job.key, data)
    return data


def make_site(books: Books, provenance: Provenance, files: dict[str, tuple[str, ...]]) -> Site:
    """What pages and statements are made from."""
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
        settings={period: ledger.settings(period) for period in ledger.frozen},
        logos={period: _frozen_logo(ledger, record) for period, record in ledger.frozen.items()},
        known=_known_projects(ledger),
    )


def _known_projects(ledger: Ledger) -> tuple[KnownProject, ...]:
    """What a decision that names a project takes from the directory; nothing where that changes over time."""
    found = []
    for id_, entry in sorted(ledger.directory.projects.items()):
        only = entry.entries[0] if len(entry.entries) == 1 else Entry()
        found.append(KnownProject(id_, entry.project.title, only.pi, only.fund))
    return tuple(found)


def _frozen_logo(ledger: Ledger, record: Frozen) -> bytes | None:
    """The logo that a period was closed with; `changed_inputs` has compared its bytes with the record."""
    name = next((name for name in record.files if name in LOGOS), "")
    return (ledger.root / part_path(record.period, name)).read_bytes() if name else None


def _journals(books: Books, env: Templates) -> dict[str, dict[str, bytes]]:
    return {
        period.period: {
            f"{journal_folder(period.period)}/{name}": data
            for name, data in period_files(period, books.ledger.settings(period.period), env).items()
        }
        for period in books.periods
    }


def output_warnings(ledger: Ledger, periods: Sequence[BilledPeriod]) -> list[Problem]:
    """What a person should hear before outputs are used, although nothing stops them."""
    return [*_credit_fund_warnings(ledger, periods), *glyph_problems(ledger, periods)]


def _credit_fund_warnings(ledger: Ledger, periods: Sequence[BilledPeriod]) -> list[Problem]:
    """A word for every source whose journal lines have nothing to credit."""
    sources = sorted(
        {
            line.source
            for period in periods
            if period.state is State.OPEN
            for line in period.lines
            if line.posted and line.amounts.billed
        }
    )
    return [
        Problem(
            "config.yaml",
            "no-credit-fund",
            f"the source {source} has no credit fund, so its journal lines credit an empty one",
            f"set `sources: {source}: credit_fund:`, or `journal: credit_fund:` for all sources",
            severity=Severity.WARNING,
        )
        for source in sources
        if not ledger.config.credit_fund(source)
    ]


def _key(
    pages: Sequence[FileJob],
    pdfs: Sequence[PdfPlan],
    journals: dict[str, dict[str, bytes]],
    data: Sequence[tuple[str, str]],
) -> str:
    digest = hashlib.sha256()
    for path, key in [*((job.path, job.key) for job in pages), *((plan.path, plan.key) for plan in pdfs), *data]:
        digest.update(f"{path}\0{key}\n".encode())
    for files in journals.values():
        for path, content in files.items():
            digest.update(f"{path}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()
