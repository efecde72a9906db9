"""Read a whole ledger: everything but the charges themselves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from openchargeback.ledger import files
from openchargeback.ledger.approvals import Decision, read_approvals
from openchargeback.ledger.config import FILE_NAME, LOCAL_FILE_NAME, read_config, read_local
from openchargeback.ledger.directory import FILES as DIRECTORY_FILES
from openchargeback.ledger.directory import Directory, read_directory
from openchargeback.ledger.files import DELIVERIES, POSTINGS, PROFILES, ChargeFile, Gate
from openchargeback.ledger.periods import FROZEN, INVOICES, NOTES, OPEN, PARTS, PeriodFile, is_period, read_period
from openchargeback.ledger.settings import FORMAT_PATTERN, Config, LocalConfig
from openchargeback.model import Page
from openchargeback.problems import Problem

if TYPE_CHECKING:
    from openchargeback.ledger.deliveries import Delivery
    from openchargeback.ledger.journal_profiles import Profile
    from openchargeback.ledger.notes import Acknowledgment
    from openchargeback.ledger.postings import Posting
    from openchargeback.ledger.provider_invoices import ProviderInvoice

MAX_LOGO_BYTES = 1_000_000

_Take = Callable[[str], bytes | None]
_Entries = TypeVar("_Entries")


@dataclass(frozen=True, slots=True)
class Logo:
    """The logo of the letterhead and its kind, `svg` or `png`."""

    data: bytes
    kind: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The content of a ledger. Periods are those with charges, approvals, invoices or a period file, ascending.

    images: those next to the pages, by path. logo_dark: that of the portal for dark colors.
    notes: by period, the acknowledgments in its notes. invoices: by period, what providers invoiced.
    journal_profiles: its own, by name. postings: by period, what became of the documents of its journal.
    deliveries: by period, what was emailed. local: the settings of this machine; no output may depend on them.
    """

    root: Path
    config: Config
    directory: Directory
    charge_files: dict[str, tuple[ChargeFile, ...]]
    approvals: dict[str, tuple[Decision, ...]]
    period_files: dict[str, PeriodFile]
    pages: tuple[Page, ...] = ()
    images: dict[str, bytes] = field(default_factory=dict)
    logo: Logo | None = None
    logo_dark: Logo | None = None
    digests: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[Acknowledgment, ...]] = field(default_factory=dict)
    invoices: dict[str, tuple[ProviderInvoice, ...]] = field(default_factory=dict)
    journal_profiles: dict[str, Profile] = field(default_factory=dict)
    postings: dict[str, tuple[Posting, ...]] = field(default_factory=dict)
    deliveries: dict[str, tuple[Delivery, ...]] = field(default_factory=dict)
    local: LocalConfig = field(default=LocalConfig(), repr=False)

    @property
    def periods(self) -> tuple[str, ...]:
        """Every period that the ledger mentions."""
        return tuple(sorted({*self.charge_files, *self.approvals, *self.invoices, *self.period_files}))

    def period_file(self, period: str) -> PeriodFile:
        """State and dates of a period; open by default."""
        return self.period_files.get(period, OPEN)


def read_ledger(root: Path) -> tuple[Ledger | None, list[Problem]]:
    """The ledger in a folder and the faults of all its small files; None if its config is unusable.

    Charge files are listed, not read: that is the next stage.
    """
    problems: list[Problem] = []
    digests: dict[str, str] = {}
    gate = Gate(root)

    def take(relative: str) -> bytes | None:
        data = files.read_bytes(root, relative, problems, gate)
        if data is not None:
            digests[relative] = hashlib.sha256(data).hexdigest()
        return data

    found, faults = files.charge_files(root, gate)
    problems += [*faults, *gate.faults()]
    approvals = _approvals(gate, take, problems)
    period_files = _period_files(gate, take, problems)
    notes = _notes(gate, take, problems)
    invoices = _invoices(gate, take, problems)
    directory, faults = read_directory(*map(take, DIRECTORY_FILES))
    problems += [*faults, *_misnamed(root)]
    pages, images = _pages(gate, take, problems)
    config_bytes = take(FILE_NAME)
    if config_bytes is None:
        if not any(problem.path == FILE_NAME for problem in problems):
            problems.append(
                Problem(
                    FILE_NAME, "no-config", "config.yaml is missing", "create it with at least `organization: Name`"
                )
            )
        return None, [*dict.fromkeys(problems)]
    local = take(LOCAL_FILE_NAME)
    config, faults = read_config(config_bytes, local)
    problems += faults
    if config is None:
        return None, [*dict.fromkeys(problems)]
    logo = _logo(config.organization.logo, take, problems)
    logo_dark = _logo(config.portal.logo_dark, take, problems)
    by_period: dict[str, list[ChargeFile]] = {}
    for file in found:
        ceiling = config.limits.charge_file_bytes
        by_period.setdefault(file.period, []).append(replace(file, ceiling=ceiling))
    charges = {period: tuple(items) for period, items in by_period.items()}
    ledger = Ledger(
        root=root,
        config=config,
        directory=directory,
        charge_files=charges,
        approvals=approvals,
        period_files=period_files,
        pages=pages,
        images=images,
        logo=logo,
        logo_dark=logo_dark,
        digests=digests,
        notes=notes,
        invoices=invoices,
        journal_profiles=_journal_profiles(gate, take, problems),
        postings=_by_month(POSTINGS, "postings", _read_postings, gate, take, problems),
        local=read_local(local),
        deliveries=_by_month(DELIVERIES, "deliveries", _read_deliveries, gate, take, problems),
    )
    # The reader of a folder may report a forbidden link a second time.
    return ledger, [*dict.fromkeys(problems)]


