"""Runs the program on a case, and checks what it must not do.

It must end without a traceback and without hanging (`workers.py` handles that), it must give a reason for a file that
it refuses, and it must have counted a charge file that it accepts to the last row and digit.
"""

from __future__ import annotations

import csv
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from click.testing import CliRunner, Result

from fuzzing.cases import CHARGES, Case
from fuzzing.counting import Uncountable, counted
from openchargeback.cli.main import cli
from openchargeback.focus.database import database
from openchargeback.focus.ingest import IngestedFile, Request, ingest
from openchargeback.focus.reading import check
from openchargeback.ledger.reading import read_ledger
from openchargeback.problems import LedgerFault, OpenChargebackError, OutsideFault, Problem, UsageFault, has_errors
from openchargeback.publish.validating import validate

_FORMATS = ("text", "json", "github", "gitlab", "junit")


def findings(case: Case, folder: Path) -> list[str]:
    """What is wrong with how the program handles a case; empty if nothing is. folder: an empty one for the ledger."""
    root = folder / "ledger"
    for name, content in case.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    try:
        return list(_charges(case, root, folder) if case.kind == CHARGES else _ledger(case, root))
    except OpenChargebackError as error:
        return [f"an exception instead of a reported problem: {error!r}"]
    except Exception:  # noqa: BLE001 - any exception is a finding
        return [traceback.format_exc()]


def _charges(case: Case, root: Path, folder: Path) -> Iterator[str]:
    given = folder / Path(case.path).name
    (root / case.path).rename(given)
    ledger, problems = read_ledger(root)
    if ledger is None:
        raise AssertionError(problems)
    taken: IngestedFile | None = None
    try:
        (taken,) = ingest(ledger, [given], Request("aws", period="2025-01", dry_run=not case.thorough))
    except LedgerFault as refusal:
        yield from _unexplained(refusal.problems)
    except UsageFault as refusal:
        if not str(refusal).strip():
            yield "refused without a reason"
    if taken:
        yield from _miscounted(case, taken)
    if not case.thorough:
        return
    given.replace(root / case.path) if taken is None else given.unlink()
    yield from _both_ways(root, refused=taken is None)
    yield from _commands(case, root)


def _miscounted(case: Case, taken: IngestedFile) -> Iterator[str]:
    content = taken.content
    if case.path.endswith(".parquet"):
        return
    try:
        rows, cost = counted(case.content, Path(case.path).name.lower(), case.cost)
    except Uncountable as reason:
        yield f"accepted, but cannot be counted: {reason}"
        return
    ours = content.cost + sum(amount for _, amount in content.others)
    if (content.charges, ours) != (rows, cost):
        yield f"counted {content.charges} rows, {ours}; expected {rows} rows, {cost}"


def _both_ways(root: Path, *, refused: bool) -> Iterator[str]:
    """Compare the prefilter plus Frictionless with Frictionless alone, on the current files of the ledger."""
    ledger, _ = read_ledger(root)
    files = ledger.charge_files.get("2025-01", ()) if ledger else ()
    if ledger is None or not files:
        return
    results = []
    for full in (False, True):
        with database() as con:
            results.append(check(con, files, ledger.config, full=full))
    quick, full_ = (sorted(map(repr, result)) for result in results)
    if quick != full_ and "not-judged" not in str(quick):
        yield f"validate and validate --full differ: {sorted(set(quick) ^ set(full_))}"
    if has_errors(results[0]) != refused:
        yield f"ingest {'refuses' if refused else 'accepts'} what validate {'accepts' if refused else 'refuses'}"


def _ledger(case: Case, root: Path) -> Iterator[str]:
    _, problems = validate(root)
    if has_errors(problems):
        yield from _unexplained(problems)
    if case.thorough:
        yield from _commands(case, root)


def _unexplained(problems: Sequence[Problem]) -> Iterator[str]:
    if not has_errors(problems):
        yield "refused without an error"
    for problem in problems:
        if not problem.message.strip() or not (problem.path or problem.fix):
            yield f"a problem without a location or a reason: {problem!r}"


def _commands(case: Case, root: Path) -> Iterator[str]:
    form = _FORMATS[case.number % len(_FORMATS)]
    # As on every start of the program, whatever earlier cases did to it.
    csv.field_size_limit(1 << 30)
    found = _run(["--ledger", str(root), "validate", "--format", form])
    yield from _broken(found, {0, 1})
    if form == "text":
        strange = sorted({char for char in found.output if ord(char) < 32 and char not in "\n\t"})
        if strange:
            yield f"control characters in the report: {strange}"
    if case.kind != CHARGES:
        yield from _broken(_run(["--ledger", str(root), "periods", "list"]), {0, 1})
        return
    file = root / case.path
    if file.exists():
        yield from _broken(
            _run(["--ledger", str(root), "ingest", str(file), "--source", "hpc", "--dry-run"]), {0, 1, 2}
        )


def _run(arguments: list[str]) -> Result:
    return CliRunner().invoke(cli, arguments)


def _broken(result: Result, codes: set[int]) -> Iterator[str]:
    error = result.exception
    if isinstance(error, OutsideFault) or (
        error is not None and not isinstance(error, (SystemExit, OpenChargebackError))
    ):
        yield "".join(traceback.format_exception(error))
    elif not isinstance(error, OpenChargebackError) and result.exit_code not in codes:
        yield f"exit code {result.exit_code}: {result.output[-2_000:]}"
