"""The configs of conversions that a ledger keeps in `conversions/`: checked with it, and shown on its page of rates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path, PurePosixPath

from openchargeback.convert.config import ConfigFile, read_config
from openchargeback.convert.kinds import Kind, kind_of, names
from openchargeback.convert.rates import check_rates
from openchargeback.ledger.files import CONVERSIONS, Gate, listed
from openchargeback.ledger.yaml_tree import Mapping, parse
from openchargeback.problems import Problem, UsageFault

_SUFFIXES = (".yaml", ".yml")


def kept_configs(root: Path) -> tuple[list[tuple[Kind, ConfigFile]], list[Problem]]:
    """The configs in a ledger with their kinds, by path, and their faults.

    A YAML file that holds a list is a file of rates that a config names (`rates_file`); it is read with that config.
    """
    found: list[tuple[Kind, ConfigFile]] = []
    problems: list[Problem] = []
    if not (root / CONVERSIONS).exists():
        return found, problems
    gate, kinds = Gate(root), names()
    for relative in listed(root, CONVERSIONS, problems, gate):
        if PurePosixPath(relative).suffix not in _SUFFIXES:
            continue
        if fault := gate.fault(relative):
            problems.append(fault)
            continue
        kind, faults = _kind(root / relative, relative, kinds)
        problems += faults
        if kind is not None:
            config, faults = read_config(kind, root / relative, relative)
            problems += faults
            if config is not None:
                kind = kind.adapt(config.own) if kind.adapt else kind
                if kind.priced is not None:
                    rates = (*config.settings.rates, *kind.priced(config.own))
                    config = replace(config, settings=replace(config.settings, rates=rates))
                found.append((kind, config))
                problems += check_rates(kind, config.settings, relative)
    return found, problems


def _kind(path: Path, relative: str, kinds: Collection[str]) -> tuple[Kind | None, list[Problem]]:
    """Which of the kinds a config has a section of; None, without a problem, for a list."""
    try:
        tree, reader = parse(path.read_bytes(), relative)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return None, [Problem(relative, "unreadable", f"cannot be read: {reason}", "check its permissions")]
    if tree is None or reader.problems:
        return None, reader.problems
    if not isinstance(tree, Mapping):
        return None, []
    known = [key.text for key, _ in tree.items if key.text in kinds]
    if len(known) != 1:
        several = f"the config has sections of several kinds: {', '.join(known)}"
        what = several if known else "the config has no section for a kind of usage records, such as `slurm:`"
        fix = f"keep the section of one kind (`focus-billing convert --list`), or move the file out of {CONVERSIONS}/"
        return None, [Problem(relative, "conversion-kind", what, fix, 1)]
    try:
        return kind_of(known[0]), []
    except UsageFault as fault:
        return None, [Problem(relative, "conversion-kind", str(fault), "install the package that provides the kind", 1)]
