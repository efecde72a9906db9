"""Runs cases in separate processes, so that one that hangs or dies is found and the others continue."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from fuzzing.cases import case_of
from fuzzing.trial import findings

_START_UP = 30.0
"""Seconds for a process to import the program, in addition to the time for its first case."""

_WAITING = 10.0
"""How many times its CPU limit a case may take in wall time, so that a busy machine does not make it seem slow."""


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    number: int
    until: float
    spent: float


def tried(seed: int, numbers: Sequence[int], jobs: int, limit: float) -> Iterator[tuple[int, list[str]]]:
    """Each case by number with its findings, in order of completion. limit: CPU seconds per case."""
    waiting = list(reversed(numbers))
    workers = [_start(seed, waiting.pop(), limit) for _ in range(min(jobs, len(numbers)))]
    try:
        while workers:
            wait([worker.pipe for worker in workers], timeout=0.5)
            for worker in list(workers):
                found = _answer(worker, limit)
                if found is None:
                    continue
                yield worker.number, found
                alive = worker.process.is_alive()
                if alive and waiting:
                    worker.number, worker.until = waiting.pop(), time.monotonic() + limit * _WAITING
                    worker.spent = _spent(worker.process) + limit
                    worker.pipe.send(worker.number)
                    continue
                workers.remove(worker)
                _stop(worker)
                if waiting:
                    workers.append(_start(seed, waiting.pop(), limit))
    finally:
        for worker in workers:
            _stop(worker)


def _answer(worker: _Worker, limit: float) -> list[str] | None:
    """What a worker found; None while it is running. A worker that is too slow or dead is stopped."""
    try:
        if worker.pipe.poll():
            found: list[str] = worker.pipe.recv()
            return found
    except EOFError:
        worker.process.join()
        return [f"the process died with exit code {worker.process.exitcode}"]
    if time.monotonic() < worker.until and _spent(worker.process) < worker.spent:
        return None
    worker.process.kill()
    worker.process.join()
    return [f"took longer than {limit:g} seconds"]


def _start(seed: int, number: int, limit: float) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(seed, theirs), daemon=True)
    process.start()
    theirs.close()
    ours.send(number)
    return _Worker(process, ours, number, time.monotonic() + (limit + _START_UP) * _WAITING, limit + _START_UP)


def _spent(process: SpawnProcess) -> float:
    """CPU seconds that a process has used; 0 if the system does not report them, so that wall time decides."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _stop(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.join(5)
    worker.process.kill()


def _work(seed: int, pipe: Connection) -> None:
    while True:
        try:
            number: int = pipe.recv()
        except EOFError:
            return
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            pipe.send(findings(case_of(seed, number), Path(folder)))
