"""The settings that determine who is billed for what, and which of them changed, by their keys in the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from openchargeback import money
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.declared import values_of
from openchargeback.ledger.directory import (
    FUNDS_FILE,
    PEOPLE_FILE,
    PROJECTS_FILE,
    Directory,
    FundEntry,
    directory_values,
)
from openchargeback.ledger.settings import (
    Config,
    EvidenceRule,
    ExternalPayers,
    JournalSettings,
    Limits,
    Organization,
    PlanSettings,
    PortalSettings,
    Source,
    StatementSettings,
)
from openchargeback.model import Person, Project
from openchargeback.plan.values import SettingChange


def changed_settings(old: tuple[Config, Directory], new: tuple[Config, Directory]) -> tuple[SettingChange, ...]:
    """The changes to config and directory that affect billing and flags, and to limits of the plan and of closing.

    Changed limits are included, since they change what the plan and closing let through. An entry that only one side
    has is one change.
    """
    names = {*old[0].sources, *new[0].sources}
    sides = [
        {FILE_NAME: _config_values(config, names), **_entries(mine, theirs)}
        for config, mine, theirs in ((old[0], old[1], new[1]), (new[0], new[1], old[1]))
    ]
    return tuple(
        SettingChange(path=path, key=".".join(key), old=was, new=now)
        for path in sides[0]
        for key, was, now in _differences(sides[0][path], sides[1][path])
    )


def _config_values(config: Config, sources: set[str]) -> dict[str, Any]:
    """The settings that affect billing, as in `config.yaml` with all defaults, for these sources."""
    billing = billing_config(config)
    every = {
        name: replace(billing.sources.get(name, Source(name)), invoice_tolerance=config.source(name).invoice_tolerance)
        for name in sorted(sources)
    }
    return values_of(replace(billing, plan=config.plan, sources=every), defaults=True)


def _entries(directory: Directory, other: Directory) -> dict[str, dict[str, Any]]:
    """The entries of people, projects and funds as in their files, by file and id.

    Skips projects that are the same in the other directory, since its file may spell them in the other form.
    """
    billing, same = billing_directory(directory), billing_directory(other).projects
    differing = {id_: entry for id_, entry in billing.projects.items() if entry != same.get(id_)}
    values = directory_values(replace(billing, projects=differing))
    for project in values["projects"]:
        entries = project.pop("entries", [])
        if billing.projects[project["id"]].single:
            project.update(entries[0])
        elif entries:
            project["entries"] = {str(number): each for number, each in enumerate(entries, 1)}
    keys = ((PEOPLE_FILE, "people", "email"), (PROJECTS_FILE, "projects", "id"), (FUNDS_FILE, "funds", "id"))
    return {path: {each.pop(id_): each for each in values.get(name, ())} for path, name, id_ in keys}


def _differences(old: object, new: object, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Every single value that differs, by its keys; a mapping that only one side has counts as one value."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from _differences(old.get(name), new.get(name), (*key, str(name)))
    elif (was := _text(old)) != (now := _text(new)):
        yield key, was, now


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text}" for name, item in value.items() if (text := _text(item))) or "listed"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return money.signed_exact(value)
    return "" if value is None else str(value)


def billing_config(config: Config) -> Config:
    """The config reduced to the settings that determine who is billed for what; all others are blank."""
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
        external_payers=ExternalPayers(),
        portal=PortalSettings(),
        plan=PlanSettings(),
        limits=Limits(),
    )


def billing_directory(directory: Directory) -> Directory:
    """The directory reduced to what determines payers and flags, without names, titles and the like."""
    return Directory(
        {email: Person(email, "", payer_class=person.payer_class) for email, person in directory.people.items()},
        directory.aliases,
        {name: replace(entry, project=_spending(entry.project)) for name, entry in directory.projects.items()},
        {id_: FundEntry(id_, since=e.since, until=e.until, status=e.status) for id_, e in directory.funds.items()},
    )


def _spending(project: Project) -> Project:
    return Project(project.id, "", start=project.start, end=project.end)
