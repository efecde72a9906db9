"""Bill all periods of a ledger in order; results with unchanged inputs come from the cache."""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from openchargeback import __version__
from openchargeback.billing import copies
from openchargeback.billing.charges_data import write_charges
from openchargeback.billing.corrections import CorrectionResults, correct
from openchargeback.billing.freezing import thaw
from openchargeback.billing.pipeline import PostedCorrections, bill_period
from openchargeback.billing.reconciliation import check_ledger
from openchargeback.focus.equal_files import Copies, equal_files
from openchargeback.ledger.files import ChargeFile, digest_of
from openchargeback.ledger.lock import committed_temporaries
from openchargeback.ledger.periods import CORRECTIONS, FROZEN, LINES, PARTS, RESOURCES, PeriodFile, part_path
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.model import BilledPeriod, State
from openchargeback.portal.own_pages import page_problems
from openchargeback.portal.paths import charges_file
from openchargeback.problems import LedgerFault, OutsideFault, Problem, has_errors
from openchargeback.publish.cache import Cache
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.record.files import read_record
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.record.seal import changed_inputs, left_over, no_longer_finalized, recorded_periods
from openchargeback.wording import counted

_log = logging.getLogger(__name__)
_ROOMS = ("ledger", "record", "focus", "review", "billing")


@dataclass(frozen=True, slots=True)
class _Result:
    """The cached result of a period."""

    period: BilledPeriod
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Copies:
    """The cached result for equal files."""

    problems: tuple[Problem, ...]


def gather_ledger(root: Path, store: Cache) -> tuple[RecordedLedger | None, list[Problem]]:
    """A ledger with the records of its closed months, and every problem of its small files; nothing is billed.

    None if its config is unusable.
    """
    ledger, problems = read_ledger(root)
    if ledger is None:
        return None, problems
    whole, faults = with_records(ledger, store)
    _log.info("read the ledger: %s", counted(len(whole.periods), "month"))
    return whole, [*problems, *faults, *page_problems(whole.pages, whole.images, whole.config.portal.links)]


def with_records(ledger: Ledger, store: Cache) -> tuple[RecordedLedger, list[Problem]]:
    """The ledger with the records of its closed periods, and problems for records that are faulty or changed.

    Also reports committed leftovers of interrupted commands.
    """
    whole, problems = recorded(ledger, store)
    # Git is optional here: a repository that it refuses to read must not stop a check of the files.
    with suppress(OutsideFault):
        problems += committed_temporaries(ledger.root)
    changed = [*changed_inputs(whole, whole.records.values()), *no_longer_finalized(ledger)]
    # Do not report faults in an altered record, only that it was altered.
    altered = {each.path for each in changed}
    intact = {
        period: record
        for period, record in whole.records.items()
        if not altered & {part_path(period, name) for name in (FROZEN, *PARTS)}
    }
    return replace(whole, records=intact), problems + changed


def recorded(ledger: Ledger, store: Cache) -> tuple[RecordedLedger, list[Problem]]:
    """The ledger with the records of its closed periods, without checking their inputs."""
    found = {
        period: _record(ledger, store, period, ledger.period_file(period))
        for period in ledger.periods
        if ledger.period_file(period).state is not State.OPEN
    }
    frozen = {period: record for period, (record, _) in found.items() if record is not None}
    problems = [problem for _, faults in found.values() for problem in faults]
    return RecordedLedger.of(ledger, frozen), [*problems, *_left_over(ledger)]


def _left_over(ledger: Ledger) -> list[Problem]:
    """Problems for records of months that are not closed."""
    periods = sorted({*ledger.periods, *recorded_periods(ledger.root)})
    unclosed = [period for period in periods if ledger.period_file(period).state is State.OPEN]
    return [problem for period in unclosed for problem in left_over(ledger, period)]


def _record(ledger: Ledger, store: Cache, period: str, state: PeriodFile) -> tuple[ClosingRecord | None, list[Problem]]:
    """The record of a closed period; from the cache if the same bytes were read before."""
    # The period is part of the key: the same bytes under another month's name are not its record.
    key = f"{code_digest()} {period}"
    for name in (FROZEN, LINES, RESOURCES, CORRECTIONS):
        path = ledger.root / part_path(period, name)
        key += f" {digest_of(path) if path.is_file() else '-'}"
    if (kept := store.value("frozen", key, ClosingRecord)) is not None:
        return kept, []
    record, problems = read_record(ledger.root, period, state)
    if record is not None and not problems:
        store.keep("frozen", key, record)
    return record, problems


