"""Builds for audiences: each a closed folder with its own pages, search, charges, charts and PDFs.

    all charges ──by audience──▶ own charges ─┐
    billed months ──restricted──▶ own months ─┴▶ pages, PDFs, data ──leak check──▶ published folder

A static host protects folders, not rows, so a folder must not contain what its readers may not see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from openchargeback.billing.browsed_charges import BrowsedCharges
from openchargeback.billing.own_charges import MonthTable, OwnCharges, charge_ids, month_table
from openchargeback.export.open_data import lines_csv
from openchargeback.files import git
from openchargeback.ledger.lock import watched
from openchargeback.model import BilledPeriod, Provenance, SourceTotals, Statement
from openchargeback.portal import paths
from openchargeback.portal.audience import Audience, AudienceKind, own_spans, restricted
from openchargeback.portal.charge_scripts import charge_scripts
from openchargeback.portal.site import FileJob, Site, audience_jobs, charges_jobs, shipped_texts
from openchargeback.portal.span_documents import span_jobs, span_pdfs
from openchargeback.portal.statements import PdfPlan
from openchargeback.portal.views.public import public_page
from openchargeback.problems import LedgerFault, Problem, UsageFault
from openchargeback.publish.audience_map import audience_map
from openchargeback.publish.books import AllBooks, Step, no_step, open_books, open_cache
from openchargeback.publish.build import make_site, plan_output, provenance_of, write_output
from openchargeback.publish.cache import Cache
from openchargeback.publish.keys import environment, key_of
from openchargeback.publish.leaks import ChargeIds, Identities, Identity, texts_of
from openchargeback.publish.manifest import NAME, OutputKind, manifest
from openchargeback.publish.month_charges import MonthCharges, Wanted
from openchargeback.publish.month_files import MonthFiles
from openchargeback.publish.open_data import OpenDataRun
from openchargeback.publish.output_swap import Staging, staged
from openchargeback.publish.pdf_run import PdfRun, write_kept
from openchargeback.publish.secrets import secrets_of
from openchargeback.publish.spans import configured_spans, month_spans
from openchargeback.templating.environment import Templates, make_environment

_DIGITS = re.compile(r"[0-9a-f]{16,}")


@dataclass(frozen=True, slots=True)
class AudienceBuild:
    """A finished build. folders: those of the audiences below the output; a single audience has the output itself."""

    output: Path
    folders: tuple[str, ...]
    files: int
    warnings: tuple[Problem, ...]
    provenance: Provenance


def build_audiences(
    root: Path,
    output: Path,
    audience: Audience | None,
    *,
    commit: git.Commit | None = None,
    pdfs: bool = True,
    workers: int | None = None,
    step: Step = no_step,
) -> AudienceBuild:
    """Write the folder of an audience, or without one a folder for each audience and who may see it.

    Raises UsageFault for an audience that the ledger does not know; LedgerFault for errors in the ledger, and if a
    folder would contain what its audience may not see: then nothing is published. Raises OutsideFault for disk errors.
    """
    check_unchanged = watched(root)
    store, secrets, provenance = open_cache(root), secrets_of(root), provenance_of(root, commit)
    books = open_books(root, keep={Wanted.OPEN_DATA, Wanted.STATEMENTS}, store=store, step=step)
    run = _Run(books, store, make_environment(root / "templates"), environment(root), provenance, pdfs)
    wanted = [audience] if audience else all_audiences(run.site)
    if audience:
        _refuse_unknown(run.site, audience)
    folders = {each: "" if audience else f"{each.folder}/" for each in wanted}
    holds = OutputKind.AUDIENCE if audience else OutputKind.AUDIENCES
    checks = (lambda _folder: check_unchanged(), secrets.check)
    with staged(output, provenance, key_of(*map(str, wanted)), holds, checks) as staging:
        if not audience:
            for path, data in audience_map(run.site, wanted).items():
                staging.write(path, data)
        run.keep_own_charges(wanted)
        for number, each in enumerate(wanted):
            if not audience:
                step("Building audiences", number, len(wanted))
            if each.sees_all:
                run.write_everything(staging.below(folders[each]), workers, sealed=not folders[each])
            else:
                _Folder(run, each).write(staging.below(folders[each]), workers=workers)
    store.prune()
    return AudienceBuild(output, tuple(folders.values()), len(staging.files), books.warnings, provenance)


def all_audiences(site: Site) -> list[Audience]:
    """Every audience of a ledger: each PI, project and department with a statement or held charges, finance, public."""
    pis, projects = payers_of(site.periods)
    departments = {_department(site, pi) for pi in pis}
    found = {AudienceKind.PI: pis, AudienceKind.PROJECT: projects, AudienceKind.DEPARTMENT: departments}
    named = [Audience(kind, name) for kind, names in found.items() for name in sorted(names) if name]
    return [*named, Audience(AudienceKind.FINANCE), Audience(AudienceKind.PUBLIC)]


def _refuse_unknown(site: Site, audience: Audience) -> None:
    if audience not in all_audiences(site):
        raise UsageFault(
            f"the ledger has no charges of {audience}; build --all-audiences makes a folder for each that it knows"
        )


def payers_of(periods: Iterable[BilledPeriod]) -> tuple[set[str], set[str]]:
    """The PIs and projects of these periods with a statement or held charges."""
    periods = tuple(periods)
    statements = [each for period in periods for each in period.statements]
    held = [item for period in periods for item in period.undecided]
    pis = {each.pi.email for each in statements} | {item.pi for item in held}
    return pis - {""}, ({each.project.id for each in statements} | {item.project for item in held}) - {""}


def identities_of(site: Site, pis: set[str], projects: set[str], owns: Owns) -> set[Identity]:
    """What these PIs and projects are known by. owns: whose statements count."""
    names = {each.pi.email: each.pi.name for period in site.periods for each in period.statements}
    names |= {email: person.name for email, person in site.people.items()}
    statements = (each for period in site.periods for each in period.statements)
    return {
        *(Identity("email address", email) for email in pis),
        *(Identity("project", name) for name in projects),
        *(Identity("name", names[email]) for email in pis if email in names),
        *(Identity("statement", each.number) for each in statements if owns(each.pi.email, each.project.id)),
    }


def _department(site: Site, email: str) -> str:
    person = site.people.get(email)
    if person is not None:
        return person.department
    of = (each.pi.department for period in site.periods for each in period.statements if each.pi.email == email)
    return next(of, "")


Owns = Callable[[str, str], bool]
"""Whether what a PI (email address) uses for a project (id) is an audience's own."""

