"""The history of many files at once: which commits wrote each of them, and which brought them to a branch.

A file is followed through its renames, as Git recognizes them: in one commit a file goes, and a new one holds much the
same. A new file that is only like another one that stays, as approval files are, is no renamed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openchargeback.files import git


@dataclass(frozen=True, slots=True)
class Trace:
    """The commits that changed a file, under whatever name, and the merges that gave it a content of their own."""

    commits: tuple[git.LoggedCommit, ...]
    merges: tuple[git.LoggedCommit, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A commit that changed a file. place: among all commits, the latest first; made: whether a rename may have."""

    place: int
    commit: git.LoggedCommit
    made: bool


class History:
    """The commits of a range, or all up to a commit, by the files of the ledger that they changed."""

    def __init__(self, root: Path, commits: str = "HEAD") -> None:
        self._root = root
        self._seen: dict[str, list[_Seen]] = {}
        self._renames: dict[str, dict[str, str]] = {}
        for place, (commit, changes) in enumerate(git.changes(root, commits)):
            merge = len(commit.parents) > 1
            deletes = not merge and any(not change.new for change in changes)
            for change in changes:
                if not merge or (change.new and change.new not in change.old):
                    seen = _Seen(place, commit, deletes and not any(change.old))
                    self._seen.setdefault(change.path, []).append(seen)

    def trace(self, path: str) -> Trace:
        """The trace of a file. Commits of other branches under an older name count too."""
        found: dict[int, git.LoggedCommit] = {}
        names, known = [(path, 0)], {path}
        for name, since in names:
            for seen in self._seen.get(name, ()):
                if seen.place < since:
                    continue
                found[seen.place] = seen.commit
                older = self._renamed(seen.commit.id).get(name) if seen.made else None
                if older is not None and older not in known:
                    known.add(older)
                    names.append((older, seen.place))
        commits = [found[place] for place in sorted(found)]
        return Trace(
            tuple(each for each in commits if len(each.parents) < 2),
            tuple(each for each in commits if len(each.parents) > 1),
        )

    def _renamed(self, commit: str) -> dict[str, str]:
        if commit not in self._renames:
            self._renames[commit] = git.renames(self._root, commit)
        return self._renames[commit]


class Integrations:
    """Along the first parents of a commit: the last one that changed each file."""

    def __init__(self, root: Path, tip: str) -> None:
        self._last: dict[str, git.LoggedCommit] = {}
        for commit, changes in git.changes(root, tip, first_parent=True):
            for change in changes:
                self._last.setdefault(change.path, commit)

    def of(self, path: str) -> git.LoggedCommit | None:
        """The commit that brought a file as it is; None where it never was there."""
        return self._last.get(path)
