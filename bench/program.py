"""Start-up of the program, and a build of the sample ledger when nothing has changed."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from measuring import ROOT, alternately, python, report, timed

HELP = "import sys; sys.argv = ['focus-billing', '--help']; from openchargeback.cli.main import main; main()"
VERSION = (
    "import sys; sys.argv = ['focus-billing', 'build', '--help']; from openchargeback.cli.main import main; main()"
)


def measure() -> None:
    """Print start-up time relative to click alone, and that of an unchanged rebuild."""
    click, help_ = alternately(lambda: python("import click"), lambda: python(HELP))
    report("focus-billing --help / import click", help_ / click, 3, f"{help_ * 1e3:.0f} ms / {click * 1e3:.0f} ms")
    unchanged_rebuild()


def unchanged_rebuild() -> None:
    """Compare a clean build of the sample ledger with one where nothing changed."""
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
