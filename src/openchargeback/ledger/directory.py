"""The directory: who is a PI, which project is whose, which charges belong where even without tags."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from openchargeback.ledger import shape
from openchargeback.ledger.yaml_tree import Node, Reader, parse
from openchargeback.model import Person, Project
from openchargeback.problems import Problem

PEOPLE_FILE = "directory/people.yaml"
PROJECTS_FILE = "directory/projects.yaml"
MATCH_COLUMNS = ("SubAccountId", "BillingAccountId", "ResourceId")
"""Where the directory may claim charges, in the order in which a match wins (DESIGN section 4, "Who pays")."""

EMAIL_PATTERN = r"[^@\s]+@[^@\s]+"


def canonical_email(text: str) -> str:
    """E-mail addresses compare trimmed and case-folded (DESIGN section 4)."""
    return text.strip().casefold()


@dataclass(frozen=True, slots=True)
class Entry:
    """Who a project belonged to from one day until another, both included; None is without end."""

    pi: str = ""
    fund: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    pis: tuple[str, ...] = ()
    funds: tuple[str, ...] = ()

    @property
    def all_pis(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for each in (self.pi, *self.pis) if each))

    @property
    def all_funds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for each in (self.fund, *self.funds) if each))

    def holds_on(self, day: dt.date) -> bool:
        """Whether the entry is in force on that day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class ProjectEntry:
    """A project of the directory with its dated entries and the accounts and resources that belong to it.

    single: whether the one entry's PI and fund stand beside the id rather than below `entries`, which means the same.
    """

    project: Project
    entries: tuple[Entry, ...]
    start: dt.date | None = None
    end: dt.date | None = None
    match: tuple[tuple[str, str], ...] = ()
    single: bool = field(default=False, compare=False)

    def entry_on(self, day: dt.date) -> Entry:
        """The entry in force on a day; an empty one where none is."""
        return next((entry for entry in self.entries if entry.holds_on(day)), Entry())


@dataclass(frozen=True, slots=True)
class Directory:
    """People by canonical e-mail, aliases to canonical e-mail, projects by id."""

    people: dict[str, Person] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    projects: dict[str, ProjectEntry] = field(default_factory=dict)
    funds: dict[str, Any] = field(default_factory=dict)

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

PEOPLE = shape.Record(
    {
        "people": shape.ListOf(
            shape.Record(
                {
                    "email": shape.Text(EMAIL_PATTERN, "an e-mail address", "What the person is known by."),
                    "name": shape.Text(help="The name on statements."),
                    "department": shape.Text(help="The department on statements."),
                    "aliases": shape.ListOf(_EMAIL, single=True, help="Other addresses of the same person."),
                },
                required=("email",),
                make=lambda values, node, _reader: (node, values),
                help="One PI.",
            ),
            help="The PIs, one entry a person.",
        )
    },
    required=("people",),
    help="The people who are responsible for charges.",
)


_PAYER: dict[str, shape.Shape] = {
    "pi": shape.Text(EMAIL_PATTERN, "an e-mail address", "E-mail address of the PI who is responsible."),
    "fund": shape.Text(help="The fund that pays."),
}
_DAYS: dict[str, shape.Shape] = {
    "from": shape.Date(help="First day on which pi and fund hold."),
    "until": shape.Date(help="Last day on which pi and fund hold."),
}


def _dated(values: dict[str, Any], node: Node, reader: Reader) -> Entry:
    entry = Entry(
        canonical_email(values.get("pi", "")), values.get("fund", ""), values.get("from"), values.get("until")
    )
    if entry.since and entry.until and entry.until < entry.since:
        reader.fault(node, "date-order", "`until` is before `from`", "exchange the dates")
    return entry


PROJECTS = shape.Record(
    {
        "projects": shape.ListOf(
            shape.Record(
                {
                    "id": shape.Text(help="The id as it stands in tags."),
                    "title": shape.Text(help="The title on pages and statements; the id unless set."),
                    **_PAYER,
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
            ),
            help="The projects, one entry each.",
        )
    },
    required=("projects",),
    help="Who is responsible for a project, and what pays.",
)


def _project(values: dict[str, Any], node: Node, reader: Reader) -> ProjectEntry:
    single: dict[str, Any] = {key: values[key] for key in ("pi", "fund", "from", "until") if key in values}
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
    return ProjectEntry(Project(id_, values.get("title", id_)), tuple(entries), start, end, match, bool(single))


def _overlap(first: Entry, second: Entry) -> bool:
    starts_before_end = first.since is None or second.until is None or first.since <= second.until
    ends_after_start = first.until is None or second.since is None or second.since <= first.until
    return starts_before_end and ends_after_start


def read_directory(people: bytes | None, projects: bytes | None) -> tuple[Directory, list[Problem]]:
    """The directory and its faults. Either file may be absent; what is faulty is left out."""
    persons, people_reader = _entries(people, PEOPLE_FILE, PEOPLE, "people")
    entries, projects_reader = _entries(projects, PROJECTS_FILE, PROJECTS, "projects")
    directory = directory_of(persons, people_reader, entries, projects_reader)
    return directory, [*people_reader.problems, *projects_reader.problems]


def directory_of(
    persons: Sequence[tuple[Node, dict[str, Any]]],
    people_reader: Reader,
    entries: Sequence[tuple[Node, ProjectEntry]],
    projects_reader: Reader,
) -> Directory:
    """The directory of what PEOPLE and PROJECTS have read; faults between entries go to the readers."""
    found: dict[str, Person] = {}
    aliases: dict[str, str] = {}
    reader = people_reader
    for node, values in persons:
        email = canonical_email(values["email"])
        names = [email, *(canonical_email(alias) for alias in values.get("aliases", ()))]
        if taken := next((name for name in names if name in found or name in aliases), None):
            reader.fault(node, "duplicate-person", f"{taken} stands for a person already", "keep one entry a person")
            continue
        found[email] = Person(email, values.get("name", email), values.get("department", ""))
        aliases.update(dict.fromkeys(names[1:], email))
    known: dict[str, ProjectEntry] = {}
    claims: dict[tuple[str, str], str] = {}
    reader = projects_reader
    for node, entry in entries:
        id_ = entry.project.id
        if id_ in known:
            reader.fault(node, "duplicate-project", f"{id_} stands here again", "keep one entry a project")
            continue
        for claim in entry.match:
            if claim in claims:
                reader.fault(
                    node,
                    "duplicate-match",
                    f"{claim[0]} {claim[1]} belongs to {claims[claim]} already",
                    "let one project claim it",
                )
            claims.setdefault(claim, id_)
        known[id_] = entry
    resolved = {id_: _with_canonical_pis(entry, aliases) for id_, entry in known.items()}
    return Directory(found, aliases, resolved)


def _with_canonical_pis(entry: ProjectEntry, aliases: dict[str, str]) -> ProjectEntry:
    entries = tuple(Entry(aliases.get(e.pi, e.pi), e.fund, e.since, e.until) for e in entry.entries)
    return replace(entry, entries=entries)


def _entries(data: bytes | None, path: str, what: shape.Record, key: str) -> tuple[list[Any], Reader]:
    if data is None:
        return [], Reader(path)
    root, reader = parse(data, path)
    values = what.read(root, reader) if root is not None else None
    return (values[key] if values else []), reader
