"""How problems are reported: as text for people, and in the formats that Git hosts and CI read.

Git hosts name files relative to the top of the repository, and the ledger may be a folder in it. Reports for them put
`repository_prefix` before each path.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openchargeback.problems import Problem


def place_below(prefix: str, problem: Problem) -> str:
    """`path:line:column` with a prefix before the path; `.` for the ledger as a whole."""
    return prefix + problem.place if problem.path else problem.place


def repository_prefix(root: Path) -> str:
    """The path from the top of the repository to the ledger, with a trailing slash; empty if they are the same."""
    start = root.resolve()
    top = next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start)
    relative = start.relative_to(top).as_posix()
    return "" if relative == "." else relative + "/"
