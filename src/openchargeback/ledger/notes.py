"""Notes on a closed month (`periods/2025-01.notes.yaml`): what people have seen and accept about it.

They are no part of the record and are not sealed: a newer program may differ from a month that was finalized long ago.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from openchargeback.ledger import shape
from openchargeback.ledger.yaml_tree import parse
from openchargeback.problems import Problem

NOTES = "notes.yaml"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """That this program would compute a month otherwise, in exactly the way that the digest stands for, is accepted."""

    digest: str
    reason: str
    by: str
    on: dt.date | None = None

    def covers(self, digest: str) -> bool:
        """Whether it is about the difference of that full digest."""
        return digest.startswith(self.digest)


NOTES_FILE = shape.Record(
    {
        "drift": shape.ListOf(
            shape.Record(
                {
                    "digest": shape.Text(
                        pattern=r"[0-9a-f]{16,64}",
                        what="a digest of 16 to 64 hexadecimal digits",
                        help="Stands for the difference, as the warning tool-drift gives it.",
                        digits=True,
                    ),
                    "reason": shape.Text(max_length=4000, help="Why the difference is accepted."),
                    "by": shape.Text(help="Who accepts it."),
                    "on": shape.Date(help="The day."),
                },
                required=("digest", "reason", "by"),
                make=lambda v, _n, _r: Acknowledged(**v),
                help="One difference between the record and what the program would compute now.",
            ),
            help="Differences that were seen and accepted; nothing else is told of them.",
        )
    },
    help="Notes on a closed month.",
)


def read_notes(data: bytes, path: str) -> tuple[tuple[Acknowledged, ...], list[Problem]]:
    """What a file of notes acknowledges, and its faults."""
    root, reader = parse(data, path)
    values = NOTES_FILE.read(root, reader) if root is not None else None
    return tuple((values or {}).get("drift", ())), reader.problems
