"""A new ledger: the files that teach what goes where, as a Git repository."""

from __future__ import annotations

import re
from pathlib import Path

from openchargeback.ledger import git
from openchargeback.ledger.config import FILE_NAME, read_config
from openchargeback.ledger.shipped import shipped_templates
from openchargeback.ledger.yaml_text import quoted
from openchargeback.problems import OutsideFault, UsageFault

# Under their own names these would steer Git (and what packages the program) where the templates lie.
_DOTTED = ("gitignore", "gitattributes", "gitkeep")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|])")


def create_ledger(target: Path, organization: str, currency: str) -> list[str]:
    """Write a new ledger, and make it a Git repository unless it lies in one or there is no Git; nothing is committed.

    The folder may be missing, empty, or hold nothing but `.git` (a fresh clone); else UsageFault. Gives the relative
    paths of the files written, sorted. When writing fails, what was written is taken away again.
    """
    contents = _contents(" ".join(organization.split()), currency.strip().upper())
    try:
        occupied = target.exists() and (not target.is_dir() or any(path.name != ".git" for path in target.iterdir()))
    except OSError as error:
        raise _failure(target, error) from error
    if occupied:
        raise UsageFault(f"{target} is not empty; give a new or an empty folder")
    made: list[Path] = []
    try:
        _make_folder(target, made)
        for relative, data in contents.items():
            path = target / relative
            _make_folder(path.parent, made)
            made.append(path)
            path.write_bytes(data)
    except OSError as error:
        _take_away(made)
        raise _failure(target, error) from error
    git.init_repository(target)
    return list(contents)


def _contents(organization: str, currency: str) -> dict[str, bytes]:
    """Every file of the new ledger by its path, sorted."""
    if not organization:
        raise UsageFault("the organization has no name; give the name that stands on statements")
    folder = shipped_templates() / "ledger"
    result = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = f".{path.name}" if path.name in _DOTTED else path.name
        text = path.read_text(encoding="utf-8")
        escape = quoted if path.suffix == ".yaml" else _as_markdown
        values = {"organization": escape(organization), "currency": escape(currency)}
        result[path.relative_to(folder).with_name(name).as_posix()] = _filled(text, values).encode()
    _, problems = read_config(result[FILE_NAME])
    if problems:
        wrong = problems[0]
        raise UsageFault(f"not usable in {FILE_NAME}: {wrong.excerpt.strip() or wrong.message}: {wrong.message}")
    return dict(sorted(result.items()))


def _filled(text: str, values: dict[str, str]) -> str:
    # In one pass, so that a name that looks like a placeholder is not replaced in turn.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], text)


def _as_markdown(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)


def _make_folder(folder: Path, made: list[Path]) -> None:
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
        made.append(path)


def _take_away(made: list[Path]) -> None:
    for path in reversed(made):
        try:
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        except OSError:
            # The first failure is the one to tell; what cannot be removed stays.
            continue


def _failure(target: Path, error: OSError) -> OutsideFault:
    return OutsideFault(f"{error.filename or target} cannot be written: {(error.strerror or str(error)).lower()}")
