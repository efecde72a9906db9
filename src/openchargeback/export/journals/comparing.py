"""Compares a journal file with the ledger, in whatever format it is: line by line, or byte by byte for a template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from openchargeback.export.journals.documents import DocumentKind
from openchargeback.export.journals.files import DRAFT, JournalFile, Month, format_files
from openchargeback.export.journals.profiles import Own, format_names, profile_of
from openchargeback.export.journals.records import Cells, Records, Unreadable, line_columns, read_records
from openchargeback.export.journals.sheet import fund_expression
from openchargeback.ledger.journal_profiles import Columns, Profile, ProfileFile
from openchargeback.model import JournalDocument
from openchargeback.problems import Problem, UsageFault
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.clean_text import clean

MOST = 50
"""How many differences are reported."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A journal file compared with the ledger. document: the one that it is a file of.

    identical: byte for byte. Without it and without differences, another program has saved the same lines.
    """

    period: str
    format: str
    document: JournalDocument
    differences: tuple[Problem, ...]
    identical: bool = False


def known_file(ledger: RecordedLedger, sha256: str) -> tuple[str, JournalDocument] | None:
    """The month and the document that was closed with a file of this digest."""
    return next(
        (
            (period, document)
            for period, record in sorted(ledger.records.items())
            for document in record.documents
            if sha256 in document.files.values()
        ),
        None,
    )


def named_format(name: str, own: Own) -> str:
    """The format that a file's name begins with: `DRAFT-gl.csv`, `kfs.2.data`; empty if it is none."""
    stem = name.removeprefix(DRAFT).split(".", 1)[0]
    return stem if stem in format_names(own) else ""


def is_estimate(name: str) -> bool:
    """Whether a file is named as an estimate of an open month, or its reversal."""
    return name.startswith(tuple(f"{kind.name}-" for kind in DocumentKind if kind is not DocumentKind.JOURNAL))


def month_in(ledger: RecordedLedger, data: bytes) -> str:
    """The only month of which a file names a document; empty if there is none, or several."""
    text = data.decode(errors="replace")
    found = {
        period
        for period, record in ledger.records.items()
        for document in record.documents
        if document.number and document.number in text
    }
    return found.pop() if len(found) == 1 else ""


def compare(month: Month, name: str, data: bytes, path: str) -> Comparison:
    """A file of a month in a format with what the ledger writes. path: as in problems."""
    profile = profile_of(name, month.own)
    files = format_files(month, profile)
    if not files:
        raise UsageFault(f"{month.period.period} has nothing to post")
    if same := next((file for file in files if file.data == data), None):
        return Comparison(month.period.period, name, same.document, (), identical=True)
    closest = min(files, key=lambda file: _distance(file, data, path))
    made = profile.files[[f".{each.extension}" for each in profile.files].index(_ending(closest.name))]
    problems = tuple(_differences(closest, data, made, profile, month, path))
    return Comparison(month.period.period, name, closest.document, problems[:MOST])


def _ending(name: str) -> str:
    return "." + name.rsplit(".", 1)[-1]


def _distance(file: JournalFile, data: bytes, path: str) -> tuple[bool, int]:
    """How unlike a file is: another ending counts most, then how few lines are shared."""
    shared = len({*file.data.splitlines()} & {*data.splitlines()})
    return _ending(file.name) != _ending(path), -shared


def _differences(
    file: JournalFile, data: bytes, made: ProfileFile, profile: Profile, month: Month, path: str
) -> Iterator[Problem]:
    fund = fund_expression(month.config)
    groups = fund.names if fund else ()
    if not made.template:
        try:
            found = read_records(data, made, groups)
        except Unreadable as error:
            yield _problem(path, f"is not a file of {profile.name}: {error}", 0)
            return
        yield from _of_records(read_records(file.data, made, groups), found, line_columns(made, groups), path)
        return
    pairs = zip_longest(file.data.decode().splitlines(), data.decode(errors="replace").splitlines())
    for number, (expected, given) in enumerate(pairs, start=1):
        if expected != given:
            yield _other_text(path, number, expected, given)


def _of_records(expected: Records, found: Records, columns: Columns, path: str) -> Iterator[Problem]:
    first = len(expected.before) + 1
    for number, (mine, given) in enumerate(zip_longest(expected.before, found.before), start=1):
        if mine != given:
            yield _other_text(path, number, _text(mine), _text(given))
    for number, (mine, given) in enumerate(zip_longest(expected.lines, found.lines), start=first):
        if mine is None or given is None:
            what = f"line {number - first + 1} of the journal is missing" if given is None else "is not in the journal"
            yield _problem(path, f"{what}: {_text(mine or given)}", number if mine is None else 0)
            continue
        for column, was, now in zip(columns, mine, given, strict=True):
            if was != now:
                what = f"{column.title} is {clean(now).strip() or 'empty'}, in the ledger {was.strip() or 'empty'}"
                yield _problem(path, what, number)
    for number, (mine, given) in enumerate(zip_longest(expected.after, found.after), start=first + len(found.lines)):
        if mine != given:
            yield _other_text(path, number, _text(mine), _text(given))


def _text(cells: Cells | Sequence[str] | None) -> str | None:
    return None if cells is None else " ".join(filter(None, (clean(cell).strip() for cell in cells)))


def _other_text(path: str, number: int, expected: str | None, given: str | None) -> Problem:
    if given is None:
        return _problem(path, f"a line is missing: {expected}", 0)
    if expected is None:
        return _problem(path, f"is not in the journal: {clean(given)}", number)
    return _problem(path, f"{clean(given)} is in the ledger {expected}", number)


def _problem(path: str, message: str, line: int) -> Problem:
    return Problem(path, "journal-differs", message, "post the file that a build writes, unchanged", line)
