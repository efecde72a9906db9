"""Reads the config of a conversion: the common settings and the section of its kind."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

from openchargeback.convert.kinds import Kind, section_of
from openchargeback.convert.nerc_rates import read_histories, with_histories
from openchargeback.convert.settings import Settings
from openchargeback.ledger.declared import keys_of, shape_of
from openchargeback.ledger.shape import Record
from openchargeback.ledger.yaml_tree import parse
from openchargeback.problems import Problem, UsageFault


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A config as read. path: as given. own: the section of the kind."""

    path: str
    settings: Settings
    own: Any


def shape(kind: Kind) -> Record:
    """The shape of a config for one kind: the common keys, and a required section named after the kind."""
    common, section = shape_of(Settings), section_of(kind)
    fields, required = common.fields, common.required
    if kind.common is not None:
        fields = {name: fields[name] for name in fields if name in kind.common}
        required = tuple(name for name in fields if kind.common[name])
    return Record(
        {**fields, kind.name: section},
        required=(*required, kind.name),
        help=f"How {kind.title} become charges.",
        defaults=common.defaults,
    )


def read_config(kind: Kind, path: Path, name: str = "") -> tuple[ConfigFile | None, list[Problem]]:
    """The config and its faults; None if it is unusable. Raises UsageFault if there is no such file.

    name: what problems call it; the path unless given.
    """
    name = name or str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageFault(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    root, reader = parse(data, name)
    if root is None:
        fix = f"start with `focus-billing convert {kind.name} --example-config`"
        return None, reader.problems or [Problem(name, "empty-file", "this file is empty", fix, 1)]
    values = shape(kind).read(root, reader)
    if values is None:
        return None, reader.problems
    by_name = {key.name: key.field for key in keys_of(Settings)}
    # What a kind does not require has no value.
    none = {key.field: "" for key in keys_of(Settings) if key.default is MISSING}
    settings = Settings(**none | {by_name[name]: value for name, value in values.items() if name in by_name})
    problems = reader.problems
    if settings.rates_file or any(rate.history for rate in settings.rates):
        histories, faults = read_histories(path.parent, settings.rates_file, name)
        settings, more = with_histories(settings, histories, name)
        problems = [*problems, *faults, *more]
    return ConfigFile(name, settings, values[kind.name]), problems
