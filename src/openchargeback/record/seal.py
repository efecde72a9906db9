"""Check that the files behind a closed period are unchanged, byte for byte; and the seal that finalizing adds.

A seal detects every change to a sealed file and to the period file that carries it, even if that no longer says
`finalized`. It cannot stop someone who changes the files and computes a new seal, or removes everything that closing
wrote: the last commit shows that (`no_longer_finalized`), and after a commit the plan of the branch does.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from openchargeback.files import git
from openchargeback.ledger import files, shape
from openchargeback.ledger.periods import (
    FROZEN,
    PARTS,
    PeriodFile,
    Seal,
    accounting_date,
    is_period,
    part_path,
    read_period,
    seal_digest,
)
from openchargeback.ledger.reading import Ledger
from openchargeback.model import State
from openchargeback.problems import OutsideFault, Problem, Severity
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.record.files import read_record

_LFS = b"version https://git-lfs.github.com/spec/v1"
_SHOWN = 16
_RESTORE = "restore it from Git"
_PERIOD_FILE = re.compile(rf"periods/{shape.PERIOD_PATTERN}\.yaml", re.ASCII).fullmatch


def sealed_paths(root: Path, period: str) -> Iterator[str]:
    """Every file that a period was billed from or wrote, as now on disk: charges, decisions and closing files."""
    for folder in ("charges", "approvals"):
        yield from files.listed(root, f"{folder}/{period}", [])
    gate = files.Gate(root)
    yield from filter(gate.is_file, (part_path(period, name) for name in (*PARTS, FROZEN)))


def make_seal(root: Path, period: str, state: PeriodFile) -> PeriodFile:
    """The period file with a seal over all files as they are now. `state` says when and by whom it was finalized."""
    digests = {path: files.digest_of(root / path) for path in sorted(sealed_paths(root, period))}
    unsigned = replace(state, seal=Seal(digest="", files=digests))
    return replace(state, seal=Seal(digest=seal_digest(unsigned), files=digests))


def changed_inputs(ledger: Ledger, frozen: Iterable[ClosingRecord]) -> list[Problem]:
    """A problem for every file of a closed or finalized period that was changed, added or removed since. Reads all
    bytes of these files.
    """
    problems: list[Problem] = []
    for record in frozen:
        state = ledger.period_file(record.period)
        problems += _edited(record, state)
        expected = _expected(record, state)
        found = set(sealed_paths(ledger.root, record.period))
        for path in sorted(found | expected.keys()):
            problem = _compare(ledger.root, path, expected.get(path), record.period, state)
            if problem:
                problems.append(problem)
    return problems


def changed_charges(ledger: Ledger, record: ClosingRecord) -> bool:
    """Whether the charge files of a closed period are not, byte for byte, those that it was billed from."""
    now = {each.path: files.digest_of(each.location) for each in ledger.charge_files.get(record.period, ())}
    return now != {each.path: each.sha256 for each in record.inputs.charges}


def absent_inputs(record: ClosingRecord, state: PeriodFile, there: Collection[str], repository: Path) -> list[Problem]:
    """A problem for every file of a closed period that a revision of the ledger lacks.

    there: the paths in that revision. repository: the ledger's folder, to look up deleted files in Git's history.
    """
    return [
        _gone(repository, path, digest, record.period, state)
        for path, digest in sorted(_expected(record, state).items())
        if path not in there
    ]


def recorded_periods(root: Path) -> set[str]:
    """The periods with any file written by closing, regardless of their period file."""
    names = [PurePosixPath(path).name.partition(".") for path in files.listed(root, "periods", [])]
    return {period for period, _, rest in names if is_period(period) and rest in (FROZEN, *PARTS)}


def left_over(ledger: Ledger, period: str) -> list[Problem]:
    """Problems for a closing record whose period is open or has no period file.

    An error, since the record says that the month was closed. Only a warning if the period file has a later revision
    than the record, since the month was then reopened.
    """
    gate = files.Gate(ledger.root)
    paths = [*filter(gate.is_file, (part_path(period, name) for name in (FROZEN, *PARTS)))]
    if not paths:
        return []
    state = ledger.period_file(period)
    record = read_record(ledger.root, period, state)[0]
    what = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    remove = f"remove the record with `focus-billing periods open {period}`"
    if record is not None and record.revision < state.revision:
        message = f"{period} was reopened, so the closing record of revision {record.revision} is obsolete ({what})"
        return [Problem(paths[0], "frozen-left-over", message, remove, severity=Severity.WARNING)]
    found = "says that it is open" if period in ledger.period_files else "is missing or cannot be read"
    message = f"{period} has a closing record ({what}), but periods/{period}.yaml {found}"
    fix = f"restore periods/{period}.yaml from Git or, if {period} should be open, {remove}"
    return [Problem(paths[0], "frozen-left-over", message, fix)]


def no_longer_finalized(ledger: Ledger) -> list[Problem]:
    """Period files that are finalized in the last commit and are now gone or changed.

    Finds what no file in the work tree can show, such as the removal of an entire record. Without Git or a commit there
    is nothing to compare. Once such a change is committed, the plan of its branch reports it.
    """
    problems = []
    for path, data in _committed_period_files(ledger.root):
        if ledger.digests.get(path) == hashlib.sha256(data).hexdigest():
            continue
        was, _ = read_period(data, path)
        period = PurePosixPath(path).stem
        if was is None or was.state is not State.FINALIZED or ledger.period_files.get(period) == was:
            continue
        now = "was changed" if (ledger.root / path).is_file() else "was removed"
        message = f"{period} is finalized in the last commit, but its period file {now}"
        fix = "restore the file from Git; a finalized period is never opened or edited"
        problems.append(Problem(path, "sealed-file-changed", message, fix))
    return problems


def _committed_period_files(root: Path) -> list[tuple[str, bytes]]:
    try:
        committed = git.last_committed(root, "periods")
        paths = {path: entry for path, entry in committed.items() if _PERIOD_FILE(path)}
        return list(zip(paths, git.read_blobs(root, (entry.id for entry in paths.values())), strict=True))
    except OutsideFault:
        # Git is optional: a repository that it refuses to read must not stop a check of the files.
        return []


def _expected(record: ClosingRecord, state: PeriodFile) -> dict[str, str]:
    """The digests that files must have: from the seal if there is one, else from the record."""
    recorded = {each.path: each.sha256 for each in record.inputs.charges} | record.inputs.approvals
    recorded |= {part_path(record.period, name): digest for name, digest in record.files.items()}
    recorded[part_path(record.period, FROZEN)] = state.frozen or record.digest
    return recorded | (state.seal.files if state.seal else {})


def _is_sealed(state: PeriodFile) -> bool:
    # A seal counts whatever the state next to it says, since that may have been changed.
    return state.state is State.FINALIZED or state.seal is not None


def _edited(record: ClosingRecord, state: PeriodFile) -> list[Problem]:
    """Where the period file itself differs from its seal or its record."""
    if _is_sealed(state) and (broken := _broken_seal(record.period, state)):
        return broken
    if not state.frozen:
        message = f"{record.period} is {state.state}, but the file has no digest of its closing record"
        return [Problem(f"periods/{record.period}.yaml", "not-frozen", message, "restore the file from Git")]
    # With a different record it is unclear which one is right; the record file has its own problem.
    return _other_closing(record, state) if record.digest == state.frozen else []


def _broken_seal(period: str, state: PeriodFile) -> list[Problem]:
    path, fix = f"periods/{period}.yaml", "restore the file from Git; a finalized period is never edited"
    if state.seal is None:
        return [Problem(path, "not-sealed", f"{period} is finalized without a seal", fix)]
    if seal_digest(state) != state.seal.digest:
        return [Problem(path, "sealed-file-changed", f"the seal of {period} does not match the file", fix)]
    return []


def _other_closing(record: ClosingRecord, state: PeriodFile) -> list[Problem]:
    """Where the period file and the record differ about the closing."""
    now = state.closed or record.closed  # without it the file itself is at fault
    pairs = (
        ("the revision", record.revision, state.revision),
        ("the closing date", record.closed.on, now.on),
        ("the person who closed it", record.closed.by, now.by),
        ("the accounting date", record.accounting_date, accounting_date(record.period, state)),
        ("the missing sources", _reasons(record), _reasons(state)),
    )
    changes = [f"{what} changed from {old or 'no one'} to {new or 'no one'}" for what, old, new in pairs if old != new]
    if not changes:
        return []
    path = f"periods/{record.period}.yaml"
    return [_changed(path, "; ".join(changes), "restore it from Git", record.period, state)]


def _reasons(closing: ClosingRecord | PeriodFile) -> str:
    """The sources that a month was closed without, with who decided so and why."""
    return ", ".join(f"{each.source} ({each.reason}; {each.by})" for each in closing.without) or "none"


def _compare(root: Path, path: str, expected: str | None, period: str, state: PeriodFile) -> Problem | None:
    if not files.Gate(root).is_file(path):
        if expected is None:
            return _changed(path, "this was added since and is not a regular file", "remove it", period, state)
        return _gone(root, path, expected, period, state)
    if expected is None:
        return _changed(path, "this file was added since", "remove it", period, state)
    try:
        digest = files.digest_of(root / path)
    except OSError as error:
        return files.unreadable(path, error)
    if digest == expected:
        return None
    message = f"this file changed (SHA-256 was {expected[:_SHOWN]}, is {digest[:_SHOWN]})"
    how, restore = _how(root / path, expected), _RESTORE
    if not how and _never_committed(root, path, expected):
        how, restore = "; Git never had the version in the closing record", _commit_it(path, period)
    return _changed(path, message + how, restore, period, state)


def _gone(root: Path, path: str, expected: str, period: str, state: PeriodFile) -> Problem:
    """The problem of a missing file, and whether Git can restore it."""
    known = _committed_digests(root, path)
    if known is None or expected in known:
        return _changed(path, "this file is missing", _RESTORE, period, state)
    had = "Git never had the version in the closing record" if known else "it was never committed"
    return _changed(path, f"this file is missing; {had}", _commit_it(path, period), period, state)


def _never_committed(root: Path, path: str, expected: str) -> bool:
    known = _committed_digests(root, path)
    return known is not None and expected not in known


def _committed_digests(root: Path, path: str) -> set[str] | None:
    """SHA-256 of every version of a file in Git's history; None if unknown."""
    try:
        if not git.inside_repository(root) or git.head(root) is None or git.is_shallow(root):
            return None
        return git.digests_of(root, path)
    except OutsideFault:
        return None


def _commit_it(path: str, period: str) -> str:
    return f"where {period} was closed, run `git add {shlex.quote(path)}` in the ledger's folder, commit and push"


def _changed(path: str, message: str, restore: str, period: str, state: PeriodFile) -> Problem:
    if _is_sealed(state):
        fix = f"{restore}; correct a finalized period with decisions in an open one"
        return Problem(path, "sealed-file-changed", f"{period} is {State.FINALIZED}, but {message}", fix)
    fix = f"{restore}, or reopen the period as its next revision: `focus-billing periods open {period}`"
    return Problem(path, "closed-period-changed", f"{period} is {state.state}, but {message}", fix)


def _how(path: Path, expected: str) -> str:
    """How a file was changed, if it can be determined."""
    with path.open("rb") as file:
        start = file.read(len(_LFS))
    if start == _LFS:
        return "; it is a Git LFS pointer, so run `git lfs pull`"
    if files.digest_with_plain_line_ends(path) == expected:
        return "; only its line endings were converted, so add `-text` for it to `.gitattributes`"
    return ""
