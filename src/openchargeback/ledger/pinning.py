"""Pin the program that CI and colleagues install for a ledger: in `requirements.lock`, and nowhere else.

The lock pins everything from a package index by digest. pip cannot verify a Git repository by digest, so a program from
a repository is pinned by commit, in the command at the top of the lock that installs it; the workflows read it there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from openchargeback.ledger.files import LOCK_FILE
from openchargeback.ledger.installed import Program
from openchargeback.ledger.shipped import shipped_lock

OFF = ".disabled"
"""Suffix of a workflow that is switched off. Forges ignore such a file, and a required check that never runs blocks a
pull request from being merged, while a skipped one would not."""

_FROM_LOCK = f"pip install --require-hashes --no-deps -r {LOCK_FILE}"
_FROM_GIT = "pip install --no-deps --no-index --no-build-isolation"
_GIT_COMMAND = re.compile(rf"^# .*{re.escape(_FROM_GIT)} '(?P<program>git\+[^'\n]*)'$", re.MULTILINE)
_REQUIREMENT = re.compile(r"^openchargeback==(?P<version>[^\s\\;]+)", re.MULTILINE)
_WORKFLOWS = (".github/workflows", ".forgejo/workflows")


def lock_text(program: Program) -> str:
    """The ledger's lock: the program, if it comes from a package index, and all its dependencies."""
    head = [
        "# The program that this ledger is billed with, and its dependencies, pinned.",
        "# Updated by `focus-billing init --upgrade .`. To install, in a virtual environment:",
        f"#   python -m {_FROM_LOCK}",
        *([f"#   python -m {_FROM_GIT} '{program.repository}'"] if program.repository else []),
        "",
        "# Only wheels: to build anything else, pip would fetch unpinned tools.",
        "--only-binary :all:",
        "",
        *([program.requirement.replace(" --hash", " \\\n    --hash")] if program.requirement else []),
    ]
    pins = shipped_lock().read_text(encoding="utf-8").splitlines()
    return "\n".join([*head, *(line for line in pins if not line.strip().startswith("#"))]) + "\n"


def installs(workflow: str) -> bool:
    """Whether a file is a workflow that installs the program from the lock."""
    return _FROM_LOCK in workflow


def pins(root: Path, program: Program) -> dict[str, bytes | None]:
    """Changes that update a ledger's lock to this program and switch its workflows on: new bytes by path, None for a
    file to remove. program: must be pinnable. Raises OSError.
    """
    changed: dict[str, bytes | None] = {}
    lock = lock_text(program).encode()
    if not (root / LOCK_FILE).is_file() or (root / LOCK_FILE).read_bytes() != lock:
        changed[LOCK_FILE] = lock
    for path in sorted(_switched_off(root)):
        data = path.read_bytes()
        if installs(data.decode("utf-8", "replace")):
            changed[path.with_name(path.name.removesuffix(OFF)).relative_to(root).as_posix()] = data
            changed[path.relative_to(root).as_posix()] = None
    return changed


def named_program(lock: str) -> str:
    """The program that a lock names: `0.1.0`, or `git+URL@COMMIT`; empty if it names none."""
    from_git, from_index = _GIT_COMMAND.search(lock), _REQUIREMENT.search(lock)
    return from_git["program"] if from_git else from_index["version"] if from_index else ""


def _switched_off(root: Path) -> Iterator[Path]:
    if (named := root / f".gitlab-ci.yml{OFF}").is_file():
        yield named
    for folder in _WORKFLOWS:
        for end in (f".yml{OFF}", f".yaml{OFF}"):
            yield from (root / folder).glob(f"*{end}")
