"""Which settings and entries of the directory are other ones, and what that moves."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal

from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.directory import PEOPLE_FILE, PROJECTS_FILE, Directory
from openchargeback.ledger.settings import (
    Config,
    JournalSettings,
    Organization,
    PlanSettings,
    PortalSettings,
    Source,
    StatementSettings,
)
from openchargeback.model import Project
from openchargeback.money import ZERO
from openchargeback.plan.values import Cause, LineKey, PeriodChange, SettingChange


def billing_config(config: Config) -> Config:
    """The settings that decide what is billed to whom; the others are blank."""
    sources = {
        name: Source(
            name, dialect=s.dialect, cost=s.cost, default=s.default, default_untagged_only=s.default_untagged_only
        )
        for name, s in config.sources.items()
    }
    return replace(
        config,
        organization=Organization(""),
        sources={name: source for name, source in sources.items() if source != Source(name)},
        statements=StatementSettings(),
        journal=JournalSettings(fund=config.journal.fund),
        portal=PortalSettings(),
        plan=PlanSettings(),
    )


def billing_directory(directory: Directory) -> Directory:
    """What of the directory decides who pays: aliases and projects, without names and titles."""
    projects = {name: replace(entry, project=Project(name, "")) for name, entry in directory.projects.items()}
    return Directory({}, directory.aliases, projects)


def changed_settings(
    old: tuple[Config, Directory], new: tuple[Config, Directory], periods: Sequence[PeriodChange]
) -> tuple[SettingChange, ...]:
    """What config and directory say otherwise and what it moves; what moves nothing is left out.

    The thresholds of the plan are told in any case: whoever changes them changes what is let through.
    """
    pairs = [
        (FILE_NAME, _told(old[0], new[0]), _told(new[0], old[0])),
        (PEOPLE_FILE, {"aliases": old[1].aliases}, {"aliases": new[1].aliases}),
        (PROJECTS_FILE, billing_directory(old[1]).projects, billing_directory(new[1]).projects),
    ]
    result = []
    for path, before, after in pairs:
        was, now = dict(_leaves(before)), dict(_leaves(after))
        for key in sorted({*was, *now}):
            if was.get(key, "") != now.get(key, ""):
                more, less = _effect(path, key, periods)
                if more or less or key[0] == "plan":
                    name = ".".join(key)
                    result.append(SettingChange(path, name, was.get(key, ""), now.get(key, ""), more, less))
    return tuple(result)


def _told(config: Config, other: Config) -> Config:
    """The settings that decide what is billed, and the limits; a source that only the other lists has its defaults."""
    billing = billing_config(config)
    names = {*billing.sources, *billing_config(other).sources}
    return replace(
        billing, plan=config.plan, sources={name: billing.sources.get(name, Source(name)) for name in sorted(names)}
    )


def _leaves(value: object, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every single value below a setting, by its keys; what is empty is left out."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _leaves(getattr(value, field.name), (*key, field.name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, (*key, str(name)))
    elif isinstance(value, tuple) and any(is_dataclass(item) for item in value):
        for number, item in enumerate(value, 1):
            yield from _leaves(item, (*key, str(getattr(item, "name", number))))
    elif isinstance(value, tuple):
        if value:
            yield key, ", ".join(" ".join(item) if isinstance(item, tuple) else str(item) for item in value)
    elif isinstance(value, enum.Enum):
        yield key, str(value.value)
    elif value is not None and value != "":
        yield key, str(value)


def _effect(path: str, key: tuple[str, ...], periods: Sequence[PeriodChange]) -> tuple[Decimal, Decimal]:
    """What lines gain and lose by the changes of a file, narrowed down to the source or project that the key names."""
    cause = Cause.CONFIG if path == FILE_NAME else Cause.DIRECTORY
    more = less = ZERO
    if key[0] == "plan":
        return more, less
    for period in periods:
        for line in period.lines:
            if not _concerns(path, key, line.key):
                continue
            amount = line.parts.get(cause, ZERO)
            more, less = (more + amount, less) if amount > 0 else (more, less + amount)
    return more, less


def _concerns(path: str, key: tuple[str, ...], line: LineKey) -> bool:
    if path == PROJECTS_FILE:
        return line.project == key[0]
    return key[0] != "sources" or path != FILE_NAME or line.source == key[1]
