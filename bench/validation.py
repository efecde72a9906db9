"""`focus-billing validate` on a large month: clean, with some faults, with only faults, and very large."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from data import CLEAN, bare_scan, write_charges
from measuring import ROOT, alternately, focus_billing, process, python, report, timed

SCALED_FROM = 20_000
"""Rows for measuring Frictionless; its time grows with the rows, and a million would take minutes."""


def measure(rows: int, *, large: bool) -> None:
    """Print each ratio. large: also ten million rows, which need some GB of disk."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        clean = make_ledger(top / "clean", rows)
        strewn = make_ledger(
            top / "strewn", rows, f"CASE WHEN i % {max(rows // 100, 1)} = 7 THEN 'n/a' ELSE {CLEAN} END"
        )
        scan, ours, faulty, start = alternately(
            lambda: bare_scan(charges_of(clean)),
            lambda: validated(clean, 0),
            lambda: validated(strewn, 1),
            lambda: python("from openchargeback.cli.main import main; main(['validate', '--help'])"),
        )
        detail = f"{ours:.2f} s / {scan:.2f} s"
        report("validate, process included / bare scan", ours / scan, 3, detail)
        report("validate, without start-up / bare scan", (ours - start) / scan, 3, f"start-up {start:.2f} s")
        report("validate with 100 faults / clean", faulty / ours, 1.5, f"{faulty:.2f} s / {ours:.2f} s")
        against_frictionless(top, rows, ours)
        every_row_wrong(top, rows)
        if large:
            very_large(top, 10 * rows)


def make_ledger(root: Path, rows: int, cost: str = CLEAN) -> Path:
    """A ledger with one month of one source."""
    charges_of(root).parent.mkdir(parents=True)
    (root / "config.yaml").write_text("organization: Bench\ncurrency: USD\n", encoding="utf-8")
    write_charges(charges_of(root), rows, cost)
    return root


def charges_of(root: Path) -> Path:
    """The only charge file of such a ledger."""
    return root / "charges" / "2025-01" / "aws.csv"


def validated(root: Path, code: int) -> tuple[str, float]:
    """Validate in a separate process without a cache: the output, and MB resident."""
    shutil.rmtree(root / ".openchargeback", ignore_errors=True)
    found = process(focus_billing("--ledger", str(root), "validate", "--format", "json"))
    if found.code != code:
        raise SystemExit(f"validate of {root.name} exited with {found.code}, not {code}: {found.output[:500]}")
    return found.output, found.memory


def against_frictionless(top: Path, rows: int, ours: float) -> None:
    """Frictionless's own validation of the same kind of rows with our schema, scaled to the same number of rows."""
    few = min(SCALED_FROM, rows)
    path = charges_of(make_ledger(top / "few", few))
    scaled = timed(frictionless(path)) / few * rows
    report("Frictionless / validate", scaled / ours, 50, f"{scaled:.0f} s from {few:,} rows / {ours:.2f} s", least=True)


def frictionless(path: Path) -> Callable[[], None]:
    """A function that validates a file with Frictionless alone; the import is not measured."""
    from frictionless import Resource, Schema, system

    packaged = resources.files("openchargeback.focus").joinpath("schemas/simple.json").read_text(encoding="utf-8")
    schema = Schema.from_descriptor(json.loads(packaged))

    def validate() -> None:
        with system.use_context(trusted=True):
            found = Resource(path=str(path), schema=schema).validate()
        if not found.valid:
            raise SystemExit("the benchmark data is not clean")

    return validate


def every_row_wrong(top: Path, rows: int) -> None:
    """A file without a single valid amount finishes quickly, with a capped report that still counts every row."""
    root = make_ledger(top / "wrong", rows, "'n/a'")
    outputs: list[str] = []
    seconds = timed(lambda: outputs.append(validated(root, 1)[0]))
    problems = json.loads(outputs[0])["problems"]
    counted = sum(problem["count"] for problem in problems if problem["severity"] == "error")
    size = len(outputs[0]) / 1e6
    report(
        "every row wrong, s", seconds, 20, f"{len(problems):,} problems in {size:.1f} MB, {counted:,} faults counted"
    )
    if counted < rows:
        raise SystemExit(f"{rows:,} rows are wrong, but {counted:,} faults were counted")
    shutil.rmtree(root)


def very_large(top: Path, rows: int) -> None:
    """Memory does not grow with the file."""
    root = make_ledger(top / "large", rows)
    _, memory = validated(root, 0)
    size = charges_of(root).stat().st_size / 1e9
    report(f"validate {rows:,} rows, MB resident", memory, 4096, f"{size:.1f} GB")


if __name__ == "__main__":
    raise SystemExit(f"run {ROOT / 'bench' / 'run.py'}")
