"""A ledger at two moments of its history: which files it had, and those files in a folder of their own.

Nothing is checked out: commits are read from Git's objects, and the work tree is only looked at.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from openchargeback.ledger import git
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.files import inside, unreadable
from openchargeback.problems import Problem, UsageFault

FOLDERS = ("charges", "approvals", "periods", "directory", "policies")
"""The folders of a ledger that amounts rest on, beside its config."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a ledger: in a commit, or as they lie in the work tree.

    root: the ledger's folder. commit: full id; of the work tree the commit that it started from.
    name: how the person calls it. work_tree: whether uncommitted changes count.
    entries: by path within the ledger; links within the ledger stand for the file that they lead to.
    others: the further commits that were as good a base, where branches were merged into each other.
    """

    root: Path
    commit: str
    name: str
    work_tree: bool
    entries: dict[str, git.Entry]
    others: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over the paths and content ids of everything that amounts rest on."""
        digest = hashlib.sha256()
        for path, entry in sorted(self.entries.items()):
            if path == FILE_NAME or lies_in(path, FOLDERS):
                digest.update(os.fsencode(f"{path}\0{entry.id}\n"))
        return digest.hexdigest()

    def read(self, path: str) -> bytes | None:
        """The bytes of a small file; None where it is no plain file."""
        entry = self.entries.get(path)
        if entry is None or not entry.mode.startswith("100"):
            return None
        if not self.work_tree or not (self.root / path).exists():
            return git.read_blob(self.root, entry.id)
        return (self.root / path).read_bytes()


def compared(root: Path, base: str | None, head: str | None, branch: str) -> tuple[Snapshot, Snapshot]:
    """The ledger where the head left the base, and at the head, as a pull request shows it.

    base: a branch, tag or commit; by default `origin/<branch>`, else `<branch>`, else the commit of the head.
    head: likewise; the work tree by default. Raises UsageFault where the two cannot be compared.
    """
    _refuse_without_history(root)
    tip = _commit(root, head or "HEAD")
    wanted = base or next((name for name in (f"origin/{branch}", branch) if git.resolve(root, name)), "HEAD")
    start = _commit(root, wanted)
    commons = git.merge_bases(root, start, tip)
    if not commons:
        if git.is_shallow(root):
            raise UsageFault(
                f"this clone is shallow and lacks the commit where {head or 'HEAD'} left {wanted}: fetch the whole "
                "history with `git fetch --unshallow`, in a workflow with `fetch-depth: 0`"
            )
        raise UsageFault(f"{wanted} and {head or 'HEAD'} have no commit in common: name a base that they share")
    if head:
        last = Snapshot(root, tip, head, False, _resolved(root, tip, git.tree(root, tip)))
    else:
        name = git.branch(root) or f"detached at {tip[:12]}"
        last = Snapshot(root, tip, name, True, _resolved(root, "", git.work_tree(root)))
    common, *others = commons
    entries = _resolved(root, common, git.tree(root, common))
    return Snapshot(root, common, wanted, False, entries, tuple(others)), last


def stored(root: Path, name: str) -> Snapshot:
    """The whole ledger as a commit holds it, by branch, tag or id; UsageFault where there is no such one."""
    if not git.inside_repository(root):
        raise UsageFault(f"{root} is in no Git repository (or Git is missing), so there is no history to read")
    commit = _commit(root, name)
    entries = git.tree(root, commit)
    if not entries:
        raise UsageFault(f"the commit {name} holds no ledger at this place")
    return Snapshot(root, commit, name, False, _resolved(root, commit, entries, every=True))


def staged_ledger(root: Path, index: str = "") -> Snapshot:
    """The whole ledger as the next commit would hold it. index: as for `git.staged`."""
    entries = _resolved(root, git.resolve(root, "HEAD"), git.index_tree(root, index), every=True)
    return Snapshot(root, "", "what is staged", False, entries)


def lies_in(path: str, folders: Collection[str]) -> bool:
    """Whether a path within the ledger is one of these folders or lies in one."""
    return path.split("/", 1)[0] in folders


def take(snapshot: Snapshot, wanted: Callable[[str], bool], folder: Path) -> list[Problem]:
    """Put the wanted files of a ledger into a folder; what cannot be taken is a problem."""
    problems: list[Problem] = []
    blobs: list[tuple[str, Path]] = []
    for path, entry in sorted(snapshot.entries.items()):
        if not wanted(path) or (folder / path).exists():
            continue
        fault = _refused(path, entry)
        if fault:
            problems.append(fault)
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # In a sparse checkout files are tracked that do not lie there.
        if not snapshot.work_tree or (entry.id and not (snapshot.root / path).exists()):
            blobs.append((entry.id, target))
            continue
        try:
            shutil.copyfile(snapshot.root / path, target)
        except OSError as error:
            problems.append(unreadable(path, error))
    if blobs:
        git.write_blobs(snapshot.root, blobs)
    return problems


def _refuse_without_history(root: Path) -> None:
    if not git.inside_repository(root):
        raise UsageFault(f"{root} is in no Git repository (or Git is not installed), so there is nothing to compare")
    if git.head(root) is None:
        raise UsageFault(
            "there is no commit yet, so there is nothing to compare with; make one: git add --all, git commit"
        )


def _commit(root: Path, name: str) -> str:
    found = git.resolve(root, name)
    if found:
        return found
    if git.is_shallow(root):
        raise UsageFault(
            f"there is no commit {name} in this shallow clone: fetch the whole history with `git fetch --unshallow`, "
            "in a workflow with `fetch-depth: 0`"
        )
    raise UsageFault(f"there is no commit {name} here: check the name, or fetch it first")


def _refused(path: str, entry: git.Entry) -> Problem | None:
    parts = PurePosixPath(path).parts
    if PurePosixPath(path).is_absolute() or ".." in parts or ".git" in parts:
        return Problem(path, "outside-ledger", "leads out of the ledger", "remove it from the repository")
    if entry.mode == git.LINK:
        return Problem(path, "outside-ledger", "is a link to no file of the ledger", "replace the link by the file")
    if entry.mode == git.SUBMODULE:
        return Problem(path, "submodule", "is a repository of its own, which is not read", "put its files here")
    return None


def _resolved(root: Path, commit: str, entries: dict[str, git.Entry], *, every: bool = False) -> dict[str, git.Entry]:
    """The entries, with each link to a file of the ledger replaced by what that file is.

    every: also those that no amount rests on, such as templates.
    """
    result = dict(entries)
    for path, entry in entries.items():
        if entry.mode != git.LINK or not (every or path == FILE_NAME or lies_in(path, FOLDERS)):
            continue
        if commit:
            text = os.fsdecode(git.read_blob(root, entry.id))
        elif inside(root, root / path):
            text = os.readlink(root / path)  # noqa: PTH115 - readlink() of a Path drops a trailing slash
        else:
            continue
        target = entries.get(os.path.normpath(os.path.join(os.path.dirname(path), text)))  # noqa: PTH118, PTH120 - text
        if target is not None and target.mode.startswith("100"):
            result[path] = target
    return result
