"""AWS Data Exports: `data/BILLING_PERIOD=YYYY-MM/` has the parts, `metadata/BILLING_PERIOD=YYYY-MM/` the manifest.

An export overwrites its files or creates a folder `<timestamp>-<execution id>` for each run, which then has the whole
month again. The manifest lists the files of the newest run and is written after them. An overwritten export may leave
parts of an earlier, larger run behind, so only the manifest says which files count. Source: AWS Data Exports User
Guide, "Understanding export delivery" (dataexports-export-delivery).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from openchargeback.focus.deliveries.runs import (
    Delivery,
    Run,
    leads_outside,
    manifest_of,
    parts_missing,
    shown_outside,
)
from openchargeback.focus.deliveries.tree import Tree, safe
from openchargeback.ledger.files import suffix_of
from openchargeback.ledger.periods import is_period

LAYOUT = "AWS Data Exports"

_PARTITION = "BILLING_PERIOD="
_MANIFEST = "manifest.json"
_STAMP = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})T(\d{2}):?(\d{2}):?(\d{2})")
_CHUNK = re.compile(r"-(\d+)(?:\.[a-z]+)+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _File:
    """A file below a partition. root: the folder of its export; run: the folder of its run, empty if there is none."""

    path: str
    root: str
    month: str
    run: str
    name: str

    @property
    def is_manifest(self) -> bool:
        """Whether it is a manifest."""
        return self.name.lower().endswith(_MANIFEST)

    @property
    def tail(self) -> str:
        """Its path from the partition on."""
        return "/".join(filter(None, (f"{_PARTITION}{self.month}", self.run, self.name)))


def read(tree: Tree) -> Delivery | None:
    """A delivery in this layout; None if it is another one."""
    found = [file for path in tree.files if (file := _file(tree.full(path), path))]
    files = [file for file in found if suffix_of(file.name) or file.is_manifest]
    if not any(suffix_of(file.name) for file in files):
        return None
    roots = sorted({file.root for file in files})
    if len(roots) > 1:
        names = ", ".join(safe(root.rpartition("/")[2] or root) for root in roots)
        fault = f"{safe(str(tree.given))} holds several exports ({names}): name the folder of one of them"
        return Delivery(tree, LAYOUT, faults=(fault,))
    months = [
        _month(tree, month, [file for file in files if file.month == month])
        for month in sorted({file.month for file in files})
    ]
    return Delivery(
        tree,
        LAYOUT,
        tuple(run for run, _ in months),
        tuple(each for _, skipped in months for each in skipped),
    )


def _file(full: str, path: str) -> _File | None:
    names = full.split("/")
    index = next((place for place, name in enumerate(names) if name.startswith(_PARTITION)), -1)
    month, after = names[index].removeprefix(_PARTITION), names[index + 1 :]
    if index < 0 or not is_period(month) or len(after) not in (1, 2):
        return None
    above = names[: index - 1] if index and names[index - 1] in ("data", "metadata") else names[:index]
    return _File(path, "/".join(above), month, after[0] if len(after) > 1 else "", after[-1])


def _month(tree: Tree, month: str, files: Sequence[_File]) -> tuple[Run, list[str]]:
    """The run of a month to take, and what is skipped."""
    data = {file.tail: file for file in files if suffix_of(file.name)}
    manifests = [file for file in files if file.is_manifest]
    if not manifests:
        return _unlisted(tree, month, list(data.values())), []
    # The one outside the folders of runs is updated by every run.
    current = [file for file in manifests if not file.run] or sorted(manifests, key=lambda file: file.run)[-1:]
    run = _listed(tree, month, current[0], data)
    if len(current) > 1:
        names = " and ".join(tree.shown(file.path) for file in current)
        fault = f"{names} are both manifests of {month}: keep the newest one and its files"
        return replace(run, faults=(fault,)), []
    left = [file for file in data.values() if file.path not in run.parts]
    others = {file.run or file.path: "older run" if file.run else "not in the manifest" for file in left}
    newer = [each for each in others if run.made and (made := _made(each)) and made > run.made]
    if newer:
        shown = tree.shown(current[0].path)
        fault = f"{safe(max(newer))} is newer than the run that {shown} lists: get the manifest again with its files"
        return replace(run, faults=(*run.faults, fault)), []
    return run, [f"{month}: {safe(each)} ({why})" for each, why in sorted(others.items())]


def _listed(tree: Tree, month: str, manifest: _File, data: dict[str, _File]) -> Run:
    """The run that a manifest lists."""
    content, fault = manifest_of(tree, manifest.path)
    listed = content.get("dataFiles")
    if fault or not isinstance(listed, list):
        fault = (
            fault or f"{tree.shown(manifest.path)} has no list `dataFiles`: it is not a manifest of AWS Data Exports"
        )
        return Run(manifest.path, (), month, None, manifest.path, (fault,))
    faults: list[str] = []
    parts: list[tuple[str, int | None]] = []
    for uri in listed:
        tail = _tail(uri, month)
        if not tail:
            faults.append(shown_outside(tree, uri, manifest.path))
        else:
            parts.append((data[tail].path if tail in data else _expected(manifest, tail), None))
    runs = {file.run for path, _ in parts for file in data.values() if file.path == path}
    if len(runs) > 1:
        faults.append(f"{tree.shown(manifest.path)} lists files of several runs: get the manifest again")
    faults += parts_missing(tree, parts, manifest.path) if not faults else []
    run = max(runs, default="")
    return Run(run or "overwritten", tuple(path for path, _ in parts), month, _made(run), manifest.path, tuple(faults))


def _tail(uri: object, month: str) -> str:
    """The part of an S3 address from the partition of this month on; empty if it is none."""
    if not isinstance(uri, str) or leads_outside(uri):
        return ""
    names = uri.split("/")
    partition = f"{_PARTITION}{month}"
    return "/".join(names[names.index(partition) :]) if partition in names[:-1] else ""


def _expected(manifest: _File, tail: str) -> str:
    """Where a listed file should be in the delivery, as far as the place of the manifest shows it."""
    before = manifest.path.partition(f"metadata/{_PARTITION}")[0]
    return f"{before}data/{tail}"


def _made(run: str) -> dt.datetime | None:
    """When a run was made, by the name of its folder."""
    stamp = _STAMP.match(run)
    try:
        return dt.datetime(*map(int, stamp.groups()), tzinfo=dt.UTC) if stamp else None  # type: ignore[arg-type,misc]
    except ValueError:
        return None


def _unlisted(tree: Tree, month: str, files: Sequence[_File]) -> Run:
    """The only run of a month without a manifest."""
    names = sorted({file.run for file in files})
    if len(names) > 1:
        shown = ", ".join(safe(name) or "files outside of them" for name in names)
        fault = (
            f"{safe(str(tree.given))}: {month} has several runs ({shown}) and no manifest, and each run has the whole "
            "month: get `metadata/` as well, or name the folder of the newest run"
        )
        return Run("", (), month, faults=(fault,))
    faults = [
        f"{safe(str(tree.given))}: part {number} of {month} is missing: get the delivery again, with `metadata/`"
        for number in _gaps([file.name for file in files])
    ]
    paths = tuple(file.path for file in files)
    return Run(names[0] or "without a manifest", paths, month, _made(names[0]), "", tuple(faults))


def _gaps(names: Sequence[str]) -> Iterator[int]:
    """The numbers that are missing among those at the ends of names, which count from 1; none if a name has none."""
    found = [int(match[1]) if (match := _CHUNK.search(name)) else 0 for name in names]
    if all(found):
        yield from sorted(set(range(1, max(found))) - set(found))
