"""Where the installed program came from, so that CI can install exactly the same one.

Only this module consults the installer: what it recorded (PEP 610, `direct_url.json`) and, for a program from a package
index, pip for the digest of the wheel.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any

import openchargeback
from openchargeback.addresses import without_credentials

NAME = "openchargeback"
_TIMEOUT = 300

# URLs that stay unchanged between single quotes in a shell, in YAML and in a comment.
_PLAIN_URL = re.compile(r"(?:https?|ssh|git|file)://[A-Za-z0-9._~:/@%+=-]+")
_PLAIN_FOLDER = re.compile(r"[A-Za-z0-9._~/+-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

# Files that installers add to those of the wheel; of the wheel's own files only RECORD, which lists them, differs.
_ADDED = re.compile(
    r"openchargeback-[^/]+\.dist-info/(?:INSTALLER|RECORD|REQUESTED|direct_url\.json|uv_[a-z_]+\.json)"
    r"|openchargeback/(?:[^/]+/)*__pycache__/[^/]+\.pyc|(?:\.\./)+bin/(?:focus-billing|openchargeback)"
)
_RECORD = re.compile(r"openchargeback-[^/]+\.dist-info/RECORD")


@dataclass(frozen=True, slots=True)
class Program:
    """How to install the same program elsewhere; exactly one field is set.

    requirement: its line of a lock, `openchargeback==0.1.0 --hash=sha256:…`, from a package index.
    repository: `git+URL@COMMIT` for pip, without any credentials.
    obstacle: why it cannot be pinned, as the end of a sentence that starts with "because".
    """

    requirement: str = ""
    repository: str = ""
    obstacle: str = ""


def installed_program(distribution: Distribution | None = None) -> Program:
    """The running program, or another distribution of it. Asks the package index if it came from one."""
    if distribution is None:
        try:
            distribution = Distribution.from_name(NAME)
        except PackageNotFoundError:
            return Program(obstacle="this program runs from a folder without being installed")
        running = Path(openchargeback.__file__).resolve()
        recorded = distribution.read_text("direct_url.json")
        if recorded is None and Path(str(distribution.locate_file(f"{NAME}/__init__.py"))).resolve() != running:
            return Program(obstacle=f"this program runs from {running.parent}, not from where it is installed")
    recorded = distribution.read_text("direct_url.json")
    if recorded is None:
        return _from_index(distribution)
    try:
        origin = json.loads(recorded)
    except ValueError:
        origin = None
    return _from_url(origin if isinstance(origin, dict) else {})


def _from_url(origin: dict[str, Any]) -> Program:
    """The program as PEP 610 records it; only a commit of a Git repository can be pinned."""
    if "dir_info" in origin:
        return Program(obstacle="this program was installed from a local folder")
    if "archive_info" in origin:
        return Program(obstacle="this program was installed from an archive, not from Git or a package index")
    source = origin.get("vcs_info")
    source = source if isinstance(source, dict) else {}
    commit, url = str(source.get("commit_id", "")), without_credentials(str(origin.get("url", "")))
    folder = str(origin.get("subdirectory", ""))
    if source.get("vcs") != "git" or not _COMMIT.fullmatch(commit) or (folder and not _PLAIN_FOLDER.fullmatch(folder)):
        return Program(obstacle="its installer did not record the Git commit of this program")
    if not _PLAIN_URL.fullmatch(url):
        return Program(obstacle="the address of this program's Git repository is not a plain URL")
    return Program(repository=f"git+{url}@{commit}" + (f"#subdirectory={folder}" if folder else ""))


def _from_index(distribution: Distribution) -> Program:
    """The lock line with the digest of the wheel in the package index, if that is what is installed here.

    The installer recorded the digests of the files, not that of the wheel. So pip downloads the wheel again, and its
    files must match the installed ones: someone else's package with the same name and version would not.
    """
    pin = f"{NAME}=={distribution.version}"
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as place:
        # -P: do not import from the current folder. Downloading a wheel runs no code.
        command = [sys.executable, "-P", "-m", "pip", "--no-input", "download", "--quiet", "--no-deps"]
        try:
            done = subprocess.run(
                [*command, "--only-binary", ":all:", "--dest", place, pin],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return Program(obstacle=f"pip could not download {pin} from the package index")
        wheels = list(Path(place).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            reason = (done.stderr.strip().splitlines() or ["no wheel"])[-1].removeprefix("ERROR: ")
            return Program(obstacle=f"pip could not download {pin} from the package index ({reason})")
        if not _holds(wheels[0], distribution):
            return Program(obstacle=f"{pin} in the package index is not the installed program")
        return Program(requirement=f"{pin} --hash=sha256:{hashlib.sha256(wheels[0].read_bytes()).hexdigest()}")


def _holds(wheel: Path, distribution: Distribution) -> bool:
    """Whether the files of a wheel are exactly those that the installer recorded."""
    rows = csv.reader((distribution.read_text("RECORD") or "").splitlines())
    installed = {row[0]: row[1] for row in rows if len(row) == 3 and not _ADDED.fullmatch(row[0])}
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [each for each in archive.namelist() if not each.endswith("/") and not _RECORD.fullmatch(each)]
            found = {name: _digest(archive.read(name)) for name in names}
    except (zipfile.BadZipFile, OSError):
        return False
    return bool(found) and found == installed


def _digest(data: bytes) -> str:
    """The digest in the form used by RECORD."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
