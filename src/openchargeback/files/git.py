"""The only module that runs Git; `branches.py` commits and merges through it.

Git is optional: without it, outside a repository and before the first commit, the functions return nothing. Any other
failure stops the program with Git's message.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import IO

from openchargeback.problems import OutsideFault

_TIMEOUT = 60
_NETWORK = 300
_LFS_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\n")
# Files whose size or time differs from the index: unlike `ls-files --modified`, it does not read them to be sure.
_DIFFERING = ("diff-files", "--name-only", "--relative", "--no-renames", "--ignore-submodules=dirty")
_UNTRACKED = ("ls-files", "--others", "--exclude-standard")
# Attributes of a path that make Git store something else than the file's bytes, besides `text`.
_CONVERTING = ("filter", "ident", "working-tree-encoding")
_LARGE = 4 << 20  # from how many bytes another process or command is worth starting
_BLOCK = 1 << 18
APPROVED_BY = "Approved-by"
"""The trailer of a merge that says who approved it."""
_ADDRESS = re.compile(r"<([^<>]+@[^<>]+)>")
_RENAMES = 1000  # up to this many new files are each compared with up to this many deleted ones
_FIXED = {
    "LC_ALL": "C",  # the messages recognized below are Git's English ones
    "LANGUAGE": "C",
    "GIT_OPTIONAL_LOCKS": "0",  # reading must not disturb a Git command that runs at the same time
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "GIT_LITERAL_PATHSPECS": "1",  # a file may be called `*.yaml`
    # A commit id must mean that commit: replacements in this clone are ignored.
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
}
# A hook passes these on to what it starts; they would point Git at a repository other than the ledger's.
_INHERITED = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    # Git does not accept these together with literal paths.
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its full id and when it was committed, in UTC (`2025-02-03T09:30:00Z`)."""

    id: str
    date: str