_FIX = "remove it from its source (page, note, template, tag), or build for another audience"
_TEXTS = {".html", ".js", ".css", ".txt", ".md", ".json", ".yaml"}
_KINDS = ("own charges", "own browsed charges")


@dataclass(frozen=True, slots=True)
class _Totals:
    """The sums of own charges, as the cache keeps them."""

    rows: tuple[SourceTotals, ...]


@dataclass(slots=True)
class _Run:
    """What all audiences of a run share. site: everything, before it is restricted. ids: of all charges."""

    books: AllBooks
    store: Cache
    env: Templates
    around: str
    provenance: Provenance
    pdfs: bool
    charges: MonthCharges = field(init=False)
    site: Site = field(init=False)
    secrets: Identities = field(init=False)
    ids: ChargeIds = field(init=False)

    def __post_init__(self) -> None:
        self.charges = MonthCharges(self.books.ledger, self.store)
        spans, (over_days, _) = month_spans(self.books, self.charges), configured_spans(self.books, self.charges)
        site = make_site(self.books, self.provenance, {})
        self.site = replace(site, spans=spans, over_days=over_days, pdfs=self.pdfs)
        self.ids, resources = ChargeIds(), set[str]()
        for period in self.books.periods:
            with self.table(period) as table:
                self.ids.add(table.ids(table.payers))
                resources.update(table.resources(table.payers))
        self.secrets = self._secrets(resources).without(self._everyones())

    def _secrets(self, resources: set[str]) -> Identities:
        """What any of the PIs is known by."""
        site = self.site
        pis, projects = payers_of(site.periods)
        found = identities_of(site, pis | set(site.people), projects | set(site.projects), lambda _pi, _project: True)
        return Identities(found | {Identity("resource", text) for text in resources})

    def _everyones(self) -> Iterator[str]:
        """The texts of the institution and of the program, which every folder may have."""
        config = self.site.config
        yield repr((config.organization, config.portal.title, [each.label for each in config.sources.values()]))
        yield from (p.read_text("utf-8") for p in self.env.shipped.files().values() if p.suffix in _TEXTS)
        yield from shipped_texts()

    def write_everything(self, staging: Staging, workers: int | None, *, sealed: bool) -> None:
        """The folder of an audience that sees everything: as a build. sealed: it gets the manifest of the output."""
        planned = plan_output(self.books, self.charges, self.store, self.provenance, pdfs=self.pdfs)
        with closing(OpenDataRun(self.books, self.charges)) as data:
            write_output(planned, data, staging, self.store, workers, no_step)
        if not sealed:
            holds = OutputKind.BUILD if self.pdfs else OutputKind.WITHOUT_PDFS
            staging.write(NAME, manifest(staging.files, self.provenance, planned.key, holds))

    def original(self, period: BilledPeriod) -> BilledPeriod:
        """A restricted period with everything."""
        return next(each for each in self.books.periods if each.period == period.period)

    # As StatementCharges, for the PDFs of restricted periods.

    def key(self, period: BilledPeriod, statement: Statement) -> str:
        """What identifies the rows of a statement."""
        return self.charges.key(self.original(period), statement)

    def rows(self, period: BilledPeriod, statement: Statement) -> str | None:
        """The rows of a statement's `charges.csv`."""
        return self.charges.rows(self.original(period), statement)

    def owns(self, audience: Audience) -> Owns:
        """What is an audience's own."""
        return audience.member(lambda pi: _department(self.site, pi))

    def keep_own_charges(self, audiences: Iterable[Audience]) -> None:
        """Keep the charges that each audience may see, so that each month is read once for all of them."""
        wanted = [each for each in audiences if each.sees_charges and not each.sees_all]
        for period in self.books.periods if self.store.is_writable else ():
            missing = [each for each in wanted if self._kept(period, each) is None]
            if missing:
                with self.table(period) as table:
                    for each in missing:
                        self._make_own(table, period, each)

    def own_charges(self, period: BilledPeriod, audience: Audience) -> OwnCharges:
        """The charges of a month that an audience may see."""
        kept = self._kept(period, audience)
        if kept is None:
            with self.table(period) as table:
                kept = self._make_own(table, period, audience)
        return kept

    def _own_key(self, period: BilledPeriod, audience: Audience) -> str:
        return key_of(self.charges.month_key(period), str(audience), self.around)

    def _kept(self, period: BilledPeriod, audience: Audience) -> OwnCharges | None:
        key = self._own_key(period, audience)
        charges, browsed = (self.store.get(kind, key) for kind in _KINDS)
        totals = self.store.value("own totals", key, _Totals)
        if totals is None or charges is None or browsed is None:
            return None
        return OwnCharges(charges, totals.rows, BrowsedCharges.unpacked(browsed))

    def _make_own(self, table: MonthTable, period: BilledPeriod, audience: Audience) -> OwnCharges:
        owns, key = self.owns(audience), self._own_key(period, audience)
        own = table.own([each for each in table.payers if owns(*each)])
        for kind, data in zip(_KINDS, (own.charges, own.browsed.packed()), strict=True):
            self.store.put(kind, key, data)
        self.store.keep("own totals", key, _Totals(own.totals))
        return own

    def table(self, period: BilledPeriod) -> AbstractContextManager[MonthTable]:
        """All charges of a month."""
        data = self.charges.open_data(period)
        return month_table(data.charges, data.browsed, self.site.config.currency)


