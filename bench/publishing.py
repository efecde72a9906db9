"""Continuous integration: what publishing a merge costs, with the cache of the last publication and without one.

The merge adds a month to a ledger of 35 closed ones, 80 statements each. The limit is the same for that month alone, in
a ledger that has no other. All are whole processes; the PDFs of the month are rendered by one worker.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from commands import PERIODS, BenchLedger
from measuring import Process, process, report

# The cache of 35 months holds 2,800 PDFs, which take minutes to render. The build that is measured only copies them,
# so they are filled with other bytes of the size of a real one.
_FILL = """
import hashlib, sys
from openchargeback.cli.main import main
from openchargeback.portal import pdf_pool
blocks = int(sys.argv[1]) // 32
pdf_pool.render_job = lambda job: hashlib.sha256(job.html.encode()).digest() * blocks
main(sys.argv[2:])
"""


@dataclass(frozen=True, slots=True)
class _Job:
    """What the commands of a publishing job cost: all of them, and `build` alone."""

    whole: Process
    build: Process


def _largest_pdf(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.rglob("*.pdf"))


def _fill(ledger: BenchLedger, size: int, output: Path) -> Process:
    """Build with PDFs that are not rendered, so that the cache has everything."""
    build = ["--ledger", str(ledger.root), "build", "--workers", "1", "-o", str(output)]
    return _checked([sys.executable, "-c", _FILL, str(size), *build])


def _checked(command: Sequence[str]) -> Process:
    found = process(command)
    if found.code != 0:
        raise SystemExit(f"a measured command exited with {found.code}: {found.output[:500]}")
    return found


def _publish(ledger: BenchLedger, folder: Path, months: Sequence[str], kept: Path | None = None) -> _Job:
    """Run the commands of the job with this cache, into new folders, as on a new machine."""
    ledger.forget()
    shutil.rmtree(folder, ignore_errors=True)
    if kept is not None:
        shutil.copytree(kept, ledger.root / ".openchargeback")
    validate = _checked(ledger.command("validate"))
    build = _checked(ledger.command("build", "--workers", "1", "-o", str(folder / "public")))
    bundle = _checked(ledger.command("bundle", *months, "-o", str(folder / "finance")))
    parts = (validate, build, bundle)
    return _Job(
        Process(
            code=0,
            output="",
            wall=sum(part.wall for part in parts),
            cpu=sum(part.cpu for part in parts),
            memory=max(part.memory for part in parts),
        ),
        build,
    )


def _print(what: str, ours: Process, limit: Process) -> None:
    """CPU seconds: others may use the machine, and a runner is paid by its time alone."""
    detail = f"cpu {ours.cpu:.1f} s / {limit.cpu:.1f} s, {ours.wall:.1f} s / {limit.wall:.1f} s, {ours.memory:.0f} MB"
    report(what, ours.cpu / limit.cpu, 1.5, detail)


def measure() -> None:
    """Print the merge with a full cache against the month alone, and what the first build costs."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        alone = BenchLedger.with_months(folder / "alone", PERIODS[-1:])
        month = _publish(alone, folder / "one", ["--all"])
        alone.forget()
        pages = _checked(alone.command("build", "--no-pdf", "-o", str(folder / "pages")))
        pdfs = [*(folder / "one").glob("public/**/*.pdf")]
        ledger = BenchLedger.with_months(folder / "usual", PERIODS[:-1])
        ledger.close(PERIODS[:-1])
        first = _fill(ledger, _largest_pdf(folder / "one"), folder / "public")
        kept = folder / "kept"
        shutil.move(ledger.root / ".openchargeback", kept)
        shutil.copytree(alone.root / "charges", ledger.root / "charges", dirs_exist_ok=True)
        ledger.commit()
        merge = _publish(ledger, folder / "merged", ["--changed", "HEAD~1"], kept)
        _print("a merge that adds a month to 35, full cache: build", merge.build, month.build)
        _print("the same: validate, build and bundle", merge.whole, month.whole)
        each = (month.build.cpu - pages.cpu) / len(pdfs)
        size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file()) / 1e6
        print(
            f"a first build of 35 months: {first.cpu:.1f} s of CPU, and {each:.2f} s for each PDF; "
            f"{first.memory:.0f} MB, cache {size:.0f} MB",
            flush=True,
        )
