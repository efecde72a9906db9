"""The history of many files at once: which commits wrote each of them, and which brought them to a branch.

Git tells the history of one file that may have had other names only file by file. A file that no rename can have made
needs no such question: all of these are answered from one walk over the commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openchargeback.ledger import git


@dataclass(frozen=True, slots=True)
class Trace:
    """The commits that changed a file, under whatever name, and the merges that gave it a content of their own."""

    commits: tuple[git.LoggedCommit, ...]
    merges: tuple[git.LoggedCommit, ...]


def trace(root: Path, path: str, commits: str) -> Trace:
    """The trace of one file in a range of commits."""
    return Trace(tuple(git.logged(root, commits, path)), tuple(git.wrote_in_merges(root, commits, path)))


class History:
    """All commits up to the one that is checked out, by the files of the ledger that they changed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._commits: dict[str, list[git.LoggedCommit]] = {}
        self._merges: dict[str, list[git.LoggedCommit]] = {}
        self._renamed: set[str] = set()
        for commit, changes in git.changes(root, "HEAD"):
            deletes = any(not change.new for change in changes)
            of = self._merges if len(commit.parents) > 1 else self._commits
            for change in changes:
                if of is self._commits or (change.new and change.new not in change.old):
                    of.setdefault(change.path, []).append(commit)
                if of is self._commits and deletes and not any(change.old):
                    self._renamed.add(change.path)

    def trace(self, path: str) -> Trace:
        """The trace of a file. Git is asked only where a commit that made the file took another one away."""
        if path in self._renamed:
            return trace(self._root, path, "HEAD")
        return Trace(tuple(self._commits.get(path, ())), tuple(self._merges.get(path, ())))


class Landings:
    """Along the first parents of a commit: the last one that changed each file."""

    def __init__(self, root: Path, tip: str) -> None:
        self._last: dict[str, git.LoggedCommit] = {}
        for commit, changes in git.changes(root, tip, line=True):
            for change in changes:
                self._last.setdefault(change.path, commit)

    def of(self, path: str) -> git.LoggedCommit | None:
        """The commit that brought a file as it is; None where it never was there."""
        return self._last.get(path)
