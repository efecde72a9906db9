"""Which symbolic links in a ledger may be followed.

Links are committed like files, so a pull request can bring one. A link is judged by the file it finally reaches, which
must be a regular file of the ledger. Otherwise uncommitted files (secrets, the cache, other ignored files) and Git's
own files could be published under the name of the link. Hard links cannot be committed, so they are not checked.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from openchargeback.files import git
from openchargeback.ledger.config import LOCAL_FILE_NAME
from openchargeback.problems import Problem

CACHE = ".openchargeback"

_MOST_HOPS = 40  # as Linux
_FIX = "replace the link with the file itself, or remove it"


def private(relative: str) -> str:
    """A description of a path that no link may lead to, such as `the cache`; empty for any other path."""
    # Some file systems ignore case.
    parts = PurePosixPath(relative.casefold()).parts
    if ".git" in parts:
        return "part of Git's own data"
    if CACHE in parts[:1]:
        return "the cache"
    return "the file with the secrets" if parts in ((LOCAL_FILE_NAME,), ("config.local.yml",)) else ""


def first_link(root: Path, relative: str) -> str:
    """The first part of a path within the ledger that is a symbolic link, as a path; empty if there is none."""
    parts = PurePosixPath(relative).parts
    ways = (PurePosixPath(*parts[:depth]).as_posix() for depth in range(1, len(parts) + 1))
    return next((way for way in ways if (root / way).is_symlink()), "")


def link_faults(root: Path, links: Iterable[str]) -> dict[str, Problem]:
    """The links among these that may not be followed, each with the reason. Calls Git once for all."""
    faults: dict[str, Problem] = {}
    reached: dict[str, str] = {}
    top = os.path.realpath(root)
    secrets = os.path.realpath(root / LOCAL_FILE_NAME)
    for link in sorted(set(links)):
        # Not Path.resolve(), which fails on a link to itself before Python 3.13.
        place = os.path.realpath(root / link)
        inside = Path(place).is_relative_to(top)
        why = _unfit(root / link) if inside else ""
        target = Path(place).relative_to(top).as_posix() if inside else ""
        if not inside:
            faults[link] = outside_ledger(link, _text(root / link))
        elif what := private(target) or (link != LOCAL_FILE_NAME and place == secrets and private(LOCAL_FILE_NAME)):
            faults[link] = bad_link(link, _text(root / link), f"which is {what} and is never published")
        elif why:
            faults[link] = bad_link(link, _text(root / link), why)
        else:
            reached[link] = target
    if reached and git.is_kept(root):
        tracked = git.index_tree(root)
        # An uncommitted link may lead to a file that will be committed with it.
        fresh = git.untracked(root) if any(link not in tracked for link in reached) else frozenset()
        for link, target in reached.items():
            if target not in tracked and not (link in fresh and target in fresh):
                why = "which Git does not track, so it is not part of the ledger"
                faults[link] = bad_link(link, _text(root / link), why)
    return faults


def bad_link(link: str, text: str, why: str) -> Problem:
    """The problem of a link that may not be followed. text: its target as written."""
    return Problem(link, "bad-link", f"is a link to {_shown(text)}, {why}", _FIX)


def outside_ledger(link: str, text: str) -> Problem:
    """The problem of a link that leads out of the ledger."""
    return Problem(link, "outside-ledger", f"is a link to {_shown(text)}, which leads out of the ledger", _FIX)


def reached_in(link: str, links: Mapping[str, str]) -> str:
    """The path within a commit that one of its links leads to after following all links.

    `..` if it leads out of the ledger, and the link itself if it is circular. links: the target of each link of the
    commit, by its path.
    """
    rest, done, hops = [*reversed(link.split("/"))], list[str](), 0
    while rest:
        part = rest.pop()
        if part == "..":
            if not done:
                return ".."
            done.pop()
        elif part not in ("", "."):
            done.append(part)
            text = links.get("/".join(done))
            if text is not None:
                hops += 1
                if hops > _MOST_HOPS:
                    return link
                if text.startswith("/"):
                    return ".."
                done.pop()
                rest.extend(reversed(text.split("/")))
    return "/".join(done)


def _unfit(path: Path) -> str:
    """Why the target of a link is not a regular file; empty if it is one."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "which leads back to itself"
        return f"which cannot be reached: {(error.strerror or str(error)).lower()}"
    if stat.S_ISREG(mode):
        return ""
    return "which is a folder, whose files would not be read" if stat.S_ISDIR(mode) else "which is a device or pipe"


def _text(path: Path) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - readlink() of a Path drops a trailing slash
    except OSError:
        return "another target"


def _shown(text: str) -> str:
    return text[:200] if text.isprintable() else ascii(text)[:200]
