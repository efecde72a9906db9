"""Runs of charges that are the same in base and head because they are on the same lines of the same files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from openchargeback.focus.common_lines import equal_bytes
from openchargeback.focus.loaded import LoadedFile


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive charges of a file: the n of the first in the base and in the head, and how many they are."""

    base: int
    head: int
    rows: int

    def has(self, n: str, side: str) -> str:
        """SQL for whether it has the charge with this n. side: base or head."""
        first = self.base if side == "base" else self.head
        return f"{n} >= {first} AND {n} < {first + self.rows}"


def same_files(base: Sequence[LoadedFile], head: Sequence[LoadedFile]) -> list[tuple[LoadedFile, LoadedFile]]:
    """Pairs of files of one source with the same bytes, each used at most once."""
    left = list(head)
    result = []
    for old in base:
        alike = (new for new in left if (new.file.source, new.file.size) == (old.file.source, old.file.size))
        same = next((new for new in alike if equal_bytes(old.file.location, new.file.location)), None)
        if same:
            left.remove(same)
            result.append((old, same))
    return result


def common_runs(base: Sequence[LoadedFile], head: Sequence[LoadedFile]) -> Iterator[Run]:
    """The rows on the lines that files of the base share with their versions in the head, in the order of both."""
    known = {file.file.path: file for file in head}
    for old in base:
        new, common = known.get(old.file.path), old.common
        if new and common and not common.whole:
            for shared in old.shared(new):
                yield Run(shared.first + shared.shift, shared.first, shared.rows)
