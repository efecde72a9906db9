"""The Git commands to run next, ready to paste into a shell."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from openchargeback.files import git

_TOGETHER = 25
"""How many files one command names; terminals limit the length of a line."""

_SPECIAL = frozenset("*?[]\\")
"""Characters that make Git read a path as a pattern."""


def commit_lines(root: Path, loose: Mapping[str, git.Loose], message: str, here: Path) -> list[str]:
    """The commands that commit these files of the ledger, to be run in the folder `here`."""
    lines = []
    for command, wanted in (
        ("add", (git.Loose.UNTRACKED, git.Loose.MODIFIED, git.Loose.DELETED)),
        ("add --force", (git.Loose.IGNORED,)),
    ):
        paths = [path for path, why in loose.items() if why in wanted]
        groups = (paths[start : start + _TOGETHER] for start in range(0, len(paths), _TOGETHER))
        lines += [_line(root, here, command, group) for group in groups]
    return [*lines, _line(root, here, f"commit --message {shlex.quote(message)}")]


def _line(root: Path, here: Path, command: str, paths: Sequence[str] = ()) -> str:
    """A Git command with paths of the ledger relative to `here`; with -C if `here` is outside the ledger."""
    prefix = ["git"]
    if git.inside_repository(here) and git.top(here) == git.top(root):
        place, start = os.path.realpath(root), os.path.realpath(here)
        paths = [os.path.relpath(os.path.join(place, path), start) for path in paths]  # noqa: PTH118 - a link stays one
    else:
        prefix += ["-C", quoted(os.path.relpath(root, here))]
    if any(path.startswith(":") or _SPECIAL & set(path) for path in paths):
        prefix.append("--literal-pathspecs")
    end = ["--"] if any(path.startswith("-") for path in paths) else []
    return " ".join([*prefix, command, *end, *map(quoted, paths)])


def quoted(word: str) -> str:
    """A word quoted for the shell; if a terminal would not show it unchanged, in $'…' for bash, zsh and ksh."""
    if word.isprintable():
        return shlex.quote(word)
    data = os.fsencode(word)
    return (
        "$'"
        + "".join(chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}" for byte in data)
        + "'"
    )
