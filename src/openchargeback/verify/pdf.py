"""Verify the PDF of a statement or a report against the ledger.

In this order: its digest is recorded; its embedded record matches the ledger; rendered again by the same program with
the same libraries, it has the same objects. If other libraries made it, only the record can be compared, and the PDF is
neither confirmed nor called altered. A genuine PDF may also be a draft or an earlier revision. So if the current ledger
does not match, the ledger's history is searched for a commit that does.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from openchargeback import __version__
from openchargeback.billing.span_statements import SpanRequest
from openchargeback.billing.tracing import trace_statement
from openchargeback.files import git
from openchargeback.ledger.files import LOCK_FILE
from openchargeback.ledger.periods import FROZEN, LINES, PARTS, is_period, part_path
from openchargeback.model import Provenance, Statement
from openchargeback.portal.libraries import PACKAGES, PROGRAM, other_versions, read_stamp
from openchargeback.portal.paths import statement_pdf
from openchargeback.portal.pdf_pool import render_job
from openchargeback.portal.report_documents import DATA_NAME as REPORT_DATA
from openchargeback.portal.report_documents import report_documents
from openchargeback.portal.site import site_book
from openchargeback.portal.span_record import request_of, span_json
from openchargeback.portal.statement_data import JSON_NAME
from openchargeback.portal.statement_record import statement_json
from openchargeback.portal.statements import statement_pdfs
from openchargeback.problems import LedgerFault, Problem, UsageFault
from openchargeback.publish.books import AllBooks, Books, Step, examine, no_step, open_books
from openchargeback.publish.build import make_site
from openchargeback.publish.manifest import parse_manifest
from openchargeback.publish.month_charges import MonthCharges
from openchargeback.publish.past import NO_CACHE, drifts, ledger_at
from openchargeback.publish.span_files import span_document
from openchargeback.publish.spans import span_statement
from openchargeback.templating.environment import make_environment
from openchargeback.verify.pdf_comparing import Difference, describe_differences, record_differences, record_of
from openchargeback.verify.pdf_reading import MAX_BYTES, PdfContent, differing_values, read_pdf

COMMITS = 30
"""How many commits that change a period are searched for a statement that the current ledger does not produce: this
many along the first parents, and this many in all of the history."""

_PIN = re.compile(r"^([a-z0-9][a-z0-9-]*)==([\w.+-]+)", re.ASCII | re.MULTILINE)
_NUMBER = re.compile(r"\d{4}-\d{2}-[0-9a-f]{10,64}(-r\d+)?")
_REVISION = re.compile(r"-r\d+$")
_REPORT = re.compile(r"(?:Draft report|Report) of fiscal year (\d{4})")
_DIGEST = re.compile(r"[0-9a-f]{16}")
_ANY_MONTH = ("charges", "approvals", "directory", "config.yaml", "periods")


class Verdict(enum.StrEnum):
    """The verdict on a PDF.

    `same content`: another program saved it again, and every object matches the ledger.
    `cannot be confirmed here`: its record matches the ledger, but it was made with versions other than those installed.
    """

    IDENTICAL = "identical"
    SAME_CONTENT = "same content"
    UNCONFIRMED = "cannot be confirmed here"
    ALTERED = "altered"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"


CONFIRMED = frozenset((Verdict.IDENTICAL, Verdict.SAME_CONTENT))


@dataclass(frozen=True, slots=True)
class Input:
    """A file that a statement was made from, and the last commit that changed it (empty: none has its current content).

    rows: those of its charges (the header is row 1), or the lines of its decisions; empty if the whole file counts.
    """

    path: str
    commit: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lock:
    """A commit whose `requirements.lock` says what to install; pinned: whether it has the needed versions."""

    commit: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class PdfCheck:
    """A PDF compared with the ledger.

    is_report: of a fiscal year, not a statement. number: of the statement, or the year (`FY2025`). by: the number of
    what supersedes it, if anything does.
    recorded: the file that records its digest. other_versions: of its libraries, if they differ from those installed;
    lock, system: what to install to confirm it, and which versions the system needs.
    produced_at: the commit whose ledger produces this statement, if the current one does not; on_first_parent: whether
    that is a first-parent commit, not one of a branch before its merge. searched: the number of commits searched;
    whole: whether the clone has the full history.
    altered: where it differs from the ledger. statement: the ledger's own, now or then. inputs: the files that that
    statement was made from. drift: where this program would now compute its closed month differently.
    """

    path: Path
    verdict: Verdict
    number: str
    period: str
    by: str = ""
    recorded: str = ""
    other_versions: tuple[str, ...] = ()
    lock: Lock | None = None
    system: tuple[str, ...] = ()
    produced_at: git.Commit | None = None
    on_first_parent: bool = True
    searched: int = 0
    whole: bool = True
    altered: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    statement: Statement | None = None
    inputs: tuple[Input, ...] = ()
    drift: tuple[Problem, ...] = ()
    is_report: bool = False


@dataclass(frozen=True, slots=True)
class _Submission:
    """The PDF as submitted.

    period: its month; of a statement over a span, the last month. request: of such a statement, what it sums up.
    recorded: the file that records its digest; empty if there is none. year: of a report. inputs: the digest that a
    report prints.
    """

    path: Path
    data: bytes
    content: PdfContent
    record: dict[str, Any] | None
    number: str
    period: str
    request: SpanRequest | None
    recorded: str
    year: int | None = None
    inputs: str = ""

    @property
    def is_monthly(self) -> bool:
        """Whether it is the statement of a month."""
        return self.request is None and self.year is None

    @property
    def wanted(self) -> str:
        """The last month that must be billed for it; empty: all, since any may bill charges of a span late."""
        return self.period if self.request is None else self.request.period

    @property
    def paths(self) -> list[str]:
        """The files and folders of the ledger that it depends on."""
        if not self.is_monthly:
            return list(_ANY_MONTH)
        record = [f"periods/{self.period}.yaml", *(part_path(self.period, name) for name in (FROZEN, *PARTS))]
        return [f"charges/{self.period}", f"approvals/{self.period}", "directory", "config.yaml", *record]


@dataclass(frozen=True, slots=True)
class _Document:
    """What a ledger makes of what a PDF is about.

    record: its `statement.json`, of a report `report.csv`. statement: None for any but that of a month. inputs: the
    digest that a report prints.
    """

    number: str
    record: bytes
    render: Callable[[], bytes]
    statement: Statement | None = None
    inputs: str = ""


def verify_pdf(root: Path, path: Path, manifest: Path | None = None, *, step: Step = no_step) -> PdfCheck:
    """The verdict on a PDF.

    manifest: the `manifest.json` of a trusted build, such as a release; the files that it lists count as issued.
    Raises UsageFault if the file is not a readable statement, LedgerFault if the ledger has errors.
    """
    submitted = _read_submission(path, manifest)
    check = _check(root, submitted, step)
    updates = submitted.content.updates
    times = "once" if updates == 1 else f"{updates} times"
    notes = (f"data was appended to the file {times} after it was written",) if updates else ()
    # What closed months would now come to concerns their own statements.
    drift = tuple(drifts(root, submitted.period, step=step)) if submitted.is_monthly else ()
    return replace(check, notes=notes, drift=drift, is_report=submitted.year is not None)


def _check(root: Path, submitted: _Submission, step: Step) -> PdfCheck:
    path = submitted.path
    books = open_books(root, wanted=submitted.wanted, store=NO_CACHE, step=step)
    valid = _document(books, submitted)
    if valid is not None and valid.number == submitted.number and not _contradictions(submitted, valid):
        return _check_document(submitted, valid, books, root)
    past, searched = _search(root, submitted, step)
    if past is not None:
        return replace(past, by=valid.number if valid else "", searched=searched)
    found = PdfCheck(
        path, Verdict.UNKNOWN, submitted.number, submitted.period, recorded=submitted.recorded, searched=searched
    )
    if submitted.recorded:
        return replace(found, verdict=Verdict.SUPERSEDED, by=valid.number if valid else "")
    whole = not (git.inside_repository(root) and git.is_shallow(root))
    if valid is None or not whole:
        # Without the full history, an earlier revision or a draft looks the same as a forgery.
        return replace(found, whole=whole)
    return replace(
        found,
        verdict=Verdict.ALTERED,
        by=valid.number if valid.number != submitted.number else "",
        altered=(*_contradictions(submitted, valid), *_rendering_differences(submitted, valid)),
        statement=valid.statement,
        inputs=_inputs(root, "", books, valid),
    )


def _read_submission(path: Path, manifest: Path | None) -> _Submission:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    content = read_pdf(data, path.name)
    record = record_of(content)
    number = str(record.get("number", "")) if record else ""
    if record and record.get("kind") == "span":
        request = request_of(record)
        if request is None:
            raise UsageFault(f"{path.name} is not a statement: its embedded {JSON_NAME} does not say what it sums up")
        month = request.period or f"{request.last:%Y-%m}"
        return _Submission(path, data, content, record, number, month, request, _recorded(data, manifest))
    if record is None and (report := _REPORT.fullmatch(content.title)) and content.embedded(REPORT_DATA):
        printed = (word for page in content.pages for before, word in pairwise(page) if before == "digest")
        inputs = next(filter(_DIGEST.fullmatch, printed), "")
        year, recorded = int(report[1]), _recorded(data, manifest)
        return _Submission(path, data, content, None, f"FY{year:04}", "", None, recorded, year, inputs)
    if not _NUMBER.fullmatch(number):
        words = (*content.title.replace(":", " ").split(), *(word for page in content.pages for word in page))
        number = next((word for word in words if _NUMBER.fullmatch(word)), "")
    period = number[:7]
    if not number or not is_period(period):
        raise UsageFault(f"{path.name} is not a statement: it has neither an embedded {JSON_NAME} nor a number")
    return _Submission(path, data, content, record, number, period, None, _recorded(data, manifest))


def _recorded(data: bytes, manifest: Path | None) -> str:
    """The file that records the digest of an issued PDF; empty if none does."""
    if manifest is None:
        return ""
    listed = parse_manifest(manifest)
    if listed is None:
        raise UsageFault(f"{manifest} is not a manifest.json written by `focus-billing build`")
    digest = hashlib.sha256(data).hexdigest()
    issued = any(entry.sha256 == digest for path, entry in listed.files.items() if path.endswith(".pdf"))
    return str(manifest) if issued else ""


def _document(books: AllBooks, submitted: _Submission) -> _Document | None:
    """The ledger's own statement about the same, under whichever revision of its number; None if it has none."""
    if submitted.request is not None:
        return _span_document(books, submitted.request)
    if submitted.year is not None:
        return _report_document(books, submitted.year)
    billed = books.period(submitted.period)
    every = billed.statements if billed else ()
    stem = _REVISION.sub("", submitted.number)
    found = [each for each in every if each.number == submitted.number]
    found += [each for each in every if _REVISION.sub("", each.number) == stem]
    if not found:
        return None
    record = statement_json(found[0], books.ledger.settings(found[0].period))
    return _Document(found[0].number, record, partial(_render, found[0], books), found[0])


