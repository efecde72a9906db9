"""`focus-billing validate --conformance`: charge files, in a ledger or not, against the requirements of FOCUS."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openchargeback.cli.options import root_of
from openchargeback.cli.report import progress
from openchargeback.ledger.config import FILE_NAME, read_config
from openchargeback.ledger.files import CHARGE_SUFFIXES, ChargeFile, charge_files, is_ignored, read_bytes, suffix_of
from openchargeback.problems import Problem, UsageFault, in_order

if TYPE_CHECKING:
    from openchargeback.explanations import Explanation
    from openchargeback.focus.conformance.reporting import Counts


@dataclass(frozen=True, slots=True)
class Conformance:
    """What charge files break. root: that paths are relative to; problems are in order."""

    root: Path
    files: Sequence[str]
    found: Sequence[Problem]
    counts: Sequence[Counts]


def conformance_of(paths: Sequence[str], named: str | None, *, full: bool) -> Conformance:
    """Evaluate these files and folders, or all charge files of the ledger. named: its folder, as given.

    Paths in the result are relative to the ledger if all files are in it, else to the current folder. Raises UsageFault
    for a path without a charge file.
    """
    with progress("Reading the files"):
        from openchargeback.focus.conformance.reporting import conformance

        root = _ledger(named, needed=not paths)
        files = _ledger_files(root) if root else []
        files = _chosen(paths, root, files) if paths else files
        if not files:
            raise UsageFault(f"the ledger {root} has no charge files")
        if root is None or not all(_is_in(file.location, root) for file in files):
            root = Path.cwd()
            files = [replace(file, path=_shown(file.location, root)) for file in files]
        found, counts = conformance(files, full=full)
    return Conformance(root, sorted(file.path for file in files), in_order(found), counts)


def explain_requirement(code: str) -> Explanation | None:
    """The explanation of a requirement of FOCUS by its id; None if there is none of that id."""
    from openchargeback.focus.conformance.reporting import explanation

    return explanation(code)


def _ledger(named: str | None, *, needed: bool) -> Path | None:
    given = named or click.get_current_context().find_root().obj
    try:
        return root_of(named)
    except UsageFault:
        if needed or given:
            raise
        return None


def _ledger_files(root: Path) -> list[ChargeFile]:
    """The charge files of a ledger; `validate` without --conformance says what is wrong with the others."""
    found, _ = charge_files(root)
    data = read_bytes(root, FILE_NAME, [])
    config = read_config(data)[0] if data is not None else None
    return [replace(file, ceiling=config.limits.charge_file_bytes) for file in found] if config else found


def _chosen(paths: Sequence[str], root: Path | None, own: Sequence[ChargeFile]) -> list[ChargeFile]:
    """The files at or below these paths, each once: those of a ledger as it lists them, others as they are."""
    chosen: dict[Path, ChargeFile] = {}
    for path in paths:
        place = _place(path, root)
        if root and _is_in(place, root):
            found = [file for file in own if _absolute(file.location).is_relative_to(_absolute(place))]
        else:
            found = list(_files_at(place, path))
        if not found:
            raise UsageFault(f"{path} has no charge files; their names end in {', '.join(CHARGE_SUFFIXES)}")
        chosen |= {_absolute(file.location): file for file in found}
    return list(chosen.values())


def _place(path: str, root: Path | None) -> Path:
    """A path, looked up from the current folder first, then from the ledger."""
    places = [Path.cwd() / path, *([root / path] if root else [])]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise UsageFault(f"{path} does not exist")
    return found


def _files_at(place: Path, path: str) -> Iterator[ChargeFile]:
    """A file, or the charge files below a folder. path: as given."""
    if not place.is_dir():
        if not (place.is_file() and suffix_of(place.name)):
            raise UsageFault(f"{path} is not a supported charge file; use {', '.join(CHARGE_SUFFIXES)}")
        yield _charge_file(place)
        return
    for folder, below, names in os.walk(place):
        below[:] = sorted(name for name in below if not is_ignored(name))
        for name in sorted(names):
            each = Path(folder) / name
            if suffix_of(name) and not is_ignored(name) and each.is_file():
                yield _charge_file(each)


def _charge_file(location: Path) -> ChargeFile:
    return ChargeFile(str(location), location, "", "", location.stat().st_size)


def _is_in(place: Path, root: Path) -> bool:
    return _absolute(place).is_relative_to(_absolute(root))


def _absolute(place: Path) -> Path:
    """A path without `..`; the folders above it, but not the file itself, may be behind links."""
    whole = Path(os.path.normpath(Path.cwd() / place))
    return whole.parent.resolve() / whole.name


def _shown(location: Path, base: Path) -> str:
    """A path relative to a folder; as it is if it is elsewhere."""
    whole = _absolute(location)
    folder = base.resolve()
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else whole.as_posix()
