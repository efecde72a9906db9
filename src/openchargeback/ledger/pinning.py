"""Pin the program that CI and colleagues install for a ledger: `requirements.lock`, and the workflows' install step.

The lock pins everything from a package index by digest. pip cannot verify a Git repository by digest, so a program from
a repository is pinned by commit, in each workflow and at the top of the lock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from openchargeback.ledger.files import LOCK_FILE
from openchargeback.ledger.installed import Program
from openchargeback.ledger.shipped import shipped_lock

OFF = ".disabled"
"""Suffix of a workflow that is switched off. Forges ignore such a file, and a required check that never runs blocks a
pull request from being merged, while a skipped one would not."""

PLACEHOLDER = "git+URL@COMMIT"
"""Placeholder for the program in a workflow that is switched off."""

_FROM_LOCK = f"pip install --require-hashes --no-deps -r {LOCK_FILE}"
_FROM_GIT = "pip install --no-deps --no-index --no-build-isolation"
_LOCK_STEP = re.compile(rf"^(?P<before>.*){re.escape(_FROM_LOCK)}\n", re.MULTILINE)
_GIT_STEP = re.compile(rf"^.*{re.escape(_FROM_GIT)} '(?P<program>[^'\n]*)'\n", re.MULTILINE)
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


def pinned(workflow: str, program: Program) -> str:
    """A workflow whose install step installs this program; unchanged if it has no install step."""
    wanted = "" if program.requirement else program.repository or PLACEHOLDER
    cleared = _GIT_STEP.sub("", workflow)
    return _LOCK_STEP.sub(
        lambda step: step[0] + (f"{step['before']}{_FROM_GIT} '{wanted}'\n" if wanted else ""), cleared
    )


def installs(workflow: str) -> bool:
    """Whether a file is a workflow that installs the program from the lock."""
    return bool(_LOCK_STEP.search(workflow))


def pins(root: Path, program: Program) -> dict[str, bytes | None]:
    """Changes that update a ledger's lock and workflows to this program and switch the workflows on: new bytes by path,
    None for a file to remove. program: must be pinnable. Raises OSError.
    """
    changed: dict[str, bytes | None] = {}
    lock = lock_text(program).encode()
    if not (root / LOCK_FILE).is_file() or (root / LOCK_FILE).read_bytes() != lock:
        changed[LOCK_FILE] = lock
    for path in sorted(_workflow_files(root)):
        old = path.read_bytes().decode("utf-8", "surrogateescape")
        on = path.with_name(path.name.removesuffix(OFF))
        new = pinned(old, program)
        if not installs(old) or (new == old and on == path):
            continue
        changed[on.relative_to(root).as_posix()] = new.encode("utf-8", "surrogateescape")
        if on != path:
            changed[path.relative_to(root).as_posix()] = None
    return changed


def named_programs(texts: Mapping[str, str]) -> tuple[str, ...]:
    """The distinct program versions that lock and workflows name: `0.1.0`, or `git+URL@COMMIT`.

    texts: by path, the files selected by `may_name_program`.
    """
    found = [match["version"] for match in _REQUIREMENT.finditer(texts.get(LOCK_FILE, ""))]
    for _, text in sorted(texts.items()):
        found += [match["program"] for match in _GIT_STEP.finditer(text)]
    return tuple(dict.fromkeys(found))


def may_name_program(path: str) -> bool:
    """Whether a path in a ledger is the lock or a workflow that is switched on."""
    return path in (LOCK_FILE, ".gitlab-ci.yml") or (
        path.rpartition("/")[0] in _WORKFLOWS and path.endswith((".yml", ".yaml"))
    )


def _workflow_files(root: Path) -> Iterator[Path]:
    named: Iterable[Path] = (root / f".gitlab-ci.yml{end}" for end in ("", OFF))
    yield from (path for path in named if path.is_file())
    for folder in _WORKFLOWS:
        for end in (".yml", ".yaml", f".yml{OFF}", f".yaml{OFF}"):
            yield from (root / folder).glob(f"*{end}")