def bill_ledger(
    ledger: RecordedLedger,
    store: Cache,
    *,
    wanted: str = "",
    only: Collection[str] | None = None,
    data: bool = False,
    progress: Callable[[str], None] | None = None,
) -> tuple[tuple[BilledPeriod, ...], list[Problem]]:
    """Bill every open period and thaw every closed one, or only those up to `wanted`.

    only: these periods, and their problems. data: keep the charges of newly billed periods for `kept_charges`.
    Periods whose files have errors, and closed ones without a record (see `with_records`), are left out.
    Searches for equal files in all periods up to the wanted one, billed or not.
    progress is called with each period before it is billed.
    """
    result: list[BilledPeriod] = []
    corrected = _corrected(ledger, store)
    problems = [*corrected.problems, *_billed_twice(ledger, store, corrected, wanted)]
    for period in ledger.periods:
        if (wanted and period > wanted) or (only is not None and period not in only):
            continue
        if progress:
            progress(period)
        billed, faults = _billed(ledger, store, period, corrected, data=data)
        problems += faults
        if billed is not None:
            result.append(billed)
    if len(result) == len(ledger.periods) and not has_errors(corrected.problems):
        problems += check_ledger(result, corrected.remaining)
    _log.info("billed %s", counted(len(result), "month"))
    return tuple(result), problems


def _billed(
    ledger: RecordedLedger, store: Cache, period: str, corrected: CorrectionResults, *, data: bool
) -> tuple[BilledPeriod | None, list[Problem]]:
    """A closed period from its record, or an open one as billed now."""
    state, record = ledger.period_file(period), ledger.records.get(period)
    if record is not None:
        thawed, faults = thaw(record, state, ledger)
        return replace(thawed, still_queued=corrected.queue.get(period, ())), faults
    if state.state is not State.OPEN:
        return None, []
    return _bill(ledger, store, period, corrected.posted.get(period, PostedCorrections()), data=data)


def _corrected(ledger: RecordedLedger, store: Cache) -> CorrectionResults:
    """The effect of decisions on closed periods; from the cache if its inputs are unchanged."""
    decisions = [
        decision
        for period, each in sorted(ledger.approvals.items())
        if ledger.period_file(period).state is State.OPEN
        for decision in each
        if decision.period
    ]
    if not decisions and not any(record.corrections or record.queue for record in ledger.records.values()):
        return CorrectionResults()
    records = [(period, record.digest) for period, record in sorted(ledger.records.items())]
    states = [(period, ledger.period_file(period)) for period in ledger.periods]
    files = [
        (file.path, digest_of(file.location))
        for period in sorted({decision.period for decision in decisions})
        for file in ledger.charge_files.get(period, ())
    ]
    key = _digest(__version__, code_digest(), ledger.config, ledger.directory, decisions, records, states, files)
    corrected = store.value("corrected", key, CorrectionResults)
    if corrected is None:
        corrected = correct(ledger)
        store.keep("corrected", key, corrected)
    return corrected


def _billed_twice(ledger: RecordedLedger, store: Cache, corrected: CorrectionResults, wanted: str) -> list[Problem]:
    """Problems for equal files that are billed more than once; from the cache if their inputs are unchanged."""
    files = [file for period, found in ledger.charge_files.items() if not wanted or period <= wanted for file in found]
    return equal_file_problems(ledger, store, corrected, equal_files(files))


def equal_file_problems(
    ledger: RecordedLedger, store: Cache, corrected: CorrectionResults, found: Sequence[Copies]
) -> list[Problem]:
    """Problems for these equal files. The ledger must hold its records."""
    if not found:
        return []
    periods = sorted({file.period for equal in found for file in equal})
    inputs = [period_key(ledger, period) for period in periods]
    records = [(period, record.digest) for period, record in sorted(ledger.records.items())]
    paths = [[file.path for file in equal] for equal in found]
    key = _digest(paths, inputs, records, sorted(corrected.posted.items()))
    kept = store.value("copies", key, _Copies)
    if kept is None:
        kept = _Copies(tuple(copies.billed_twice(ledger, found, corrected.posted)))
        store.keep("copies", key, kept)
    return list(kept.problems)


