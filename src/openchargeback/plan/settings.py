"""Which settings decide what is billed to whom, and how they are told by the keys that they have in the files."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from typing import Any

from openchargeback import money
from openchargeback.ledger.directory import MATCH_COLUMNS, Directory, ProjectEntry
from openchargeback.ledger.settings import (
    Config,
    EvidenceRule,
    JournalSettings,
    Organization,
    PlanSettings,
    PortalSettings,
    Source,
    StatementSettings,
)
from openchargeback.model import Project

Key = tuple[str, ...]


def billing_config(config: Config) -> Config:
    """The settings that decide what is billed to whom; the others are blank."""
    sources = {
        name: Source(
            name,
            dialect=s.dialect,
            cost=s.cost,
            post=s.post,
            default=s.default,
            default_untagged_only=s.default_untagged_only,
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
    )


def billing_directory(directory: Directory) -> Directory:
    """What of the directory decides who pays: aliases and projects, without names and titles."""
    projects = {name: replace(entry, project=Project(name, "")) for name, entry in directory.projects.items()}
    return Directory({}, directory.aliases, projects)


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
    return {_as_written(key): text for key, text in leaves.items()}


def alias_leaves(directory: Directory) -> dict[Key, str]:
    """The aliases of each person, by the person's e-mail address."""
    people: dict[str, list[str]] = {}
    for alias, email in sorted(directory.aliases.items()):
        people.setdefault(email, []).append(alias)
    return {(email, "aliases"): ", ".join(aliases) for email, aliases in people.items()}


def project_leaves(directory: Directory, other: Directory) -> dict[Key, str]:
    """What decides who pays of the projects that are not the same in another directory, by their keys in the file.

    A project that only this one has is told as a whole, by its id.
    """
    mine, theirs = (billing_directory(each).projects for each in (directory, other))
    leaves: dict[Key, str] = {}
    for id_, entry in mine.items():
        if entry != theirs.get(id_):
            leaves |= _whole_or_leaves(_project(entry), (id_,), whole=id_ not in theirs)
    return leaves


def _project(entry: ProjectEntry) -> dict[str, Any]:
    """A project as in the file."""
    dated = [{"pi": each.pi, "fund": each.fund, "from": each.since, "until": each.until} for each in entry.entries]
    own = dated[0] if entry.single and dated else {}
    entries = {} if own else {str(number): each for number, each in enumerate(dated, 1)}
    match = {column: tuple(value for name, value in entry.match if name == column) for column in MATCH_COLUMNS}
    return {**own, "entries": entries, "start": entry.start, "end": entry.end, "match": match}


def _whole_or_leaves(value: Mapping[str, Any], key: Key, *, whole: bool) -> dict[Key, str]:
    if not whole:
        return dict(_leaves(value, key))
    told = ", ".join(f"{'.'.join(name)} {text}" for name, text in _leaves(value))
    return {key: told or "listed"}


def _as_written(key: Key) -> Key:
    """The key of a setting as in the file, where the value in the program is called otherwise."""
    return (*key[:-1], "default", "untagged_only") if key[-1] == "default_untagged_only" else key


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
