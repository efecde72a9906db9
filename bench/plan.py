"""The cost of planning a change in a ledger of many months."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from data import write_charges
from measuring import alternately, python, report


def measure() -> None:
    """Print the time to plan one changed month, relative to validating that month alone."""
    plan_of_one_month()


def plan_of_one_month(months: int = 24, rows: int = 100_000) -> None:
    """Plan a ledger of many months with one changed, compared with validating that month alone."""
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
