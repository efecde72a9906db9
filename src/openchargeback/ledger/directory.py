"""The directory of PIs, projects and funds: who owns a project, and who pays for untagged charges."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from openchargeback.ledger.declared import Key, shape_of, values_of
from openchargeback.ledger.shape import Choice, Date, ListOf, Record, Shape, Text
from openchargeback.ledger.yaml_tree import Node, Reader, parse
from openchargeback.model import BillTo, Fund, PayerClass, Person, Project, field_values
from openchargeback.problems import Problem, Severity

PEOPLE_FILE = "directory/people.yaml"
PROJECTS_FILE = "directory/projects.yaml"
FUNDS_FILE = "directory/funds.yaml"
FILES = (PEOPLE_FILE, PROJECTS_FILE, FUNDS_FILE)
"""The files of the directory, in the order of `read_directory`'s arguments."""

SPONSOR_TYPES = ("federal", "state", "private", "institutional")
"""The types of sponsors that spending rules distinguish."""

MATCH_COLUMNS = ("SubAccountId", "BillingAccountId", "ResourceId")
"""The columns by which projects may claim charges, in order of precedence."""

EMAIL_PATTERN = r"[^@\s]+@[^@\s]+"


def canonical_email(text: str) -> str:
    """An email address as compared: trimmed and case-folded."""
    return text.strip().casefold()


def _email(help_: str = "") -> Text:
    return Text(EMAIL_PATTERN, "an email address", help_, fold=True)


def _check_days(values: Mapping[str, Any], node: Node, reader: Reader) -> None:
    since, until = values.get("since"), values.get("until")
    if since and until and until < since:
        reader.fault(node, "date-order", "`until` is before `from`", "swap the dates")


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """One PI."""

    email: Annotated[str, _email("Email address, which identifies the person.")]
    name: Annotated[str, "The name on statements; the address unless set."] = ""
    department: Annotated[str, "The department on statements."] = ""
    payer_class: Annotated[
        PayerClass, "How the PI pays: from a fund, by journal entry, if internal; otherwise by an invoice."
    ] = PayerClass.INTERNAL
    organization: Annotated[str, "The organization that an external payer's invoices are addressed to."] = ""
    address: Annotated[
        tuple[str, ...], ListOf(Text(), single=True, help="Lines of its postal address, without the organization.")
    ] = ()
    purchase_order: Annotated[str, "The purchase order that its invoices refer to."] = ""
    taxable: Annotated[
        bool | None, "Whether an external payer owes tax; as `external_payers` says in config.yaml unless set."
    ] = None
    aliases: Annotated[tuple[str, ...], ListOf(_email(), single=True, help="Other addresses of the same person.")] = ()

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, _reader: Reader) -> tuple[Node, PersonEntry]:
        """The entry with its place."""
        return node, cls(**values)

    @property
    def bill_to(self) -> BillTo:
        """Whom invoices are addressed to."""
        return BillTo(self.organization, self.address, self.purchase_order, self.taxable)


