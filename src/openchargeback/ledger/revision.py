"""A ledger at two points in its history: the files it had, extracted to a folder each.

Nothing is checked out: commits are read from Git's objects, and the work tree is never modified.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from openchargeback.files import git
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.files import Gate, unreadable
from openchargeback.ledger.links import bad_link, outside_ledger, private, reached_in
from openchargeback.ledger.periods import INVOICES
from openchargeback.problems import Problem, UsageFault

FOLDERS = ("charges", "approvals", "periods", "directory", "policies", INVOICES)
"""The folders of a ledger that determine amounts, or that amounts are compared with, besides its config."""

_DEFAULTS = ("main", "master", "trunk", "default", "development", "develop")
"""Common names of the default branch."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a ledger, in a commit or in the work tree.

    root: the ledger's folder. commit: full id; for the work tree its HEAD.
    name: as the user gave it. work_tree: whether uncommitted changes count.
    entries: by path within the ledger; links within the ledger are replaced by the file they lead to.
    faults: the links that may not be followed, by path. They stay LINK in `entries`.
    others: further merge bases that were equally good, if branches were merged into each other.
    """

    root: Path
    commit: str
    name: str
    work_tree: bool
    entries: dict[str, git.Entry]
    others: tuple[str, ...] = ()
    faults: dict[str, Problem] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 over the paths and content ids of everything that determines amounts."""
        digest = hashlib.sha256()
        for path, entry in sorted(self.entries.items()):
            if path == FILE_NAME or lies_in(path, FOLDERS):
                digest.update(os.fsencode(f"{path}\0{entry.id}\n"))
        return digest.hexdigest()

    def read(self, path: str) -> bytes | None:
        """The bytes of a small file; None if it is not a regular file."""
        entry = self.entries.get(path)
        if entry is None or not entry.mode.startswith("100"):
            return None
        if not self.work_tree or not (self.root / path).exists():
            return git.read_blob(self.root, entry.id)
        return (self.root / path).read_bytes()


def compared(root: Path, base: str | None, head: str | None, branch: str) -> tuple[Snapshot, Snapshot]:
    """The ledger at the merge base and at the head, as a pull request compares them.

    base: a branch, tag or commit; by default `origin/<branch>`, else `<branch>`.
    head: likewise; the work tree by default. Raises UsageFault if the two cannot be compared, or are the same.
    """
    _refuse_without_history(root)
    tip = _commit(root, head or "HEAD")
    wanted = base or default_base(root, branch)
    if not wanted:
        raise UsageFault(_no_base(root, branch))
    start = _commit(root, wanted)
    commons = git.merge_bases(root, start, tip)
    if not commons:
        if git.is_shallow(root):
            raise UsageFault(
                f"this clone is shallow and lacks the commit where {head or 'HEAD'} left {wanted}: {_fetch(root, '')}"
            )
        raise UsageFault(f"{wanted} and {head or 'HEAD'} have no common commit; name a base that they share")
    if head:
        last = _snapshot(root, tip, head, git.tree(root, tip))
    else:
        name = git.branch(root) or f"detached at {tip[:12]}"
        last = _snapshot(root, tip, name, git.work_tree(root), work_tree=True)
    common, *others = commons
    first = _snapshot(root, common, wanted, git.tree(root, common))
    itself = git.branch(root) in ("", branch) if head in (None, "HEAD") else head in (branch, wanted)
    if not base and start == tip and itself and first.entries == last.entries:
        raise UsageFault(
            f"{wanted} would be compared with itself; switch to the branch to compare, or name a BASE, such as the "
            "previous commit: `focus-billing plan HEAD~1`"
        )
    return replace(first, others=tuple(others)), last


def stored(root: Path, name: str) -> Snapshot:
    """The whole ledger at a commit, given a branch, tag or id; UsageFault if there is none."""
    if not git.inside_repository(root):
        raise UsageFault(f"{root} is not in a Git repository (or Git is not installed), so there is no history to read")
    commit = _commit(root, name)
    entries = git.tree(root, commit)
    if not entries:
        raise UsageFault(f"commit {name} has no ledger in this folder")
    return _snapshot(root, commit, name, entries, every=True)


def staged_ledger(root: Path, index: str = "") -> Snapshot:
    """The whole ledger as the next commit would have it. index: as for `git.staged`."""
    return _snapshot(root, "", "what is staged", git.index_tree(root, index), every=True)


def lies_in(path: str, folders: Collection[str]) -> bool:
    """Whether a path within the ledger is one of these folders or inside one."""
    return path.split("/", 1)[0] in folders


def take(snapshot: Snapshot, wanted: Callable[[str], bool], folder: Path) -> list[Problem]:
    """Extract the wanted files of a ledger to a folder; files that cannot be extracted are problems."""
    problems: list[Problem] = []
    blobs: list[tuple[str, Path]] = []
    for path, entry in sorted(snapshot.entries.items()):
        if not wanted(path) or (folder / path).exists():
            continue
        fault = snapshot.faults.get(path) or _refused(path, entry)
        if fault:
            problems.append(fault)
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # In a sparse checkout some tracked files are not in the work tree.
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
        raise UsageFault(f"{root} is not in a Git repository (or Git is not installed), so there is nothing to compare")
    if git.head(root) is None:
        raise UsageFault("there is no commit yet to compare with; create one with `git add --all` and `git commit`")