def _span_document(books: AllBooks, request: SpanRequest) -> _Document | None:
    try:
        statement = span_statement(books, MonthCharges(books.ledger, NO_CACHE), request)
    except UsageFault:
        return None
    plan = span_document(books, statement)
    return _Document(statement.number, span_json(statement, books.ledger.config), lambda: render_job(plan.job()))


def _report_document(books: AllBooks, year: int) -> _Document | None:
    env = make_environment(books.ledger.root / "templates")
    site = make_site(books, Provenance("", "", __version__), {})
    found = report_documents(site, env, site_book(site), year)
    if not found:
        return None
    (report,) = found
    return _Document(f"FY{year:04}", report.content, lambda: render_job(report.plan.job()), inputs=report.digest)


def _contradictions(submitted: _Submission, document: _Document) -> list[Difference]:
    """Where the embedded record differs from the ledger."""
    if submitted.year is None:
        return record_differences(submitted.content, document.record)
    found = []
    if submitted.inputs != document.inputs:
        found.append(Difference("the report", "input digest", document.inputs, submitted.inputs))
    if submitted.content.embedded(REPORT_DATA) != [document.record]:
        found.append(Difference(REPORT_DATA, "its rows"))
    return found


def _check_document(submitted: _Submission, document: _Document, books: AllBooks, root: Path, at: str = "") -> PdfCheck:
    """The check of a PDF whose record matches the ledger; root: the repository's own folder.

    at: the commit of the books; empty for the work tree.
    """
    check = PdfCheck(
        path=submitted.path,
        verdict=Verdict.IDENTICAL,
        number=submitted.number,
        period=submitted.period,
        recorded=submitted.recorded,
        statement=document.statement,
        inputs=_inputs(root, at, books, document),
    )
    if submitted.recorded:
        return check
    named = read_stamp(submitted.content.creator)
    # Every statement names its versions, so a file that does not was changed.
    if named and (others := other_versions(named)):
        lock = _lock(root, at, submitted.period, others, named)
        return replace(
            check,
            verdict=Verdict.UNCONFIRMED,
            other_versions=tuple(others.values()),
            lock=lock,
            system=_system(others, named),
        )
    expected = document.render()
    if expected == submitted.data:
        return check
    altered = tuple(_object_differences(submitted, expected))
    return replace(check, verdict=Verdict.ALTERED if altered else Verdict.SAME_CONTENT, altered=altered)


