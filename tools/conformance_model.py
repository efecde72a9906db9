"""Trims the requirements model of the FOCUS project to what is evaluated, `focus/conformance/model.json`.

tools/conformance_model.py FILE    FILE: the model as the FOCUS project publishes it (JSON)

Kept are the static rules that check something, the composites above them, and of each rule what it requires, of what,
when, and in which words. Nothing is changed; `focus/conformance/differences.toml` says where we differ. One rule takes
one line, so that a new version of the model can be compared with the old one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "src/openchargeback/focus/conformance/model.json"
KEPT = ("Function", "Reference", "ApplicabilityCriteria")
KEPT_CRITERIA = ("MustSatisfy", "Keyword", "Requirement", "Condition")


def main(arguments: list[str]) -> int:
    """Write the trimmed model."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    TARGET.write_text(trimmed(json.loads(Path(arguments[0]).read_text(encoding="utf-8"))), encoding="utf-8")
    return 0


def trimmed(model: Mapping[str, Any]) -> str:
    """The text of `model.json`."""
    rules = {name: rule for name, rule in model["ModelRules"].items() if rule["Type"] == "Static"}
    lines = [f"{json.dumps(name)}: {_line(_kept(rules[name]))}" for name in rules if _checks(rules, name)]
    counts = {"published": len(model["ModelRules"]), "static": len(rules)}
    criteria = {name: each["Description"] for name, each in model["ApplicabilityCriteria"].items()}
    head = [f"{json.dumps(key)}: {_line(each)}" for key, each in model["Details"].items()]
    head += [f'"Rules": {_line(counts)}', f'"ApplicabilityCriteria": {json.dumps(criteria, indent=0)}']
    return "{\n" + ",\n".join(head) + ',\n"ModelRules": {\n' + ",\n".join(lines) + "\n}\n}\n"


def _checks(rules: Mapping[str, Any], name: str) -> bool:
    """Whether a rule, or one below it, checks something."""
    if name not in rules:
        return False
    below = list(_below(rules[name]["ValidationCriteria"]["Requirement"]))
    return any(_checks(rules, each) for each in below) if below else True


def _below(check: Mapping[str, Any]) -> Iterator[str]:
    if "ModelRuleId" in check:
        yield check["ModelRuleId"]
    for item in check.get("Items", ()):
        yield from _below(item)


def _kept(rule: Mapping[str, Any]) -> dict[str, Any]:
    criteria = {key: rule["ValidationCriteria"][key] for key in KEPT_CRITERIA if rule["ValidationCriteria"][key]}
    return {**{key: rule[key] for key in KEPT if rule[key]}, "ValidationCriteria": criteria}


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
