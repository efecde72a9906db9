"""The versions that determine the bytes of a PDF: the program and its rendering libraries.

The same versions produce the same bytes for the same ledger. So they are recorded in every PDF, in a build's manifest
and in the closing record, and `verify` compares them before it calls a file altered.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.metadata
import platform
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import openchargeback
from openchargeback.ledger.shipped import shipped_templates

PROGRAM = "OpenChargeback"

PACKAGES = ("weasyprint", "pydyf", "fonttools", "tinycss2", "tinyhtml5", "cssselect2", "pillow", "jinja2")
"""Packages pinned by a ledger's `requirements.lock`; Python and the C libraries come with the system."""

# The names under which WeasyPrint loads them.
_PANGO = "libpango-1.0.so.0"
_HARFBUZZ = "libharfbuzz.so.0"
_SUBSET = "libharfbuzz-subset.so.0"
_FONTCONFIG = "libfontconfig.so.1"

_MISSING = "none"
_STAMP = re.compile(r"([\w-]{1,40}) ([\w.+-]{1,80})", re.ASCII)


@functools.cache
def versions() -> Mapping[str, str]:
    """Name → version of the program and of each library, in listed order.

    The program's version has a digest of its own code and templates after a plus sign, so that two states of the code
    under one version number are distinct. `none` means a library that is not installed.
    """
    digest = digest_of_program(Path(openchargeback.__file__).parent, shipped_templates())
    return {
        PROGRAM: f"{openchargeback.__version__}+{digest[:12]}",
        "Python": platform.python_version(),
        "Pango": _text(_PANGO, "pango_version_string"),
        "HarfBuzz": _text(_HARFBUZZ, "hb_version_string"),
        "HarfBuzz-subset": _text(_SUBSET, "hb_version_string"),
        "fontconfig": _fontconfig(),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        **{name: _package(name) for name in PACKAGES},
    }


def stamp() -> str:
    """The versions as one line, which a PDF names as its creator."""
    return ", ".join(f"{name} {version}" for name, version in versions().items())


def read_stamp(text: str) -> dict[str, str]:
    """The versions in a stamp; empty for any other text."""
    found = [_STAMP.fullmatch(part) for part in text[:2000].split(", ")]
    if not all(found):
        return {}
    named = {match[1]: match[2] for match in found if match}
    return named if PROGRAM in named else {}


def other_versions(named: Mapping[str, str]) -> dict[str, str]:
    """The named versions that differ from those here, by name: `Pango 1.50.12, here 1.52.1`."""
    here = versions()
    return {
        name: f"{name} {named.get(name, _MISSING)}, here {here.get(name, _MISSING)}"
        for name in dict.fromkeys((*here, *named))
        if named.get(name, _MISSING) != here.get(name, _MISSING)
    }


def digest_of_program(code: Path, templates: Path) -> str:
    """SHA-256 over the names and bytes of the program's code and of its templates.

    The same for a checkout and an installation from it, where the templates are inside the code folder.
    """
    total = hashlib.sha256()
    for root, wanted in ((code, (".py", ".sql", ".toml", ".json", ".csv", ".css")), (templates, ())):
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root)
            passed_over = any(part.startswith((".", "__pycache__")) for part in name.parts)
            inside = root == code and path.is_relative_to(templates)
            if path.is_file() and not passed_over and not inside and (not wanted or path.suffix in wanted):
                total.update(f"{name.as_posix()}\0".encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _package(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return _MISSING


def _library(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def _text(name: str, function: str) -> str:
    """The text returned by a library function without arguments."""
    library = _library(name)
    if library is None:
        return _MISSING
    asked = getattr(library, function)
    asked.restype = ctypes.c_char_p
    return str(asked().decode())


def _fontconfig() -> str:
    library = _library(_FONTCONFIG)
    if library is None:
        return _MISSING
    number = library.FcGetVersion()
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"