def _commit(root: Path, name: str) -> str:
    found = git.resolve(root, name)
    if found:
        return found
    remote, _, branch = name.partition("/")
    if remote in git.remotes(root) and branch:
        raise UsageFault(f"this clone has no {name}; {_fetch(root, branch, remote)}")
    if git.is_shallow(root):
        raise UsageFault(f"this shallow clone has no commit {name}; {_fetch(root, '')}")
    raise UsageFault(f"this clone has no commit {name}; check the name, or fetch it first")


def default_base(root: Path, branch: str) -> str:
    """The default base of a comparison: the remote's main branch, else the local one.

    Empty if this clone has neither, as in a clone of a single other branch.
    """
    return next((name for name in (f"origin/{branch}", branch) if git.resolve(root, name)), "")


def _no_base(root: Path, branch: str) -> str:
    """The message that there is no base to compare with, and how to get one."""
    ways = [_fetch(root, branch)] if "origin" in git.remotes(root) else []
    other = _other_base(root)
    if other:
        counts = f"if it is your main branch, set `portal: branch: {other.rpartition('/')[2]}` in config.yaml"
        ways.append(f"name a BASE, such as `focus-billing plan {shlex.quote(other)}` ({counts})")
    elif not ways:
        ways.append("name a BASE, such as `focus-billing plan HEAD` for uncommitted changes")
    return f"no base found: this clone has neither origin/{branch} nor {branch}; {'; or '.join(ways)}"


def _other_base(root: Path) -> str:
    """A guess at the base branch: the remote's default branch, else one with a common name; empty if there is none.

    Never the current branch, under any name.
    """
    here, default = git.branch(root), git.default_branch(root)
    # Prefer a remote branch to the local one of that name, which may be behind.
    names = [name for name in (default, *sorted(git.branches(root), key=lambda name: "/" not in name)) if name]
    usual = [name for name in names if name == default or name.rpartition("/")[2] in _DEFAULTS]
    return next((name for name in usual if not here or not f"/{name}".endswith(f"/{here}")), "")


def _fetch(root: Path, branch: str, remote: str = "origin") -> str:
    """How to fetch a remote's branch, and the full history if a clone is shallow. branch: empty for existing ones."""
    shallow = git.is_shallow(root)
    # A single-branch clone fetches another branch only with an explicit destination.
    place = f" {remote} {shlex.quote(f'{branch}:refs/remotes/{remote}/{branch}')}" if branch else ""
    workflow = " (in a workflow, check out with `fetch-depth: 0`)" if shallow else ""
    return f"fetch it with `git fetch{' --unshallow' if shallow else ''}{place}`{workflow}"


def _refused(path: str, entry: git.Entry) -> Problem | None:
    parts = PurePosixPath(path).parts
    if PurePosixPath(path).is_absolute() or ".." in parts or ".git" in parts:
        return Problem(path, "outside-ledger", "is outside the ledger", "remove it from the repository")
    if entry.mode == git.LINK:
        return bad_link(path, "a file", "which is not followed here")
    if entry.mode == git.SUBMODULE:
        return Problem(path, "submodule", "is a Git submodule, which is not read", "replace it with its files")
    return None


def _snapshot(
    root: Path,
    commit: str,
    name: str,
    entries: dict[str, git.Entry],
    *,
    work_tree: bool = False,
    every: bool = False,
) -> Snapshot:
    """A ledger with each link to one of its own files replaced by that file.

    every: include links that amounts do not depend on, such as templates.
    """
    # Hidden files are never read; an editor's lock is a dangling link.
    entries = {path: each for path, each in entries.items() if each.mode != git.LINK or not _is_hidden(path)}
    links = [path for path, entry in entries.items() if entry.mode == git.LINK]
    wanted = [path for path in links if every or path == FILE_NAME or lies_in(path, FOLDERS)]
    if not wanted:
        return Snapshot(root, commit, name, work_tree, entries)
    if work_tree:
        gate, top = Gate(root), os.path.realpath(root)
        faults = {path: fault for path in wanted if (fault := gate.fault(path))}
        targets = {path: os.path.relpath(os.path.realpath(root / path), top) for path in wanted}
    else:
        contents = git.read_blobs(root, (entries[path].id for path in links))
        texts = dict(zip(links, map(os.fsdecode, contents), strict=True))
        targets = {path: reached_in(path, texts) for path in wanted}
        faults = {path: fault for path in wanted if (fault := _fault_in(path, texts[path], targets[path], entries))}
    resolved = {path: entries[targets[path]] for path in wanted if path not in faults and targets[path] in entries}
    return Snapshot(root, commit, name, work_tree, {**entries, **resolved}, faults=faults)


def _fault_in(link: str, text: str, target: str, entries: dict[str, git.Entry]) -> Problem | None:
    """Why a link of a commit may not be followed: a commit contains neither ignored files nor files elsewhere."""
    if target == "..":
        return outside_ledger(link, text)
    if target == link:
        return bad_link(link, text, "which leads back to itself")
    if what := private(target):
        return bad_link(link, text, f"which is {what} and is never published")
    found = entries.get(target)
    if found is not None and found.mode.startswith("100"):
        return None
    if not target or any(path.startswith(f"{target}/") for path in entries):
        return bad_link(link, text, "which is a folder, whose files would not be read")
    return bad_link(link, text, "which is not a file of the ledger")


def _is_hidden(path: str) -> bool:
    return path.rpartition("/")[2].startswith(".")
