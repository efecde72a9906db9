"""All periods of a ledger, billed in their order; what rests on the same as before is taken from the cache."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from openchargeback import __version__
from openchargeback.billing.pipeline import ClosedMonth, bill_period, closed_month
from openchargeback.ledger.files import digest_of
from openchargeback.ledger.reading import Ledger
from openchargeback.model import BilledPeriod, State
from openchargeback.portal.paths import charges_file
from openchargeback.problems import Problem
from openchargeback.publish.cache import Cache
from openchargeback.publish.codec import decode, encode

HISTORY = 24
"""How many closed months before a period its figures may rest on."""

_ROOMS = ("ledger", "focus", "review", "billing")


@dataclass(frozen=True, slots=True)
class _Result:
    """What the cache keeps of a period."""

    period: BilledPeriod
    problems: tuple[Problem, ...]


def bill_ledger(
    ledger: Ledger,
    store: Cache,
    *,
    wanted: str = "",
    data: bool = False,
    progress: Callable[[str], None] | None = None,
) -> tuple[tuple[BilledPeriod, ...], list[Problem]]:
    """Bill every period, or those up to one that is `wanted`; periods whose files have errors are left out.

    data: keep the charges of what is billed anew for `kept_charges`. progress is called with each period before it is
    billed.
    """
    result: list[BilledPeriod] = []
    problems: list[Problem] = []
    history: list[ClosedMonth] = []
    for period in ledger.periods:
        if wanted and period > wanted:
            break
        if progress:
            progress(period)
        billed, faults = _bill(ledger, store, period, history[-HISTORY:], data=data)
        problems += faults
        if billed is not None:
            result.append(billed)
            if billed.state is not State.OPEN:
                history.append(closed_month(billed))
    return tuple(result), problems


def _bill(
    ledger: Ledger, store: Cache, period: str, history: Sequence[ClosedMonth], *, data: bool
) -> tuple[BilledPeriod | None, list[Problem]]:
    key = period_key(ledger, period, history)
    kept = store.get("period", key)
    if kept is not None:
        try:
            result = decode(_Result, kept)
            return result.period, list(result.problems)
        except (ValueError, TypeError, KeyError):
            pass
    if not data:
        billed, problems = bill_period(ledger, period, history, key)
    else:
        billed, problems, charges = _bill_with_charges(ledger, period, history, key)
        if billed is not None:
            store.put("charges", key, charges)
    if billed is not None:
        store.put("period", key, encode(_Result(billed, tuple(problems))))
    return billed, problems


def kept_charges(ledger: Ledger, store: Cache, period: BilledPeriod, history: Sequence[ClosedMonth]) -> bytes:
    """The charges of a billed period as the file of `portal.paths.charges_file`.

    From the cache; where that has them not, the period is billed once more. history: all closed months before it.
    """
    kept = store.get("charges", period.digest)
    if kept is not None:
        return kept
    _, _, charges = _bill_with_charges(ledger, period.period, history[-HISTORY:], period.digest)
    store.put("charges", period.digest, charges)
    return charges


def _bill_with_charges(
    ledger: Ledger, period: str, history: Sequence[ClosedMonth], key: str
) -> tuple[BilledPeriod | None, list[Problem], bytes]:
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
        path = Path(folder) / "charges.csv"
        billed, problems = bill_period(ledger, period, history, key, path)
        charges = _packed(path, charges_file(billed)) if billed is not None else b""
    return billed, problems, charges


def _packed(path: Path, name: str) -> bytes:
    """The bytes of a file, compressed where its name says so; without a time, so that they stay the same."""
    if not name.endswith(".gz"):
        return path.read_bytes()
    out = io.BytesIO()
    # The first level is half as slow as the usual one and a sixth larger.
    with path.open("rb") as plain, gzip.GzipFile("", "wb", compresslevel=1, fileobj=out, mtime=0) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
    return out.getvalue()


def period_key(ledger: Ledger, period: str, history: Sequence[ClosedMonth]) -> str:
    """SHA-256 of everything a billed period rests on: files, decisions, state, settings, directory, past, program."""
    digest = hashlib.sha256()
    parts: list[object] = [
        __version__,
        code_digest(),
        period,
        ledger.config,
        ledger.directory,
        ledger.approvals.get(period, ()),
        ledger.period_file(period),
        [(sorted(month.counts.items()), sorted(month.spending.items())) for month in history],
        [(file.path, digest_of(file.location)) for file in ledger.charge_files.get(period, ())],
    ]
    for part in parts:
        digest.update(repr(part).encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


@cache
def code_digest() -> str:
    """SHA-256 of the program text that makes figures, so that a changed rule never shows figures of the old one."""
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
