"""How problems are reported: as text for people, and in the formats that Git hosts and CI read.

Git hosts name files from the top of the repository, of which the ledger may be a folder. What is written for them puts
`repository_prefix` before the paths.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from openchargeback.model import Evidence
    from openchargeback.plan.values import SettingChange
    from openchargeback.problems import Problem

_Found = TypeVar("_Found", "Problem", "SettingChange", "Evidence")


def place_below(prefix: str, problem: Problem) -> str:
    """`path:line:column` with a prefix before the path; `.` for the ledger as a whole."""
    return prefix + problem.place if problem.path else problem.place


def in_repository(found: Iterable[_Found], root: Path) -> list[_Found]:
    """Problems, settings or evidence with their paths from the top of the repository instead of from the ledger.

    root: the ledger. What has no path stays without one.
    """
    prefix = repository_prefix(root)
    return [dataclasses.replace(each, path=prefix + each.path) if prefix and each.path else each for each in found]


def repository_prefix(root: Path) -> str:
    """From the top of the repository to the ledger, with a slash at the end; empty where they are the same."""
    start = root.resolve()
    top = next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start)
    relative = start.relative_to(top).as_posix()
    return "" if relative == "." else relative + "/"
