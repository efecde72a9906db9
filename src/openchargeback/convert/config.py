"""Reads the config of a conversion: the common settings and the section of its kind."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

from openchargeback.convert.kinds import BUILT_IN, Kind, kind_of, section_of
from openchargeback.convert.nerc_rates import HISTORIES, read_histories, with_histories
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


def _common(kind: Kind) -> dict[str, bool]:
    """The common keys of a kind's config, and whether each is required."""
    declared = shape_of(Settings)
    found = kind.common or {name: name in declared.required for name in declared.fields}
    return {name: found[name] for name in declared.fields if name in found}


def shape(kind: Kind) -> Record:
    """The shape of a config for one kind: the common keys, and a required section named after the kind."""
    declared, common = shape_of(Settings), _common(kind)
    return Record(
        {**{name: declared.fields[name] for name in common}, kind.name: section_of(kind)},
        required=(*(name for name, required in common.items() if required), kind.name),
        help=f"How {kind.title} become charges.",
        defaults=declared.defaults,
    )


class _AnyConfig:
    """A file in `conversions/`, for editors: a config of any kind, or the list of rates that a config names.

    Sections with other names than the built-in kinds are of kinds that installed packages provide.
    """

    help = "How usage records become charges: the common keys, and one section, named after the kind."

    def schema(self) -> dict[str, Any]:
        """The JSON Schema."""
        kinds = [kind_of(name) for name in BUILT_IN]
        common = shape_of(Settings)
        fields = {**common.fields, **{kind.name: section_of(kind) for kind in kinds}}
        config = Record(fields, help=self.help, defaults=common.defaults).schema()
        other = {"type": "object", "description": "The section of a kind that an installed package provides."}
        config |= {
            "additionalProperties": other,
            "not": {"propertyNames": {"enum": [*common.fields]}},
            "allOf": [
                {
                    "if": {"required": [kind.name]},
                    "then": {
                        "required": [name for name, required in _common(kind).items() if required],
                        "propertyNames": {"enum": [*_common(kind), kind.name]},
                    },
                }
                for kind in kinds
            ],
        }
        rates = {**HISTORIES.schema(), "type": "array", "description": "Dated values, for `rates_file`."}
        return {"anyOf": [config, rates], "description": self.help}


ANY_CONFIG = _AnyConfig()


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