@dataclass(frozen=True, slots=True)
class LoggedCommit:
    """A commit as evidence: its authors and co-authors (from its message), by email, and the key that signed it.

    key: the fingerprint (`SHA256:…`) of the key of a good SSH signature, if the list of allowed signers has it; else
    empty. approvers: the email addresses of its `Approved-by` trailers.
    """

    id: str
    parents: tuple[str, ...]
    authors: tuple[str, ...]
    committer: str
    key: str
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a commit did to a file: the ids of its content in each parent (one id if there is no parent), and now.

    An id is empty if the file does not exist there. path: within the folder; for a file outside it, from the top of
    the repository with a leading slash.
    """

    path: str
    old: tuple[str, ...]
    new: str


LINK, SUBMODULE = "120000", "160000"


class Loose(enum.StrEnum):
    """Why a file in the work tree differs from the last commit."""

    UNTRACKED = "untracked"
    IGNORED = "ignored"
    MODIFIED = "modified"
    DELETED = "deleted"
    STAGED = "staged"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as Git records it: its mode (`100644`, LINK, SUBMODULE …) and the id of its content.

    The id is empty if Git was not asked for one; it then equals no other.
    """

    mode: str
    id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a Git command returned: exit code, standard output, and messages."""

    code: int
    out: str
    error: str

    @property
    def reason(self) -> str:
        """Why it failed. What follows the first `fatal:` is advice, most of it about access."""
        fatal, message = "fatal: ", self.error.strip()
        return message.splitlines()[0].removeprefix(fatal) if message.startswith(fatal) else message


def head(root: Path) -> Commit | None:
    """The commit checked out; None without Git, outside a repository and before the first commit."""
    if not inside_repository(root):
        return None
    known = run(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if known is None or known.code == 1:
        return None
    return commit_of(root, "HEAD")


def commit_of(root: Path, name: str) -> Commit:
    """The commit of a name that `resolve` accepts, with its date."""
    commit, seconds = expect(run(root, "show", "--no-patch", "--no-show-signature", "--format=%H %ct", name)).split()
    moment = dt.datetime.fromtimestamp(int(seconds), dt.UTC)
    return Commit(commit, moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def is_dirty(root: Path, paths: Iterable[str] = (".",)) -> bool:
    """Whether these paths of the ledger have uncommitted changes; ignored files do not count."""
    if not inside_repository(root):
        return False
    return bool(expect(run(root, "status", "--porcelain", "--untracked-files=normal", "--", *paths)).strip())


def changed(root: Path) -> list[str]:
    """The files of the ledger that differ from the last commit, without ignored ones, sorted."""
    status = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", ".")
    prefix = prefix_of(root)
    return sorted(_within(prefix, line[3:]) for line in expect(run(root, *status)).split("\0")[:-1])


def inside_repository(root: Path) -> bool:
    """Whether a folder belongs to a Git working tree; False without Git."""
    answer = run(root, "rev-parse", "--is-inside-work-tree")
    if answer is None or (answer.code == 128 and "not a git repository" in answer.error.lower()):
        return False
    return expect(answer).strip() == "true"


def init_repository(root: Path) -> bool:
    """Make a folder a repository with the branch `main`. False without Git, or if it is already in a repository."""
    if inside_repository(root):
        return False
    made = run(root, "init", "--quiet")
    if made is None:
        return False
    expect(made)
    # Not `init --initial-branch`, which Git before 2.28 lacks.
    expect(run(root, "symbolic-ref", "HEAD", "refs/heads/main"))
    return True


def first_commit(root: Path, message: str) -> str:
    """Commit everything in a new repository, with the user's identity and signing settings; empty, or why it was not.

    Nothing is committed if the folder is part of a larger repository or already has commits.
    """
    if not inside_repository(root):
        return "Git is not installed"
    if expect(run(root, "rev-parse", "--show-prefix")).strip():
        return "the folder belongs to a larger repository"
    if head(root) is not None:
        return "the repository already has commits"
    if not _knows_who(root):
        return "Git does not know who you are"
    expect(run(root, "add", "--all"))
    made = run(root, "commit", "--quiet", "--message", message)
    return "" if made and made.code == 0 else f"git commit failed: {made.error.strip() if made else ''}"


def _knows_who(root: Path) -> bool:
    """Whether Git knows the committer. Without settings, Git would make up a person from the login and host name."""
    known = [run(root, "-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT") for role in ("AUTHOR", "COMMITTER")]
    return all(answer is not None and not answer.code for answer in known)


def is_kept(root: Path) -> bool:
    """Whether Git tracks this folder: it is in a repository that does not ignore it entirely."""
    if not inside_repository(root):
        return False
    # Not `check-ignore`, which does not accept literal paths.
    return bool(expect(run(root, "ls-files", "--cached", "--others", "--exclude-standard", "--", ".")))


def uncommitted(root: Path, there: Iterable[str], wanted: Callable[[str], bool]) -> dict[str, Loose]:
    """The files of the ledger whose work tree differs from the last commit, sorted by path.

    there: the existing files, including ignored ones. wanted: which committed and staged paths count.
    """
    tip = resolve(root, "HEAD")
    last = tree(root, tip) if tip else {}
    staged_ = index_tree(root)
    lying = work_tree(root)
    found = {}
    for path in sorted({*there, *filter(wanted, last), *filter(wanted, staged_), *filter(wanted, lying)}):
        now = lying.get(path)
        if now is None and os.path.lexists(root / path):
            found[path] = Loose.IGNORED
        elif now is not None and path not in staged_:
            found[path] = Loose.UNTRACKED
        elif not _same(now, staged_.get(path)):
            found[path] = Loose.MODIFIED if now else Loose.DELETED
        elif not _same(now, last.get(path)):
            found[path] = Loose.STAGED
    return found


def _same(one: Entry | None, other: Entry | None) -> bool:
    """Whether two entries have the same content; the executable bit does not count."""
    if one is None or other is None:
        return one is other
    return one.id == other.id != "" and one.mode[:3] == other.mode[:3]


def cannot_commit(root: Path) -> str:
    """Why individual files cannot be committed now; empty if they can."""
    if not _knows_who(root):
        return "Git does not know who you are: set user.name and user.email with `git config`"
    for name, what in (("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REBASE_HEAD", "rebase")):
        if resolve(root, name):
            return f"a {what} is in progress; finish or abort it first"
    return ""


def commit_files(root: Path, loose: Mapping[str, Loose], message: str) -> str:
    """Commit these files as they are in the work tree, and nothing else that is staged; returns the id.

    Raises OutsideFault with Git's message, such as that a hook failed.
    """
    listed = ("--pathspec-from-file=-", "--pathspec-file-nul")
    # Without a time limit: files may be large, hooks may be slow, and a signing key may wait for its owner.
    to_add = [path for path, why in loose.items() if why is not Loose.STAGED]
    if to_add:
        expect(run(root, "add", "--force", *listed, text="\0".join(to_add), timeout=None))
    made = ("commit", "--quiet", "--only", "--message", message, *listed)
    expect(run(root, *made, text="\0".join(loose), timeout=None))
    return resolve(root, "HEAD")


def digests_of(root: Path, path: str) -> set[str]:
    """SHA-256 of every content that a path has had in any branch; for Git LFS pointers, of the actual file."""
    place = f"{prefix_of(root)}{path}"
    listed = expect(run(top(root), "rev-list", "--all", "--full-history", "--objects", "--", place)).splitlines()
    found = set()
    with _conversation(root, "cat-file", "--batch") as (ask, answer):
        for id_ in dict.fromkeys(line[: -len(place) - 1] for line in listed if line.endswith(f" {place}")):
            digest = hashlib.sha256()
            left, start = _asked(ask, answer, id_), b""
            while left and (piece := answer.read(min(left, 1 << 20))):
                digest.update(piece)
                left, start = left - len(piece), start or piece
            answer.read(1)
            pointer = _LFS_POINTER.match(start)
            found.add(pointer[1].decode() if pointer else digest.hexdigest())
    return found


def staged(root: Path, index: str = "") -> list[str] | None:
    """What the next commit changes in the ledger: paths relative to it, sorted; None outside a repository.

    index: the index file given to a commit hook (GIT_INDEX_FILE), absolute; empty for the repository's own.
    """
    if not inside_repository(root):
        return None
    # Against the empty tree before the first commit; for a renamed file, both names count.
    base = "HEAD" if head(root) else expect(run(root, "hash-object", "-t", "tree", "--stdin")).strip()
    compare = ["diff-index", "--cached", "--name-only", "--no-renames", "--relative", "-z", base, "--", "."]
    names = expect(run(root, *compare, index=index))
    return sorted(name for name in names.split("\0") if name)


def lies_otherwise(root: Path, paths: Iterable[str], index: str = "") -> bool:
    """Whether the folder differs from the index at these paths, or has files there that are not staged at all.

    index: as for `staged`.
    """
    wanted = list(paths)
    changed = expect(run(root, "diff", "--name-only", "--no-ext-diff", "--", *wanted, index=index))
    return bool(changed or expect(run(root, "ls-files", "--others", "--exclude-standard", "--", *wanted, index=index)))


def index_tree(root: Path, index: str = "") -> dict[str, Entry]:
    """Every staged file below this folder, by its path within the folder. index: as for `staged`."""
    entries = {}
    for line in expect(run(root, "ls-files", "--stage", "-z", index=index)).split("\0")[:-1]:
        facts, path = line.split("\t", 1)
        mode, id_, _ = facts.split(" ")
        entries[path] = Entry(mode, id_)
    return entries


def untracked(root: Path) -> frozenset[str]:
    """Every untracked file below this folder that `git add --all` would add."""
    return frozenset(expect(run(root, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")).split("\0")[:-1])


def user(root: Path) -> str:
    """The email address used for commits; empty if none is set."""
    answer = run(root, "config", "--get", "user.email")
    # 1: no such setting.
    return "" if answer is None or answer.code == 1 else expect(answer).strip()


def remote_addresses(root: Path) -> str:
    """The settings that name other repositories, as Git lists them; they may contain users and passwords."""
    answer = run(root, "config", "--get-regexp", r"^(remote|url)\.")
    # 1: no such setting.
    return "" if answer is None or answer.code == 1 else expect(answer)


def branch(root: Path) -> str:
    """The branch checked out; empty for a detached HEAD."""
    answer = run(root, "symbolic-ref", "--quiet", "--short", "HEAD")
    return "" if answer is None or answer.code == 1 else expect(answer).strip()


def remotes(root: Path) -> list[str]:
    """The names of the remotes, such as `origin`."""
    return expect(run(root, "remote")).split("\n")[:-1]


def branches(root: Path) -> list[str]:
    """The short names of all branches, remote ones (`origin/main`) last."""
    listed = expect(run(root, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes")).splitlines()
    return [name.split("/", 2)[2] for name in listed if not name.endswith("/HEAD")]


def default_branch(root: Path) -> str:
    """The default branch of the remote `origin`, such as `origin/main`; empty if unknown here."""
    answer = run(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    return answer.out.strip() if answer is not None and answer.code == 0 else ""


def resolve(root: Path, name: str) -> str:
    """The full id of the commit that a branch, tag or id refers to; empty if there is none of that name."""
    if name.startswith("-"):  # Git would mistake it for an option.
        return ""
    answer = run(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return answer.out.strip() if answer is not None and answer.code == 0 else ""


def merge_base(root: Path, one: str, other: str) -> str:
    """The last common ancestor of two commits, by their ids; empty if they have none."""
    return next(iter(merge_bases(root, one, other)), "")


def merge_bases(root: Path, one: str, other: str) -> list[str]:
    """The last common ancestors of two commits: several if branches were merged into each other."""
    answer = run(root, "merge-base", "--all", one, other)
    return [] if answer is not None and answer.code == 1 else expect(answer).split()


def is_ancestor(root: Path, commit: str, of: str) -> bool:
    """Whether a commit equals another or is part of its history, by their ids."""
    answer = run(root, "merge-base", "--is-ancestor", commit, of)
    return answer is not None and answer.code == 0


def commits_on(root: Path, paths: Iterable[str], most: int, *, first_parent: bool = False) -> list[str]:
    """The ids of the last commits that changed any of these paths (relative to the folder), the latest first.

    first_parent: only along the first parents, so that a merge represents everything it brought in.
    """
    along = ["--first-parent"] if first_parent else []
    return expect(run(root, "rev-list", f"--max-count={most}", *along, "HEAD", "--", *paths)).split()


def last_change(root: Path, at: str, path: str) -> str:
    """The id of the last commit, starting at a given one, that changed a path; empty if none did."""
    return expect(run(root, "rev-list", "--max-count=1", at, "--", path)).strip()


def integrations(root: Path, tip: str, path: str) -> list[str]:
    """The commits along the first parents of a tip that changed a path, the latest first."""
    return expect(run(root, "rev-list", "--first-parent", tip, "--", path)).split()


def content_id(root: Path, commit: str, path: str) -> str:
    """The content id of a path (within the folder) in a commit; empty if it does not exist there."""
    answer = run(root, "rev-parse", "--verify", "--quiet", f"{commit}:./{path}")
    return answer.out.strip() if answer is not None and answer.code == 0 else ""


def content_id_of_file(root: Path, path: str) -> str:
    """The content id that the file would have if committed as it is; empty if there is no file."""
    return content_ids_of_files(root, [path])[path]


def content_ids_of_files(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """By path, the content id that each file would have if committed as it is; empty if there is no file."""
    listed = list(paths)
    there = [path for path in listed if (root / path).is_file()]
    return dict.fromkeys(listed, "") | dict(zip(there, _ids(root, there), strict=True))


def logged(root: Path, commits: str, signers: Path | None = None) -> list[LoggedCommit]:
    """The commits of a range (such as `a..b`), or of all history up to a commit, the latest first.

    signers: a file of allowed signers (ssh-keygen(1)) to check SSH signatures against; without it no one is a signer.
    """
    return [_logged(line) for line in _log(root, commits, "--", signers=signers).split("\0") if line]


def changes(root: Path, commits: str, *, first_parent: bool = False) -> Iterator[tuple[LoggedCommit, list[FileChange]]]:
    """Every commit of a range, or of all history up to a commit, parents last, with the files that it changed.

    A renamed file counts as a deleted one and a new one. For a merge, these are the files that differ from every
    parent. first_parent: only along the first parents, and what differs from those.
    """
    prefix = prefix_of(root)
    along = ("--first-parent", "-m") if first_parent else ("-c",)
    # Commit, then a fact and a path for each file.
    words = iter(
        _log(top(root), *along, "--topo-order", "--raw", "--no-abbrev", "--no-renames", commits, "--").split("\0")
    )
    commit, found = None, list[FileChange]()
    for word in words:
        text = word.lstrip("\n")
        if text.startswith(":"):
            found.append(_file_change(text, next(words), prefix))
        elif text:
            if commit:
                yield commit, found
            commit, found = _logged(text), []
    if commit:
        yield commit, found


def _file_change(facts: str, path: str, prefix: str) -> FileChange:
    # A colon, a mode and an id for each parent; then a mode and an id for the current content.
    parents = len(facts) - len(facts.lstrip(":"))
    *old, new = ("" if not id_.strip("0") else id_ for id_ in facts.split(" ")[parents + 1 : 2 * parents + 2])
    return FileChange(_within(prefix, path), tuple(old), new)


def _within(prefix: str, path: str) -> str:
    return path[len(prefix) :] if path.startswith(prefix) else f"/{path}"


def renames(root: Path, commit: str) -> dict[str, str]:
    """New name → old name of the files that a commit renamed, as Git recognizes them; paths as in FileChange.

    If very many files changed at the same time, only those whose content is unchanged.
    """
    options = ("--root", "--no-commit-id", "-r", "-z", "-M", f"-l{_RENAMES}", "--diff-filter=R", "--name-status")
    # A score, the old name, the new one.
    words = expect(run(top(root), "diff-tree", *options, commit, "--")).split("\0")
    prefix = prefix_of(root)
    return {_within(prefix, new): _within(prefix, old) for old, new in zip(words[1::3], words[2::3], strict=True)}


def _log(root: Path, *arguments: str, signers: Path | None = None) -> str:
    """The output of `git log`, in the fields that `_logged` reads."""
    # Programs and files that the machine's own settings name must not decide who signed.
    settings = ["-c", "gpg.program=false", "-c", "gpg.x509.program=false", "-c", "gpg.ssh.program=ssh-keygen"]
    settings += ["-c", f"gpg.ssh.allowedSignersFile={signers or os.devnull}", "-c", "log.showRoot=true"]
    # One line each: neither addresses nor names of signers can contain a line feed.
    signature = "%G?%n%GF" if signers else "N%n"
    approved, helped = (
        f"%(trailers:key={key},valueonly,unfold,separator=%x2c)" for key in (APPROVED_BY, "Co-authored-by")
    )
    fields = f"%H%n%P%n%ae%n%ce%n{signature}%n{approved}%n{helped}"
    # A mailmap could turn one person into another.
    command = ("log", "--no-use-mailmap", "-z", "--no-show-signature", f"--format={fields}")
    return expect(run(root, *settings, *command, *arguments))


def _logged(line: str) -> LoggedCommit:
    id_, parents, author, committer, status, key, approved, helpers = line.split("\n", 7)
    approvers, authors = (_ADDRESS.findall(each) for each in (approved, helpers))
    good = status == "G" and key.startswith("SHA256:")
    return LoggedCommit(
        id_,
        tuple(parents.split()),
        tuple(dict.fromkeys(each.strip().casefold() for each in (author, *authors))),
        committer.strip().casefold(),
        key if good else "",
        tuple(each.strip().casefold() for each in approvers),
    )


def root_commits(root: Path, path: str) -> list[str]:
    """The commits of all history that have a path which none of their parents has; the latest first."""
    ids = expect(run(root, "rev-list", "--full-history", "HEAD", "--", path)).split()
    commits = [commit for id_ in ids for commit in logged(root, f"{id_}^!")]
    return [
        each.id
        for each in commits
        if content_id(root, each.id, path) and not any(content_id(root, parent, path) for parent in each.parents)
    ]


def is_shallow(root: Path) -> bool:
    """Whether older commits were left out when the repository was cloned."""
    return expect(run(root, "rev-parse", "--is-shallow-repository")).strip() == "true"


def fetch_branch(root: Path, remote: str, name: str) -> str:
    """Fetch a branch of a remote: its last commit; empty if the remote has no such branch. No branch here changes.

    Raises OutsideFault if the remote cannot be read.
    """
    listed = expect(run(root, "ls-remote", "--heads", "--", remote, f"refs/heads/{name}", timeout=_NETWORK)).split()
    if not listed:
        return ""
    expect(run(root, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, listed[0], timeout=_NETWORK))
    return listed[0]


def file_at(root: Path, commit: str, path: str) -> bytes | None:
    """The content of a file of the ledger in a commit, for small files; None if it is not there."""
    entry = tree(root, commit).get(path)
    return read_blob(root, entry.id) if entry else None


def commit_file(root: Path, parent: str, path: str, data: bytes, message: str) -> str:
    """Make a commit that is its parent with one file of the ledger changed; neither branch nor work tree change.

    Returns its id. Git must know who commits.
    """
    with tempfile.TemporaryDirectory() as folder:
        index = str(Path(folder, "index"))
        expect(run(root, "read-tree", parent, index=index))
        blob = expect(run(root, "hash-object", "-w", "--stdin", text=data.decode())).strip()
        expect(run(root, "update-index", "--add", "--cacheinfo", f"100644,{blob},{prefix_of(root)}{path}", index=index))
        made = expect(run(root, "write-tree", index=index)).strip()
    return expect(run(root, "commit-tree", made, "-p", parent, "-m", message)).strip()


def push(root: Path, remote: str, commit: str, name: str) -> bool:
    """Push a commit to a branch of a remote, never by force; False if the branch has commits that this one lacks.

    Raises OutsideFault for any other failure.
    """
    answer = run(root, "push", "--porcelain", "--", remote, f"{commit}:refs/heads/{name}", timeout=_NETWORK)
    # Only the lines of the branches start like this; `remote rejected` is a hook or a protected branch.
    if answer is not None and answer.code and re.search(r"^!\t.*\[rejected\]", answer.out, re.MULTILINE):
        return False
    expect(answer)
    return True


def tree(root: Path, commit: str) -> dict[str, Entry]:
    """Every file below this folder in a commit, by its path within the folder; empty if it did not exist yet."""
    prefix = prefix_of(root).rstrip("/")
    place = f"{commit}:{prefix}" if prefix else commit
    kind = run(root, "cat-file", "-t", place)
    if kind is None or kind.code != 0 or kind.out.strip() not in ("tree", "commit"):
        return {}
    return _listed(expect(run(root, "ls-tree", "-r", "-z", "--full-tree", place)))


def last_committed(root: Path, folder: str) -> dict[str, Entry]:
    """Every file of the last commit in a folder within this one, by its path within the latter.

    Empty without Git, before the first commit, and in a repository that Git refuses to read.
    """
    answer = run(root, "ls-tree", "-r", "-z", "HEAD", "--", folder)
    return _listed(answer.out) if answer is not None and answer.code == 0 else {}


def _listed(answer: str) -> dict[str, Entry]:
    """The files that `ls-tree -z` lists, by path."""
    entries = {}
    for line in answer.split("\0")[:-1]:
        facts, path = line.split("\t", 1)
        mode, _, id_ = facts.split(" ")
        entries[path] = Entry(mode, id_)
    return entries


def work_tree(root: Path) -> dict[str, Entry]:
    """Every file below this folder in the work tree, tracked or not, by its path within the folder.

    Ignored files are left out. Only files are read that differ from the index or that Git does not check
    (assume-unchanged, skip-worktree). Of the latter, absent ones, as in a sparse checkout, count as committed.
    """
    entries: dict[str, Entry] = {}
    fresh: set[str] = set()
    for line in expect(run(root, "ls-files", "-v", "--stage", "-z", "--", ".")).split("\0")[:-1]:
        facts, path = line.split("\t", 1)
        tag, mode, id_, stage = facts.split(" ")
        entries[path] = Entry(mode, id_)
        skipped = tag in ("S", "s")  # lower case: assume-unchanged
        # In the middle of a merge, the stage is not 0.
        if stage != "0" or (os.path.lexists(root / path) if skipped else tag.islower()):
            fresh.add(path)
    for command in (_DIFFERING, _UNTRACKED):
        fresh.update(expect(run(root, *command, "-z", "--", ".")).split("\0")[:-1])
    plain = []
    for path in sorted(fresh):
        mode = "" if _is_behind_a_link(root, path) else _mode(root / path)
        entries.pop(path, None)
        if mode:
            entries[path.rstrip("/")] = Entry(mode, "")
        if mode.startswith("100"):
            plain.append(path)
    for path, id_ in zip(plain, _ids(root, plain), strict=True):
        entries[path] = Entry(entries[path].mode, id_)
    return entries


def write_blobs(root: Path, wanted: Iterable[tuple[str, Path]]) -> None:
    """Write contents, by their ids, to new files, unfiltered and in pieces.

    Raises OutsideFault if an object is not in the repository, as in a partial clone.
    """
    listed = list(wanted)
    size_of = sizes(root, (id_ for id_, _ in listed))
    with _conversation(root, "cat-file", "--batch") as (ask, answer):
        for id_, target in listed:
            with target.open("xb") as file:
                if size_of[id_] >= _LARGE:
                    _write_blob(root, id_, file)
                    continue
                _copy(answer, file, _asked(ask, answer, id_))
                answer.read(1)


def sizes(root: Path, ids: Iterable[str]) -> dict[str, int]:
    """The sizes of contents, by their ids."""
    with _conversation(root, "cat-file", "--batch-check") as (ask, answer):
        return {id_: _asked(ask, answer, id_) for id_ in ids}


def _write_blob(root: Path, id_: str, file: IO[bytes]) -> None:
    """Have Git write a content to a file itself, which takes less time than through this process."""
    command = _command(root, ("cat-file", "blob", id_))
    if subprocess.run(command, env=_environment(), stdout=file, stderr=subprocess.DEVNULL, check=False).returncode:
        raise OutsideFault("git stopped in the middle of a file")


def read_blob(root: Path, id_: str) -> bytes:
    """A content by its id; for small files."""
    return read_blobs(root, [id_])[0]


def read_blobs(root: Path, ids: Iterable[str]) -> list[bytes]:
    """Contents by their ids, in that order; for small files."""
    contents: list[bytes] = []
    wanted = list(ids)
    if not wanted:
        return contents
    with _conversation(root, "cat-file", "--batch") as (ask, answer):
        for id_ in wanted:
            contents.append(answer.read(_asked(ask, answer, id_)))
            answer.read(1)
    return contents


def _asked(ask: IO[bytes], answer: IO[bytes], id_: str) -> int:
    ask.write(id_.encode() + b"\n")
    ask.flush()
    head = answer.readline().split()
    if len(head) != 3 or head[1] != b"blob":
        raise OutsideFault(f"git has no object {id_}; fetch the full history (`fetch-depth: 0` in a workflow)")
    return int(head[2])


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
    while size:
        piece = source.read(min(size, 1 << 20))
        if not piece:
            raise OutsideFault("git stopped in the middle of a file")
        target.write(piece)
        size -= len(piece)


def _is_behind_a_link(root: Path, path: str) -> bool:
    """Whether a folder of a path is a link, so that Git considers the path deleted."""
    return any((root / folder).is_symlink() for folder in PurePosixPath(path).parents[:-1])


def _mode(path: Path) -> str:
    """The mode Git would record; empty if nothing exists. A folder that Git lists is a repository of its own."""
    try:
        found = path.lstat()
    except OSError:
        return ""
    if stat.S_ISLNK(found.st_mode):
        return LINK
    if stat.S_ISDIR(found.st_mode):
        return SUBMODULE
    return ("100755" if found.st_mode & 0o100 else "100644") if stat.S_ISREG(found.st_mode) else ""


def _ids(root: Path, paths: list[str]) -> list[str]:
    """The ids that `git add` would give these files."""
    prefix = prefix_of(root)
    # Git reads one path per line and unquotes those in quotation marks.
    wanted = [path for path in paths if "\n" not in path and not (prefix + path).startswith('"')]
    found = _ids_of_large(root, [path for path in wanted if (root / path).stat().st_size >= _LARGE])
    asked = [path for path in wanted if path not in found]
    if asked:
        text = "".join(f"{prefix}{path}\n" for path in asked)
        ids = expect(run(top(root), "hash-object", "--stdin-paths", text=text)).split()
        found |= zip(asked, ids, strict=True)
    return [found.get(path, "") for path in paths]


def _ids_of_large(root: Path, paths: list[str]) -> dict[str, str]:
    """The ids of those of these files that Git would store as they are, by path.

    Git takes three times as long, since it looks for attacks on SHA-1. What it stores still has the id that it gives.
    """
    if not paths:
        return {}
    kind = expect(run(root, "rev-parse", "--show-object-format")).strip()
    asked = ("check-attr", "-z", "--stdin", *_CONVERTING, "text")
    words = iter(expect(run(root, *asked, text="\0".join(paths))).split("\0")[:-1])
    values: dict[str, dict[str, str]] = {}
    for path, attribute, value in zip(words, words, words, strict=True):
        values.setdefault(path, {})[attribute] = value
    found: dict[str, str] = {}
    for path in paths:
        given = values[path]
        if all(given[name] in ("unspecified", "unset") for name in _CONVERTING):
            id_ = _id_as_it_is(root / path, kind, has_text=given["text"] != "unset")
            found |= {path: id_} if id_ else {}
    return found


def _id_as_it_is(path: Path, kind: str, *, has_text: bool) -> str:
    """The id of a file if it is stored unchanged. kind: the hash function. has_text: its line ends may be converted.

    Empty if they would be, or if the file is written to at the same time.
    """
    left = path.stat().st_size
    digest = hashlib.new(kind, b"blob %d\0" % left, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if has_text and b"\r" in block:
                return ""
            digest.update(block)
            left -= len(block)
    return "" if left else digest.hexdigest()


def top(root: Path) -> Path:
    """The top folder of the repository that contains a folder."""
    return Path(expect(run(root, "rev-parse", "--show-toplevel")).rstrip("\n"))


def prefix_of(root: Path) -> str:
    """The path of the folder in its repository, such as `billing/ledger/`; empty for the top."""
    return expect(run(root, "rev-parse", "--show-prefix")).rstrip("\n")


@contextmanager
def _conversation(root: Path, *arguments: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A Git command that answers line by line, as its input and output."""
    with subprocess.Popen(
        _command(root, arguments),
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        if process.stdin is None or process.stdout is None:  # both were requested above
            raise OutsideFault("git cannot be run")
        try:
            yield process.stdin, process.stdout
        except BrokenPipeError as error:
            raise OutsideFault("git stopped unexpectedly") from error
        finally:
            process.kill()


def _command(root: Path, arguments: Iterable[str]) -> list[str]:
    # A repository's own settings could name a program to run as its file system monitor. Git warns that grafts are
    # deprecated in every answer, even for an empty file.
    settings = ("core.fsmonitor=false", "advice.graftFileDeprecated=false")
    return ["git", "-C", str(root), *(word for setting in settings for word in ("-c", setting)), *arguments]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _INHERITED} | _FIXED


