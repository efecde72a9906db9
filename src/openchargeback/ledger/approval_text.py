"""The text of the approval files that this program writes, for commands and pages.

Only `Proposal` knows how a decision is written.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass
from pathlib import Path

from openchargeback import money
from openchargeback.ledger.approvals import Answer, Verb
from openchargeback.ledger.declared import values_of
from openchargeback.ledger.schema_files import schema_comment
from openchargeback.ledger.settings import Payer
from openchargeback.ledger.yaml_text import flow, quoted
from openchargeback.ledger.yaml_tree import Mapping, Sequence, parse
from openchargeback.model import ITEM_KEYS, QueueItem
from openchargeback.problems import UsageFault


@dataclass(frozen=True, slots=True)
class Proposal:
    """One person's decision, apart from its charges.

    on: the date (`2025-02-03`). of: the closed period of the charges; empty for charges of the folder's own period.
    answer: the email that it rests on.
    """

    verb: Verb
    set: Payer
    reason: str
    by: str
    on: str
    of: str = ""
    answer: Answer | None = None

    def on_item(self, item: QueueItem, clears: SequenceType[str]) -> str:
        """A decision on all charges of an item as they are now. clears: which of its flags the decision clears."""
        if item.named:
            return self.on_charges(item.ids, clears)
        keys = {key: getattr(item, key) for key in ITEM_KEYS}
        # Keys that every item has are written even if empty, the others only if set.
        shown = {key: value for key, value in keys.items() if value or key in ("service", "project", "pi")}
        where = [*(f"{key}: {quoted(value)}" for key, value in shown.items()), f"flags: {_list(item.flags)}"]
        seen = (
            f"charges: {item.charges}, billed: {quoted(money.exact(item.exact_billed))}, digest: {quoted(item.digest)}"
        )
        return self._text([f"where: {{{', '.join(where)}}}", f"expect: {{{seen}}}"], clears)

    def on_charges(self, ids: SequenceType[str], clears: SequenceType[str] = ()) -> str:
        """A decision on single charges, by id. clears: the flags that it clears; none for a credit."""
        return self._text([f"charges: {_list(ids)}"], clears)

    def _text(self, head: list[str], clears: SequenceType[str]) -> str:
        changes = {key: value for key in ("pi", "project", "fund") if (value := getattr(self.set, key))}
        values = ", ".join(f"{key}: {quoted(value)}" for key, value in changes.items())
        lines = [
            *head,
            *([f"clears: {_list(sorted(clears))}"] if self.verb is not Verb.CREDIT else []),
            *([f"period: {quoted(self.of)}"] if self.of else []),
            f"decision: {self.verb}",
            *([f"set: {{{values}}}"] if values else []),
            f"reason: {quoted(self.reason)}",
            f"by: {quoted(self.by)}",
            f"on: {self.on}",
            *([f"answer: {flow(values_of(self.answer))}"] if self.answer else []),
        ]
        return "  - " + "\n    ".join(lines) + "\n"


def approval_file(root: Path, period: str, name: str, decisions: SequenceType[str]) -> tuple[Path, bytes]:
    """A new approval file for these decisions: its path, which is not in use yet, and its content."""
    path = _free_path(root, period, name)
    relative = path.relative_to(root).as_posix()
    return path, (schema_comment(root, relative) + approval_text(decisions)).encode()


def approval_text(decisions: SequenceType[str]) -> str:
    """The text of an approval file without its schema comment."""
    return "decisions:\n" + "".join(decisions)


def without_decisions(data: bytes, path: str, lines: Collection[int]) -> bytes | None:
    """An approval file without the decisions that start on these lines, every other byte unchanged; None if no decision
    would be left. Raises UsageFault if its decisions are not on separate lines.
    """
    root, _ = parse(data, path)
    found = [value for key, value in root.items if key.text == "decisions"] if isinstance(root, Mapping) else []
    starts = [item.line for item in found[0].items] if found and isinstance(found[0], Sequence) else []
    text = data.decode("utf-8-sig").splitlines(keepends=True)
    if any(not text[line - 1].lstrip().startswith("- ") for line in starts):
        raise UsageFault(f"{path} has decisions that do not start with a dash on a line of their own; edit it by hand")
    if set(starts) <= set(lines):
        return None
    ends = [*starts[1:], len(text) + 1]
    gone = {n for start, end in zip(starts, ends, strict=True) if start in lines for n in range(start, end)}
    return "".join(line for number, line in enumerate(text, start=1) if number not in gone).encode()


def _list(values: SequenceType[str]) -> str:
    return f"[{', '.join(quoted(value) for value in values)}]"


def _free_path(root: Path, period: str, name: str) -> Path:
    stem = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "batch"
    folder = root / "approvals" / period
    number = 1
    while (path := folder / (f"{stem}.yaml" if number == 1 else f"{stem}-{number}.yaml")).exists():
        number += 1
    return path
