"""The history of many files at once: which commits wrote each one, and which brought it to a branch.

Files are followed through renames as Git detects them: one commit removes a file and adds a similar one. A new file
that merely resembles one that stays, as approval files do, is not a rename.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openchargeback.files import git


@dataclass(frozen=True, slots=True)
class Trace:
    """The commits that changed a file, under any name, and the merges that gave it content that no parent had."""

    commits: tuple[git.LoggedCommit, ...]
    merges: tuple[git.LoggedCommit, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A commit that changed a file. place: among all commits, latest first; made: whether by a possible rename."""

    place: int
    commit: git.LoggedCommit
    made: bool


class History:
    """The commits of a range, or all up to a commit, by the ledger files that they changed."""

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
        """The trace of a file. Commits of other branches under an older name also count."""
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
    """The last commit that changed each file, along the first parents of a commit."""

    def __init__(self, root: Path, tip: str) -> None:
        self._last: dict[str, git.LoggedCommit] = {}
        for commit, changes in git.changes(root, tip, first_parent=True):
            for change in changes:
                self._last.setdefault(change.path, commit)

    def of(self, path: str) -> git.LoggedCommit | None:
        """The commit that brought the current content of a file; None if the file was never there."""
        return self._last.get(path)
