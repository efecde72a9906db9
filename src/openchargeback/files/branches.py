"""Branches of a ledger's repository that this program makes: without touching the work tree, never by force.

Changes are prepared in a clone that shares the repository's objects, and committed there. `take` copies the commits
and then creates or moves one reference, so that a process killed at any moment leaves the repository whole.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from openchargeback.addresses import credentials_in
from openchargeback.files import git
from openchargeback.files.git import Answer, expect, run
from openchargeback.problems import OutsideFault, UsageFault

_QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false")
"""Neither hooks of this machine nor housekeeping run while a commit is made."""

_DRAFTS = "refs/drafts"
_LONGEST = 100
_NETWORK = 300


@dataclass(frozen=True, slots=True)
class Identity:
    """Who commits. signing_key: the path of the person's own SSH key, if their commits are signed."""

    name: str
    email: str
    signing_key: str = ""

    def variables(self) -> dict[str, str]:
        """The environment that makes Git commit as this person."""
        found: dict[str, str] = {}
        for role in ("AUTHOR", "COMMITTER"):
            found |= {f"GIT_{role}_NAME": self.name, f"GIT_{role}_EMAIL": self.email}
        return found

    def settings(self) -> tuple[str, ...]:
        """Git's options: sign with the person's own key, never with one of the machine's."""
        if not self.signing_key:
            return ("-c", "commit.gpgSign=false")
        return (
            *("-c", "commit.gpgSign=true", "-c", "gpg.format=ssh", "-c", "gpg.ssh.program=ssh-keygen"),
            *("-c", f"user.signingKey={self.signing_key}"),
        )


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that is not merged: `origin/topic` if only the remote has it.

    date: of the last commit, in UTC. authors: everyone who wrote or committed any of its commits, by email address in
    lower case, co-authors included.
    """

    name: str
    commit: str
    base: str
    subject: str
    author: str
    date: str
    authors: tuple[str, ...]
    commits: int

    @property
    def short(self) -> str:
        """The name without the remote."""
        return self.name.removeprefix("origin/")


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A file of the ledger that a branch changes. text: the difference; empty if it is large or not text."""

    path: str
    status: str
    text: str


