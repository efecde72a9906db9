"""Runs a `focus-billing` command and prints, as the last line, where its main thread was: module → share of the time.

Every few milliseconds another thread looks at the main one. A look counts for the innermost module of the program, so
that waiting for DuckDB, Git or a process counts where it is asked for; importing counts as `imports`, and the code of
templates as `templates`.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[1]
_SECONDS = 0.004
_PROGRAM, _TEMPLATES = "src/openchargeback/", "site_templates/"


def place_of(frame: FrameType | None) -> str:
    """What a look at this innermost frame counts for; empty for none of it."""
    found = ""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return "imports"
        if not found and _PROGRAM in name:
            found = name.partition(_PROGRAM)[2]
        elif not found and _TEMPLATES in name:
            found = "templates"
        frame = frame.f_back
    return found


def main() -> None:
    """Run the command, with the looks beside it."""
    looks: Counter[str] = Counter()
    done, watched = threading.Event(), threading.get_ident()

    def look() -> None:
        while not done.wait(_SECONDS):
            frame = sys._current_frames().get(watched)  # noqa: SLF001 - there is no other way to look at a thread
            looks[place_of(frame)] += 1

    beside = threading.Thread(target=look, daemon=True)
    beside.start()
    try:
        from openchargeback.cli.main import main as program

        program(sys.argv[1:])
    finally:
        done.set()
        beside.join()
        shares = {name: round(count / looks.total(), 3) for name, count in looks.most_common() if name}
        print(f"\n{json.dumps(shares)}", flush=True)


if __name__ == "__main__":
    main()
