"""Close the closed months of a ledger anew, after the format of closing records or a rule has changed.

    python tools/reclose.py ledger tests/ledgers/unusual-amount

Dates, persons, revisions, accounting dates and evidence stay as they are. For the samples of this checkout, which rest
on nothing that was sent to anybody; never for a ledger in use.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from openchargeback.ledger.frozen_reading import read_frozen
from openchargeback.ledger.periods import PeriodFile
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.model import State
from openchargeback.publish import closing
from openchargeback.publish.build import open_books


def reclose(root: Path) -> None:
    """Write the records and period files of all closed months of a ledger anew."""
    ledger = _read(root)
    states = {period: state for period, state in ledger.period_files.items() if state.state is not State.OPEN}
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
        # A copy outside of Git, which would tell that months are not finalized any more.
        copy = Path(folder) / "ledger"
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns("charges", "approvals", "periods", ".openchargeback"))
        for period in ledger.periods:
            for name in ("charges", "approvals"):
                if (root / name / period).is_dir():
                    shutil.copytree(root / name / period, copy / name / period)
            if period in states:
                _close(root, copy, period, states[period])
        for path in sorted((root / "periods").iterdir()):
            if path.name[:7] in states and not path.name.endswith(".notes.yaml"):
                path.unlink()
        for path in sorted((copy / "periods").iterdir()):
            if path.name[:7] in states:
                shutil.copy(path, root / "periods" / path.name)
                print(root / "periods" / path.name)


def _close(root: Path, copy: Path, period: str, state: PeriodFile) -> None:
    if state.closed is None:
        raise SystemExit(f"{root}: {period} does not say when it was closed")
    record = read_frozen(root, period, state)[0]
    closing.write_state(copy, period, PeriodFile(State.OPEN, state.revision))
    evidence = record.evidence if record else ()
    closing.close(open_books(copy), period, state.closed, evidence, dated=state.accounting_date, without=state.without)
    if state.finalized:
        closing.finalize(_read(copy), period, state.finalized)


def _read(root: Path) -> Ledger:
    ledger, problems = read_ledger(root)
    if ledger is None:
        raise SystemExit(f"{root}: {problems[0].message}")
    return ledger


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        reclose(Path(argument))
