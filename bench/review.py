"""The cost of listing the review queue, and of deciding all of it."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from data import write_charges
from measuring import alternately, python, report

ROWS, HELD_OF_TWENTY = 20_000, 3


def measure() -> None:
    """Print `review` commands on a month of 20,000 charges with 3,000 held, relative to validating that month."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger"
        place = ledger / "charges/2025-01/aws.csv"
        place.parent.mkdir(parents=True)
        (ledger / "config.yaml").write_text("organization: Bench\n", encoding="utf-8")
        write_charges(place, ROWS)
        lines = place.read_text(encoding="utf-8").splitlines(keepends=True)
        # Every other held charge also lacks its project, so that some items are by resource.
        missing = (("fund_org", "-"), ("project_id", "-"))
        for number in range(1, len(lines)):
            if number % 20 < HELD_OF_TWENTY:
                for key, other in missing[: 1 + number % 2]:
                    lines[number] = lines[number].replace(key, other)
        place.write_text("".join(lines), encoding="utf-8")
        decide = ["--period", "2025-01", "--all", "--reason", "bench", "--by", "bench@example.edu"]
        for arguments in (["list"], ["list", "--json"], ["reject", *decide]):
            what = f"review {' '.join(arguments[:2] if arguments[0] == 'list' else ('reject', '--all'))} / validate"
            ours, whole = alternately(
                lambda arguments=arguments: _run(ledger, "review", *arguments), lambda: _run(ledger, "validate")
            )
            report(what, ours / whole, 2, f"{ours:.2f} s / {whole:.2f} s")


def _run(ledger: Path, *arguments: str) -> None:
    """Run a command on the ledger with nothing cached and nothing decided."""
    for name in (".openchargeback", "approvals"):
        shutil.rmtree(ledger / name, ignore_errors=True)
    python(f"from openchargeback.cli.main import main; main({json.dumps([*arguments, '--ledger', str(ledger)])})")
