"""The requirements of FOCUS 1.2 that check something, each with when it applies.

The model has composites, which join rules with AND or OR and may have conditions and criteria of their own. They are
resolved here: what is left are their leaves, each with everything that the composites above it demand.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from openchargeback.problems import Severity

Check = Mapping[str, Any]
"""A check as in the model: `CheckFunction` with its arguments; empty for one that always holds."""

VERSION = "FOCUS 1.2"

MAY = "MAY"
_SEVERITIES = {"MUST": Severity.ERROR, "MUST NOT": Severity.ERROR}


@dataclass(frozen=True, slots=True)
class Path:
    """One way down to a rule. criteria: of all composites on it. conditions: which all must be met."""

    criteria: frozenset[str] = frozenset()
    conditions: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Requirement:
    """A rule that checks something.

    id: such as `BilledCost-C-003-M`. column: that it is about. keyword: MUST, MUST NOT, SHOULD, … text: its sentence.
    requirement: what must hold in each row that meets `conditions`, all of any one of the lists.
    criteria: what the file's provider must support; else the rule does not apply.
    """

    id: str
    column: str
    keyword: str
    text: str
    requirement: Check
    conditions: tuple[tuple[Check, ...], ...]
    criteria: frozenset[str]

    @property
    def severity(self) -> Severity:
        """An error if the rule says MUST, else a notice."""
        return _SEVERITIES.get(self.keyword, Severity.NOTICE)

    @property
    def about_presence(self) -> bool:
        """Whether it requires a column of the file, not a value of a row."""
        return bool(self.requirement["CheckFunction"] == "ColumnPresent")


class Model:
    """A requirements model with our differences.

    data: as `model.json`. corrected, undecided: as in `differences.toml`.
    """

    def __init__(self, data: Mapping[str, Any], corrected: Mapping[str, Any], undecided: Mapping[str, Any]) -> None:
        self.rules: dict[str, Any] = dict(data["ModelRules"])
        self.published: int = data["Rules"]["published"]
        self.static: int = data["Rules"]["static"]
        self.undecided = {name: each["reason"] for name, each in undecided.items()}
        self.corrected = {name: each["reason"] for name, each in corrected.items()}
        for name, each in corrected.items():
            changed = {key.capitalize(): check for key, check in each.items() if key != "reason"}
            rule = self.rules[name]
            self.rules[name] = {**rule, "ValidationCriteria": {**rule["ValidationCriteria"], **changed}}

    def requirement(self, name: str) -> Check:
        """What a rule requires."""
        check: Check = self.rules[name]["ValidationCriteria"]["Requirement"]
        return check

    def condition(self, name: str) -> Check:
        """When a rule applies, by itself; empty for always."""
        check: Check = self.rules[name]["ValidationCriteria"].get("Condition", {})
        return check

    def requirements(self) -> tuple[Requirement, ...]:
        """The rules that are evaluated, in the model's order: without permissions (MAY) and undecided ones."""
        paths: dict[str, list[Path]] = {}
        below = {name for rule in self.rules for name in self._below(rule)}
        for top in self.rules.keys() - below:
            for name, path in self._leaves(top, Path()):
                paths.setdefault(name, []).append(path)
        return tuple(
            self._assembled(name, paths[name])
            for name in self.rules
            if name in paths and name not in self.undecided and self._keyword(name) != MAY
        )

    def permissions(self) -> list[str]:
        """The rules that say MAY: what is permitted cannot be broken."""
        return [name for name in self.rules if self._keyword(name) == MAY and not list(self._below(name))]

    def _keyword(self, name: str) -> str:
        return str(self.rules[name]["ValidationCriteria"]["Keyword"])

    def _below(self, name: str) -> Iterator[str]:
        """The rules that a composite joins; none for a rule that checks something itself. Dynamic ones are left out."""
        items = self.requirement(name).get("Items", ())
        yield from (each["ModelRuleId"] for each in items if each.get("ModelRuleId") in self.rules)

    def _leaves(self, name: str, above: Path) -> Iterator[tuple[str, Path]]:
        """The leaves at or below a rule, each with the way to it."""
        condition = self.condition(name)
        path = Path(
            above.criteria | frozenset(self.rules[name].get("ApplicabilityCriteria", ())),
            (*above.conditions, *([condition] if condition else [])),
        )
        below = list(self._below(name))
        if not below:
            yield name, path
        either = self.requirement(name)["CheckFunction"] == "OR"
        for each in below:
            # A rule of an OR is broken only where all others are.
            others = [{"CheckFunction": "BreaksModelRule", "ModelRuleId": other} for other in below if other != each]
            yield from self._leaves(each, Path(path.criteria, (*path.conditions, *(others if either else ()))))

    def _assembled(self, name: str, paths: list[Path]) -> Requirement:
        rule = self.rules[name]
        unconditional = any(not path.conditions for path in paths)
        return Requirement(
            id=name,
            column=rule["Reference"],
            keyword=self._keyword(name),
            text=rule["ValidationCriteria"]["MustSatisfy"].strip().rstrip("."),
            requirement=self.requirement(name),
            conditions=() if unconditional else tuple(path.conditions for path in paths),
            criteria=frozenset.intersection(*(path.criteria for path in paths)),
        )


@cache
def model() -> Model:
    """The model of FOCUS 1.2 with our differences."""
    differences = tomllib.loads(_text("differences.toml"))
    return Model(json.loads(_text("model.json")), differences["corrected"], differences["undecided"])


@cache
def requirements() -> tuple[Requirement, ...]:
    """The requirements of FOCUS 1.2 that are evaluated."""
    return model().requirements()


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
