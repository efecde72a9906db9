"""Notes on a closed month (`periods/2025-01.notes.yaml`): what people have seen and accepted.

They are not part of the record and not sealed: a newer program may differ from a month that was finalized long ago.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from openchargeback.ledger.declared import shape_of
from openchargeback.ledger.shape import Text
from openchargeback.ledger.yaml_tree import parse
from openchargeback.problems import Problem


@dataclass(frozen=True, slots=True)
class Acknowledgment:
    """One difference between the record and what the program would compute now."""

    digest: Annotated[
        str,
        Text(
            r"[0-9a-f]{16,64}",
            "a digest of 16 to 64 hexadecimal digits",
            "Identifies the difference; copy it from the warning tool-drift.",
            digits=True,
        ),
    ]
    reason: Annotated[str, Text(max_length=4000, help="Why the difference is accepted.")]
    by: Annotated[str, "Who accepts it."]
    on: Annotated[dt.date | None, "The day."] = None

    def covers(self, digest: str) -> bool:
        """Whether it acknowledges the difference with that full digest."""
        return digest.startswith(self.digest)


@dataclass(frozen=True, slots=True)
class Notes:
    """Notes on a closed month."""

    drift: Annotated[
        tuple[Acknowledgment, ...], "Differences that were seen and accepted; they are no longer reported."
    ] = ()


NOTES_FILE = shape_of(Notes)


def read_notes(data: bytes, path: str) -> tuple[tuple[Acknowledgment, ...], list[Problem]]:
    """The acknowledgments in a file of notes, and its faults."""
    root, reader = parse(data, path)
    notes: Notes | None = NOTES_FILE.read(root, reader) if root is not None else None
    return notes.drift if notes else (), reader.problems
