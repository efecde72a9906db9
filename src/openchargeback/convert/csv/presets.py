"""Mappings that ship with the program, one YAML file each: what it is for, in comments at the top, and the keys."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from openchargeback.ledger.declared import shape_of
from openchargeback.ledger.yaml_tree import parse

_FOLDER = resources.files(__package__).joinpath("presets")

NAMES = tuple(sorted(each.name.removesuffix(".yaml") for each in _FOLDER.iterdir() if each.name.endswith(".yaml")))


def preset_text(name: str) -> str:
    """The file of a preset."""
    return _FOLDER.joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def preset_help(name: str) -> str:
    """What a preset is for: the comments at the top of its file, as Markdown."""
    lines = preset_text(name).splitlines()
    end = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[:end])


@cache
def preset_values(name: str) -> dict[str, Any]:
    """The keys of a preset, read, by field. Raises ValueError if it has a fault."""
    from openchargeback.convert.csv.settings import CsvSettings

    root, reader = parse(preset_text(name).encode(), f"{name}.yaml")
    values = shape_of(CsvSettings, whole=False).read(root, reader) if root else None
    if reader.problems or values is None:
        raise ValueError(f"the preset {name} has faults: {[each.message for each in reader.problems]}")
    return dict(values)
