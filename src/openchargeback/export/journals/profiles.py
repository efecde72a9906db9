"""Journal profiles of a ledger: which there are, and what is wrong with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from openchargeback.csv_writing import guarded
from openchargeback.export.journals.documents import NoNumber, document_number
from openchargeback.export.journals.sheet import JournalHead, JournalRow, JournalTotals, fund_expression
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.files import PROFILES
from openchargeback.ledger.journal_profiles import (
    EVERY_GROUP,
    Column,
    Columns,
    Layout,
    Profile,
    ProfileFile,
    Sign,
    shipped_names,
    shipped_profile,
)
from openchargeback.ledger.settings import Config
from openchargeback.ledger.shape import did_you_mean, nearest
from openchargeback.problems import Problem, UsageFault
from openchargeback.templating.clean_text import unsafe
from openchargeback.templating.text_filters import date_filter

Own = Mapping[str, Profile]
"""The profiles of a ledger, by name."""


def _names(cls: type, prefix: str, without: Sequence[str] = ()) -> set[str]:
    own = {each.name for each in fields(cls)} | {name for name, it in vars(cls).items() if isinstance(it, property)}
    return {f"{prefix}.{name}" for name in own - {*without}}


LINE_FIELDS = _names(JournalRow, "line", ("groups", "payer"))
DOCUMENT_FIELDS = (
    {"currency", "organization.name", "organization.unit"}
    | _names(JournalHead, "journal", ("draft",))
    | _names(JournalTotals, "totals", ("sources",))
)
"""The fields of columns, besides the parts of a fund. In headers and trailers only those of the document."""

_SOME_DAY = dt.date(2025, 1, 31)
_DATES = {"line.date", "journal.date", "journal.closed"}
_OF_SIGN = {
    Sign.SIGNED: {"line.signed"},
    Sign.COLUMNS: {"line.debit", "line.credit"},
    Sign.INDICATOR: {"line.amount", "line.side"},
}


def format_names(own: Own) -> list[str]:
    """The names of all formats: first those that ship, then those of the ledger."""
    return [*shipped_names(), *sorted({*own} - {*shipped_names()})]


def find_profile(name: str, own: Own) -> Profile | None:
    """The profile with that name: the ledger's, else the one that ships."""
    return own.get(name) or (shipped_profile(name) if name in shipped_names() else None)


def profile_of(name: str, own: Own) -> Profile:
    """The same. Raises UsageFault if there is none."""
    profile = find_profile(name, own)
    if profile is None:
        raise UsageFault(f"unknown journal format {name!r}; known: {', '.join(format_names(own))}")
    return profile


def format_problems(config: Config, own: Own) -> list[Problem]:
    """Problems of the formats that a ledger names, and of all of its own profiles."""
    problems = [problem for profile in own.values() for problem in _faults(profile)]
    used: list[Profile] = []
    for name in config.journal.formats:
        profile = find_profile(name, own)
        if profile is None:
            near = nearest(name, format_names(own))
            fix = did_you_mean(name, format_names(own)) if near else f"add templates/{PROFILES}/{name}.yaml"
            message = f"`journal.formats` names {name}, which neither ships nor is in templates/{PROFILES}/"
            problems.append(Problem(FILE_NAME, "unknown-format", message, fix))
        else:
            used.append(profile)
            problems += profile_problems(profile, config)
    return [*problems, *_shared_numbers(used)]


def profile_problems(profile: Profile, config: Config) -> list[Problem]:
    """What keeps a profile from being used with these settings."""
    return [*(_faults(profile) if profile.shipped else ()), *_unset(profile), *_missing_groups(profile, config)]


def _problem(profile: Profile, message: str, fix: str, line: int = 0) -> Problem:
    return Problem(profile.path, "journal-profile", f"journal format {profile.name}: {message}", fix, line)


def _faults(profile: Profile) -> Iterator[Problem]:
    """Where a profile contradicts itself."""
    try:
        document_number(profile, "2025-01", 1, 1)
    except NoNumber as error:
        yield _problem(profile, str(error), "set a shorter `document.prefix`; six characters must be left")
    if unsafe(profile.prefix):
        message = f"numbers that start with {profile.prefix!r} would start like a formula"
        yield _problem(profile, message, "start `document.prefix` with a letter or a digit")
    if profile.debit == profile.credit:
        yield _problem(profile, f"debits and credits have the same word {profile.debit!r}", "set `debit` and `credit`")
    extensions = [file.extension for file in profile.files]
    if len({*extensions}) < len(extensions):
        yield _problem(profile, "two files have the same extension", "give each file an `extension` of its own")
    for file in profile.files:
        yield from _file_faults(profile, file)
    if not any(file.line or file.template for file in profile.files):
        yield _problem(profile, "no file has lines", "give a file `line` or `template`")


