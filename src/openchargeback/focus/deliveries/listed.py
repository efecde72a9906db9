"""An export with a manifest that lists its files: the part files of FOCUS 1.4 deliveries, such as Pinecone's zip.

FOCUS does not define the manifest, so the usual names of its keys are known. Every charge file must be listed.
"""

from __future__ import annotations

from typing import Any

from openchargeback.focus.deliveries.runs import (
    Delivery,
    Run,
    leads_outside,
    manifest_of,
    parts_missing,
    shown_outside,
)
from openchargeback.focus.deliveries.tree import Tree, safe

LAYOUT = "export with a manifest"

_LISTS = ("parts", "files", "dataFiles", "data_files")
_PATHS = ("path", "name", "file", "filename", "fileName", "file_name")
_SIZES = ("byteCount", "byte_count", "bytes", "size", "sizeBytes", "size_bytes")


def read(tree: Tree) -> Delivery | None:
    """A delivery in this layout; None if it is another one."""
    manifests = [path for path in tree.files if path.lower().endswith("manifest.json")]
    if not manifests:
        return None
    if len(manifests) > 1:
        names = " and ".join(tree.shown(path) for path in manifests[:2])
        fault = f"{names} are both manifests: name the folder of one export, the newest run of the month"
        return Delivery(tree, LAYOUT, faults=(fault,))
    run = _run(tree, manifests[0])
    unlisted = sorted(set(tree.charge_files) - set(run.parts)) if not run.faults else []
    faults = [
        f"{tree.shown(path)} is not listed in {tree.shown(run.manifest)}: remove it, or get the delivery again"
        for path in unlisted
    ]
    return Delivery(tree, LAYOUT, (run,), faults=tuple(faults))


def _run(tree: Tree, manifest: str) -> Run:
    content, fault = manifest_of(tree, manifest)
    entries = next((found for key in _LISTS if isinstance(found := content.get(key), list)), None)
    if fault or entries is None:
        fault = fault or (
            f"{tree.shown(manifest)} does not list the files of the export ({', '.join(_LISTS)}): "
            "name the charge files themselves"
        )
        return Run("", (), manifest=manifest, faults=(fault,))
    folder = manifest.rpartition("/")[0]
    parts: list[tuple[str, int | None]] = []
    faults = []
    for entry in entries:
        path, size = _path_and_size(entry)
        if leads_outside(path) or path.startswith("/"):
            faults.append(shown_outside(tree, path or entry, manifest))
        else:
            parts.append(("/".join(filter(None, (folder, path.removeprefix("./")))), size))
    faults += parts_missing(tree, parts, manifest) if not faults else []
    return Run(safe(manifest), tuple(path for path, _ in parts), manifest=manifest, faults=tuple(faults))


def _path_and_size(entry: Any) -> tuple[str, int | None]:
    """The path of an entry, which is a text or an object, and its size if it is there."""
    if not isinstance(entry, dict):
        return (entry, None) if isinstance(entry, str) else ("", None)
    path = next((found for key in _PATHS if isinstance(found := entry.get(key), str)), "")
    return path, next((found for key in _SIZES if isinstance(found := entry.get(key), int)), None)
