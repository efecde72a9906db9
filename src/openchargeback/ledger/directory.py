"""The directory: who is a PI, which project is whose, which funds there are, and whose an untagged charge is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from openchargeback.ledger import shape
from openchargeback.ledger.yaml_tree import Node, Reader, parse
from openchargeback.model import Person, Project
from openchargeback.problems import Problem

PEOPLE_FILE = "directory/people.yaml"
PROJECTS_FILE = "directory/projects.yaml"
FUNDS_FILE = "directory/funds.yaml"
FILES = (PEOPLE_FILE, PROJECTS_FILE, FUNDS_FILE)
"""The files of the directory, in the order in which `read_directory` takes them."""

SPONSOR_TYPES = ("federal", "state", "private", "institutional")
"""Whose money a fund is, as the rules for spending it distinguish."""

MATCH_COLUMNS = ("SubAccountId", "BillingAccountId", "ResourceId")
"""Where the directory may claim charges, in the order in which a match wins (DESIGN section 4, "Who pays")."""

EMAIL_PATTERN = r"[^@\s]+@[^@\s]+"


def canonical_email(text: str) -> str:
    """E-mail addresses compare trimmed and case-folded (DESIGN section 4)."""
    return text.strip().casefold()


@dataclass(frozen=True, slots=True)
class Entry:
    """Who a project belonged to from one day until another, both included; None is without end.

    pi, fund: who is responsible and what pays where no tag says it. pis, funds: further ones that a tag may name.
    """

    pi: str = ""
    fund: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    pis: tuple[str, ...] = ()
    funds: tuple[str, ...] = ()

    @property
    def all_pis(self) -> tuple[str, ...]:
        """Every PI of the project, the main one first, by canonical e-mail."""
        return _each_once(self.pi, *self.pis)

    @property
    def all_funds(self) -> tuple[str, ...]:
        """Every fund of the project, the main one first."""
        return _each_once(self.fund, *self.funds)

    def holds_on(self, day: dt.date) -> bool:
        """Whether the entry is in force on that day."""
        return _within(day, self.since, self.until)


@dataclass(frozen=True, slots=True)
class ProjectEntry:
    """A project of the directory with its dated entries and the accounts and resources that belong to it.

    single: whether the one entry's PI and fund stand beside the id rather than below `entries`, which means the same.
    award: the number of the grant or contract, as the sponsor writes it.
    """

    project: Project
    entries: tuple[Entry, ...]
    start: dt.date | None = None
    end: dt.date | None = None
    match: tuple[tuple[str, str], ...] = ()
    single: bool = field(default=False, compare=False)
    award: str = ""

    def entry_on(self, day: dt.date) -> Entry:
        """The entry in force on a day; an empty one where none is."""
        return next((entry for entry in self.entries if entry.holds_on(day)), Entry())


@dataclass(frozen=True, slots=True)
class FundEntry:
    """A fund of the directory. Money may be posted to it while it is active and within its days, both included.

    sponsor_type: one of SPONSOR_TYPES, or empty.
    """

    id: str
    title: str = ""
    sponsor_type: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    active: bool = True
    department: str = ""

    def holds_on(self, day: dt.date) -> bool:
        """Whether the fund may be charged for what was used on that day."""
        return self.active and _within(day, self.since, self.until)


def _within(day: dt.date, since: dt.date | None, until: dt.date | None) -> bool:
    return (since is None or since <= day) and (until is None or day <= until)


def _each_once(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


@dataclass(frozen=True, slots=True)
class Directory:
    """People by canonical e-mail, aliases to canonical e-mail, projects and funds by id."""

    people: dict[str, Person] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    projects: dict[str, ProjectEntry] = field(default_factory=dict)
    funds: dict[str, FundEntry] = field(default_factory=dict)

    def email(self, text: str) -> str:
        """The canonical e-mail that a spelling or an alias stands for."""
        folded = canonical_email(text)
        return self.aliases.get(folded, folded)

    def person(self, email: str) -> Person:
        """The PI of that canonical e-mail, known or not."""
        return self.people.get(email) or Person(email, email)

    def project(self, id_: str) -> Project:
        """The project of that id, known or not."""
        known = self.projects.get(id_)
        return known.project if known else Project(id_, id_)


_TEXT = shape.Text()
_EMAIL = shape.Text(pattern=EMAIL_PATTERN, what="an e-mail address")

PERSON = shape.Record(
    {
        "email": shape.Text(EMAIL_PATTERN, "an e-mail address", "What the person is known by."),
        "name": shape.Text(help="The name on statements."),
        "department": shape.Text(help="The department on statements."),
        "aliases": shape.ListOf(_EMAIL, single=True, help="Other addresses of the same person."),
    },
    required=("email",),
    make=lambda values, node, _reader: (node, values),
    help="One PI.",
)

PEOPLE = shape.Record(
    {
        "people": shape.ListOf(
            PERSON,
            help="The PIs, one entry a person.",
        )
    },
    required=("people",),
    help="The people who are responsible for charges.",
)


_PAYER: dict[str, shape.Shape] = {
    "pi": shape.Text(EMAIL_PATTERN, "an e-mail address", "E-mail address of the PI who is responsible."),
    "fund": shape.Text(help="The fund that pays."),
    "pis": shape.ListOf(_EMAIL, single=True, help="Further PIs whom tags may name on charges of the project."),
    "funds": shape.ListOf(_TEXT, single=True, help="Further funds that tags may name on charges of the project."),
}
_DAYS: dict[str, shape.Shape] = {
    "from": shape.Date(help="First day on which pi and fund hold."),
    "until": shape.Date(help="Last day on which pi and fund hold."),
}


def _dated(values: dict[str, Any], node: Node, reader: Reader) -> Entry:
    _check_days(values, node, reader)
    return Entry(
        pi=canonical_email(values.get("pi", "")),
        fund=values.get("fund", ""),
        since=values.get("from"),
        until=values.get("until"),
        pis=_each_once(*map(canonical_email, values.get("pis", ()))),
        funds=_each_once(*values.get("funds", ())),
    )


def _check_days(values: dict[str, Any], node: Node, reader: Reader) -> None:
    since, until = values.get("from"), values.get("until")
    if since and until and until < since:
        reader.fault(node, "date-order", "`until` is before `from`", "exchange the dates")


PROJECT = shape.Record(
    {
        "id": shape.Text(help="The id as it stands in tags."),
        "title": shape.Text(help="The title on pages and statements; the id unless set."),
        **_PAYER,
        "award": shape.Text(help="Number of the grant or contract, as the sponsor writes it."),
        "start": shape.Date(help="First day on which the project may spend."),
        "end": shape.Date(help="Last day on which the project may spend."),
        **_DAYS,
        "entries": shape.ListOf(
            shape.Record({**_PAYER, **_DAYS}, make=_dated, help="PI and fund for a time."),
            help="PI and fund over time, where they change.",
        ),
        "match": shape.Record(
            {
                column: shape.ListOf(_TEXT, single=True, help=f"Values of the FOCUS column {column}.")
                for column in MATCH_COLUMNS
            },
            help="Accounts and resources whose charges belong to the project even without tags.",
        ),
    },
    required=("id",),
    make=lambda values, node, reader: (node, _project(values, node, reader)),
    help="One project.",
)

PROJECTS = shape.Record(
    {
        "projects": shape.ListOf(
            PROJECT,
            help="The projects, one entry each.",
        )
    },
    required=("projects",),
    help="Who is responsible for a project, and what pays.",
)


FUND = shape.Record(
    {
        "id": shape.Text(help="The accounting string as it stands in tags and journals."),
        "title": shape.Text(help="What the fund is called."),
        "sponsor_type": shape.Choice(SPONSOR_TYPES, help="Whose money it is."),
        "from": shape.Date(help="First day of use that may be charged to the fund."),
        "until": shape.Date(help="Last day of use that may be charged to the fund."),
        "status": shape.Choice(("active", "inactive"), help="inactive: nothing may be charged to it."),
        "department": shape.Text(help="The department that owns the fund."),
    },
    required=("id",),
    make=lambda values, node, reader: (node, _fund(values, node, reader)),
    help="One fund.",
)

FUNDS = shape.Record(
    {
        "funds": shape.ListOf(
            FUND,
            help="The funds, one entry each.",
        )
    },
    required=("funds",),
    help="The funds that may be charged.",
)


def _fund(values: dict[str, Any], node: Node, reader: Reader) -> FundEntry:
    _check_days(values, node, reader)
    return FundEntry(
        id=values["id"],
        title=values.get("title", ""),
        sponsor_type=values.get("sponsor_type", ""),
        since=values.get("from"),
        until=values.get("until"),
        active=values.get("status", "active") == "active",
        department=values.get("department", ""),
    )


def _project(values: dict[str, Any], node: Node, reader: Reader) -> ProjectEntry:
    single: dict[str, Any] = {key: values[key] for key in (*_PAYER, *_DAYS) if key in values}
    entries = list(values.get("entries", []))
    if single and entries:
        reader.fault(node, "two-forms", "pi or fund stand beside entries", "keep either `pi` and `fund`, or `entries`")
    elif single:
        entries = [_dated(single, node, reader)]
    for index, first in enumerate(entries):
        if any(_overlap(first, second) for second in entries[index + 1 :]):
            reader.fault(
                node, "overlapping-entries", "two entries hold on the same day", "end one before the other begins"
            )
            break
    start, end = values.get("start"), values.get("end")
    if start and end and end < start:
        reader.fault(node, "date-order", "`end` is before `start`", "exchange the dates")
    match = tuple((column, value) for column in MATCH_COLUMNS for value in values.get("match", {}).get(column, ()))
    id_ = values["id"]
    return ProjectEntry(
        project=Project(id_, values.get("title", id_)),
        entries=tuple(entries),
        start=start,
        end=end,
        match=match,
        single=bool(single),
        award=values.get("award", ""),
    )


def _overlap(first: Entry, second: Entry) -> bool:
    starts_before_end = first.since is None or second.until is None or first.since <= second.until
    ends_after_start = first.until is None or second.since is None or second.since <= first.until
    return starts_before_end and ends_after_start


@dataclass(frozen=True, slots=True)
class _File:
    """What the shape of one file has read, and the reader that takes its faults; nothing where there is no file."""

    entries: Sequence[tuple[Node, Any]]
    reader: Reader


def read_directory(
    people: bytes | None, projects: bytes | None, funds: bytes | None = None
) -> tuple[Directory, list[Problem]]:
    """The directory and its faults. Any file may be absent; what is faulty is left out."""
    files = (
        _read(people, PEOPLE_FILE, PEOPLE, "people"),
        _read(projects, PROJECTS_FILE, PROJECTS, "projects"),
        _read(funds, FUNDS_FILE, FUNDS, "funds"),
    )
    directory = _directory(*files)
    return directory, [problem for file in files for problem in file.reader.problems]


def directory_of(values: Mapping[str, Any], reader: Reader) -> Directory:
    """The directory of what the shapes have read of one file with the keys `people`, `projects` and `funds`.

    Faults between entries go to the reader.
    """
    return _directory(*(_File(values.get(key, ()), reader) for key in ("people", "projects", "funds")))


def _directory(people: _File, projects: _File, funds: _File) -> Directory:
    persons, aliases = _people(people)
    known = {id_: _with_canonical_pis(entry, aliases) for id_, entry in _projects(projects).items()}
    return Directory(persons, aliases, known, _funds(funds))


def _people(file: _File) -> tuple[dict[str, Person], dict[str, str]]:
    found: dict[str, Person] = {}
    aliases: dict[str, str] = {}
    for node, values in file.entries:
        email = canonical_email(values["email"])
        names = [email, *(canonical_email(alias) for alias in values.get("aliases", ()))]
        if taken := next((name for name in names if name in found or name in aliases), None):
            file.reader.fault(
                node, "duplicate-person", f"{taken} stands for a person already", "keep one entry a person"
            )
            continue
        found[email] = Person(email, values.get("name", email), values.get("department", ""))
        aliases.update(dict.fromkeys(names[1:], email))
    return found, aliases


def _projects(file: _File) -> dict[str, ProjectEntry]:
    known: dict[str, ProjectEntry] = {}
    claims: dict[tuple[str, str], str] = {}
    for node, entry in file.entries:
        id_ = entry.project.id
        if id_ in known:
            file.reader.fault(node, "duplicate-project", f"{id_} stands here again", "keep one entry a project")
            continue
        for claim in entry.match:
            if claim in claims:
                file.reader.fault(
                    node,
                    "duplicate-match",
                    f"{claim[0]} {claim[1]} belongs to {claims[claim]} already",
                    "let one project claim it",
                )
            claims.setdefault(claim, id_)
        known[id_] = entry
    return known


def _funds(file: _File) -> dict[str, FundEntry]:
    known: dict[str, FundEntry] = {}
    for node, entry in file.entries:
        if entry.id in known:
            file.reader.fault(node, "duplicate-fund", f"{entry.id} stands here again", "keep one entry a fund")
            continue
        known[entry.id] = entry
    return known


def _with_canonical_pis(entry: ProjectEntry, aliases: dict[str, str]) -> ProjectEntry:
    def canonical(email: str) -> str:
        return aliases.get(email, email)

    entries = tuple(replace(e, pi=canonical(e.pi), pis=_each_once(*map(canonical, e.pis))) for e in entry.entries)
    return replace(entry, entries=entries)


def _read(data: bytes | None, path: str, what: shape.Record, key: str) -> _File:
    if data is None:
        return _File((), Reader(path))
    root, reader = parse(data, path)
    values = what.read(root, reader) if root is not None else None
    return _File(values[key] if values else (), reader)