def _rendering_differences(submitted: _Submission, document: _Document) -> list[Difference]:
    """Where a PDF's objects differ from a new rendering; empty if it was made with other versions."""
    named = read_stamp(submitted.content.creator)
    if named and other_versions(named):
        return []
    return _object_differences(submitted, document.render())


def _object_differences(submitted: _Submission, expected: bytes) -> list[Difference]:
    paths = differing_values(submitted.data, expected, submitted.path.name)
    return describe_differences(paths, submitted.content, read_pdf(expected, submitted.number))


def _system(others: Collection[str], named: Mapping[str, str]) -> tuple[str, ...]:
    """The differing versions that no `requirements.lock` controls."""
    return tuple(f"{name} {named[name]}" for name in others if name in named and name not in (PROGRAM, *PACKAGES))


def _lock(root: Path, at: str, period: str, others: Collection[str], named: Mapping[str, str]) -> Lock | None:
    """The latest commit whose `requirements.lock` pins the differing versions; else the commit of the statement.

    None if there is none, or if no version that a lock controls differs.
    """
    wanted = {name: named.get(name) for name in others if name in PACKAGES}
    if not wanted and PROGRAM not in others:
        return None
    if not git.inside_repository(root) or git.head(root) is None:
        return None
    for commit in git.commits_on(root, [LOCK_FILE], COMMITS):
        content = git.content_id(root, commit, LOCK_FILE)
        pins = dict(_PIN.findall(git.read_blob(root, content).decode(errors="replace"))) if content else {}
        if wanted and all(pins.get(name) == version for name, version in wanted.items()):
            return Lock(commit, pinned=True)
    own = at or git.last_change(root, "HEAD", f"periods/{period}.yaml") or git.commit_of(root, "HEAD").id
    return Lock(own, pinned=False)