def _misnamed(root: Path) -> list[Problem]:
    """Problems for files that are skipped because their extension has the other spelling (.yml or .yaml)."""
    names = (FILE_NAME, LOCAL_FILE_NAME, *DIRECTORY_FILES)
    others = {str(PurePosixPath(name).with_suffix(".yml")): name for name in names}
    return [
        Problem(other, "misplaced-file", "is not read", f"rename it to {name}, or remove it")
        for other, name in others.items()
        if (root / other).exists()
    ]


def _approvals(gate: Gate, take: _Take, problems: list[Problem]) -> dict[str, tuple[Decision, ...]]:
    result: dict[str, list[Decision]] = {}
    for relative in files.listed(gate.root, "approvals", problems, gate):
        path = PurePosixPath(relative)
        if len(path.parts) != 3 or not is_period(path.parts[1]) or path.suffix not in (".yaml", ".yml"):
            problems.append(
                Problem(
                    relative,
                    "misplaced-file",
                    "is not where approval files belong",
                    "put it at approvals/PERIOD/NAME.yaml",
                )
            )
            continue
        data = take(relative)
        if data is not None:
            decisions, faults = read_approvals(data, relative)
            problems += faults
            result.setdefault(path.parts[1], []).extend(decisions)
    return {period: tuple(decisions) for period, decisions in result.items()}


def _period_files(gate: Gate, take: _Take, problems: list[Problem]) -> dict[str, PeriodFile]:
    result: dict[str, PeriodFile] = {}
    for relative in files.listed(gate.root, "periods", problems, gate):
        path = PurePosixPath(relative)
        if is_period(path.name[:7]) and path.name[7:].lstrip(".") in (*PARTS, FROZEN, NOTES):
            continue
        # Only one spelling, or 2025-01.yml could open what 2025-01.yaml finalizes.
        if len(path.parts) != 2 or path.suffix != ".yaml" or not is_period(path.stem):
            problems.append(
                Problem(
                    relative, "misplaced-file", "is not a period file", "name it for its period: periods/2025-01.yaml"
                )
            )
            continue
        data = take(relative)
        if data is not None:
            period_file, faults = read_period(data, relative)
            problems += faults
            if period_file:
                result[path.stem] = period_file
    return result


def _notes(gate: Gate, take: _Take, problems: list[Problem]) -> dict[str, tuple[Acknowledgment, ...]]:
    result = {}
    for relative in files.listed(gate.root, "periods", [], gate):
        period, _, rest = PurePosixPath(relative).name.partition(".")
        data = take(relative) if rest == NOTES and is_period(period) else None
        if data is not None:
            from openchargeback.ledger.notes import read_notes

            result[period], faults = read_notes(data, relative)
            problems += faults
    return result


def _invoices(gate: Gate, take: _Take, problems: list[Problem]) -> dict[str, tuple[ProviderInvoice, ...]]:
    result: dict[str, list[ProviderInvoice]] = {}
    listed = list(files.listed(gate.root, INVOICES, problems, gate))
    if not listed:
        return {}
    from openchargeback.ledger.provider_invoices import DOCUMENTS, SUFFIXES, read_invoices, repeated

    for relative in listed:
        path = PurePosixPath(relative)
        if path.suffix.lower() in DOCUMENTS:
            continue
        if len(path.parts) not in (3, 4) or not is_period(path.parts[1]) or path.suffix not in SUFFIXES:
            message = "is not where invoices of providers belong"
            fix = f"put it at {INVOICES}/PERIOD/SOURCE.yaml or .csv, such as {INVOICES}/2025-01/aws.yaml"
            problems.append(Problem(relative, "misplaced-file", message, fix))
            continue
        source = files.source_of(relative, path.suffix)
        if source is None:
            fix = "use only letters, digits, - and _"
            problems.append(Problem(relative, "bad-source-name", "not a valid source name", fix))
            continue
        data = take(relative)
        if data is not None:
            invoices, faults = read_invoices(data, relative, path.parts[1], source)
            problems += faults
            result.setdefault(path.parts[1], []).extend(invoices)
    problems += [problem for found in result.values() for problem in repeated(found)]
    return {period: tuple(found) for period, found in result.items()}


