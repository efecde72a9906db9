"""`manifest.json`: the files of a build, so that anyone can check them and the next build recognizes its own output."""

from __future__ import annotations

import enum
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from openchargeback.model import Provenance
from openchargeback.portal.libraries import versions

NAME = "manifest.json"
TOOL = "openchargeback"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})?")  # empty outside Git
_PLAIN = re.compile(r"[!-~]{0,100}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: the SHA-256 of its bytes in hex, and its size."""

    sha256: str
    size: int

    @staticmethod
    def of(data: bytes) -> Entry:
        """The entry of these bytes."""
        return Entry(hashlib.sha256(data).hexdigest(), len(data))


class OutputKind(enum.StrEnum):
    """The kind of an output: a whole build, one without PDFs, the PDF statements of one period, by `generate`, a
    month for finance, by `bundle`, or the folder of an audience, or those of all.
    """

    BUILD = "build"
    WITHOUT_PDFS = "without-pdfs"
    STATEMENTS = "statements"
    BUNDLE = "bundle"
    AUDIENCE = "audience"
    AUDIENCES = "audiences"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as read. files: path in the folder, with forward slashes → its entry, without the manifest itself.

    key: covers everything that the build depended on; equal keys mean equal files. libraries: name → version of what
    made its PDFs. period: of a bundle, else empty.
    """

    provenance: Provenance
    key: str
    files: dict[str, Entry]
    libraries: dict[str, str]
    holds: OutputKind = OutputKind.BUILD
    period: str = ""


def manifest(
    files: Mapping[str, Entry],
    provenance: Provenance,
    key: str,
    holds: OutputKind = OutputKind.BUILD,
    *,
    period: str = "",
) -> bytes:
    """The bytes of `manifest.json`: the same for the same arguments, whatever the order of `files`."""
    content = {
        "tool": TOOL,
        **({} if holds is OutputKind.BUILD else {"holds": holds}),
        **({"period": period} if period else {}),
        "version": provenance.version,
        "ledger_commit": provenance.commit,
        "ledger_commit_date": provenance.commit_date,
        "ledger_uncommitted": provenance.uncommitted,
        "libraries": dict(versions()),
        "build_key": key,
        "files": {path: {"sha256": entry.sha256, "size": entry.size} for path, entry in files.items()},
    }
    return (json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest in `folder`; None if it is missing, damaged, or another program's."""
    return parse_manifest(folder / NAME)


def parse_manifest(path: Path) -> Manifest | None:
    """The manifest in this file, as `read_manifest`."""
    try:
        return manifest_of(path.read_bytes())
    except OSError:
        return None


def manifest_of(data: bytes) -> Manifest | None:
    """The manifest with these bytes, as `read_manifest`."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("tool") != TOOL or not isinstance(content.get("files"), dict):
        return None
    # Outputs of the first versions, which named no date, are ours to replace, too.
    content.setdefault("ledger_commit_date", "")
    named = content.get("libraries", {})
    libraries = named if isinstance(named, dict) else {}
    texts = [content.get(name) for name in ("ledger_commit", "ledger_commit_date", "version", "build_key")]
    uncommitted = content.get("ledger_uncommitted")
    holds = next((kind for kind in OutputKind if kind == content.get("holds", OutputKind.BUILD)), None)
    files = {path: _entry(value) for path, value in content["files"].items()}
    known = {path: entry for path, entry in files.items() if entry is not None}
    if holds is None or len(known) != len(files) or not all(isinstance(text, str) for text in texts):
        return None
    commit, date, version, key = map(str, texts)
    period = str(content.get("period", ""))
    # These values are passed to Git and printed.
    if not _COMMIT.fullmatch(commit) or not all(_PLAIN.fullmatch(text) for text in (date, version, key, period)):
        return None
    provenance = Provenance(commit, date, version, uncommitted is True)
    return Manifest(provenance, key, known, _plain(libraries), holds, period)


def intact(folder: Path, listed: Manifest) -> bool:
    """Whether `folder` contains exactly the listed files, each with its digest. Reads every byte."""
    try:
        found = dict(files_below(folder))
        if found.pop(NAME, None) is None or found.keys() != listed.files.keys():
            return False
        return all(_same(found[path], entry) for path, entry in listed.files.items())
    except OSError:
        return False


def files_below(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below `folder` that is not a real folder: its path with forward slashes, and its directory entry.

    Links are returned as such and never followed, so that nothing outside the folder counts as part of it.
    """
    waiting = [("", os.fspath(folder))]
    while waiting:
        prefix, place = waiting.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((f"{prefix}{entry.name}/", entry.path))
                else:
                    yield prefix + entry.name, entry


def _same(found: os.DirEntry[str], entry: Entry) -> bool:
    if not found.is_file(follow_symlinks=False) or found.stat(follow_symlinks=False).st_size != entry.size:
        return False
    with open(found.path, "rb") as file:  # noqa: PTH123 - thousands of files; a Path for each would only cost
        return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256


def _plain(libraries: dict[object, object]) -> dict[str, str]:
    """The names and versions that are safe to print."""
    pairs = ((str(name), str(version)) for name, version in libraries.items())
    return {name: version for name, version in pairs if _PLAIN.fullmatch(name) and _PLAIN.fullmatch(version)}


def _entry(value: object) -> Entry | None:
    if not isinstance(value, dict):
        return None
    sha256, size = value.get("sha256"), value.get("size")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256) or type(size) is not int:
        return None
    return Entry(sha256, size)