def run(
    root: Path,
    *arguments: str,
    text: str = "",
    index: str = "",
    timeout: float | None = _TIMEOUT,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Answer | None:
    """Git's answer in a folder, given its input and, if named, another index; None without Git.

    Paths may contain any bytes. timeout: in seconds. variables: of the environment, such as who commits.
    """
    environment = _environment() | dict(variables)
    if index:
        environment["GIT_INDEX_FILE"] = index
    try:
        done = subprocess.run(
            _command(root, arguments),
            env=environment,
            input=os.fsencode(text),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired as error:
        raise OutsideFault(f"git {arguments[0]} did not answer within {timeout} seconds") from error
    except OSError as error:
        raise OutsideFault(f"git cannot be run: {(error.strerror or str(error)).lower()}") from error
    return Answer(done.returncode, os.fsdecode(done.stdout), done.stderr.decode("utf-8", "replace"))


def expect(answer: Answer | None) -> str:
    """The output of a command that should not fail."""
    if answer is None or answer.code != 0:
        message = answer.reason if answer else ""
        raise OutsideFault(f"git failed{f': {message}' if message else ' without an error message'}")
    return answer.out


def reference_places(root: Path) -> tuple[Path, ...]:
    """The files and folders in which Git keeps its references: they change when a branch does. Empty without Git."""
    answer = run(root, "rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir")
    if answer is None or answer.code:
        return ()
    own, common = (Path(line) for line in answer.out.splitlines())
    return (own / "HEAD", common / "packed-refs", common / "refs" / "heads", common / "refs" / "remotes")
