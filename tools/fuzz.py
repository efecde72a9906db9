"""Runs `validate` and `ingest` on faulty charge files and YAML files: `make fuzz`.

A case that fails is saved in the folder `--keep` with its whole ledger, and the output shows how to repeat it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fuzzing.cases import case_of
from fuzzing.workers import tried

_EVERY = 10.0


def main() -> int:
    """Try the cases and print the findings; 1 if there are any."""
    options = _options()
    numbers = [options.only] if options.only is not None else range(options.first, options.first + options.files)
    start = printed = time.monotonic()
    found = 0
    for done, (number, faults) in enumerate(tried(options.seed, numbers, options.jobs, options.limit), 1):
        if faults:
            found += 1
            _report(options.seed, number, faults, options.keep)
        if time.monotonic() - printed > _EVERY:
            printed = time.monotonic()
            print(f"{done:,} of {len(numbers):,} files, {found} found, {printed - start:,.0f} s", flush=True)
    print(f"{len(numbers):,} files with seed {options.seed}: {found or 'nothing'} found")
    return 1 if found else 0


def _report(seed: int, number: int, faults: Sequence[str], keep: Path) -> None:
    case = case_of(seed, number)
    folder = keep / f"{seed}-{number}"
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(f"\n{case.path} of {folder}:")
    for fault in faults:
        print("    " + fault.strip().replace("\n", "\n    "))
    print(f"To repeat: .venv/bin/python tools/fuzz.py --seed {seed} --only {number}\n", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the cases; the same seed gives the same files")
    parser.add_argument("--files", type=int, default=20_000, help="number of files (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="try a single case, by number")
    parser.add_argument("--jobs", type=int, default=2, help="parallel processes (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=20, help="CPU seconds per file (default: %(default)s)")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="folder for the cases that fail")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