class _Folder:
    """The folder of one audience that does not see everything."""

    def __init__(self, run: _Run, audience: Audience) -> None:
        self._run, self._audience = run, audience
        self._owns = run.owns(audience)
        wanted = run.books.periods if audience.sees_charges else ()
        self._own = {each.period: run.own_charges(each, audience) for each in wanted}
        self._own_ids = ChargeIds()
        for each in self._own.values():
            self._own_ids.add(charge_ids(each.charges))
        self._site = self._restricted()

    def _restricted(self) -> Site:
        site = self._run.site
        periods = tuple(self._period(each) for each in site.periods)
        pis, projects = payers_of(periods)
        public = public_page(site.periods) if self._audience.kind is AudienceKind.PUBLIC else None
        site = Site(
            config=site.config,
            periods=periods,
            people={email: person for email, person in site.people.items() if email in pis},
            projects={name: project for name, project in site.projects.items() if name in projects},
            pages=site.pages,
            images=site.images,
            provenance=Provenance("", "", site.provenance.version),
            journal_files={},
            logo=site.logo,
            logo_dark=site.logo_dark,
            settings=site.settings,
            logos=site.logos,
            rates=site.rates,
            spans=own_spans(site.spans, self._audience),
            over_days=own_spans(site.over_days, self._audience),
            pdfs=site.pdfs,
            audience=self._audience,
            public=public,
        )
        return site if public is None else replace(site, pages=(), images={}, rates=())

    def _period(self, period: BilledPeriod) -> BilledPeriod:
        own = self._own.get(period.period)
        return replace(restricted(period, self._owns, self._audience), sources=own.totals if own else ())

    def write(self, staging: Staging, *, workers: int | None) -> None:
        """Write everything. Raises LedgerFault if a file contains what the audience may not see."""
        run, identities = self._run, self._identities()
        jobs, plans = self._plan()
        for plan in plans:
            identities.refuse_in_pdf(plan.path, plan.job())
        with closing(PdfRun(write_kept(plans, run.store, staging), run.store, workers)) as rendering:
            made = ((job.path, run.store.get("page", job.key) or job.render(), True) for job in jobs)
            # What occurs in the own data tells nothing (`_identities`), so only the names of its files could.
            own = ((path, data, False) for path, data in self._data())
            for path, data, is_page in chain(made, own):
                identities.refuse_in([(path, data if is_page else b"")])
                self._refuse_charges(path, data)
                staging.write(path, data)
            for path, data in rendering.rest():
                staging.write(path, data)

    def _plan(self) -> tuple[list[FileJob], list[PdfPlan]]:
        run, site = self._run, self._site
        jobs = audience_jobs(site, run.env)
        plans: list[PdfPlan] = []
        if site.public is None:
            directory = run.books.ledger.directory
            pages, plans = MonthFiles(run.env, run.store, run.around).statements(site, run if site.pdfs else None)
            jobs += [*charges_jobs(site, run.env, self._browsed), *span_jobs(site, run.env, directory), *pages]
            plans += span_pdfs(site, run.env, directory) if site.pdfs else []
        return jobs, plans

    def _browsed(self, period: BilledPeriod) -> BrowsedCharges:
        return self._own[period.period].browsed

    def _data(self) -> Iterator[tuple[str, bytes]]:
        """The charges and billing lines as data, and the charges for the charge browser."""
        for period in self._site.periods if self._own else ():
            own = self._own[period.period]
            yield paths.charges_file(self._run.original(period)), own.charges
            yield paths.lines_file(period.period), lines_csv(period)
            yield from charge_scripts(period.period, own.browsed)

    def _identities(self) -> Identities:
        """What the folder must not contain: all that is neither the audience's own nor in its own data."""
        own = identities_of(self._run.site, *payers_of(self._site.periods), self._owns)
        texts = (text for path, data in self._data() for text in texts_of(path, data))
        return self._run.secrets.without(texts, own)

    def _refuse_charges(self, path: str, data: bytes) -> None:
        """Refuse ids of charges that are not the audience's own."""
        for text in texts_of(path, data):
            for found in _DIGITS.findall(text):
                # An id of a charge has 16 digits, no more.
                if len(found) == 16 and found in self._run.ids and found not in self._own_ids:
                    problem = Problem(path, "leaked-identity", f"contains {found!r}, the charge of someone else", _FIX)
                    raise LedgerFault([problem])
