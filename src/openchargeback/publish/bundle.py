"""A month for finance: one folder, and a zip of it, that says what to do and has all that it takes.

    2025-01-for-finance/
      index.html                     works alone: statements, journal, control totals, what to do next
      statements/2025-01_….pdf
      journal/detail.csv …           with control-totals.json; of an open month drafts/DRAFT-…
      receivables/2025-01.csv        what external payers owe, if any
      manifest.json                  the digest of every file
    2025-01-for-finance.zip          the same folder

Equal files make equal bytes, of the zip too.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from openchargeback.export.journals.control_totals import name_of as control_totals_name
from openchargeback.export.receivables import receivables_csv
from openchargeback.files import git
from openchargeback.files.writing import outside, replacing
from openchargeback.ledger.periods import OPEN, period_of, read_period
from openchargeback.ledger.revision import stored
from openchargeback.model import BilledPeriod, Provenance, State
from openchargeback.plan.reached import changed_paths
from openchargeback.portal import paths
from openchargeback.portal.bundle_page import BundleFiles, JournalLink, bundle_page, bundle_view
from openchargeback.portal.statements import PdfPlan
from openchargeback.problems import Problem, UsageFault
from openchargeback.publish.books import AllBooks, Step, no_step, open_cache
from openchargeback.publish.build import pdfs_of, provenance_of
from openchargeback.publish.keys import environment, key_of
from openchargeback.publish.manifest import NAME, OutputKind, files_below, manifest_of
from openchargeback.publish.month_files import MonthFiles
from openchargeback.publish.output_swap import staged
from openchargeback.publish.pdf_run import PdfRun, write_kept
from openchargeback.publish.secrets import secrets_of
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.environment import make_environment
from openchargeback.wording import counted

_log = logging.getLogger(__name__)

STATEMENTS, JOURNAL, DRAFTS = "statements", "journal", "drafts"

# Nothing in the zip depends on when or where it was made: the oldest time that the format has, and plain permissions.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX, _PLAIN_FILE = 3, 0o100644 << 16


def folder_of(period: str) -> str:
    """The name of a month's folder; with `.zip` that of its archive."""
    return f"{period}-for-finance"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was written. archive: None without a zip. files: in the folder, with its manifest. warnings: about them."""

    period: BilledPeriod
    folder: Path
    archive: Path | None
    files: int
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Planned:
    """The files of a bundle: those with their bytes, and the PDFs."""

    files: dict[str, bytes]
    pdfs: list[PdfPlan]
    key: str
    warnings: tuple[Problem, ...]


def write_bundle(
    books: AllBooks,
    period: str,
    output: Path,
    *,
    zipped: bool = False,
    commit: git.Commit | None = None,
    workers: int | None = None,
    step: Step = no_step,
) -> Bundle:
    """Write the folder of a month below `output`, and its zip beside it, as a whole or not at all.

    commit: as for `build`. Raises UsageFault for a month that the ledger does not have and for an output that is not
    ours, LedgerFault for secrets, OutsideFault for disk errors.
    """
    root = books.ledger.root
    billed = books.period(period)
    if billed is None:
        raise no_period(books.ledger, period)
    secrets, store, provenance = secrets_of(root), open_cache(root), provenance_of(root, commit)
    planned = _plan(books, billed, provenance)
    secrets.refuse_in_statements(planned.pdfs)
    folder = output / folder_of(period)
    archive = output / f"{folder_of(period)}.zip" if zipped else None
    checks: list[Callable[[Path], None]] = [lambda _folder: books.check_unchanged(), secrets.check]
    with ExitStack() as stack:
        if archive is not None:
            _refuse_foreign(archive)
            _make_folder(output)
            beside = stack.enter_context(replacing(archive))
            checks.append(lambda made: _zip(made, folder_of(period), beside))
        holds = OutputKind.BUNDLE
        staging = stack.enter_context(staged(folder, provenance, planned.key, holds, checks, period=period))
        for path, data in planned.files.items():
            staging.write(path, data)
        with closing(PdfRun(write_kept(planned.pdfs, store, staging), store, workers)) as pdfs:
            for path, data in pdfs.rest(step):
                staging.write(path, data)
    _log.info("published %s in %s", counted(len(staging.files), "file"), folder)
    return Bundle(billed, folder, archive, len(staging.files) + 1, planned.warnings)


def no_period(ledger: RecordedLedger, period: str) -> UsageFault:
    """The error for a month that a ledger does not have."""
    there = list(ledger.periods)
    has = f"it has {there[0]} to {there[-1]}" if there else "it has no charges yet"
    return UsageFault(f"the ledger has no period {period}; {has}")


def _plan(books: AllBooks, period: BilledPeriod, provenance: Provenance) -> _Planned:
    ledger = books.ledger
    env, around = make_environment(ledger.root / "templates"), environment(ledger.root)
    months = MonthFiles(env, open_cache(ledger.root), around)
    journals, warnings = months.journals(ledger, [period])
    # Drafts are apart from what is posted, as in the portal.
    folder = DRAFTS if period.state is State.OPEN else JOURNAL
    files = {f"{folder}/{path.rpartition('/')[2]}": data for path, data in journals[period.period].items()}
    statements = {paths.statement_pdf(each): each for each in period.statements}
    names = {each.number: f"{STATEMENTS}/{paths.statement_name(each)}.pdf" for each in period.statements}
    pdfs = [replace(plan, path=names[statements[plan.path].number]) for plan in pdfs_of(books, period.period)]
    config, totals = ledger.settings(period.period), f"{folder}/{control_totals_name(period)}"
    links = _journal_links(files, totals)
    owed = receivables_csv(period, ledger.settings)
    receivables = paths.receivables_file(period) if owed is not None else ""
    if owed is not None:
        files[receivables] = owed
    view = bundle_view(
        period,
        config,
        files=BundleFiles(pdfs=names, journal=links, totals=totals, receivables=receivables),
        postings=ledger.postings.get(period.period, ()),
        deliveries=ledger.deliveries.get(period.period, ()),
        provenance=provenance,
    )
    files["index.html"] = bundle_page(view, config, env)
    digests = [(path, hashlib.sha256(data).hexdigest()) for path, data in files.items()]
    return _Planned(files, pdfs, key_of(around, digests, [(plan.path, plan.key) for plan in pdfs]), tuple(warnings))


def _journal_links(files: Mapping[str, bytes], control_totals: str) -> tuple[JournalLink, ...]:
    """The journal files with their totals, as the control totals have them."""
    totals = json.loads(files[control_totals])["files"]
    found = []
    for path in files:
        name = path.rpartition("/")[2]
        if path == control_totals:
            continue
        known = totals.get(name, {})
        found.append(
            JournalLink(
                name=name,
                path=path,
                document=known.get("document") or "",
                lines=known.get("lines"),
                debits=_amount(known.get("debits")),
                credits=_amount(known.get("credits")),
            )
        )
    return tuple(found)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _make_folder(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise outside(output, fault) from fault


def _zip(folder: Path, name: str, target: Path) -> None:
    """Write the files of a folder to a zip, below one folder of this name. Nothing is compressed: PDFs are already, and
    another zlib would write other bytes.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path, entry in sorted(files_below(folder)):
            info = zipfile.ZipInfo(f"{name}/{path}", _EPOCH)
            info.create_system, info.external_attr = _UNIX, _PLAIN_FILE
            archive.writestr(info, Path(entry.path).read_bytes())