def clone(root: Path, folder: Path) -> Path:
    """The ledger in a clone of its repository that shares its objects; made first if needed.

    folder: where the clone is. Raises OutsideFault if Git cannot make it.
    """
    prefix = git.prefix_of(root)
    if not _shares_objects(root, folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = ("clone", "--quiet", "--shared", "--no-checkout", "--no-tags", "--", str(git.top(root)), str(folder))
        expect(run(root, *_QUIET, *made, timeout=None))
    return folder / prefix


def _shares_objects(root: Path, folder: Path) -> bool:
    """Whether a folder is a clone that finds the repository's objects: not once the ledger was moved or copied."""
    objects = expect(run(root, "rev-parse", "--path-format=absolute", "--git-path", "objects")).rstrip("\n")
    try:
        return (folder / ".git/objects/info/alternates").read_text("utf-8").splitlines() == [objects]
    except (OSError, UnicodeDecodeError):
        return False


def check_out(ledger: Path, folder: Path, commit: str) -> None:
    """Make the work tree of a clone exactly that of a commit; the cache of the ledger in it stays."""
    (folder / ".git" / "index.lock").unlink(missing_ok=True)  # of a process that was killed
    expect(run(folder, *_QUIET, "checkout", "--quiet", "--force", "--detach", commit, timeout=None))
    expect(run(folder, *_QUIET, "clean", "-ffdxq", "-e", ".openchargeback", timeout=None))
    ledger.mkdir(parents=True, exist_ok=True)


def stand_on(folder: Path, branch: str, commit: str) -> None:
    """Make a commit the remote's `branch` in a clone, as it is in a checkout that is up to date."""
    expect(run(folder, *_QUIET, "update-ref", f"refs/remotes/origin/{branch}", commit))


def commit(ledger: Path, paths: Iterable[str], message: str, who: Identity) -> str:
    """Commit these files of the ledger in a clone, as they are in its work tree; returns the id.

    Empty if none of them differs from the last commit.
    """
    listed = "\0".join(paths)
    from_input = ("--pathspec-from-file=-", "--pathspec-file-nul")
    expect(run(ledger, *_QUIET, "add", "--force", "--all", *from_input, text=listed, timeout=None))
    if not git.staged(ledger):
        return ""
    made = (*_QUIET, *who.settings(), "commit", "--quiet", "--no-verify", "--cleanup=verbatim", "--file=-")
    expect(run(ledger, *made, text=message, timeout=None, variables=who.variables()))
    return git.resolve(ledger, "HEAD")


def merge(folder: Path, other: str, message: str, who: Identity) -> list[str]:
    """Merge a commit into the one checked out in a clone, always by a merge commit; returns the paths in conflict."""
    options = ("--no-ff", "--no-edit", "--quiet", "--cleanup=verbatim", "--no-verify", "-m", message)
    answer = run(folder, *_QUIET, *who.settings(), "merge", *options, other, timeout=None, variables=who.variables())
    conflicts = expect(run(folder, "diff", "--name-only", "--diff-filter=U", "-z")).split("\0")[:-1]
    if not conflicts:
        expect(answer)
    return conflicts


def keep(folder: Path, commit: str, name: str) -> None:
    """Keep a commit of a clone under a name of its own, for `take`."""
    expect(run(folder, *_QUIET, "update-ref", f"{_DRAFTS}/{name}", commit))


def drop(folder: Path, name: str) -> None:
    """Forget a commit that `keep` kept."""
    expect(run(folder, *_QUIET, "update-ref", "-d", f"{_DRAFTS}/{name}"))


def bring(root: Path, folder: Path, name: str) -> str:
    """Copy a commit that `keep` kept in a clone into the ledger's repository; returns its id. No branch changes."""
    expect(
        run(
            root, *_QUIET, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--",
            str(folder), f"{_DRAFTS}/{name}", timeout=None,
        )
    )  # fmt: skip
    return git.resolve(folder, f"{_DRAFTS}/{name}")


def take(root: Path, folder: Path, name: str, branch: str, old: str = "") -> None:
    """Take a commit that `keep` kept in a clone into the ledger's repository, as this branch; see `move`."""
    move(root, branch, bring(root, folder, name), old)


def move(root: Path, branch: str, commit_id: str, old: str = "") -> None:
    """Move a branch to a commit that follows its last one.

    old: the commit that the branch has now; empty for a new branch. If it is the branch checked out, the work tree
    follows. Raises UsageFault if the branch has moved, exists already, or the work tree is in the way.
    """
    if git.branch(root) == branch:
        if git.resolve(root, "HEAD") != old:
            raise UsageFault(f"{branch} has moved meanwhile; look at the plan again")
        answer = run(root, *_QUIET, "merge", "--quiet", "--ff-only", commit_id, timeout=None)
        if answer is None or answer.code:
            raise _in_the_way(branch, answer)
        return
    answer = run(root, *_QUIET, "update-ref", f"refs/heads/{branch}", commit_id, old or "0" * len(commit_id))
    if answer is None or answer.code:
        raise UsageFault(f"the branch {branch} {'has moved meanwhile' if old else 'exists already'}; try again")


def check_move(root: Path, branch: str, commit_id: str) -> None:
    """Raise UsageFault if files in the work tree would keep `move` from moving the branch."""
    if git.branch(root) != branch:
        return
    run(root, *_QUIET, "update-index", "-q", "--refresh", timeout=None)
    answer = run(root, *_QUIET, "read-tree", "--dry-run", "-m", "-u", "HEAD", commit_id, timeout=None)
    if answer is None or answer.code:
        raise _in_the_way(branch, answer)


def _in_the_way(branch: str, answer: Answer | None) -> UsageFault:
    reason = answer.error.strip().splitlines()[0] if answer and answer.error.strip() else "git failed"
    return UsageFault(f"{branch} is checked out in the ledger's folder and cannot move: {reason}")


def remove(root: Path, branch: Branch) -> None:
    """Remove a branch here and on the remote, if it still has the commit that was read.

    Raises UsageFault if it has moved, or is checked out; OutsideFault if the remote refuses.
    """
    name = branch.short
    here, there = (git.resolve(root, f"refs/{where}/{name}") for where in ("heads", "remotes/origin"))
    if git.branch(root) == name:
        raise UsageFault(f"{name} is checked out in the ledger's folder")
    if {here, there} - {"", branch.commit}:
        raise UsageFault(f"{name} has moved meanwhile")
    if there:
        # The lease makes the remote refuse if someone has pushed to it since.
        lease = f"--force-with-lease=refs/heads/{name}:{branch.commit}"
        expect(run(root, *_QUIET, "push", "--quiet", lease, "--", "origin", f":refs/heads/{name}", timeout=_NETWORK))
    if here:
        expect(run(root, *_QUIET, "update-ref", "-d", f"refs/heads/{name}", branch.commit))


def free_name(root: Path, wanted: str) -> str:
    """A name for a new branch: as wanted, or with a number if there is one of that name here or on the remote."""
    base = re.sub(r"[^a-z0-9/._-]+", "-", wanted.casefold())[:_LONGEST].strip("-./") or "change"
    base = re.sub(r"\.(?:lock)?(?=/|$)|\.{2,}|/{2,}|(?<=/)[._-]+", "-", base)
    taken = {name.removeprefix("origin/") for name in git.branches(root)}
    # A branch `a/b` cannot be beside a branch `a`.
    folders = {"/".join(name.split("/")[:depth]) for name in taken for depth in range(1, name.count("/") + 1)}
    number = 1
    while True:
        name = base if number == 1 else f"{base}-{number}"
        parents = {"/".join(name.split("/")[:depth]) for depth in range(1, name.count("/") + 1)}
        if name not in taken and name not in folders and not parents & taken:
            return name
        if parents & taken:
            base = base.replace("/", "-")
        number += 1


def is_branch_name(text: str) -> bool:
    """Whether a text may be the name of a branch as this program reads it from an address."""
    return len(text) <= 2 * _LONGEST and not text.startswith(("-", "/")) and ".." not in text and text.isprintable()


def unmerged(root: Path, main: str) -> list[Branch]:
    """The branches with commits that `main` (a branch or a commit) lacks, the latest first.

    A branch that is both here and on the remote is listed once if the commits are the same.
    """
    fields = "%(refname)%00%(objectname)%00%(committerdate:iso-strict-local)%00%(authorname)%00%(subject)"
    asked = ("for-each-ref", f"--format={fields}", "--sort=-committerdate", "--no-merged", main)
    listed = expect(run(root, *asked, "refs/heads", "refs/remotes/origin", variables={"TZ": "UTC"})).split("\n")[:-1]
    found: dict[tuple[str, str], Branch] = {}
    for line in listed:
        ref, id_, date, author, subject = line.split("\0", 4)
        name = ref.removeprefix("refs/heads/").removeprefix("refs/remotes/")
        key = (name.removeprefix("origin/"), id_)
        if name == "origin/HEAD" or (key in found and ref.startswith("refs/remotes/")):
            continue
        base = git.merge_base(root, main, id_)
        commits = git.logged(root, f"{base}..{id_}" if base else id_)
        people = (each for commit in commits for each in (*commit.authors, commit.committer))
        authors = tuple(dict.fromkeys(people))
        moment = f"{date[:10]} {date[11:16]}"
        found[key] = Branch(name, id_, base, subject, author, moment, authors, len(commits))
    return list(found.values())


def diff(root: Path, base: str, head: str, most: int) -> list[FileDiff]:
    """What differs in the ledger between two commits. most: the size in bytes up to which a file's text is shown."""
    asked = ("diff", "--raw", "--no-abbrev", "--relative", "--no-renames", "-z", "--no-ext-diff", base, head)
    words = iter(expect(run(root, *asked, "--", ".")).split("\0")[:-1])
    found = []
    for facts, path in zip(words, words, strict=True):
        *_, old, new, status = facts.split(" ")
        sizes = git.sizes(root, [each for each in (old, new) if each.strip("0")])
        text = ""
        if max(sizes.values(), default=0) <= most:
            options = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--relative")
            whole = expect(run(root, "diff", *options, base, head, "--", path))
            text = whole[whole.index("\n@@") + 1 :] if "\n@@" in whole else ""
        found.append(FileDiff(path, {"A": "added", "D": "removed"}.get(status[:1], "changed"), text))
    return found


def fetch(root: Path) -> str:
    """Fetch all branches of `origin`; empty, or why that failed."""
    try:
        expect(run(root, *_QUIET, "fetch", "--quiet", "--prune", "--no-auto-gc", "--", "origin", timeout=_NETWORK))
    except OutsideFault as fault:
        return _public(root, str(fault))
    return ""


def push(root: Path, commit_id: str, name: str) -> str:
    """Push a commit to a branch of `origin`, never by force; empty, or why that failed."""
    try:
        moved = git.push(root, "origin", commit_id, name)
    except OutsideFault as fault:
        return _public(root, str(fault))
    return "" if moved else f"the remote's {name} has commits that are not here"


def _public(root: Path, message: str) -> str:
    """A message of Git without the secrets of the remote's address, in one line."""
    for secret in sorted({each for each in credentials_in(git.remote_addresses(root)) if each}, key=len, reverse=True):
        message = message.replace(secret, "…")
    return " ".join(message.split())


def has_remote(root: Path) -> bool:
    """Whether the repository has a remote `origin`."""
    return git.inside_repository(root) and "origin" in git.remotes(root)


def behind(root: Path, main: str) -> int:
    """How many commits of `main` on `origin` the branch here lacks; 0 if there is no such branch."""
    here, there = (git.resolve(root, f"refs/{where}/{main}") for where in ("heads", "remotes/origin"))
    return int(expect(run(root, "rev-list", "--count", f"{here}..{there}")).strip()) if here and there else 0


def merge_of(root: Path, main: str, commit_id: str) -> git.LoggedCommit | None:
    """The merge that brought a commit to a branch; None if it was not merged, or not by a merge commit."""
    if not git.is_ancestor(root, commit_id, main):
        return None
    listed = expect(run(root, "rev-list", "--first-parent", "--merges", f"{commit_id}..{main}")).split()
    found = (each for id_ in reversed(listed) for each in git.logged(root, f"{id_}^!"))
    return next((each for each in found if commit_id in each.parents[1:]), None)


def changed(root: Path, base: str, head: str, folder: str) -> list[str]:
    """The files in a folder of the ledger that differ between two commits; all of them without a base."""
    if not base:
        return [path for path in git.tree(root, head) if path.startswith(f"{folder}/")]
    asked = ("diff", "--name-only", "--relative", "--no-renames", "--no-ext-diff", "-z", base, head, "--", folder)
    return expect(run(root, *asked)).split("\0")[:-1]