@dataclass(frozen=True, slots=True)
class Entry:
    """Whom a project belonged to from one day until another, both inclusive; None means no limit."""

    pi: Annotated[str, _email("Email address of the PI who is responsible for charges without a PI tag.")] = ""
    fund: Annotated[str, "The fund that pays for charges without a fund tag."] = ""
    pis: Annotated[
        tuple[str, ...],
        ListOf(_email(), single=True, help="Further PIs that tags may name on charges of the project."),
    ] = ()
    funds: Annotated[
        tuple[str, ...],
        ListOf(Text(), single=True, help="Further funds that tags may name on charges of the project."),
    ] = ()
    since: Annotated[dt.date | None, Key("First day on which pi and fund apply.", name="from")] = None
    until: Annotated[dt.date | None, "Last day on which pi and fund apply."] = None

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> Entry:
        """The entry, with duplicate PIs and funds removed."""
        _check_days(values, node, reader)
        lists = {name: _each_once(*values.get(name, ())) for name in ("pis", "funds")}
        return cls(**{**values, **lists})

    @property
    def all_pis(self) -> tuple[str, ...]:
        """Every PI of the project, the main one first, by canonical email address."""
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

    single: whether PI and fund of the only entry are next to the id, not under `entries`; the meaning is the same.
    """

    project: Project
    entries: tuple[Entry, ...]
    match: tuple[tuple[str, str], ...] = ()
    single: bool = field(default=False, compare=False)

    def entry_on(self, day: dt.date) -> Entry:
        """The entry in force on a day; an empty one if there is none."""
        return next((entry for entry in self.entries if entry.holds_on(day)), Entry())


@dataclass(frozen=True, slots=True)
class FundEntry:
    """One fund. Money may be posted to it while it is active, from its first day to its last, both inclusive."""

    id: Annotated[str, "The accounting string as written in tags and journals."]
    title: Annotated[str, "The name of the fund."] = ""
    sponsor_type: Annotated[str, Choice(SPONSOR_TYPES, "The type of the sponsor.")] = ""
    since: Annotated[dt.date | None, Key("First day of usage that may be charged to the fund.", name="from")] = None
    until: Annotated[dt.date | None, "Last day of usage that may be charged to the fund."] = None
    status: Annotated[str, Choice(("active", "inactive"), "inactive: nothing may be charged to it.")] = "active"
    department: Annotated[str, "The department that owns the fund."] = ""

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> tuple[Node, FundEntry]:
        """The entry with its place."""
        _check_days(values, node, reader)
        return node, cls(**values)

    def holds_on(self, day: dt.date) -> bool:
        """Whether the fund may be charged for usage on that day."""
        return self.active and _within(day, self.since, self.until)

    @property
    def active(self) -> bool:
        """Whether the fund may be charged at all."""
        return self.status == "active"


def _within(day: dt.date, since: dt.date | None, until: dt.date | None) -> bool:
    return (since is None or since <= day) and (until is None or day <= until)


def _each_once(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


@dataclass(frozen=True, slots=True)
class Directory:
    """People by canonical email address, aliases to canonical email addresses, projects and funds by id."""

    people: dict[str, Person] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    projects: dict[str, ProjectEntry] = field(default_factory=dict)
    funds: dict[str, FundEntry] = field(default_factory=dict)

    def email(self, text: str) -> str:
        """The canonical email address for a spelling or an alias."""
        folded = canonical_email(text)
        return self.aliases.get(folded, folded)

    def person(self, email: str) -> Person:
        """The PI with that canonical email address, known or not."""
        return self.people.get(email) or Person(email, email)

    @property
    def external(self) -> frozenset[str]:
        """The canonical email addresses of the PIs who are sent invoices, so that nothing of theirs needs a fund."""
        return frozenset(email for email, person in self.people.items() if person.external)

    def project(self, id_: str) -> Project:
        """The project with that id, known or not."""
        known = self.projects.get(id_)
        return known.project if known else Project(id_, id_)

    def fund(self, id_: str) -> Fund:
        """The fund with that accounting string, known or not."""
        known = self.funds.get(id_)
        return Fund(id_, known.title, known.since, known.until) if known else Fund(id_)


PERSON = shape_of(PersonEntry)
FUND = shape_of(FundEntry)
_ENTRY = shape_of(Entry, "PI and fund for a range of days.")
_DAYS = ("from", "until")
_PAYER = {name: key for name, key in _ENTRY.fields.items() if name not in _DAYS}


def _project(values: dict[str, Any], node: Node, reader: Reader) -> tuple[Node, ProjectEntry]:
    beside = {name: values[name] for name in _ENTRY.fields if name in values}
    entries: tuple[Entry, ...] = values.get("entries", ())
    if beside and entries:
        reader.fault(
            node, "two-forms", "has both `entries` and `pi` or `fund`", "keep either `entries`, or `pi` and `fund`"
        )
    elif beside and _ENTRY.make:
        entries = (_ENTRY.make(beside, node, reader),)
    for index, first in enumerate(entries):
        if any(_overlap(first, second) for second in entries[index + 1 :]):
            reader.fault(
                node, "overlapping-entries", "two entries apply on the same day", "end one before the other starts"
            )
            break
    start, end = values.get("start"), values.get("end")
    if start and end and end < start:
        reader.fault(node, "date-order", "`end` is before `start`", "swap the dates")
    id_ = values["id"]
    return node, ProjectEntry(
        project=Project(id_, values.get("title", id_), values.get("award", ""), start, end),
        entries=entries,
        match=tuple((column, value) for column in MATCH_COLUMNS for value in values.get("match", {}).get(column, ())),
        single=bool(beside),
    )


PROJECT = Record(
    {
        "id": Text(help="The id as written in tags."),
        "title": Text(help="The title on pages and statements; the id unless set."),
        **_PAYER,
        "award": Text(help="Number of the grant or contract, as written by the sponsor."),
        "start": Date(help="First day on which the project may spend."),
        "end": Date(help="Last day on which the project may spend."),
        **{name: _ENTRY.fields[name] for name in _DAYS},
        "entries": ListOf(_ENTRY, help="PI and fund over time, if they change."),
        "match": Record(
            {
                column: ListOf(Text(), single=True, help=f"Values of the FOCUS column {column}.")
                for column in MATCH_COLUMNS
            },
            help="Accounts and resources whose charges belong to the project even without tags.",
        ),
    },
    required=("id",),
    make=_project,
    help="One project.",
)


def _file(key: str, entry: Shape, entries: str, file: str) -> Record:
    return Record({key: ListOf(entry, help=entries)}, required=(key,), help=file)


PEOPLE = _file("people", PERSON, "The PIs, one entry per person.", "The people who are responsible for charges.")
PROJECTS = _file(
    "projects", PROJECT, "The projects, one entry each.", "Who is responsible for each project, and which fund pays."
)
FUNDS = _file("funds", FUND, "The funds, one entry each.", "The funds that may be charged.")


def directory_values(directory: Directory) -> dict[str, Any]:
    """The entries of a directory as in its files, sorted; without `funds` if it lists none."""
    aliases: dict[str, list[str]] = {}
    for alias, email in sorted(directory.aliases.items()):
        aliases.setdefault(email, []).append(alias)
    people = [
        PersonEntry(
            email,
            person.name,
            person.department,
            person.payer_class,
            **field_values(person.bill_to),
            aliases=tuple(aliases.get(email, ())),
        )
        for email, person in sorted(directory.people.items())
    ]
    values = {
        "people": [values_of(person) for person in people],
        "projects": [_project_values(entry) for _, entry in sorted(directory.projects.items())],
    }
    funds = [values_of(entry) for _, entry in sorted(directory.funds.items())]
    return values | ({"funds": funds} if funds else {})


def _project_values(entry: ProjectEntry) -> dict[str, Any]:
    match = {column: [value for name, value in entry.match if name == column] for column in MATCH_COLUMNS}
    project = entry.project
    optional = {
        "award": project.award,
        "entries": [values_of(each) for each in entry.entries],
        "start": project.start and project.start.isoformat(),
        "end": project.end and project.end.isoformat(),
        "match": {column: values for column, values in match.items() if values},
    }
    return {"id": project.id, "title": project.title} | {key: v for key, v in optional.items() if v}


def _overlap(first: Entry, second: Entry) -> bool:
    starts_before_end = first.since is None or second.until is None or first.since <= second.until
    ends_after_start = first.until is None or second.since is None or second.since <= first.until
    return starts_before_end and ends_after_start


@dataclass(frozen=True, slots=True)
class _File:
    """The values read from one file, and the reader that collects its faults; empty if there is no file."""

    entries: Sequence[tuple[Node, Any]]
    reader: Reader


def read_directory(
    people: bytes | None, projects: bytes | None, funds: bytes | None = None
) -> tuple[Directory, list[Problem]]:
    """The directory and its faults. Any file may be absent; faulty entries are left out."""
    files = (
        _read(people, PEOPLE_FILE, PEOPLE, "people"),
        _read(projects, PROJECTS_FILE, PROJECTS, "projects"),
        _read(funds, FUNDS_FILE, FUNDS, "funds"),
    )
    directory = _directory(*files)
    for node, entry in files[0].entries:
        if (missing := missing_on_invoices(entry.payer_class, entry.bill_to)) and entry.email in directory.people:
            what = f"{entry.email} is an external payer, but has no {' and no '.join(missing)}"
            fix = f"add `{'` and `'.join(missing)}` to the entry"
            files[0].reader.fault(node, "bill-to-missing", what, fix, Severity.WARNING)
    return directory, [problem for file in files for problem in file.reader.problems]


def missing_on_invoices(payer_class: PayerClass, bill_to: BillTo) -> tuple[str, ...]:
    """The keys that an external payer's entry lacks for an invoice; empty for others."""
    if payer_class is PayerClass.INTERNAL:
        return ()
    return tuple(name for name in ("organization", "address") if not getattr(bill_to, name))


