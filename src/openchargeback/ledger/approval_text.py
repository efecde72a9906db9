"""Approval files as the `review` commands write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from openchargeback import money
from openchargeback.ledger.approvals import SELECTOR_KEYS, Verb
from openchargeback.ledger.schema_files import schema_comment
from openchargeback.ledger.settings import Payer
from openchargeback.ledger.yaml_text import quoted
from openchargeback.model import FlagGroup


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one person decided, whichever charges it is for.

    on: the date (`2025-02-03`). of: the closed period whose charges are meant, empty for those of the folder's own.
    """

    verb: Verb
    set: Payer
    reason: str
    by: str
    on: str
    of: str = ""

    def on_group(self, group: FlagGroup, also: Sequence[str] = ()) -> str:
        """A decision on all charges of a group as they are now. also: flags to clear beside the group's own."""
        selector = ", ".join(f"{key}: {quoted(getattr(group, key))}" for key in SELECTOR_KEYS)
        seen = f"charges: {group.held}, billed: {quoted(money.exact(group.exact_held))}, digest: {quoted(group.digest)}"
        return self._text([f"where: {{{selector}}}", f"expect: {{{seen}}}", *_clears(also)])

    def on_charges(self, ids: Sequence[str], flags: Sequence[str] = ()) -> str:
        """A decision on single charges. flags: those that it clears."""
        return self._text([f"charges: [{', '.join(quoted(id_) for id_ in ids)}]", *_clears(flags)])

    def _text(self, head: list[str]) -> str:
        changes = {key: value for key in ("pi", "project", "fund") if (value := getattr(self.set, key))}
        values = ", ".join(f"{key}: {quoted(value)}" for key, value in changes.items())
        lines = [
            *head,
            *([f"period: {quoted(self.of)}"] if self.of else []),
            f"decision: {self.verb}",
            *([f"set: {{{values}}}"] if values else []),
            f"reason: {quoted(self.reason)}",
            f"by: {quoted(self.by)}",
            f"on: {self.on}",
        ]
        return "  - " + "\n    ".join(lines) + "\n"


def approval_file(root: Path, period: str, name: str, decisions: Sequence[str]) -> tuple[Path, bytes]:
    """A new approval file for these decisions: where it goes, always beside those that are there, and what it holds."""
    path = _free_path(root, period, name)
    relative = path.relative_to(root).as_posix()
    return path, (schema_comment(root, relative) + "decisions:\n" + "".join(decisions)).encode()


def _clears(flags: Sequence[str]) -> list[str]:
    return [f"clears: [{', '.join(quoted(flag) for flag in flags)}]"] if flags else []


def _free_path(root: Path, period: str, name: str) -> Path:
    stem = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "batch"
    folder = root / "approvals" / period
    number = 1
    while (path := folder / (f"{stem}.yaml" if number == 1 else f"{stem}-{number}.yaml")).exists():
        number += 1
    return path
