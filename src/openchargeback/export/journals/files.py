"""The journal files of a month: in each format one document, or several where a format limits their length.

Every file with lines is read back before it is used. Its lines must be those of the sheet, cell by cell; its debits
must equal its credits to the cent; and its net must be that of the document: debits less credits of the payers. A
template's output is read back if its profile says how (`read`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from openchargeback.billing.journal import journal_of_period
from openchargeback.export.journals.descriptions import described_journal
from openchargeback.export.journals.documents import NoNumber, document_number, split
from openchargeback.export.journals.profiles import Own, find_profile, profile_problems
from openchargeback.export.journals.records import (
    line_columns,
    make_records,
    read_records,
    signed_amount,
    signed_in_text,
    to_bytes,
)
from openchargeback.export.journals.sheet import JournalSheet, JournalTotals, make_sheet, refuse_unsafe, unsafe_funds
from openchargeback.ledger.journal_profiles import Profile, ProfileFile
from openchargeback.ledger.periods import FROZEN, part_path
from openchargeback.ledger.settings import Config
from openchargeback.model import Journal, JournalDocument, State, SummedPeriod
from openchargeback.money import ZERO
from openchargeback.problems import LedgerFault, Problem, Severity, in_order
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.environment import (
    TEMPLATE_ERRORS,
    Templates,
    make_environment,
    missing_template,
    place_of,
    reason_of,
)
from openchargeback.templating.text_filters import without_direction

DRAFT = "DRAFT-"
"""The start of the names of files of an open month."""

Number = Callable[[Profile, int], str]
"""The number of a profile's document, by its part."""


@dataclass(frozen=True, slots=True)
class JournalFile:
    """A journal file. totals: the sums of its lines; None if it has none, or cannot be read back."""

    name: str
    data: bytes
    document: JournalDocument
    totals: JournalTotals | None = None

    @property
    def sha256(self) -> str:
        """The digest of its bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month's journal, with descriptions, and what its files are made with. start: of their names."""

    period: SummedPeriod
    journal: Journal
    config: Config
    own: Own
    env: Templates

    @property
    def start(self) -> str:
        """The start of the names of its files."""
        return start_of(self.period)

    @property
    def closed(self) -> bool:
        """Whether its documents have their numbers."""
        return self.period.state is not State.OPEN


def start_of(period: SummedPeriod) -> str:
    """The start of the names of a month's files."""
    return DRAFT if period.state is State.OPEN else ""


def month_files(month: Month) -> list[JournalFile]:
    """The files of a month in all of its formats: an open month's as configured, a closed one's as it was closed.

    Empty if nothing is posted. Raises LedgerFault for values and templates that cannot be written.
    """
    if not month.journal.lines:
        return []
    names = (
        dict.fromkeys(each.format for each in month.period.documents) if month.closed else month.config.journal.formats
    )
    found: list[JournalFile] = []
    problems: list[Problem] = []
    for name in names:
        profile = find_profile(name, month.own)
        if profile is None:
            continue
        try:
            found += format_files(month, profile)
        except LedgerFault as fault:
            problems += fault.problems
    if problems:
        raise LedgerFault(problems)
    return found


def format_files(month: Month, profile: Profile) -> list[JournalFile]:
    """The files of a month in one format. Raises LedgerFault for what cannot be written."""
    return write_documents(
        month.journal,
        documents_of(month, profile),
        profile,
        month,
    )


def documents_of(month: Month, profile: Profile) -> list[JournalDocument]:
    """The documents of a month in one format: of a closed month, those that closing assigned; else without numbers."""
    if month.closed and (known := [each for each in month.period.documents if each.format == profile.name]):
        return known
    return make_documents(month.journal, profile, lambda _profile, _part: "")


