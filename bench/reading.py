"""From the file to billing lines, compared with a bare scan by DuckDB."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

from data import bare_scan, write_charges
from measuring import alternately, report
from openchargeback.billing.pipeline import read_charges, settle
from openchargeback.focus.database import database
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.settings import Config, Organization
from openchargeback.record.recorded_ledger import RecordedLedger


def measure(rows: int) -> None:
    """Print the ratio and the memory used."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "charges.csv"
        write_charges(path, rows)
        print(f"{rows:,} charges, 12 columns, {path.stat().st_size / 1e6:.0f} MB")
        scan, ours = alternately(lambda: bare_scan(path), lambda: to_lines(path))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        report("file to billing lines / bare DuckDB scan", ours / scan, 4, f"{ours:.2f} s / {scan:.2f} s")
        report("resident memory, MB", memory, 2048, "")


def to_lines(path: Path) -> None:
    """Process a file into billing lines, as a build does."""
    file = ChargeFile("charges/2025-01/aws.csv", path, "2025-01", "aws", path.stat().st_size)
    ledger = Ledger(path.parent, Config(Organization("Bench")), Directory(), {"2025-01": (file,)}, {}, {})
    with database() as con:
        charges, problems = read_charges(con, RecordedLedger.of(ledger), ["2025-01"])
        settle(charges)
        if problems or not con.execute("SELECT count(*) FROM line").fetchone():
            raise SystemExit("the benchmark data is not clean")