def _render(statement: Statement, books: AllBooks) -> bytes:
    """The PDF from the current ledger; rendered without the cache, since a cache proves nothing."""
    site = make_site(books, Provenance("", "", ""), {})
    env, charges = make_environment(books.ledger.root / "templates"), MonthCharges(books.ledger, NO_CACHE)
    plans = statement_pdfs(site, env, charges, period=statement.period)
    path = statement_pdf(statement)
    return render_job(next(plan for plan in plans if plan.path == path).job())


def _search(root: Path, submitted: _Submission, step: Step) -> tuple[PdfCheck | None, int]:
    """The check against the latest commit whose ledger produces the file's record, and the number of commits searched.

    Searches the states of the branch itself first, then those of branches before their merge: a draft from a preview is
    genuine, too.
    """
    has_record = submitted.record is not None or submitted.year is not None
    if not has_record or not git.inside_repository(root) or git.head(root) is None:
        return None, 0
    line = dict.fromkeys(git.commits_on(root, submitted.paths, COMMITS, first_parent=True))
    commits = list(line | dict.fromkeys(git.commits_on(root, submitted.paths, COMMITS)))
    for number, commit in enumerate(commits):
        step("Searching commits", number, len(commits))
        if submitted.is_monthly and not _likely_matches(root, commit, submitted):
            continue
        found = _check_at(root, submitted, commit)
        if found is not None:
            return replace(found, on_first_parent=commit in line), number + 1
    return None, len(commits)


