"""Settings and directory entries as the values of a YAML file: what `config.py` and `directory.py` read back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from openchargeback.ledger.directory import MATCH_COLUMNS, Directory, Entry, FundEntry, ProjectEntry
from openchargeback.ledger.settings import NO_TAGS, Config, EvidenceRule, PortalSettings, Review, Source, Tags


def settings_values(config: Config, sources: Iterable[str]) -> dict[str, Any]:
    """What of the settings bears on a month: as in `config.yaml`, with these sources, without what is the default.

    Of `portal` only the accent counts, which colors statements; formats of journals name live templates.
    """
    wanted = sorted(set(sources) & set(config.sources))
    portal = PortalSettings(accent=config.portal.accent)
    return {
        "organization": _changed(config.organization) | {"name": config.organization.name},
        "currency": config.currency,
        "fiscal_year_starts": config.fiscal_year_starts,
        "tags": _tags(config.tags, Tags()),
        "sources": {name: _source(config.sources[name]) for name in wanted},
        "review": _review(config.review),
        "statements": _changed(config.statements),
        "journal": {name: value for name, value in _changed(config.journal).items() if name != "formats"},
        "portal": _changed(portal),
    }


def directory_values(directory: Directory) -> dict[str, Any]:
    """The entries of a directory as in its files, sorted; without funds where it lists none."""
    aliases: dict[str, list[str]] = {}
    for alias, email in sorted(directory.aliases.items()):
        aliases.setdefault(email, []).append(alias)
    values = {
        "people": [
            _changed(person) | ({"aliases": aliases[email]} if email in aliases else {})
            for email, person in sorted(directory.people.items())
        ],
        "projects": [_project(entry) for _, entry in sorted(directory.projects.items())],
    }
    funds = [_fund(entry) for _, entry in sorted(directory.funds.items())]
    return values | ({"funds": funds} if funds else {})


def _changed(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults (those without a default always)."""
    result: dict[str, Any] = {}
    for field in fields(value):
        item = getattr(value, field.name)
        # Of what is empty only `false` can differ from a default: `post: false`.
        if (item or item is False) and item != field.default:
            nested = hasattr(item, "__dataclass_fields__")
            result[field.name] = _changed(item) if nested else list(item) if isinstance(item, tuple) else item
    return result


def _source(source: Source) -> dict[str, Any]:
    values = {name: value for name, value in _changed(source).items() if name not in ("name", "tags")}
    if source.tags != NO_TAGS:
        values["tags"] = _tags(source.tags, NO_TAGS)
    default = values.pop("default", {})
    if values.pop("default_untagged_only", False):
        default["untagged_only"] = True
    return values | ({"default": default} if default else {})


def _tags(tags: Tags, unset: Tags) -> dict[str, Any]:
    """The tag keys that are not those of `unset`; a single one without a list."""
    fields_ = {
        name: keys for name in ("pi", "project", "fund") if (keys := getattr(tags, name)) != getattr(unset, name)
    }
    result: dict[str, Any] = {name: _one_or_list(keys) for name, keys in fields_.items()}
    if tags.references:
        result["references"] = {name: _one_or_list(keys) for name, keys in tags.references.items()}
    return result


def _one_or_list(keys: Sequence[str]) -> str | list[str]:
    return keys[0] if len(keys) == 1 else list(keys)


def _review(review: Review) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if review.patterns:
        result["patterns"] = {
            each.name: {
                "match": dict(sorted(each.match.items())),
                **({"minimum": each.minimum} if each.minimum is not None else {}),
                **({"reason": each.reason} if each.reason else {}),
            }
            for each in review.patterns
        }
    if review.fund_patterns:
        result["fund_patterns"] = list(review.fund_patterns)
    rule = review.unusual_amount
    result["unusual_amount"] = (
        {"factor": rule.factor, "minimum": rule.minimum, "first_time": rule.first_time} if rule else False
    )
    if review.evidence != EvidenceRule():
        result["evidence"] = _changed(review.evidence)
    return result


def _project(entry: ProjectEntry) -> dict[str, Any]:
    result: dict[str, Any] = {"id": entry.project.id, "title": entry.project.title}
    if entry.award:
        result["award"] = entry.award
    if entry.entries:
        result["entries"] = [_dated(each) for each in entry.entries]
    result |= {name: day.isoformat() for name, day in (("start", entry.start), ("end", entry.end)) if day}
    match = {column: [value for name, value in entry.match if name == column] for column in MATCH_COLUMNS}
    if any(match.values()):
        result["match"] = {column: values for column, values in match.items() if values}
    return result


def _dated(entry: Entry) -> dict[str, Any]:
    payer = (("pi", entry.pi), ("fund", entry.fund), ("pis", list(entry.pis)), ("funds", list(entry.funds)))
    return {name: value for name, value in payer if value} | _days(entry)


def _fund(entry: FundEntry) -> dict[str, Any]:
    texts = (("title", entry.title), ("sponsor_type", entry.sponsor_type))
    result = {"id": entry.id} | {name: text for name, text in texts if text} | _days(entry)
    if not entry.active:
        result["status"] = "inactive"
    return result | ({"department": entry.department} if entry.department else {})


def _days(entry: Entry | FundEntry) -> dict[str, str]:
    return {name: day.isoformat() for name, day in (("from", entry.since), ("until", entry.until)) if day}
