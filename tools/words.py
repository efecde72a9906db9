"""Finds words that docs/STYLE.md forbids, in the program, its templates, documents and tests.

`python3 tools/words.py` prints each with its location and exits with 1 if there are any.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STYLE = "docs/STYLE.md"
EXEMPT = (STYLE, "tests/test_words.py")  # these contain the words
FOLDERS = (
    "src",
    "site_templates",
    "docs",
    "tests",
    "tools",
    "bench",
    "sample_data",
    "ledger",
    ".github",
    "*.md",
    "Makefile",
)
KINDS = {"", ".css", ".html", ".js", ".md", ".py", ".sql", ".toml", ".txt", ".yaml", ".yml"}
_ROW = re.compile(r"^\| ([a-z -]+) \| ([a-z -]+) \|$", re.MULTILINE)


def word_list(style: str) -> dict[str, str]:
    """What not to write → what to write, from the table of the style guide."""
    return {wrong: right for wrong, right in _ROW.findall(style) if wrong != "do not write"}


def findings(text: str, words: Mapping[str, str]) -> Iterator[tuple[int, str, str]]:
    """Line, word and what to write instead. A word counts with any ending, and as part of a name."""
    if not words:
        return
    stems = {wrong.removesuffix("e"): (wrong, right) for wrong, right in words.items()}
    pattern = re.compile(rf"(?<![a-z])({'|'.join(map(re.escape, stems))})(?:e?[sd]|ing|s)?(?![a-z])", re.IGNORECASE)
    for number, line in enumerate(text.splitlines(), start=1):
        for found in pattern.finditer(line):
            yield number, found[0], stems[found[1].lower()][1]


def main() -> int:
    """Check every file that Git tracks in these folders."""
    words = word_list((ROOT / STYLE).read_text(encoding="utf-8"))
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--", *FOLDERS], check=True, capture_output=True, text=True
    )
    faults = 0
    for path in filter(None, listed.stdout.split("\0")):
        if path in EXEMPT or Path(path).suffix not in KINDS or "LICENSE" in path:
            continue
        text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
        for line, word, right in findings(text, words):
            print(f"{path}:{line}: {word}: write {right}")
            faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
