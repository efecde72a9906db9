"""The columns of a table from sacct: its delimiter and header, and what a conversion needs of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from openchargeback.problems import Problem

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9]*", re.ASCII)
_FIRST = re.compile(r"([A-Za-z][A-Za-z0-9]*)([^A-Za-z0-9]+)[A-Za-z]", re.ASCII)
_LONGEST_DELIMITER = 4
"""Bytes; DuckDB takes no more."""

KNOWN = (
    *("JobID", "JobIDRaw", "DBIndex", "SLUID", "Cluster", "Account", "User", "Partition", "QOS", "State"),
    *("Submit", "Start", "End", "Elapsed", "ElapsedRaw", "Suspended", "AllocTRES", "AllocNodes", "NNodes"),
)
"""The fields of sacct that are read, as its manual spells them; case is ignored."""

_BY_FOLDED = {name.casefold(): name for name in KNOWN}

ALTERNATIVES: tuple[tuple[str, ...], ...] = (
    *(("JobIDRaw", "JobID"), ("Submit", "DBIndex", "SLUID"), ("Start",), ("End",), ("State",)),
    *(("ElapsedRaw", "Elapsed"), ("AllocTRES",), ("Account",), ("Partition",)),
)
"""What a conversion needs: of each group, one column."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is laid out. names: the columns in order, as in KNOWN where known; each name is unique.

    first_line: the line of the first record.
    """

    delimiter: str
    names: tuple[str, ...]
    first_line: int

    @property
    def places(self) -> Mapping[str, int]:
        """The known columns and where each stands."""
        return {name: index for index, name in enumerate(self.names) if name in KNOWN}


def layout_of(
    path: str, first: str, delimiter: str, columns: Sequence[str], wanted: Mapping[str, str] = MappingProxyType({})
) -> Layout | Problem:
    """The layout by the first line of a file, or why there is none. columns: given for files without a header.

    wanted: further columns that must be there, each with the setting that needs it.
    """
    found = _FIRST.match(first)
    delimiter = delimiter or ("|" if columns and "|" in first else found[2] if found else "|" if columns else "")
    if not delimiter or len(delimiter.encode()) > _LONGEST_DELIMITER:
        message = "the first line is not a header of `sacct --parsable2` with a delimiter of up to four bytes"
        return Problem(path, "usage-header", message, _HEADER_FIX, 1, excerpt=first[:200])
    cells = [cell.strip() for cell in first.split(delimiter)]
    has_header = sum(cell.casefold() in _BY_FOLDED for cell in cells) >= 2
    if not has_header and not columns:
        return Problem(
            path,
            "usage-header",
            "the first line is not a header of `sacct --parsable2`",
            _HEADER_FIX,
            1,
            excerpt=first[:200],
        )
    labels = cells if has_header else [*columns, *[""] * (len(cells) - len(columns))]
    if len(labels) != len(cells):
        message = f"`slurm: columns` lists {len(labels)} columns, but the first line has {len(cells)} cells"
        return Problem(
            path, "usage-header", message, "list every column of the export, in order", 1, excerpt=first[:200]
        )
    known = [_BY_FOLDED.get(label.casefold(), "") for label in labels]
    if twice := next((name for name in known if name and known.count(name) > 1), ""):
        return Problem(path, "usage-header", f"the column {twice} occurs twice", "export each column once", 1)
    lacking = [group for group in ALTERNATIVES if not set(group) & set(known)]
    unmet = {name: setting for name, setting in wanted.items() if name not in known}
    if lacking or unmet:
        words = [" or ".join(group) for group in lacking]
        words += [f"{name}, which {setting} needs" for name, setting in unmet.items()]
        fix = f"add {', '.join([*(group[0] for group in lacking), *unmet])} to `sacct -o`"
        return Problem(path, "usage-columns", f"the export lacks {', '.join(words)}", fix, 1, excerpt=first[:200])
    names = tuple(name or f"other{index}" for index, name in enumerate(known))
    return Layout(delimiter, names, 2 if has_header else 1)


_HEADER_FIX = "export with `sacct --parsable2` and its header (no `-n`), or set `slurm: columns`"
