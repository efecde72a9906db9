"""Whether what a closed period rests on is still what it was, byte for byte; and the seal that finalizing puts on it.

A seal finds every change of a sealed file, and most changes of the period file that carries it. It cannot stop
somebody who changes the files and computes a new seal: that the history of the Git repository shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from openchargeback.ledger import files
from openchargeback.ledger.frozen import FROZEN, PARTS, Frozen, part_path
from openchargeback.ledger.periods import PeriodFile, Seal, seal_digest
from openchargeback.ledger.reading import Ledger
from openchargeback.model import State
from openchargeback.problems import Problem, Severity

_LFS = b"version https://git-lfs.github.com/spec/v1"
_SHOWN = 16


def sealed_paths(root: Path, period: str) -> Iterator[str]:
    """Every file that a period rests on, as it lies there now: its charges, decisions and what closing wrote."""
    for folder in ("charges", "approvals"):
        yield from files.listed(root, f"{folder}/{period}", [])
    for name in (*PARTS, FROZEN):
        path = part_path(period, name)
        if (root / path).is_file():
            yield path


def make_seal(root: Path, period: str, state: PeriodFile) -> PeriodFile:
    """The period file with the seal of all files as they are now. `state` says when and by whom it was finalized."""
    digests = {path: files.digest_of(root / path) for path in sorted(sealed_paths(root, period))}
    unsigned = replace(state, seal=Seal(digests, ""))
    return replace(state, seal=Seal(digests, seal_digest(unsigned)))


def changed_inputs(ledger: Ledger, frozen: Iterable[Frozen]) -> list[Problem]:
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


def left_over(root: Path, period: str) -> list[Problem]:
    """Files of an earlier closing beside a period that is open."""
    return [
        Problem(
            part_path(period, name),
            "frozen-left-over",
            f"{period} is open, so this record of an earlier closing says nothing",
            f"remove it; or, if {period} should be closed, restore periods/{period}.yaml from Git",
            severity=Severity.WARNING,
        )
        for name in (*PARTS, FROZEN)
        if (root / part_path(period, name)).is_file()
    ]


def _expected(record: Frozen, state: PeriodFile) -> dict[str, str]:
    """The digests that files must have: those of the seal, else those of the record."""
    recorded = {each.path: each.sha256 for each in record.charges} | record.approvals
    recorded |= {part_path(record.period, name): digest for name, digest in record.files.items()}
    recorded[part_path(record.period, FROZEN)] = state.frozen or record.digest
    return recorded | (state.seal.files if state.seal else {})


def _is_sealed(state: PeriodFile) -> bool:
    # The seal holds wherever it stands: the word beside it may have been changed.
    return state.state is State.FINALIZED or state.seal is not None


def _edited(record: Frozen, state: PeriodFile) -> list[Problem]:
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


def _other_closing(record: Frozen, state: PeriodFile) -> list[Problem]:
    """What the period file says of the closing otherwise than the record, which it vouches for."""
    now = state.closed or record.closed  # without it the file itself is at fault
    pairs = (
        ("the revision", record.revision, state.revision),
        ("the closing date", record.closed.on, now.on),
        ("who closed it", record.closed.by, now.by),
    )
    told = [f"{what} was {old or 'nobody'}, is {new or 'nobody'}" for what, old, new in pairs if old != new]
    if not told:
        return []
    path = f"periods/{record.period}.yaml"
    return [_changed(path, f"this file was changed: {'; '.join(told)}", "restore it from Git", record.period, state)]


def _compare(root: Path, path: str, expected: str | None, period: str, state: PeriodFile) -> Problem | None:
    restore = "restore it from Git"
    if not (root / path).is_file():
        told = "this file of it is gone"
    elif expected is None:
        told, restore = "this file was added since", "remove it"
    else:
        try:
            digest = files.digest_of(root / path)
        except OSError as error:
            return files.unreadable(path, error)
        if digest == expected:
            return None
        how = _how(root / path, expected)
        told = f"this file was changed: it was {expected[:_SHOWN]}, is {digest[:_SHOWN]}{how}"
    return _changed(path, told, restore, period, state)


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
