"""An example config for a kind, from the declarations: every key with its description and default."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, is_dataclass
from typing import Any

from openchargeback.convert.kinds import Kind
from openchargeback.convert.settings import Settings
from openchargeback.ledger.declared import DeclaredKey, keys_of, values_of
from openchargeback.ledger.yaml_text import flow

_WIDTH = 100


def example_config(kind: Kind) -> str:
    """A config that works as it is; keys that have a default and need no example are comments."""
    head = (
        f"# {kind.title}, as charges:\n# focus-billing convert {kind.name} INPUT… --config THIS_FILE -o charges.csv\n"
    )
    common = _keys(Settings, {**Settings.EXAMPLE, **kind.example, "rates": list(kind.rates)}, "", kind.common)
    own = _keys(kind.settings, kind.settings.EXAMPLE, "  ")  # type: ignore[attr-defined]
    return (
        head
        + "\n"
        + "\n".join(common)
        + f"\n\n# Settings for {kind.name} only.\n{kind.name}:\n"
        + "\n".join(own)
        + "\n"
    )


def _keys(cls: type, example: Mapping[str, Any], indent: str, names: Collection[str] | None = None) -> Iterator[str]:
    for key in keys_of(cls):
        if names is not None and key.name not in names:
            continue
        description = getattr(key.shape, "help", "")
        yield from textwrap.wrap(description, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        if key.name in example:
            yield from _written(key.name, example[key.name], indent)
        else:
            yield f"{indent}# {key.name}: {flow(_default(key))}"


def _written(name: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        yield f"{indent}{name}:"
        yield from (f"{indent}  - {flow(dict(item))}" for item in value)
    else:
        yield f"{indent}{name}: {flow(value)}"


def _default(key: DeclaredKey) -> Any:
    default = "" if key.default is MISSING else key.default
    return values_of(default) if is_dataclass(default) else default