def make_documents(journal: Journal, profile: Profile, number: Number) -> list[JournalDocument]:
    """The documents of a journal in one format, without their files."""
    found = []
    for part, (first, last) in enumerate(split(journal, profile), start=1):
        own = journal.lines[first - 1 : last]
        found.append(
            JournalDocument(
                format=profile.name,
                number=number(profile, part),
                part=part,
                rows=profile.rows,
                first=first,
                last=last,
                lines=len(own),
                debits=sum((line.amount for line in own[::2]), ZERO),
                credits=sum((line.amount for line in own[1::2]), ZERO),
                files={},
            )
        )
    return found


def write_documents(
    journal: Journal, documents: Sequence[JournalDocument], profile: Profile, month: Month, start: str | None = None
) -> list[JournalFile]:
    """The files of some documents. start: of their names; by default as `Month.start`."""
    if problems := profile_problems(profile, month.config):
        raise LedgerFault(problems)
    refuse_unsafe(journal, month.config)
    found: list[JournalFile] = []
    problems = []
    for document in documents:
        sheet = make_sheet(
            journal,
            document,
            profile,
            month.config,
            parts=len(documents),
            date=journal.lines[0].date if journal.lines else month.period.accounting_date,
            closed=month.period.closed_on,
        )
        totals = sheet.totals
        written = replace(document, lines=totals.lines, debits=totals.debits, credits=totals.credits)
        part = f".{document.part}" if len(documents) > 1 else ""
        for file in profile.files:
            name = f"{month.start if start is None else start}{profile.name}{part}.{file.extension}"
            try:
                data, sums = _written(sheet, profile, file, month.env)
            except LedgerFault as fault:
                problems += fault.problems
                continue
            found.append(JournalFile(name, data, written, sums))
    if problems:
        raise LedgerFault(_merged(problems))
    return found


def assigned_documents(month: Month, profiles: Sequence[Profile]) -> tuple[JournalDocument, ...]:
    """The documents of a month that is being closed, with numbers and the digests of their files.

    Raises LedgerFault for what cannot be written, so that no month is closed whose journal cannot be posted.
    """
    period = month.period
    documents: list[JournalDocument] = []
    problems: list[Problem] = []
    for profile in profiles if month.journal.lines else ():
        try:
            plain = make_documents(
                month.journal, profile, lambda of, part: document_number(of, period.period, period.revision, part)
            )
            files = write_documents(month.journal, plain, profile, month)
        except LedgerFault as fault:
            problems += fault.problems
            continue
        except NoNumber as error:
            fix = "allow longer numbers, or a shorter prefix, under `document` in the profile"
            problems.append(Problem(profile.path, "journal-profile", f"journal format {profile.name}: {error}", fix))
            continue
        for number in dict.fromkeys(file.document.number for file in files):
            own = [file for file in files if file.document.number == number]
            documents.append(replace(own[0].document, files={file.name: file.sha256 for file in own}))
    if problems:
        raise LedgerFault(problems)
    return tuple(documents)


def changed_files(month: Month, files: Sequence[JournalFile]) -> list[Problem]:
    """A warning for each file of a closed month that is no longer as it was closed: a profile or template changed."""
    now = {file.name: file.sha256 for file in files}
    recorded = {name: digest for each in month.period.documents for name, digest in each.files.items()}
    fix = "restore the profile, its template or the version of the program if the file has been posted"
    return [
        Problem(
            part_path(month.period.period, FROZEN),
            "journal-changed",
            f"the journal file {name} of {month.period.period} is not the one that the month was closed with",
            fix,
            severity=Severity.WARNING,
        )
        for name, digest in sorted(recorded.items())
        if now.get(name) != digest
    ]


def journal_problems(ledger: RecordedLedger, periods: Sequence[SummedPeriod]) -> list[Problem]:
    """Everything that would stop the journal files of a build, for all periods; faults in several periods only once."""
    env = make_environment(ledger.root / "templates")
    found = (problem for period in periods for problem in _faults(period, ledger, env))
    return in_order(_merged(list(found)))


