"""Write the sample charge files and the history of the sample ledger, or check that they are up to date.

    python sample_data/make_sample_data.py            writes
    python sample_data/make_sample_data.py --check    compares; exit code 1 if a file differs

Needs only Python 3.11 or later. The output is the same bytes every time and everywhere.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generator.files import files

ROOT = Path(__file__).resolve().parent.parent


def write() -> None:
    """Write every file."""
    for path, text in files():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())


def differing() -> list[str]:
    """The paths whose bytes differ from what would be written."""
    return [path for path, text in files() if not _holds(ROOT / path, text)]


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def main() -> int:
    """Parse the arguments, then write or check."""
    parser = argparse.ArgumentParser(description="Write the sample charge files, or check them.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file differs")
    if not parser.parse_args().check:
        write()
        return 0
    stale = differing()
    for path in stale:
        print(f"{path} is out of date", file=sys.stderr)
    if stale:
        print("fix: run  python sample_data/make_sample_data.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
