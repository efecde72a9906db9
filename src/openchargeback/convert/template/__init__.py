"""The package that `convert --new` writes, as text files with placeholders, and what writes it."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from openchargeback.convert.kinds import BUILT_IN
from openchargeback.problems import UsageFault

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_FILES = {
    "pyproject.toml.txt": "pyproject.toml",
    "readme.md.txt": "README.md",
    "converter.py.txt": "src/{module}.py",
    "test_converter.py.txt": "tests/test_{module}.py",
}


def write_package(name: str, folder: Path) -> list[Path]:
    """Write a package with a converter of that name into a new folder: its files. Raises UsageFault if it cannot be."""
    if not _NAME.fullmatch(name) or len(name) > 40:
        raise UsageFault(f"{name!r} is not a valid name for a converter: use lower-case letters, digits and hyphens")
    if name in BUILT_IN:
        raise UsageFault(f"{name} is a built-in kind: choose another name")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageFault(f"{folder} is not empty: name a new folder with --directory")
    module = f"openchargeback_{name.replace('-', '_')}"
    words = {"@NAME@": name, "@MODULE@": module, "@CONSTANT@": name.replace("-", "_").upper()}
    written = []
    for source, target in _FILES.items():
        text = resources.files(__package__).joinpath(source).read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        path = folder / target.format(module=module)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    return written
