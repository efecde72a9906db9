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
        return item_opening(item, clears, self.of) + self._closing()

    def on_charges(self, ids: SequenceType[str], clears: SequenceType[str] = ()) -> str:
        """A decision on single charges, by id. clears: the flags that it clears; none for a credit."""
        named = None if self.verb is Verb.CREDIT else clears
        return _opening([f"charges: {_list(ids)}"], named, self.of) + self._closing()

    def _closing(self) -> str:
        values = ", ".join(f"{key}: {quoted(value)}" for key in PAYER if (value := getattr(self.set, key)))
        written = {
            "decision": str(self.verb),
            "set": f"{{{values}}}" if values else "",
            "reason": quoted(self.reason),
            "by": quoted(self.by),
            "on": self.on,
            "answer": flow(values_of(self.answer)) if self.answer else "",
        }
        return "".join(f"{_INDENT}{key}: {written[key]}\n" for key in CLOSING if written[key])


_INDENT = "    "
CLOSING = ("decision", "set", "reason", "by", "on", "answer")
"""The keys of a decision that depend on who decides and how, in the order written, each on a line of its own."""
PAYER = ("pi", "project", "fund")
"""The keys of `set`, in the order written."""


def item_opening(item: QueueItem, clears: SequenceType[str], of: str = "") -> str:
    """The lines of a decision on an item before those of CLOSING: the charges as they are now, and what is cleared.

    The review page completes them, so it does not know how charges are named. of: as for `Proposal`.
    """
    if item.named:
        return _opening([f"charges: {_list(item.ids)}"], clears, of)
    keys = {key: getattr(item, key) for key in ITEM_KEYS}
    # Keys that every item has are written even if empty, the others only if set.
    shown = {key: value for key, value in keys.items() if value or key in ("service", "project", "pi")}
    where = [*(f"{key}: {quoted(value)}" for key, value in shown.items()), f"flags: {_list(item.flags)}"]
    seen = f"charges: {item.charges}, billed: {quoted(money.exact(item.exact_billed))}, digest: {quoted(item.digest)}"
    return _opening([f"where: {{{', '.join(where)}}}", f"expect: {{{seen}}}"], clears, of)


def _opening(head: SequenceType[str], clears: SequenceType[str] | None, of: str) -> str:
    lines = [
        *head,
        *([f"clears: {_list(sorted(clears))}"] if clears is not None else []),
        *([f"period: {quoted(of)}"] if of else []),
    ]
    return "  - " + f"\n{_INDENT}".join(lines) + "\n"


def approval_file(root: Path, period: str, name: str, decisions: SequenceType[str]) -> tuple[Path, bytes]:
    """A new approval file for these decisions: its path, which is not in use yet, and its content."""
    path = free_path(root, period, name)
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


def free_path(root: Path, period: str, name: str) -> Path:
    """The path of a new approval file of this name: with a number if there is one already."""
    stem = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "batch"
    folder = root / "approvals" / period
    number = 1
    while (path := folder / (f"{stem}.yaml" if number == 1 else f"{stem}-{number}.yaml")).exists():
        number += 1
    return path
