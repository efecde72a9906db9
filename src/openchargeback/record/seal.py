"""Whether what a closed period rests on is still what it was, byte for byte; and the seal that finalizing puts on it.

A seal finds every change of a sealed file, and of the period file that carries it, also where that no longer says
`finalized`. It cannot stop somebody who changes the files and computes a new seal, or removes all that closing wrote:
that the last commit shows (`no_longer_finalized`), and once it is committed the plan of the branch.
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
    """Every file that a period rests on, as it lies there now: its charges, decisions and what closing wrote."""
    for folder in ("charges", "approvals"):
        yield from files.listed(root, f"{folder}/{period}", [])
    gate = files.Gate(root)
    yield from filter(gate.is_file, (part_path(period, name) for name in (*PARTS, FROZEN)))


def make_seal(root: Path, period: str, state: PeriodFile) -> PeriodFile:
    """The period file with the seal of all files as they are now. `state` says when and by whom it was finalized."""
    digests = {path: files.digest_of(root / path) for path in sorted(sealed_paths(root, period))}
    unsigned = replace(state, seal=Seal(digest="", files=digests))
    return replace(state, seal=Seal(digest=seal_digest(unsigned), files=digests))


def changed_inputs(ledger: Ledger, frozen: Iterable[ClosingRecord]) -> list[Problem]:
    """Every file of a closed or finalized period that was changed, added or removed since. Reads all their bytes."""
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


def absent_inputs(record: ClosingRecord, state: PeriodFile, there: Collection[str], repository: Path) -> list[Problem]:
    """Every file that a closed period rests on and that is not among those of a revision of the ledger.

    there: the paths of that revision. repository: the ledger's folder, for what Git ever had of a file.
    """
    return [
        _gone(repository, path, digest, record.period, state)
        for path, digest in sorted(_expected(record, state).items())
        if path not in there
    ]


def recorded_periods(root: Path) -> set[str]:
    """The periods of which any file lies there that closing wrote, whatever else the ledger has of them."""
    names = [PurePosixPath(path).name.partition(".") for path in files.listed(root, "periods", [])]
    return {period for period, _, rest in names if is_period(period) and rest in (FROZEN, *PARTS)}


def left_over(ledger: Ledger, period: str) -> list[Problem]:
    """The record of a closing beside a period that is open or has no period file.

    An error, since the month was closed as far as the record knows. A warning only where the period file names a later
    revision than the record: then it was reopened.
    """
    gate = files.Gate(ledger.root)
    paths = [*filter(gate.is_file, (part_path(period, name) for name in (FROZEN, *PARTS)))]
    if not paths:
        return []
    state = ledger.period_file(period)
    record = read_record(ledger.root, period, state)[0]
    what = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    remove = f"`focus-billing periods open {period}` takes the record away"
    if record is not None and record.revision < state.revision:
        told = f"{period} is open again, so the record of its revision {record.revision} says nothing ({what})"
        return [Problem(paths[0], "frozen-left-over", told, remove, severity=Severity.WARNING)]
    said = "says that it is open" if period in ledger.period_files else "is not there or cannot be read"
    told = f"{period} has a record of its closing ({what}), but periods/{period}.yaml {said}"
    fix = f"restore periods/{period}.yaml from Git; or, if {period} shall be open, {remove}"
    return [Problem(paths[0], "frozen-left-over", told, fix)]


def no_longer_finalized(ledger: Ledger) -> list[Problem]:
    """Period files that the last commit finalizes and that are gone or say something else now.

    This finds what no file in the work tree could tell, such as a record that was removed as a whole. Without Git or a
    commit there is nothing to compare. After such a change was committed, the plan of its branch tells.
    """
    problems = []
    for path, data in _committed_period_files(ledger.root):
        if ledger.digests.get(path) == hashlib.sha256(data).hexdigest():
            continue
        was, _ = read_period(data, path)
        period = PurePosixPath(path).stem
        if was is None or was.state is not State.FINALIZED or ledger.period_files.get(period) == was:
            continue
        now = "says something else" if (ledger.root / path).is_file() else "is gone"
        told = f"{period} is finalized in the last commit, but its period file {now}"
        fix = "restore the file from Git; a finalized period is never opened or edited"
        problems.append(Problem(path, "sealed-file-changed", told, fix))
    return problems


def _committed_period_files(root: Path) -> list[tuple[str, bytes]]:
    try:
        commit = git.resolve(root, "HEAD") if git.inside_repository(root) else ""
        paths = {path: entry for path, entry in git.tree(root, commit).items() if _PERIOD_FILE(path)} if commit else {}
        return list(zip(paths, git.read_blobs(root, (entry.id for entry in paths.values())), strict=True))
    except OutsideFault:
        # Git is asked, never needed: a repository that it refuses to read must not stop a check of the files.
        return []


def _expected(record: ClosingRecord, state: PeriodFile) -> dict[str, str]:
    """The digests that files must have: those of the seal, else those of the record."""
    recorded = {each.path: each.sha256 for each in record.inputs.charges} | record.inputs.approvals
    recorded |= {part_path(record.period, name): digest for name, digest in record.files.items()}
    recorded[part_path(record.period, FROZEN)] = state.frozen or record.digest
    return recorded | (state.seal.files if state.seal else {})


def _is_sealed(state: PeriodFile) -> bool:
    # The seal holds wherever it stands: the word beside it may have been changed.
    return state.state is State.FINALIZED or state.seal is not None


def _edited(record: ClosingRecord, state: PeriodFile) -> list[Problem]:
    """What the period file itself says otherwise than its seal or its record."""
    if _is_sealed(state) and (broken := _broken_seal(record.period, state)):
        return broken
    if not state.frozen:
        told = f"{record.period} is {state.state}, but the file does not say the digest of its record"
        return [Problem(f"periods/{record.period}.yaml", "not-frozen", told, "restore the file from Git")]
    # Of another record nobody knows whose word counts; that it is another one is told of its own file.
    return _other_closing(record, state) if record.digest == state.frozen else []


def _broken_seal(period: str, state: PeriodFile) -> list[Problem]:
    path, fix = f"periods/{period}.yaml", "restore the file from Git; a finalized period is never edited"
    if state.seal is None:
        return [Problem(path, "not-sealed", f"{period} is finalized without a seal", fix)]
    if seal_digest(state) != state.seal.digest:
        return [Problem(path, "sealed-file-changed", f"the seal of {period} does not fit what the file says", fix)]
    return []


def _other_closing(record: ClosingRecord, state: PeriodFile) -> list[Problem]:
    """What the period file says of the closing otherwise than the record, which it vouches for."""
    now = state.closed or record.closed  # without it the file itself is at fault
    pairs = (
        ("the revision", record.revision, state.revision),
        ("the closing date", record.closed.on, now.on),
        ("who closed it", record.closed.by, now.by),
        ("the accounting date", record.accounting_date, accounting_date(record.period, state)),
        ("what it was closed without", _reasons(record), _reasons(state)),
    )
    told = [f"{what} was {old or 'nobody'}, is {new or 'nobody'}" for what, old, new in pairs if old != new]
    if not told:
        return []
    path = f"periods/{record.period}.yaml"
    return [_changed(path, f"this file was changed: {'; '.join(told)}", "restore it from Git", record.period, state)]


def _reasons(closing: ClosingRecord | PeriodFile) -> str:
    """The sources that a month was closed without, and who said why."""
    return ", ".join(f"{each.source} ({each.reason}; {each.by})" for each in closing.without) or "nothing"


def _compare(root: Path, path: str, expected: str | None, period: str, state: PeriodFile) -> Problem | None:
    if not files.Gate(root).is_file(path):
        if expected is None:
            return _changed(path, "this was added since, and is no plain file", "remove it", period, state)
        return _gone(root, path, expected, period, state)
    if expected is None:
        return _changed(path, "this file was added since", "remove it", period, state)
    try:
        digest = files.digest_of(root / path)
    except OSError as error:
        return files.unreadable(path, error)
    if digest == expected:
        return None
    told, restore = f"this file was changed: it was {expected[:_SHOWN]}, is {digest[:_SHOWN]}", _RESTORE
    how = _how(root / path, expected)
    if not how and _never_committed(root, path, expected):
        how, restore = "; Git never had the version that the closing record names", _commit_it(path, period)
    return _changed(path, told + how, restore, period, state)


def _gone(root: Path, path: str, expected: str, period: str, state: PeriodFile) -> Problem:
    """That a file is not there, and whether Git could bring it back."""
    known = _committed_digests(root, path)
    if known is None or expected in known:
        return _changed(path, "this file of it is gone", _RESTORE, period, state)
    had = "Git never had the version that the closing record names" if known else "it was never committed"
    told = f"listed in the closing record but missing: {had}"
    return _changed(path, told, _commit_it(path, period), period, state)


def _never_committed(root: Path, path: str, expected: str) -> bool:
    known = _committed_digests(root, path)
    return known is not None and expected not in known


def _committed_digests(root: Path, path: str) -> set[str] | None:
    """SHA-256 of every content that Git ever had of a file; None where that cannot be told."""
    try:
        if not git.inside_repository(root) or git.head(root) is None or git.is_shallow(root):
            return None
        return git.digests_of(root, path)
    except OutsideFault:
        return None


def _commit_it(path: str, period: str) -> str:
    return f"commit it where {period} was closed, `git add {shlex.quote(path)}` in the ledger's folder, and push"


def _changed(path: str, told: str, restore: str, period: str, state: PeriodFile) -> Problem:
    if _is_sealed(state):
        fix = f"{restore}; correct a finalized period by entries in an open one"
        return Problem(path, "sealed-file-changed", f"{period} is {State.FINALIZED}, but {told}", fix)
    fix = f"{restore}, or reopen the period as its next revision: `focus-billing periods open {period}`"
    return Problem(path, "closed-period-changed", f"{period} is {state.state}, but {told}", fix)


def _how(path: Path, expected: str) -> str:
    """What happened to a file, where it can be told."""
    with path.open("rb") as file:
        start = file.read(len(_LFS))
    if start == _LFS:
        return "; it is a Git LFS pointer: run `git lfs pull`"
    if files.digest_with_plain_line_ends(path) == expected:
        return "; only its line ends were converted, so `.gitattributes` needs `-text` for it"
    return ""
