"""Git: the one place that runs it.

Git is asked, never needed: without it, outside a repository and before the first commit there is simply nothing to
tell. What else goes wrong stops the program with what Git said.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from openchargeback.problems import OutsideFault

_TIMEOUT = 60
_FIXED = {
    "LC_ALL": "C",  # the messages that are recognised below are Git's English ones
    "LANGUAGE": "C",
    "GIT_OPTIONAL_LOCKS": "0",  # reading must not disturb a Git command that runs beside
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
}
# A hook passes these on to what it starts; they would make Git look at another repository than the ledger's.
_INHERITED = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its full id and when it was committed, in UTC (`2025-02-03T09:30:00Z`)."""

    id: str
    date: str


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int
    out: str
    error: str


def head(root: Path) -> Commit | None:
    """The commit that is checked out; None without Git, outside a repository and before the first commit."""
    if not inside_repository(root):
        return None
    known = _run(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if known is None or known.code == 1:
        return None
    commit, seconds = _expect(
        _run(root, "show", "--no-patch", "--no-show-signature", "--format=%H %ct", "HEAD")
    ).split()
    moment = dt.datetime.fromtimestamp(int(seconds), dt.UTC)
    return Commit(commit, moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def is_dirty(root: Path) -> bool:
    """Whether the ledger's folder holds anything that is not committed; ignored files do not count."""
    if not inside_repository(root):
        return False
    return bool(_expect(_run(root, "status", "--porcelain", "--untracked-files=normal", "--", ".")).strip())


def inside_repository(root: Path) -> bool:
    """Whether a folder belongs to a Git working tree; no without Git."""
    answer = _run(root, "rev-parse", "--is-inside-work-tree")
    if answer is None or (answer.code == 128 and "not a git repository" in answer.error.lower()):
        return False
    return _expect(answer).strip() == "true"


def init_repository(root: Path) -> bool:
    """Make a folder a repository with the branch `main`. False without Git, or where it belongs to a repository."""
    if inside_repository(root):
        return False
    made = _run(root, "init", "--quiet")
    if made is None:
        return False
    _expect(made)
    # Not `init --initial-branch`, which Git before 2.28 does not know.
    _expect(_run(root, "symbolic-ref", "HEAD", "refs/heads/main"))
    return True


def first_commit(root: Path, message: str) -> str:
    """Commit all of a new repository, with the user's identity and signing settings. Gives why not, empty where done.

    Nothing is committed where the folder is a part of a larger repository, or has commits already.
    """
    if not inside_repository(root):
        return "there is no Git here"
    if _expect(_run(root, "rev-parse", "--show-prefix")).strip():
        return "the folder belongs to a larger repository"
    if head(root) is not None:
        return "the repository has commits already"
    # Else Git would make up an identity from the names of the login and the computer.
    known = [
        _run(root, "-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT") for role in ("AUTHOR", "COMMITTER")
    ]
    if any(answer is None or answer.code for answer in known):
        return "Git does not know who you are"
    _expect(_run(root, "add", "--all"))
    made = _run(root, "commit", "--quiet", "--message", message)
    return "" if made and made.code == 0 else f"git commit failed: {made.error.strip() if made else ''}"


def staged(root: Path, index: str = "") -> list[str] | None:
    """What the next commit changes in the ledger: paths relative to it, sorted; None outside a repository.

    index: the index file that a commit hook was told of (GIT_INDEX_FILE), absolute; empty for the repository's own.
    """
    if not inside_repository(root):
        return None
    # Against the empty tree before the first commit; of a renamed file both names count.
    base = "HEAD" if head(root) else _expect(_run(root, "hash-object", "-t", "tree", "--stdin")).strip()
    options = ("--cached", "--name-only", "--no-renames", "--relative", "-z")
    names = _expect(_run(root, "diff-index", *options, base, "--", ".", index=index))
    return sorted(name for name in names.split("\0") if name)


def user(root: Path) -> str:
    """The e-mail address that commits are made with, empty where none is set."""
    answer = _run(root, "config", "--get", "user.email")
    # 1: no such setting.
    return "" if answer is None or answer.code == 1 else _expect(answer).strip()


def _run(root: Path, *arguments: str, index: str = "") -> _Answer | None:
    """What Git says in a folder, by another index where one is named; None where there is no Git."""
    environment = {name: value for name, value in os.environ.items() if name not in _INHERITED} | _FIXED
    if index:
        environment["GIT_INDEX_FILE"] = index
    # A repository's own settings could name a program to run as its file system monitor.
    command = ["git", "-C", str(root), "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False
        )
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired as error:
        raise OutsideFault(f"git {arguments[0]} did not answer within {_TIMEOUT} seconds") from error
    except OSError as error:
        raise OutsideFault(f"git cannot be run: {(error.strerror or str(error)).lower()}") from error
    return _Answer(done.returncode, *(text.decode("utf-8", "replace") for text in (done.stdout, done.stderr)))


def _expect(answer: _Answer | None) -> str:
    """The output of a command that had no reason to fail."""
    if answer is None or answer.code != 0:
        said = answer.error.strip() if answer else ""
        raise OutsideFault(f"git failed: {said or 'without a word'}")
    return answer.out