def _faults(period: SummedPeriod, ledger: RecordedLedger, env: Templates) -> list[Problem]:
    config, journal = ledger.settings(period.period), journal_of_period(period, ledger.settings)
    if refused := unsafe_funds(journal, config):
        return refused
    try:
        journal = described_journal(ledger, period, env)
        month_files(Month(period=period, journal=journal, config=config, own=ledger.journal_profiles, env=env))
    except LedgerFault as fault:
        return list(fault.problems)
    return []


def _merged(problems: Sequence[Problem]) -> list[Problem]:
    """The problems, those that differ only in their number of places added up."""
    counts: dict[Problem, int] = {}
    for problem in problems:
        key = replace(problem, count=1)
        counts[key] = counts.get(key, 0) + problem.count
    return [replace(problem, count=count) for problem, count in counts.items()]


def _written(
    sheet: JournalSheet, profile: Profile, file: ProfileFile, env: Templates
) -> tuple[bytes, JournalTotals | None]:
    """The bytes of a file, and the sums of its lines as read back."""
    if file.template:
        data = _rendered(sheet, profile, file, env)
        if not file.read:
            return data, None
        _refuse_other_amounts(signed_in_text(data, file), sheet, profile, file)
        return data, sheet.totals
    records, problems = make_records(sheet, profile, file)
    if problems:
        raise LedgerFault(problems)
    data = to_bytes(records, file)
    read = read_records(data, file, sheet.groups)
    if [*read.all] != [*records.all]:
        raise ValueError(f"a file of {profile.name} for {sheet.head.period} does not read back as it was written")
    if not file.line:
        return data, None
    columns = line_columns(file, sheet.groups)
    _refuse_other_amounts([signed_amount(cells, columns, profile) for cells in read.lines], sheet, profile, file)
    return data, sheet.totals


def _refuse_other_amounts(amounts: Sequence[Decimal], sheet: JournalSheet, profile: Profile, file: ProfileFile) -> None:
    """Raise LedgerFault if the amounts in a file are not exactly those of its document, line by line."""
    if sum(amounts, ZERO) == ZERO and [*amounts] == [row.signed for row in sheet.rows]:
        return
    what = f"the file .{file.extension} of journal format {profile.name} does not have the amounts of the journal"
    debits = sum((each for each in amounts if each > 0), ZERO)
    found = f"{len(amounts)} lines with debits of {debits} were found"
    detail = f"{found}, {len(sheet.rows)} with {sheet.totals.debits} expected"
    if not file.template:
        raise ValueError(f"{what} of {sheet.head.period}: {detail}")
    fix = "correct the template, or the expression `read` in its profile"
    raise LedgerFault([Problem(profile.path, "journal-template", f"{what}: {detail}", fix)])


def _rendered(sheet: JournalSheet, profile: Profile, file: ProfileFile, env: Templates) -> bytes:
    values: Mapping[str, object] = {
        "journal": sheet.head,
        "lines": sheet.rows,
        "groups": sheet.groups,
        "totals": sheet.totals,
        "values": profile.values,
        "organization": sheet.config.organization,
        "period": sheet.head.period,
        "currency": sheet.config.currency,
    }
    try:
        text = env.for_text.get_template(file.template).render(values)
    except TEMPLATE_ERRORS as error:
        raise LedgerFault([_template_problem(profile, file, env, error)]) from error
    # The cells are clean, but the template's own text and values from config.yaml may not be.
    return without_direction(text).encode()


def _template_problem(profile: Profile, file: ProfileFile, env: Templates, error: BaseException) -> Problem:
    path, line = place_of(error, env) or (f"templates/{file.template}", 0)
    message = f"the template of journal format {profile.name} fails: {reason_of(error)}"
    fix = "correct the template; docs/JOURNAL_TEMPLATES.md lists the variables it can use"
    missing = missing_template(error)
    if missing is not None:
        message = f"journal format {profile.name} needs the template {missing!r}, which does not exist"
        fix = "add it to the ledger's templates/ folder, or correct the profile"
    return Problem(path=path, code="journal-template", message=message, fix=fix, line=line)
