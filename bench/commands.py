"""Commands as people run them: whole processes on a usual ledger and on large months, with and without a cache.

A limit is a fresh process that imports DuckDB alone and reads all columns of all charge files in one query; for a
ledger with closed months, one that bills the open month and hashes the files of the others.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data import CLEAN, write_charges
from measuring import ROOT, Process, focus_billing, process, report_process, rounds

MONTHS, SOURCES, ROWS = 36, 4, 500
PERIODS = [f"{2023 + number // 12}-{number % 12 + 1:02d}" for number in range(MONTHS)]
_SHOWN = 6

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
_HEAD = "BillingPeriodStart,BilledCost,ServiceName,ResourceId,Tags\n"
_TAGS = '"{""pi_email"": ""ada@example.edu"", ""project_id"": ""p1"", ""fund_org"": ""F-1""}"'


@dataclass(frozen=True, slots=True)
class BenchLedger:
    """A ledger made for measuring."""

    root: Path

    @classmethod
    def with_months(
        cls,
        root: Path,
        periods: Sequence[str],
        rows: int = ROWS,
        sources: int = SOURCES,
        *,
        cost: str = CLEAN,
        pis: int = 40,
        each: int = 2,
    ) -> BenchLedger:
        """A committed ledger. rows: in each file. cost: SQL of BilledCost. each: the projects of each PI."""
        for period in periods:
            for number in range(sources):
                path = root / "charges" / period / f"source{number}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_charges(path, rows, cost, period=period, source=str(number), pis=pis, each=each)
        (root / "config.yaml").write_text("organization: Bench\njournal: {credit_fund: RC-1}\n", encoding="utf-8")
        (root / ".gitignore").write_text(".openchargeback/\n", encoding="utf-8")
        ledger = cls(root)
        ledger.begin()
        return ledger

    @classmethod
    def of_sample(cls, root: Path) -> BenchLedger:
        """The sample ledger."""
        shutil.copytree(ROOT / "ledger", root, ignore=shutil.ignore_patterns(".openchargeback"))
        return cls(root)

    def begin(self) -> None:
        """Make it a repository, with everything committed."""
        self.git("init", "--quiet", "--initial-branch", "main")
        for name, value in (("name", "Bench"), ("email", "bench@example.edu"), ("gpgSign", "false")):
            self.git("config", f"{'commit' if name == 'gpgSign' else 'user'}.{name}", value)
        self.commit()

    def commit(self) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Add charges")

    def git(self, *arguments: str) -> None:
        """Run Git in the ledger."""
        subprocess.run(["git", "-C", str(self.root), *arguments], check=True, stdout=subprocess.DEVNULL)

    def close(self, periods: Sequence[str]) -> None:
        """Close these months; what is held in them stays held."""
        for period in periods:
            command = ["periods", "close", period, "--leave-held", "--by", "bench@example.edu", "--commit"]
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

    def cold(self, *arguments: str) -> Run:
        """A command with nothing kept from earlier ones."""
        return Run(self.command(*arguments), self.forget)

    def warm(self, *arguments: str) -> Run:
        """A command on what earlier ones kept."""
        return Run(self.command(*arguments))

    def scan(self) -> Run:
        """Read every cell of every charge file, and nothing else."""
        files = sorted(str(path) for path in self.root.glob("charges/*/*.csv"))
        return Run([sys.executable, "-c", _SCAN, *files])


@dataclass(frozen=True, slots=True)
class Run:
    """A command line, run in a folder. before: called each time, unmeasured."""

    arguments: Sequence[str]
    before: Callable[[], None] = lambda: None
    folder: Path = ROOT

    def __call__(self) -> Process:
        """Run it."""
        self.before()
        return process(self.arguments, self.folder)

    def shares(self) -> dict[str, float]:
        """Where a command of the program spends its time, by module; empty for any other."""
        if self.arguments[:3] != focus_billing():
            return {}
        self.before()
        found = process([sys.executable, str(ROOT / "bench/sampled.py"), *self.arguments[3:]], self.folder)
        return dict(json.loads(found.output.splitlines()[-1]))


Compare = Callable[..., None]
"""Prints a row, given what it is, the command, its limit and the most times as long; `runs`: how often it is run."""


def usual(folder: Path, compare: Compare) -> None:
    """36 open months of four files; then the same with all but the last closed."""
    ledger = BenchLedger.with_months(folder / "usual", PERIODS)
    limit = ledger.scan()
    what = f"{MONTHS} open months"
    compare(f"{what}: validate, no cache", ledger.cold("validate"), limit, 3)
    compare(f"{what}: validate, nothing changed", ledger.warm("validate"), limit, 2)
    compare(f"{what}: periods list", ledger.warm("periods", "list"), limit, 1.5)
    alone = BenchLedger.with_months(folder / "alone", PERIODS[-1:])
    ledger.close(PERIODS[:-1])
    one = Run([sys.executable, "-c", _ONE_MONTH, str(alone.root), str(ledger.root)])
    what = f"{MONTHS - 1} closed, 1 open"
    for arguments in (("validate",), ("periods", "list"), ("review", "list")):
        compare(f"{what}: {' '.join(arguments)}, no cache", ledger.cold(*arguments), one, 2)
    ledger.git("checkout", "--quiet", "-b", "change")
    ledger.git("commit", "--quiet", "--allow-empty", "--message", "Nothing")
    compare(f"{what}: plan, nothing changed, no cache", ledger.cold("plan", "main"), one, 3)
    ledger.change_a_row(PERIODS[-1])
    compare(f"{what}: plan, one row changed, no cache", ledger.cold("plan", "main"), one, 3)
    ledger.warm("validate")()
    compare(f"{what}: plan, one row changed", ledger.warm("plan", "main"), one, 3)


def sample(folder: Path, compare: Compare) -> None:
    """A clean build of the sample ledger without its PDFs."""
    ledger, output = BenchLedger.of_sample(folder / "sample"), folder / "public"

    def clean() -> None:
        shutil.rmtree(output, ignore_errors=True)
        ledger.forget()

    build = Run(ledger.command("build", "--no-pdf", "--output", str(output)), clean)
    compare("sample ledger: build --no-pdf, clean, against validate", build, ledger.cold("validate"), 3)


def hook(folder: Path, compare: Compare) -> None:
    """`git commit` of one new charge, where a commit hook checks what is staged in the sample ledger."""
    ledger = BenchLedger.of_sample(folder / "ledger")
    ledger.begin()
    script = ledger.root / ".git/hooks/pre-commit"
    script.write_text(f"#!/bin/sh\nexec {shlex.join(focus_billing('validate', '--staged'))}\n", encoding="utf-8")
    script.chmod(0o755)
    path, rows = ledger.root / "charges/2025-03/aws.csv", [_HEAD]
    path.parent.mkdir()

    def stage() -> None:
        rows.append(f"2025-03-01,{len(rows)}.50,Compute,r1,{_TAGS}\n")
        path.write_text("".join(rows), encoding="utf-8")
        ledger.git("add", "--all")

    commit = Run(["git", "commit", "--quiet", "--message", "Add a charge"], stage, ledger.root)
    compare("sample ledger: git commit with the hook, against validate", commit, ledger.cold("validate"), 2)


def month_of(folder: Path, compare: Compare, rows: int) -> None:
    """One month of many charges in one file."""
    ledger = BenchLedger.with_months(folder / "month", ["2025-01"], rows, 1)
    limit = ledger.scan()
    bounds = {("periods", "show", "2025-01"): 5, ("validate",): 2, ("review", "list"): 5}
    for arguments, bound in bounds.items():
        compare(f"{rows:,} charges: {' '.join(arguments)}, no cache", ledger.cold(*arguments), limit, bound)
    received = folder / "received.csv"
    write_charges(received, rows, period="2025-02", source="1", pis=40, each=2)
    ingest = ("ingest", str(received), "--period", "2025-02", "--source", "source0", "--compress", "--dry-run")
    compare(f"{rows:,} charges: ingest --dry-run", ledger.cold(*ingest), limit, 5)
    ledger.change_a_row("2025-01")
    compare(f"{rows:,} charges: plan, one row changed", ledger.cold("plan", "main"), limit, 5)


def large_month_of(folder: Path, compare: Compare, rows: int) -> None:
    """One month of very many charges in one file; it is not committed, since that takes minutes."""
    ledger = BenchLedger(folder)
    path = folder / "charges/2025-01/source0.csv"
    path.parent.mkdir(parents=True)
    write_charges(path, rows, pis=40, each=2)
    (folder / "config.yaml").write_text("organization: Bench\njournal: {credit_fund: RC-1}\n", encoding="utf-8")
    show = ("periods", "show", "2025-01")
    compare(f"{rows:,} charges: {' '.join(show)}, no cache", ledger.cold(*show), ledger.scan(), 5, runs=1)


def _measured(what: str, ours: Run, limit: Run, bound: float, *, runs: int = 3) -> None:
    report_process(what, *rounds(ours, limit, runs=runs), bound)


def _profiled(what: str, ours: Run, _limit: Run, _bound: float, *, runs: int = 1) -> None:
    for _ in range(runs):
        ours()  # a warm-up
    shares = list(ours.shares().items())[:_SHOWN]
    if shares:
        print(f"{what:60} {', '.join(f'{name} {share:.0%}' for name, share in shares)}", flush=True)


def measure(rows: int, *, large: bool, profile: bool = False) -> None:
    """Print each command against its limit, or what takes its time. large: also ten times as many rows."""
    parts: list[Callable[[Path, Compare], None]] = [usual, sample, hook, partial(month_of, rows=rows)]
    parts += [partial(large_month_of, rows=10 * rows)] if large else []
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            part(Path(folder), _profiled if profile else _measured)