def _by_month(
    folder: str,
    what: str,
    read: Callable[[bytes, str], tuple[_Entries, list[Problem]]],
    gate: Gate,
    take: _Take,
    problems: list[Problem],
) -> dict[str, _Entries]:
    """The content of the files of a folder that has one file a month, by period."""
    result = {}
    for relative in files.listed(gate.root, folder, problems, gate):
        path = PurePosixPath(relative)
        if len(path.parts) != 2 or path.suffix != ".yaml" or not is_period(path.stem):
            fix = f"name it for its month: {folder}/2025-01.yaml"
            problems.append(Problem(relative, "misplaced-file", f"is not where {what} belong", fix))
            continue
        data = take(relative)
        if data is not None:
            result[path.stem], faults = read(data, relative)
            problems += faults
    return result


# Few ledgers have all kinds of files, so what reads the rarer ones is imported with the first of them.


def _read_postings(data: bytes, path: str) -> tuple[tuple[Posting, ...], list[Problem]]:
    from openchargeback.ledger.postings import read_postings

    return read_postings(data, path)


def _read_deliveries(data: bytes, path: str) -> tuple[tuple[Delivery, ...], list[Problem]]:
    from openchargeback.ledger.deliveries import read_deliveries

    return read_deliveries(data, path)


def _journal_profiles(gate: Gate, take: _Take, problems: list[Problem]) -> dict[str, Profile]:
    result = {}
    folder = f"templates/{PROFILES}"
    for relative in files.listed(gate.root, folder, problems, gate):
        path = PurePosixPath(relative)
        if path.suffix not in (".yaml", ".yml"):
            continue  # a template that a profile names
        if len(path.parts) != 3 or path.suffix != ".yaml" or not re.fullmatch(FORMAT_PATTERN, path.stem):
            fix = f"name it {folder}/NAME.yaml, with lowercase letters, digits and - in the name"
            problems.append(Problem(relative, "misplaced-file", "is not where journal profiles belong", fix))
            continue
        data = take(relative)
        if data is not None:
            from openchargeback.ledger.journal_profiles import read_profile

            profile, faults = read_profile(data, relative)
            problems += faults
            if profile:
                result[path.stem] = profile
    return result


def _pages(gate: Gate, take: _Take, problems: list[Problem]) -> tuple[tuple[Page, ...], dict[str, bytes]]:
    """The institution's pages, and the images next to them, by path."""
    pages: list[Page] = []
    images: dict[str, bytes] = {}
    for relative in files.listed(gate.root, "pages", problems, gate):
        path = PurePosixPath(relative)
        is_image = path.suffix.lower() in files.PAGE_IMAGES
        if not is_image and (path.suffix != ".md" or len(path.parts) != 2):
            continue
        data = take(relative)
        if data is None:
            continue
        if is_image:
            images[relative] = data
            continue
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            problems.append(Problem(relative, "text-encoding", "not UTF-8 text", "save the file as UTF-8", line))
            continue
        heading = next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), "")
        pages.append(Page(path.stem, heading or path.stem.replace("-", " ").capitalize(), text))
    return tuple(pages), images


def _logo(relative: str, take: _Take, problems: list[Problem]) -> Logo | None:
    if not relative:
        return None

    def fault(what: str, fix: str) -> None:
        problems.append(Problem(FILE_NAME, "bad-logo", f"the logo {relative[:100]} {what}", fix))

    kind = PurePosixPath(relative).suffix.lower().lstrip(".")
    if kind not in ("svg", "png") or PurePosixPath(relative).is_absolute() or ".." in PurePosixPath(relative).parts:
        fault("is not an SVG or PNG file in the ledger", "name an SVG or PNG file in the ledger")
        return None
    data = take(relative)
    if data is None:
        fault("cannot be read", "name an SVG or PNG file in the ledger")
        return None
    if len(data) > MAX_LOGO_BYTES:
        fault(f"has more than {MAX_LOGO_BYTES:,} bytes", "make it smaller: it is in every statement")
        return None
    return Logo(data, kind)