def _likely_matches(root: Path, commit: str, submitted: _Submission) -> bool:
    """Whether the month's own files at a commit produce the record; a quick check, which detects few errors."""
    decisions, charges = f"approvals/{submitted.period}/", f"charges/{submitted.period}/"

    def needed(path: str, whole: Collection[str]) -> bool:
        # Only decisions depend on charges of other months.
        return (
            not path.startswith("charges/") or path.startswith(charges) or any(p.startswith(decisions) for p in whole)
        )

    try:
        with ledger_at(root, commit, needed) as (folder, _):
            ledger, periods, _ = examine(folder, only={submitted.period}, store=NO_CACHE)
            found = None if ledger is None else _document(Books(ledger, periods, ()), submitted)
            return found is not None and found.number == submitted.number and not _contradictions(submitted, found)
    except (LedgerFault, UsageFault):
        return False


def _check_at(root: Path, submitted: _Submission, commit: str) -> PdfCheck | None:
    """The check of a PDF whose record the ledger of a commit produces; None if it does not, or has errors.

    With errors no statement can have been issued there.
    """
    try:
        with ledger_at(root, commit) as (folder, produced_at):
            books = open_books(folder, wanted=submitted.wanted, store=NO_CACHE)
            document = _document(books, submitted)
            if document is None or document.number != submitted.number or _contradictions(submitted, document):
                return None
            found = _check_document(submitted, document, books, root, commit)
    except LedgerFault:
        return None
    altered = found.verdict is Verdict.ALTERED
    return replace(found, verdict=Verdict.ALTERED if altered else Verdict.SUPERSEDED, produced_at=produced_at)


def _inputs(root: Path, at: str, books: AllBooks, document: _Document) -> tuple[Input, ...]:
    """The charge, decision and closing files of a monthly statement, with the commits that contain them.

    None of a statement over a span: it names the monthly statements, which have them.
    """
    if document.statement is None:
        return ()
    in_git = git.inside_repository(root) and git.head(root) is not None
    return tuple(
        Input(path, _last_commit(root, at, path) if in_git else "", tuple(sorted(numbers)))
        for path, numbers in sorted(_input_rows(books, document.statement).items())
    )


def _last_commit(root: Path, at: str, path: str) -> str:
    """The last commit that changed a file, up to a commit; for the work tree (at: empty) only if it is unchanged."""
    commit = git.last_change(root, at or "HEAD", path)
    if at or not commit or git.content_id(root, commit, path) == git.content_id_of_file(root, path):
        return commit
    return ""


def _input_rows(books: AllBooks, statement: Statement) -> dict[str, set[int]]:
    """File → rows of charges or lines of decisions; empty if the whole file counts."""
    billed = books.period(statement.period)
    if billed is None:
        return {}
    rows: dict[str, set[int]] = {}
    for line in trace_statement(books.ledger, billed, statement):
        for charge in line.charges:
            if charge.place:
                rows.setdefault(charge.place.file, set()).add(charge.place.row)
            for place in charge.decisions:
                path, _, number = place.rpartition(":")
                rows.setdefault(path, set()).add(int(number))
    if statement.period in books.ledger.records:
        rows |= {part_path(statement.period, name): set() for name in (FROZEN, LINES)}
        rows[f"periods/{statement.period}.yaml"] = set()
    return rows
