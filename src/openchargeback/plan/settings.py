"""Which settings decide what is billed to whom, and how they are told by the keys that they have in the files."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar

from openchargeback import money
from openchargeback.ledger.directory import MATCH_COLUMNS, Directory, FundEntry, ProjectEntry
from openchargeback.ledger.settings import (
    Config,
    EvidenceRule,
    JournalSettings,
    Limits,
    Organization,
    PlanSettings,
    PortalSettings,
    Source,
    StatementSettings,
)
from openchargeback.model import Person, Project

Key = tuple[str, ...]
_Entry = TypeVar("_Entry")


def billing_config(config: Config) -> Config:
    """The settings that decide what is billed to whom; the others are blank."""
    sources = {
        name: Source(
            name,
            dialect=s.dialect,
            cost=s.cost,
            tags=replace(s.tags, references={}),
            post=s.post,
            discount=s.discount,
            default=s.default,
        )
        for name, s in config.sources.items()
    }
    patterns = tuple(replace(pattern, reason="") for pattern in config.review.patterns)
    return replace(
        config,
        organization=Organization(""),
        fiscal_year_starts=1,
        tags=replace(config.tags, references={}),
        sources={name: source for name, source in sources.items() if source != Source(name)},
        review=replace(config.review, patterns=patterns, evidence=EvidenceRule()),
        statements=StatementSettings(),
        journal=JournalSettings(post=config.journal.post, fund=config.journal.fund),
        portal=PortalSettings(),
        plan=PlanSettings(),
        limits=Limits(),
    )


def billing_directory(directory: Directory) -> Directory:
    """What of the directory decides who pays and what is flagged, without names, titles and the like."""
    return Directory(
        {email: Person(email, "") for email in directory.people},
        directory.aliases,
        {name: replace(entry, project=Project(name, ""), award="") for name, entry in directory.projects.items()},
        {id_: FundEntry(id_, since=e.since, until=e.until, status=e.status) for id_, e in directory.funds.items()},
    )


def config_leaves(config: Config, other: Config) -> dict[Key, str]:
    """The settings that decide what is billed, and the limits of the plan, by their keys in `config.yaml`.

    other: the settings to compare with; a source that only they list has its defaults here.
    """
    billing = billing_config(config)
    names = {*billing.sources, *billing_config(other).sources}
    sources = {name: billing.sources.get(name, Source(name)) for name in sorted(names)}
    told = replace(billing, plan=config.plan, sources=sources, review=replace(billing.review, patterns=()))
    leaves = dict(_leaves(told))
    if billing.review.unusual_amount is None:
        leaves["review", "unusual_amount"] = "off"
    patterns = [config.review.patterns, other.review.patterns]
    both = set.intersection(*({pattern.name for pattern in side} for side in patterns))
    for pattern in billing.review.patterns:
        rule = {"match": pattern.match, "minimum": pattern.minimum}
        leaves |= _whole_or_leaves(rule, ("review", "patterns", pattern.name), whole=pattern.name not in both)
    return leaves


def people_leaves(directory: Directory, other: Directory) -> dict[Key, str]:
    """The aliases of the people who are not the same in another directory, by e-mail address.

    Whoever only this one has is told as a whole.
    """
    mine, theirs = (_aliases(each) for each in (directory, other))
    return _entry_leaves(mine, theirs, lambda aliases: {"aliases": aliases})


def _aliases(directory: Directory) -> dict[str, tuple[str, ...]]:
    people: dict[str, list[str]] = {email: [] for email in directory.people}
    for alias, email in sorted(directory.aliases.items()):
        people[email].append(alias)
    return {email: tuple(aliases) for email, aliases in people.items()}


def project_leaves(directory: Directory, other: Directory) -> dict[Key, str]:
    """What decides who pays of the projects that are not the same in another directory, by their keys in the file.

    A project that only this one has is told as a whole, by its id.
    """
    mine, theirs = (billing_directory(each).projects for each in (directory, other))
    return _entry_leaves(mine, theirs, _project)


def fund_leaves(directory: Directory, other: Directory) -> dict[Key, str]:
    """What of the funds decides whether a charge is flagged, where it is not the same in another directory."""
    mine, theirs = (billing_directory(each).funds for each in (directory, other))
    return _entry_leaves(mine, theirs, _fund)


def _entry_leaves(
    mine: Mapping[str, _Entry], theirs: Mapping[str, _Entry], told: Callable[[_Entry], Mapping[str, Any]]
) -> dict[Key, str]:
    leaves: dict[Key, str] = {}
    for id_, entry in mine.items():
        if entry != theirs.get(id_):
            leaves |= _whole_or_leaves(told(entry), (id_,), whole=id_ not in theirs)
    return leaves


def _fund(entry: FundEntry) -> dict[str, Any]:
    return {"from": entry.since, "until": entry.until, "status": "" if entry.active else entry.status}


def _project(entry: ProjectEntry) -> dict[str, Any]:
    """A project as in the file."""
    dated = [
        {"pi": e.pi, "fund": e.fund, "pis": e.pis, "funds": e.funds, "from": e.since, "until": e.until}
        for e in entry.entries
    ]
    own = dated[0] if entry.single and dated else {}
    entries = {} if own else {str(number): each for number, each in enumerate(dated, 1)}
    match = {column: tuple(value for name, value in entry.match if name == column) for column in MATCH_COLUMNS}
    return {**own, "entries": entries, "start": entry.start, "end": entry.end, "match": match}


def _whole_or_leaves(value: Mapping[str, Any], key: Key, *, whole: bool) -> dict[Key, str]:
    if not whole:
        return dict(_leaves(value, key))
    told = ", ".join(f"{'.'.join(name)} {text}" for name, text in _leaves(value))
    return {key: told or "listed"}


def _leaves(value: Any, key: Key = ()) -> Iterator[tuple[Key, str]]:
    """Every single value below a setting, by its keys; what is empty is left out."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.name != "name" or not key:
                yield from _leaves(getattr(value, field.name), (*key, field.name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, (*key, str(name)))
    elif isinstance(value, tuple):
        if value:
            yield key, ", ".join(str(item) for item in value)
    elif value is not None and value != "":
        yield key, _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return money.signed_exact(value)
    return str(value.value) if isinstance(value, enum.Enum) else str(value)