def _file_faults(profile: Profile, file: ProfileFile) -> Iterator[Problem]:
    if file.template and any(file.records):
        yield _problem(profile, f"the file .{file.extension} has both records and a template", "keep one of them")
    if file.read and not file.template:
        yield _problem(profile, "`read` is for the output of a template", "remove `read`")
    if len(file.separator) != 1:
        yield _problem(profile, f"the separator {file.separator!r} is not a single character", 'write one, such as ","')
    fields_ = {column.field for column in file.line}
    if file.line and not _OF_SIGN[profile.sign] <= fields_:
        missing = ", ".join(sorted(_OF_SIGN[profile.sign] - fields_))
        message = f"`sign: {profile.sign}` needs the columns {missing}"
        yield _problem(profile, message, "add them, or correct `sign`", file.line[0].at)
    for columns in file.records:
        allowed = DOCUMENT_FIELDS | (LINE_FIELDS if columns is file.line else set())
        for column in columns:
            yield from _column_faults(profile, file, column, allowed)
    if file.layout is Layout.CSV:
        yield from _formulas(profile, file)


def _formulas(profile: Profile, file: ProfileFile) -> Iterator[Problem]:
    """The texts of a profile that a spreadsheet would run in its CSV files; a lone sign is none."""
    columns = [column for columns in file.records for column in columns]
    texts = {
        **dict.fromkeys((profile.debit, profile.credit), 0),
        **{profile.values.get(column.value, ""): column.at for column in columns},
        **{text: column.at for column in columns for text in (column.text, column.name if file.heading else "")},
    }
    for text, line in texts.items():
        if guarded(text) != text and len(text.strip()) > 1:
            yield _problem(profile, f"a spreadsheet would run {text!r} as a formula", "start it with a letter", line)


def _column_faults(profile: Profile, file: ProfileFile, column: Column, allowed: set[str]) -> Iterator[Problem]:
    line, group = column.at, column.field.startswith("line.groups.") and allowed >= LINE_FIELDS
    if column.field and column.field not in allowed and not group:
        yield _problem(
            profile, f"there is no field {column.field!r} here", did_you_mean(column.field, [*allowed]), line
        )
    if column.value and column.value not in profile.values:
        fix = f"add `{column.value}:` under `values`"
        yield _problem(profile, f"the column {column.title} names the value {column.value!r}", fix, line)
    if file.layout is Layout.FIXED and not column.width:
        yield _problem(profile, f"the column {column.title} of a fixed-width file has no width", "add `width`", line)
    if file.heading and not column.name and column in file.line and column.field != EVERY_GROUP:
        yield _problem(profile, f"the column {column.title} has no name for the heading", "add `name`", line)
    if column.field in _DATES:
        try:
            date_filter(_SOME_DAY, column.date)
        except ValueError as error:
            yield _problem(profile, str(error), "correct `date`", line)


def _unset(profile: Profile) -> Iterator[Problem]:
    """The values that have to be set before a profile is used."""
    used = {column.value for file in profile.files for columns in file.records for column in columns} - {""}
    empty = sorted(name for name in used if not profile.values.get(name, ""))
    if empty:
        message = f"{', '.join(empty)} {'is' if len(empty) == 1 else 'are'} not set"
        own = f"templates/{PROFILES}/{profile.name}.yaml"
        start = f"`extends: {profile.name}` and " if profile.shipped else ""
        fix = f"write {own} with {start}`values: {{{empty[0]}: …}}`"
        yield Problem(
            own if not profile.shipped else FILE_NAME,
            "journal-profile",
            f"journal format {profile.name}: {message}",
            fix,
        )


def _missing_groups(profile: Profile, config: Config) -> Iterator[Problem]:
    """The parts of a fund that a profile writes and `journal.fund` does not name."""
    fund = fund_expression(config)
    known = fund.names if fund else ()
    missing = {
        column.field.removeprefix("line.groups."): column
        for file in profile.files
        for column in file.line
        if column.field.startswith("line.groups.") and column.field != EVERY_GROUP and not column.optional
    }
    for group, column in sorted(missing.items()):
        if group not in known:
            message = f"journal format {profile.name} writes the part `{group}` of a fund ({column.title})"
            what = f"which `journal.fund` does not name; it names {', '.join(known) or 'none'}"
            fix = f"name it in `journal.fund`, as in (?P<{group}>…)"
            yield Problem(FILE_NAME, "journal-profile", f"{message}, {what}", fix)


def _shared_numbers(used: Sequence[Profile]) -> Iterator[Problem]:
    """Formats of a ledger whose documents would have the same numbers."""
    seen: dict[str, Profile] = {}
    for profile in used:
        try:
            number = document_number(profile, "2025-01", 1, 1)
        except NoNumber:
            continue
        other = seen.setdefault(number, profile)
        if other is not profile:
            message = f"the journal formats {other.name} and {profile.name} give the same document numbers ({number})"
            yield Problem(FILE_NAME, "journal-profile", message, "set another `document.prefix` in one of them")


def columns_of(profile: Profile) -> tuple[ProfileFile, Columns] | None:
    """The file of a profile that has its lines as records, and its columns; None if a template writes them."""
    return next(((file, file.line) for file in profile.files if file.line), None)
