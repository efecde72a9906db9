"""Ratios measured in one run, on data that is made for it: `make bench`.

Prints the median of several runs. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from openchargeback.billing.pipeline import settle
from openchargeback.focus.database import database
from openchargeback.focus.reading import load
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.settings import Config, Organization

ROOT = Path(__file__).parents[1]
ROWS = 1_000_000
RUNS = 5


def main() -> None:
    """Measure and print each ratio with its bound."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "charges.csv"
        write_charges(path, ROWS)
        megabytes = path.stat().st_size / 1e6
        print(f"{ROWS:,} charges, 12 columns, {megabytes:.0f} MB")
        scan, ours = alternately(lambda: bare_scan(path), lambda: to_lines(path))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        report("file to billing lines / bare DuckDB scan", ours / scan, 4, f"{ours:.2f} s / {scan:.2f} s")
        report("resident memory, MB", memory, 2048, "")
    click, help_ = alternately(lambda: python("import click"), lambda: python(HELP))
    report("focus-billing --help / import click", help_ / click, 3, f"{help_ * 1e3:.0f} ms / {click * 1e3:.0f} ms")
    unchanged_rebuild()
    plan_of_one_month()


HELP = "import sys; sys.argv = ['focus-billing', '--help']; from openchargeback.cli.main import main; main()"
VERSION = (
    "import sys; sys.argv = ['focus-billing', 'build', '--help']; from openchargeback.cli.main import main; main()"
)


def unchanged_rebuild() -> None:
    """A clean build of the sample ledger against one where nothing changed."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger"
        shutil.copytree(ROOT / "ledger", ledger)
        for path in sorted((ROOT / "sample_data").glob("*.csv")):
            source, period = path.stem.split("_")
            target = ledger / "charges" / period / f"{source}.csv"
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, target)
        arguments = json.dumps(["build", "-o", str(Path(folder) / "out"), "--ledger", str(ledger)])
        build = f"from openchargeback.cli.main import main; main({arguments})"
        clean = timed(lambda: python(build))
        again, start = alternately(lambda: python(build), lambda: python(VERSION))
        report(
            "unchanged rebuild after start-up, s",
            again - start,
            1,
            f"{again:.2f} s − {start:.2f} s; clean {clean:.1f} s",
        )


def plan_of_one_month(months: int = 24, rows: int = 100_000) -> None:
    """The plan of a ledger of many months of which one changed, against validating that month alone."""
    with tempfile.TemporaryDirectory() as folder:
        ledger, alone = Path(folder) / "ledger", Path(folder) / "alone"
        master = Path(folder) / "charges.csv"
        write_charges(master, rows)
        text = master.read_text(encoding="utf-8")
        names = [f"{2024 + number // 12}-{number % 12 + 1:02d}" for number in range(months)]
        for root, periods in ((ledger, names), (alone, names[-1:])):
            for period in periods:
                place = root / "charges" / period / "aws.csv"
                place.parent.mkdir(parents=True)
                place.write_text(text.replace("2025-01-", f"{period}-"), encoding="utf-8")
            (root / "config.yaml").write_text("organization: Bench\n", encoding="utf-8")
        commit = ["commit", "--quiet", "--message", "x"]
        for arguments in (["init", "--quiet", "--initial-branch", "main"], ["add", "."], commit):
            identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.edu"]
            subprocess.run(["git", "-C", ledger, *identity, *arguments], check=True)
        changed = ledger / "charges" / names[-1] / "aws.csv"
        lines = changed.read_text(encoding="utf-8").splitlines(keepends=True)
        changed.write_text("".join(line for number, line in enumerate(lines) if number % 100 != 99), encoding="utf-8")
        main_ = "from openchargeback.cli.main import main; main({})"
        plan = main_.format(json.dumps(["plan", "--ledger", str(ledger)]))
        validate = main_.format(json.dumps(["validate", "--ledger", str(alone)]))

        def validated() -> None:
            shutil.rmtree(alone / ".openchargeback", ignore_errors=True)
            python(validate)

        ours, whole = alternately(lambda: python(plan), validated)
        what = f"plan of 1 of {months} months / validate it"
        report(what, ours / whole, 2, f"{ours:.2f} s / {whole:.2f} s")


def write_charges(path: Path, rows: int) -> None:
    """A period of charges in the simple dialect: 60 PIs, 180 projects, 20,000 resources, all attributed."""
    with duckdb.connect() as con:
        con.execute(
            """
            COPY (
                SELECT '2025-01-01' AS BillingPeriodStart, '2025-01-31' AS BillingPeriodEnd,
                    strftime(DATE '2025-01-01' + (i % 31)::INTEGER, '%Y-%m-%d') AS ChargePeriodStart,
                    ChargePeriodStart AS ChargePeriodEnd,
                    printf('%.10f', (hash(i) % 30000000000) / 1e10 * 1.3) AS ListCost,
                    printf('%.10f', (hash(i) % 30000000000) / 1e10 * 1.1) AS ContractedCost,
                    printf('%.10f', (hash(i) % 30000000000) / 1e10) AS BilledCost,
                    BilledCost AS EffectiveCost,
                    'i-' || printf('%010d', hash(i * 7) % 20000) AS ResourceId,
                    'node-' || (hash(i * 7) % 20000) AS ResourceName,
                    ['Compute', 'Object Storage', 'Functions', 'Databases'][1 + (hash(i * 3) % 4)::INTEGER]
                        AS ServiceName,
                    '{"pi_email": "pi' || (hash(i * 5) % 60) || '@example.edu", "project_id": "project-'
                        || (hash(i * 5) % 60) || '-' || (hash(i * 11) % 3) || '", "fund_org": "FND-'
                        || (hash(i * 5) % 60) || '", "cost_center": "CC-1"}' AS Tags
                FROM range($rows) AS t(i)
            ) TO '"""
            + str(path)
            + "' (HEADER, DELIMITER ',')",
            {"rows": rows},
        )


def bare_scan(path: Path) -> None:
    """Read all columns of the file with DuckDB's own settings."""
    with duckdb.connect() as con:
        con.execute(f"SELECT count(COLUMNS(*)) FROM '{path}'").fetchall()


def to_lines(path: Path) -> None:
    """From file to billing lines, as a build does."""
    file = ChargeFile("charges/2025-01/aws.csv", path, "2025-01", "aws", path.stat().st_size)
    ledger = Ledger(path.parent, Config(Organization("Bench")), Directory(), {"2025-01": (file,)}, {}, {})
    with database() as con:
        loaded, problems = load(con, [file], ledger.config)
        settle(con, ledger, "2025-01", loaded, [])
        if problems or not con.execute("SELECT count(*) FROM line").fetchone():
            raise SystemExit("the data of the benchmark is not clean")


def python(code: str) -> None:
    """Run Python in a process of its own."""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def timed(function: Callable[[], None]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternately(first: Callable[[], None], second: Callable[[], None]) -> tuple[float, float]:
    """Median seconds of each, run in turns so that both meet the same machine."""
    first()
    second()
    pairs = [(timed(first), timed(second)) for _ in range(RUNS)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def report(what: str, value: float, bound: float, detail: str) -> None:
    """One line: what, the figure, its bound and whether it holds."""
    word = "ok" if value <= bound else "ABOVE"
    print(f"{what:45} {value:10.2f}  at most {bound:<8g} {word:6} {detail}".rstrip())


if __name__ == "__main__":
    main()
