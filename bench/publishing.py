"""Continuous integration: what publishing a merge costs, with the cache of the last publication and without one.

The merge adds a month to a ledger of 35 closed ones, 80 statements each. The limit is a build of that month alone, in a
ledger that has no other. Both are whole processes that render the PDFs of the month in one worker.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from commands import PERIODS, BenchLedger
from measuring import ROOT, Process, process, report, rounds

# The cache of 35 months holds 2,800 PDFs, which take minutes to render. The build that is measured only copies them,
# so they are filled with other bytes of the size of a real one.
_FILL = """
import hashlib, sys
from openchargeback.cli.main import main
from openchargeback.portal import pdf_pool
pdf_pool.render_job = lambda job: hashlib.sha256(job.html.encode()).digest() * (int(sys.argv.pop(1)) // 32)
main(sys.argv[1:])
"""


def _largest_pdf(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.rglob("*.pdf"))


def _fill(ledger: BenchLedger, size: int, output: Path) -> None:
    """Build with PDFs that are not rendered, so that the cache has everything."""
    code = _FILL.replace("int(sys.argv.pop(1))", str(size))
    build = ["--ledger", str(ledger.root), "build", "--workers", "1", "-o", str(output)]
    subprocess.run([sys.executable, "-c", code, *build], check=True, capture_output=True, cwd=ROOT)


def _fresh(ledger: BenchLedger, output: Path, kept: Path | None) -> Callable[[], Process]:
    """Build into a new folder with this cache, as a job on a new machine does."""

    def run() -> Process:
        ledger.forget()
        shutil.rmtree(output, ignore_errors=True)
        if kept is not None:
            shutil.copytree(kept, ledger.root / ".openchargeback")
        return process(ledger.command("build", "--workers", "1", "-o", str(output)))

    return run


def _print(what: str, ours: Process, limit: Process, bound: float) -> None:
    """CPU seconds: others may use the machine, and a runner is paid by its time alone."""
    detail = f"cpu {ours.cpu:.1f} s / {limit.cpu:.1f} s, {ours.wall:.1f} s / {limit.wall:.1f} s, {ours.memory:.0f} MB"
    report(what, ours.cpu / limit.cpu, bound, detail)


def measure() -> None:
    """Print the merge with a full cache against the month alone."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        alone = BenchLedger.with_months(folder / "alone", PERIODS[-1:])
        month = _fresh(alone, folder / "one", None)
        month()
        ledger = BenchLedger.with_months(folder / "usual", PERIODS[:-1])
        ledger.close(PERIODS[:-1])
        _fill(ledger, _largest_pdf(folder / "one"), folder / "public")
        kept = folder / "kept"
        shutil.move(ledger.root / ".openchargeback", kept)
        shutil.copytree(alone.root / "charges", ledger.root / "charges", dirs_exist_ok=True)
        ledger.commit()
        merge = partial(_fresh(ledger, folder / "public", kept))
        _print("a merge that adds a month to 35, full cache", *rounds(merge, month, runs=1), 1.5)
