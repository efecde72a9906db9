"""The inputs that closing requires to be committed, and which of them the last commit lacks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from openchargeback.files import git
from openchargeback.ledger import files
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.files import POSTINGS
from openchargeback.ledger.periods import INVOICES, NOTES, period_of
from openchargeback.ledger.reading import Ledger

_MONTHLY = ("charges", "approvals", "periods")
_OWN_MONTH = (INVOICES,)
_WHOLE = ("directory", "policies", "templates")


def uncommitted_inputs(ledger: Ledger, period: str) -> dict[str, git.Loose]:
    """The inputs of closing a period that differ from the last commit, by path.

    Inputs are the settings, the directory, policies, templates, the logo and the lock file, the charges, approvals and
    records of the period and of earlier ones, the period's own invoices of providers, and the postings of earlier
    periods, but not the files that closing writes. Empty if the ledger is not in Git.
    """
    single = {FILE_NAME, files.LOCK_FILE, ledger.config.organization.logo}

    def counts(path: str) -> bool:
        if path in single:
            return True
        if path.split("/", 1)[0] in _WHOLE:
            return True
        if path.startswith(f"{POSTINGS}/"):
            return PurePosixPath(path).stem < period
        month = period_of(path)
        if path.split("/", 1)[0] in _OWN_MONTH:
            return month == period
        # The record of an earlier revision of the period itself is replaced.
        return bool(month) and (month < period or (month == period and not path.startswith("periods/")))

    return _uncommitted(ledger.root, (*_MONTHLY, *_OWN_MONTH, *_WHOLE, POSTINGS), single, counts)


def uncommitted_sealed(ledger: Ledger, period: str) -> dict[str, git.Loose]:
    """The same for the files that finalizing a period seals: its charges, approvals and closing files."""
    return _uncommitted(ledger.root, _MONTHLY, (), lambda path: period_of(path) == period)


def uncommitted_record(root: Path, period: str) -> dict[str, git.Loose]:
    """The same for the files that closing, finalizing or reopening a period wrote and removed."""
    return _uncommitted(root, ("periods",), (), lambda path: path.startswith("periods/") and period_of(path) == period)


def uncommitted_anywhere(root: Path) -> list[str]:
    """The inputs of any month that differ from the last commit, sorted. Empty if the ledger is not in Git."""
    if not git.inside_repository(root):
        return []
    rooms = {*_MONTHLY, *_OWN_MONTH, *_WHOLE, POSTINGS}
    return [path for path in git.changed(root) if path == FILE_NAME or path.split("/", 1)[0] in rooms]


def _uncommitted(
    root: Path, folders: Iterable[str], single: Iterable[str], counts: Callable[[str], bool]
) -> dict[str, git.Loose]:
    if not git.is_kept(root):
        return {}

    def wanted(path: str) -> bool:
        name = PurePosixPath(path).name
        return counts(path) and not files.is_ignored(name) and not name.endswith(f".{NOTES}")

    there = [path for folder in folders for path in files.listed(root, folder, []) if wanted(path)]
    there += [path for path in single if path and (root / path).is_file()]
    # The target of a link is also read, wherever it is in the ledger.
    place = Path(os.path.realpath(root))
    targets = [Path(os.path.realpath(root / path)) for path in there if (root / path).is_symlink()]
    there += [target.relative_to(place).as_posix() for target in targets if target.is_relative_to(place)]
    return git.uncommitted(root, there, wanted)