def _refuse_foreign(archive: Path) -> None:
    """Refuse to replace a file that is no bundle of ours."""
    if not archive.is_file():
        return
    try:
        with zipfile.ZipFile(archive) as there:
            named = next((name for name in there.namelist() if name.count("/") == 1 and name.endswith(f"/{NAME}")), "")
            known = manifest_of(there.read(named)) if named else None
    except (OSError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
        known = None
    if known is None or known.holds is not OutputKind.BUNDLE:
        raise UsageFault(f"{archive} was not written by `focus-billing bundle`; move it away or name another folder")


@dataclass(frozen=True, slots=True)
class ChangedMonth:
    """A month that is open, or that has changed since a commit. finalized: whether it was finalized since then."""

    period: str
    finalized: bool


def changed_months(ledger: RecordedLedger, base: str) -> list[ChangedMonth]:
    """The months that are open, or whose files are not those of a commit. Raises UsageFault if there is none.

    A month counts as changed by its own files: charges, approvals, state and record.
    """
    root, commit = ledger.root, git.resolve(ledger.root, base)
    # Before its first commit, a folder has no ledger, so that every month is new.
    before = None if commit and not git.tree(root, commit) else stored(root, base)
    touched = {period_of(path) for path in changed_paths(before.entries if before else {}, git.work_tree(root))}
    found = []
    for period in ledger.periods:
        now = ledger.period_file(period).state
        if now is State.OPEN or period in touched:
            file = before.read(f"periods/{period}.yaml") if before else None
            then = (read_period(file, "")[0] if file else None) or OPEN
            found.append(ChangedMonth(period, now is State.FINALIZED and then.state is not State.FINALIZED))
    return found
