"""What results depend on, as digests: equal keys mean equal results."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from openchargeback import __version__
from openchargeback.billing.pipeline import PostedCorrections
from openchargeback.ledger.files import LOCK_FILE, digest_of
from openchargeback.ledger.lock import own_files
from openchargeback.record.recorded_ledger import RecordedLedger

_ROOMS = ("ledger", "record", "focus", "review", "billing")


class Keys:
    """The keys of a ledger's periods; every charge file is hashed once."""

    def __init__(self, ledger: RecordedLedger) -> None:
        self._ledger = ledger
        self._common = key_of(__version__, code_digest(), ledger.config, ledger.directory)
        self._until: dict[str, str] = {}
        before = ""
        for period in ledger.periods:
            before = self._until[period] = key_of(before, period, self._inputs(period))

    def _inputs(self, period: str) -> object:
        """The inputs from a period itself. A record has the digests of all that the period was billed from."""
        ledger, record = self._ledger, self._ledger.records.get(period)
        if record is not None:
            return record.digest, ledger.period_file(period)
        files = [(file.path, digest_of(file.location)) for file in ledger.charge_files.get(period, ())]
        return files, ledger.approvals.get(period, ()), ledger.period_file(period)

    def period(self, period: str, posted: PostedCorrections | None = None) -> str:
        """All inputs of an open period: files, decisions, state, settings, directory, earlier months, program.

        Rows may duplicate those of earlier months, and corrections may refer to charges of theirs.
        """
        return key_of(self._common, self._until[period], posted)

    def periods(self, periods: Sequence[str]) -> str:
        """All inputs of these periods and of the checks across all periods of the ledger."""
        return key_of(self._common, periods, self._until)


def key_of(*parts: object) -> str:
    """SHA-256 over values, by their text."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def environment(root: Path) -> str:
    """Everything outside the ledger's own data that the bytes of an output depend on: the program with its templates,
    Python, the libraries and fonts that make pages and PDFs, and what the ledger pins.
    """
    from openchargeback.portal.libraries import stamp

    lock = root / LOCK_FILE
    return key_of(stamp(), digest_of(lock) if lock.is_file() else "")


def files_digest(root: Path) -> str:
    """SHA-256 over path and content of every file of a ledger that a command may read."""
    return key_of(sorted((path.relative_to(root).as_posix(), _content(path)) for path in own_files(root)))


def _content(path: Path) -> str:
    """What identifies the content of a file; empty if it cannot be read, which reading the ledger reports."""
    try:
        if path.is_symlink():
            return str(path.readlink())
        return digest_of(path) if path.is_file() else ""
    except OSError:
        return ""


@cache
def code_digest() -> str:
    """SHA-256 of the source code that computes amounts, so that a changed rule never shows results of the old one."""
    digest = hashlib.sha256()
    root = resources.files("openchargeback")
    texts = [(name, root.joinpath(name)) for name in ("money.py", "model.py")]
    texts += [(f"{room}/{each.name}", each) for room in _ROOMS for each in root.joinpath(room).iterdir()]
    for name, text in sorted(texts, key=lambda item: item[0]):
        if name.endswith((".py", ".sql")):
            digest.update(name.encode() + b"\0" + text.read_bytes())
    return digest.hexdigest()