def still_billing(ledger: Ledger, store: Cache, files: Sequence[ChargeFile]) -> set[str]:
    """The paths of the files that have any charge billed or held."""
    whole, _ = recorded(ledger, store)
    return copies.still_billing(whole, files, _corrected(whole, store).posted)


def _bill(
    ledger: RecordedLedger, store: Cache, period: str, posted: PostedCorrections, *, data: bool
) -> tuple[BilledPeriod | None, list[Problem]]:
    key = period_key(ledger, period, posted)
    if (kept := store.value("period", key, _Result)) is not None:
        return kept.period, list(kept.problems)
    if not data:
        billed, problems = bill_period(ledger, period, digest=key, posted=posted)
    else:
        billed, problems, charges = _bill_with_charges(ledger, period, key, posted)
        if billed is not None:
            store.put("charges", key, charges)
    if billed is not None:
        store.keep("period", key, _Result(billed, tuple(problems)))
    return billed, problems


def kept_charges(ledger: RecordedLedger, store: Cache, period: BilledPeriod) -> bytes:
    """The charges of a billed period as the file `portal.paths.charges_file`.

    From the cache; if missing there, the period is billed again, a closed one according to its record.
    Raises LedgerFault if its files can no longer be read.
    """
    record = ledger.records.get(period.period)
    key = _digest(code_digest(), record.digest) if record else period.digest
    kept = store.get("charges", key)
    if kept is not None:
        return kept
    billed, problems, charges = _bill_with_charges(ledger.as_recorded(period.period), period.period, key)
    if billed is None:
        raise LedgerFault(problems, ledger.root)
    store.put("charges", key, charges)
    return charges


def _bill_with_charges(
    ledger: RecordedLedger, period: str, key: str, posted: PostedCorrections | None = None
) -> tuple[BilledPeriod | None, list[Problem], bytes]:
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
        path = Path(folder) / "charges.csv"
        billed, problems = bill_period(
            ledger, period, digest=key, posted=posted, then=lambda month: write_charges(month, path)
        )
        charges = _packed(path, charges_file(billed)) if billed is not None else b""
    return billed, problems, charges


def _packed(path: Path, name: str) -> bytes:
    """The bytes of a file, compressed if its name says so; without a timestamp, to keep them deterministic."""
    if not name.endswith(".gz"):
        return path.read_bytes()
    out = io.BytesIO()
    # Level 1 takes half the time of the default, for a sixth more bytes.
    with path.open("rb") as plain, gzip.GzipFile("", "wb", compresslevel=1, fileobj=out, mtime=0) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
    return out.getvalue()


def period_key(ledger: RecordedLedger, period: str, posted: PostedCorrections | None = None) -> str:
    """SHA-256 of all inputs of a billed period: files, decisions, state, settings, directory, past, program."""
    return _digest(
        __version__,
        code_digest(),
        period,
        ledger.config,
        ledger.directory,
        ledger.approvals.get(period, ()),
        ledger.period_file(period),
        [(file.path, digest_of(file.location)) for file in ledger.charge_files.get(period, ())],
        [_earlier_inputs(ledger, month) for month in ledger.periods if month < period],
        posted,
    )


def _earlier_inputs(ledger: RecordedLedger, month: str) -> object:
    """The inputs from an earlier month: rows that may be duplicated, and charges that corrections refer to."""
    record = ledger.records.get(month)
    if record is not None:
        return month, record.digest
    files = [(file.path, digest_of(file.location)) for file in ledger.charge_files.get(month, ())]
    return month, files, ledger.approvals.get(month, ())


def _digest(*parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


@cache
def code_digest() -> str:
    """SHA-256 of the source code that computes amounts, so that a changed rule never shows results of the old one."""
    digest = hashlib.sha256()
    root = resources.files("openchargeback")
    texts = [(name, root.joinpath(name)) for name in ("money.py", "model.py")]
    texts += [(f"{room}/{each.name}", each) for room in _ROOMS for each in root.joinpath(room).iterdir()]
    for name, text in sorted(texts, key=lambda item: item[0]):
        if name.endswith((".py", ".sql")):
            digest.update(name.encode() + b"\0" + _bytes(text))
    return digest.hexdigest()


def _bytes(text: Traversable) -> bytes:
    return text.read_bytes()
