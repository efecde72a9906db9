"""Stubs of directory entries, to be filled in: as YAML to paste, or as CSV for `directory import`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.csv_writing import csv_bytes
from openchargeback.ledger.directory_csv import COMMENT, MATCH
from openchargeback.ledger.directory_edit import KINDS
from openchargeback.ledger.yaml_text import quoted
from openchargeback.wording import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """An entry that the directory lacks, or an account or resource that no project claims.

    kind: `people`, `projects` or `funds`. column, value: the known part of an entry (a column of `directory_csv`).
    charges, amount: of the held charges that it would attribute, exact, in the ledger's currency.
    names: other values seen on them. near: a known value with a similar spelling.
    """

    kind: str
    column: str
    value: str
    charges: int
    amount: Decimal
    names: tuple[str, ...] = ()
    near: str = ""

    def as_json(self) -> dict[str, object]:
        """The public JSON form; the amount is text."""
        return {
            "kind": self.kind,
            "column": self.column,
            "value": self.value,
            "charges": self.charges,
            "amount": money.exact(self.amount),
            "names": list(self.names),
            "near": self.near,
        }

    def seen(self, currency: str) -> str:
        """What is known about the entry, for people."""
        near = f"; did you mean {self.near}?" if self.near else ""
        names = f": {', '.join(self.names)}" if self.names else ""
        charges = f"{counted(self.charges, 'charge')}"
        return f"{money.human(self.amount, currency)} {currency}, {charges}{names}{near}"


def stub_yaml(found: Sequence[Suggestion], currency: str) -> str:
    """Entries to paste into the directory files, each under an explanatory comment."""
    lines: list[str] = []
    for kind, what in KINDS.items():
        own = [each for each in found if each.kind == kind]
        if own:
            lines += [f"# {what.path}", f"{kind}:"]
        for each in own:
            lines.append(f"  # {_one_line(each.seen(currency))}")
            id_ = f" {quoted(each.value)}" if each.column == what.id else ""
            lines.append(f"  - {what.id}:{id_}")
            if kind == "projects":
                lines += ["    pi:", "    fund:"]
            if each.column in MATCH:
                lines.append(f"    match: {{{MATCH[each.column]}: [{quoted(each.value)}]}}")
    return "".join(f"{line}\n" for line in lines)


def stub_csv(found: Sequence[Suggestion], currency: str) -> bytes:
    """A list of projects for `directory import`, one row per suggestion; columns with # are for people."""
    columns = [
        "id",
        "title",
        "pi",
        "fund",
        *MATCH,
        f"{COMMENT}charges",
        f"{COMMENT}amount {currency}",
        f"{COMMENT}seen",
    ]
    rows = []
    for each in found:
        if each.kind != "projects":
            continue
        cells = dict.fromkeys(columns, "")
        cells[each.column] = each.value
        cells[columns[-3]] = str(each.charges)
        cells[columns[-2]] = money.plain(each.amount, currency)
        seen = ", ".join(each.names) + (f"; did you mean {each.near}?" if each.near else "")
        cells[columns[-1]] = seen
        rows.append([_one_line(cell) for cell in cells.values()])
    return csv_bytes(columns, rows)


def _one_line(text: str) -> str:
    return " ".join(text.split())
