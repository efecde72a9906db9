"""Azure Cost Management exports: `yyyyMMdd-yyyyMMdd/yyyyMMddHHmm/[guid/]` with the parts and a `manifest.json`.

Every run has the whole month again, and unless the export overwrites, all runs stay. So only manifests count, never
names of folders: `runInfo` says the month and when the run was submitted, `blobs` its parts with their sizes. The
manifest is written after the parts. Azure runs an export of the previous month again in the first five days of a month.
Source: Microsoft Learn, "Tutorial: Improved exports" (Cost Management) and "Data processing" (FinOps hubs).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from openchargeback.focus.deliveries.runs import (
    Delivery,
    Run,
    leads_outside,
    manifest_of,
    parts_missing,
    shown_outside,
    utc,
)
from openchargeback.focus.deliveries.tree import Tree, safe

LAYOUT = "Azure Cost Management export"

_FOCUS = "FocusCost"
_SPAN = re.compile(r"(\d{4})(\d{2})01-(\d{8})")
_NAMES = ("manifest.json", "_manifest.json")


def read(tree: Tree) -> Delivery | None:
    """A delivery in this layout; None if it is another one."""
    manifests = {path: manifest_of(tree, path) for path in tree.files if path.lower().rpartition("/")[2] in _NAMES}
    theirs = {path: content for path, (content, _) in manifests.items() if "runInfo" in content or "blobs" in content}
    spans = {span for path in tree.charge_files if (span := _span(tree, path))}
    if not theirs and not spans:
        return None
    faults = [fault for _, fault in manifests.values() if fault] + _several_exports(tree, theirs)
    runs = [_run(tree, path, content) for path, content in theirs.items()]
    chosen, skipped = [], []
    for month in sorted({run.month for run in runs}):
        run, older = _newest(tree, [each for each in runs if each.month == month])
        chosen.append(run)
        skipped += older
    unlisted, more = _unlisted(tree, runs)
    return Delivery(tree, LAYOUT, (*chosen, *unlisted), tuple(skipped), (*faults, *more))


def _several_exports(tree: Tree, contents: dict[str, dict[str, Any]]) -> list[str]:
    configs = [config for each in contents.values() if isinstance(config := each.get("exportConfig"), dict)]
    names = sorted({str(config.get("exportName")) for config in configs if config.get("exportName")})
    if len(names) < 2:
        return []
    return [f"{safe(str(tree.given))} holds several exports ({safe(', '.join(names))}): name the folder of one of them"]


def _run(tree: Tree, manifest: str, content: dict[str, Any]) -> Run:
    """The run of a manifest."""
    folder = manifest.rpartition("/")[0]
    info, config = (value if isinstance(value := content.get(key), dict) else {} for key in ("runInfo", "exportConfig"))
    month, faults = _month(tree, info, manifest)
    kind = config.get("type", _FOCUS)
    if kind != _FOCUS:
        faults.append(
            f"{tree.shown(manifest)} is of an export of the type {safe(str(kind))}, not {_FOCUS}: in Azure Cost "
            "Management, Exports, create an export of the type Cost and usage details (FOCUS)"
        )
    parts, more = _parts(tree, folder, content, manifest)
    faults += more
    paths = tuple(path for path, _ in parts)
    return Run(folder or "here", paths, month, utc(info.get("submittedTime")), manifest, tuple(faults))


def _month(tree: Tree, info: dict[str, Any], manifest: str) -> tuple[str, list[str]]:
    """The month of a run; a run of several months, or of some days, could not replace another."""
    start, end = utc(info.get("startDate")), utc(info.get("endDate"))
    if start is None:
        return "", [f"{tree.shown(manifest)} has no `runInfo.startDate`: get the manifest again"]
    month = f"{start:%Y-%m}"
    if start.day != 1 or (end and f"{end:%Y-%m}" != month):
        span = f"{start.date()} to {end.date() if end else 'an unknown day'}"
        return month, [f"{tree.shown(manifest)} covers {span}: export one month at a time, from its first day"]
    return month, []


def _parts(
    tree: Tree, folder: str, content: dict[str, Any], manifest: str
) -> tuple[list[tuple[str, int | None]], list[str]]:
    """The parts that a manifest lists, which are in its own folder, and what is wrong with them."""
    blobs = content.get("blobs")
    if not isinstance(blobs, list):
        return [], [f"{tree.shown(manifest)} has no list `blobs`: get the manifest again"]
    parts: list[tuple[str, int | None]] = []
    faults: list[str] = []
    for blob in blobs:
        name = blob.get("blobName") if isinstance(blob, dict) else None
        if not isinstance(name, str) or leads_outside(name):
            faults.append(shown_outside(tree, name, manifest))
            continue
        size = blob.get("byteCount")
        path = "/".join(filter(None, (folder, name.rpartition("/")[2])))
        parts.append((path, size if isinstance(size, int) else None))
    count = content.get("blobCount")
    if isinstance(count, int) and count != len(blobs):
        faults.append(f"{tree.shown(manifest)} lists {len(blobs):,} of {count:,} files: get the manifest again")
    return parts, faults or parts_missing(tree, parts, manifest)


def _newest(tree: Tree, runs: Sequence[Run]) -> tuple[Run, list[str]]:
    """The newest run of a month, and the older ones in words."""
    if len(runs) == 1:
        return runs[0], []
    undated = [run for run in runs if run.made is None]
    ordered = sorted(runs, key=lambda run: run.made.timestamp() if run.made else 0)
    newest = ordered[-1]
    if undated or ordered[-2].made == newest.made:
        equal = undated or ordered[-2:]
        names = " and ".join(tree.shown(run.manifest) for run in equal)
        fault = (
            f"which run of {newest.month} is the newest cannot be told from {names} (`runInfo.submittedTime`): "
            "name the folder of one run"
        )
        return replace(newest, faults=(*(each for run in equal for each in run.faults), fault)), []
    return newest, [f"{run.month}: {safe(run.name)} (older run)" for run in ordered[:-1]]


def _unlisted(tree: Tree, listed: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """The runs without a manifest; beside others of their month they may be unfinished, so they are faults."""
    folders = {run.name for run in listed}
    groups: dict[str, dict[str, list[str]]] = {}
    for path in tree.charge_files:
        folder = path.rpartition("/")[0]
        if (folder or "here") not in folders and (span := _span(tree, path)):
            groups.setdefault(span, {}).setdefault(folder, []).append(path)
    runs, faults = [], []
    for span, found in sorted(groups.items()):
        names = ", ".join(tree.shown(folder) for folder in sorted(found))
        alone = len(found) == 1 and not any(run.month == span for run in listed)
        if not alone or not _one_run(next(iter(found.values()))):
            faults.append(
                f"{names}: there is no manifest.json, so which files are the newest run of {span} is not known: "
                "get the manifest, or name the folder of one run"
            )
            continue
        folder, paths = next(iter(found.items()))
        runs.append(Run(folder or "here", tuple(paths), span))
    return runs, faults


def _span(tree: Tree, path: str) -> str:
    """The month of a file by the name of a folder; empty if there is none."""
    found = next((match for name in tree.full(path).split("/")[:-1] if (match := _SPAN.fullmatch(name))), None)
    return f"{found[1]}-{found[2]}" if found else ""


def _one_run(paths: Sequence[str]) -> bool:
    """Whether files in one folder are the parts of one run, not runs of an export without partitions."""
    return len(paths) == 1 or all(path.rpartition("/")[2].lower().startswith("part_") for path in paths)