def directory_of(values: Mapping[str, Any], reader: Reader) -> Directory:
    """The directory from the values that the shapes read, with the keys `people`, `projects` and `funds`.

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
    for node, entry in file.entries:
        email = entry.email
        names = [email, *entry.aliases]
        if taken := next((name for name in names if name in found or name in aliases), None):
            file.reader.fault(
                node, "duplicate-person", f"{taken} already identifies a person", "keep one entry per person"
            )
            continue
        found[email] = Person(email, entry.name or email, entry.department, entry.payer_class, entry.bill_to)
        aliases.update(dict.fromkeys(names[1:], email))
    return found, aliases


def _projects(file: _File) -> dict[str, ProjectEntry]:
    known: dict[str, ProjectEntry] = {}
    claims: dict[tuple[str, str], str] = {}
    for node, entry in file.entries:
        id_ = entry.project.id
        if id_ in known:
            file.reader.fault(
                node, "duplicate-project", f"{id_} is listed more than once", "keep one entry per project"
            )
            continue
        for claim in entry.match:
            if claim in claims:
                file.reader.fault(
                    node,
                    "duplicate-match",
                    f"{claim[0]} {claim[1]} already belongs to {claims[claim]}",
                    "let only one project claim it",
                )
            claims.setdefault(claim, id_)
        known[id_] = entry
    return known


def _funds(file: _File) -> dict[str, FundEntry]:
    known: dict[str, FundEntry] = {}
    for node, entry in file.entries:
        if entry.id in known:
            file.reader.fault(node, "duplicate-fund", f"{entry.id} is listed more than once", "keep one entry per fund")
            continue
        known[entry.id] = entry
    return known


def _with_canonical_pis(entry: ProjectEntry, aliases: dict[str, str]) -> ProjectEntry:
    def canonical(email: str) -> str:
        return aliases.get(email, email)

    entries = tuple(replace(e, pi=canonical(e.pi), pis=_each_once(*map(canonical, e.pis))) for e in entry.entries)
    return replace(entry, entries=entries)


def _read(data: bytes | None, path: str, what: Record, key: str) -> _File:
    if data is None:
        return _File((), Reader(path))
    root, reader = parse(data, path)
    values = what.read(root, reader) if root is not None else None
    return _File(values[key] if values else (), reader)
