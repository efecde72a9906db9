"""Commands as people run them: whole processes on a usual ledger and on large months, with and without a cache.

A limit is a fresh process that imports DuckDB alone and reads all columns of all charge files in one query; for a
ledger with closed months, one that bills the open month and hashes the files of the others.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data import write_charges
from measuring import ROOT, Process, focus_billing, process, report_process, rounds

MONTHS, SOURCES, ROWS = 36, 4, 500
PERIODS = [f"{2023 + number // 12}-{number % 12 + 1:02d}" for number in range(MONTHS)]

_SCAN = """
import duckdb, sys
duckdb.execute("SELECT count(COLUMNS(*)) FROM read_csv(?)", [sys.argv[1:]]).fetchall()
"""
_ONE_MONTH = """
import hashlib, sys
from pathlib import Path
from openchargeback.billing.periods import bill_period
from openchargeback.ledger.reading import read_ledger
from openchargeback.record.recorded_ledger import RecordedLedger
alone, whole = map(Path, sys.argv[1:])
for path in (path for name in ("charges", "periods") for path in whole.joinpath(name).rglob("*.*")):
    hashlib.sha256(path.read_bytes()).hexdigest()
ledger, _ = read_ledger(alone)
bill_period(RecordedLedger.of(ledger), ledger.periods[0])
"""


@dataclass(frozen=True, slots=True)
class BenchLedger:
    """A ledger made for measuring."""

    root: Path

    @classmethod
    def with_months(cls, root: Path, periods: Sequence[str], rows: int = ROWS, sources: int = SOURCES) -> BenchLedger:
        """A ledger of 40 PIs with two projects each, with this many rows in each file, committed."""
        for period in periods:
            for number in range(sources):
                path = root / "charges" / period / f"source{number}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_charges(path, rows, period=period, source=str(number), pis=40, each=2)
        (root / "config.yaml").write_text("organization: Bench\njournal: {credit_fund: RC-1}\n", encoding="utf-8")
        (root / ".gitignore").write_text(".openchargeback/\n", encoding="utf-8")
        ledger = cls(root)
        ledger.git("init", "--quiet", "--initial-branch", "main")
        for name, value in (("name", "Bench"), ("email", "bench@example.edu")):
            ledger.git("config", f"user.{name}", value)
        ledger.commit()
        return ledger

    def git(self, *arguments: str) -> None:
        """Run Git in the ledger."""
        command = ["git", "-c", "commit.gpgsign=false", "-C", str(self.root), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def commit(self) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Add charges")

    def close(self, periods: Sequence[str]) -> None:
        """Close these months."""
        for period in periods:
            command = ["periods", "close", period, "--by", "bench@example.edu", "--commit"]
            subprocess.run(self.command(*command), check=True, capture_output=True, cwd=ROOT)

    def change_a_row(self, period: str) -> None:
        """Give one charge of a month another resource, uncommitted."""
        path = self.root / "charges" / period / "source0.csv"
        path.write_text(path.read_text(encoding="utf-8").replace("node-", "knot-", 1), encoding="utf-8")

    def forget(self) -> None:
        """Remove what earlier commands kept."""
        shutil.rmtree(self.root / ".openchargeback", ignore_errors=True)

    def command(self, *arguments: str) -> list[str]:
        """The command line of `focus-billing` on the ledger."""
        return focus_billing("--ledger", str(self.root), *arguments)

    def cold(self, *arguments: str) -> Callable[[], Process]:
        """Run a command with nothing kept from earlier ones."""

        def run() -> Process:
            self.forget()
            return process(self.command(*arguments))

        return run

    def warm(self, *arguments: str) -> Callable[[], Process]:
        """Run a command on what earlier ones kept."""
        return partial(process, self.command(*arguments))

    def scan(self) -> Callable[[], Process]:
        """Read every cell of every charge file, and nothing else."""
        files = sorted(str(path) for path in self.root.glob("charges/*/*.csv"))
        return partial(process, [sys.executable, "-c", _SCAN, *files])


def usual(folder: Path) -> None:
    """36 open months of four files; then the same with all but the last closed."""
    ledger = BenchLedger.with_months(folder / "usual", PERIODS)
    limit = ledger.scan()
    what = f"{MONTHS} open months"
    _compare(f"{what}: validate, no cache", ledger.cold("validate"), limit, 3)
    _compare(f"{what}: validate, nothing changed", ledger.warm("validate"), limit, 2)
    _compare(f"{what}: periods list", ledger.warm("periods", "list"), limit, 1.5)
    alone = BenchLedger.with_months(folder / "alone", PERIODS[-1:])
    ledger.close(PERIODS[:-1])
    month = [sys.executable, "-c", _ONE_MONTH, str(alone.root), str(ledger.root)]
    one = partial(process, month)
    what = f"{MONTHS - 1} closed, 1 open"
    for arguments in (("validate",), ("periods", "list"), ("review", "list")):
        _compare(f"{what}: {' '.join(arguments)}, no cache", ledger.cold(*arguments), one, 2)
    ledger.git("checkout", "--quiet", "-b", "change")
    ledger.git("commit", "--quiet", "--allow-empty", "--message", "Nothing")
    _compare(f"{what}: plan, nothing changed, no cache", ledger.cold("plan", "main"), one, 3)
    ledger.change_a_row(PERIODS[-1])
    _compare(f"{what}: plan, one row changed, no cache", ledger.cold("plan", "main"), one, 3)
    ledger.warm("validate")()
    _compare(f"{what}: plan, one row changed", ledger.warm("plan", "main"), one, 3)


def sample(folder: Path) -> None:
    """A clean build of the sample ledger without its PDFs."""
    ledger = BenchLedger(folder / "sample")
    shutil.copytree(ROOT / "ledger", ledger.root, ignore=shutil.ignore_patterns(".openchargeback"))
    build = ("build", "--no-pdf", "--output", str(folder / "public"))

    def clean() -> Process:
        shutil.rmtree(folder / "public", ignore_errors=True)
        return ledger.cold(*build)()

    _compare("sample ledger: build --no-pdf, clean, against validate", clean, ledger.cold("validate"), 3)


def month_of(folder: Path, rows: int, *, large: bool) -> None:
    """One month of many charges in one file."""
    ledger = BenchLedger.with_months(folder / "month", ["2025-01"], rows, 1)
    limit = ledger.scan()
    bounds = {("periods", "show", "2025-01"): 5, ("validate",): 2, ("review", "list"): 5}
    for arguments, bound in bounds.items():
        _compare(f"{rows:,} charges: {' '.join(arguments)}, no cache", ledger.cold(*arguments), limit, bound)
    received = folder / "received.csv"
    write_charges(received, rows, period="2025-02", source="1", pis=40, each=2)
    ingest = ("ingest", str(received), "--period", "2025-02", "--source", "source0", "--compress", "--dry-run")
    _compare(f"{rows:,} charges: ingest --dry-run", ledger.cold(*ingest), limit, 5)
    ledger.change_a_row("2025-01")
    _compare(f"{rows:,} charges: plan, one row changed", ledger.cold("plan", "main"), limit, 5)
    if large:
        shutil.rmtree(ledger.root)
        ledger = BenchLedger.with_months(folder / "large", ["2025-01"], 10 * rows, 1)
        show = ("periods", "show", "2025-01")
        _compare(f"{10 * rows:,} charges: {' '.join(show)}, no cache", ledger.cold(*show), ledger.scan(), 5, runs=1)


def _compare(
    what: str, ours: Callable[[], Process], limit: Callable[[], Process], bound: float, *, runs: int = 3
) -> None:
    report_process(what, *rounds(ours, limit, runs=runs), bound)


def measure(rows: int, *, large: bool) -> None:
    """Print each command against its limit. large: also ten times as many rows."""
    for part in (usual, sample, lambda folder: month_of(folder, rows, large=large)):
        with tempfile.TemporaryDirectory() as folder:
            part(Path(folder))
