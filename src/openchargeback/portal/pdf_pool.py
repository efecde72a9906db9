"""Render many PDFs at once, in one process per core, since WeasyPrint's fonts cannot be shared between threads."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol, TypeVar

from openchargeback.files.processes import begin, context
from openchargeback.portal.logo import Logo
from openchargeback.portal.pdf import PrintStyle, statement_pdf
from openchargeback.portal.statement_data import DataFile
from openchargeback.problems import OutsideFault

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Enough to keep every worker busy, few enough that not all documents wait in memory at once.
_AHEAD = 4


@dataclass(frozen=True, slots=True)
class PdfJob:
    """One PDF to render. `name`: its destination path, returned with the bytes."""

    name: str
    html: str
    style: PrintStyle
    created: dt.date
    files: tuple[DataFile, ...] = ()
    logo: Logo | None = None
    chart: str = ""


class Task(Protocol[T_co]):
    """Something that a process runs, such as a `Future`."""

    def done(self) -> bool:
        """Whether `result` returns at once."""

    def result(self) -> T_co:
        """What it returned."""


class Pool(Protocol):
    """Processes elsewhere. ahead: how many tasks to submit before waiting for a result."""

    ahead: int

    def submit(self, function: Callable[..., T], /, *arguments: object) -> Task[T]:
        """Have one of them run a function. The task raises OutsideFault if none can."""


class Rendering:
    """PDFs being rendered, in the order of the jobs.

    jobs: each is taken when it is about to be rendered, so that few are in memory. count: how many there are.
    workers: a pool, or how many processes to start at once; with one, or a single job, each PDF is rendered in this
    process when it is asked for. `close` drops jobs that have not started in these processes and waits for the others.
    Results raise OutsideFault if a library is missing or a worker died.
    """

    def __init__(self, jobs: Iterable[PdfJob], count: int, workers: int | Pool) -> None:
        self._jobs = iter(jobs)
        self._running: deque[tuple[str, Task[bytes]]] = deque()
        self._own = _processes(min(workers, count)) if isinstance(workers, int) else None
        self._pool = self._own if isinstance(workers, int) else workers
        self._most = min(workers, count) * _AHEAD if isinstance(workers, int) else workers.ahead
        self._submit()

    def finished(self) -> Iterator[tuple[str, bytes]]:
        """The names and PDFs of the next jobs that are already done; does not wait for any."""
        while self._running and self._running[0][1].done():
            yield self._next()

    def rest(self) -> Iterator[tuple[str, bytes]]:
        """The names and PDFs of all remaining jobs."""
        while self._running:
            yield self._next()
        for job in self._jobs:
            yield job.name, render_job(job)

    def close(self) -> None:
        """Stop rendering."""
        if self._own is not None:
            self._own.shutdown(wait=True, cancel_futures=True)

    def _next(self) -> tuple[str, bytes]:
        name, future = self._running.popleft()
        try:
            content = future.result()
            self._submit()
        except BrokenProcessPool as fault:
            raise OutsideFault("a process that renders PDFs died, possibly out of memory; try fewer workers") from fault
        return name, content

    def _submit(self) -> None:
        while self._pool and len(self._running) < self._most and (job := next(self._jobs, None)):
            self._running.append((job.name, self._pool.submit(render_job, job)))


def render_pdfs(
    jobs: Sequence[PdfJob], workers: int, progress: Callable[[int], None] | None = None
) -> Iterator[tuple[str, bytes]]:
    """The jobs' names and PDFs, as from `Rendering`. progress: called with the number of PDFs done so far."""
    with closing(Rendering(jobs, len(jobs), workers)) as rendering:
        for done, result in enumerate(rendering.rest(), start=1):
            if progress is not None:
                progress(done)
            yield result


def render_job(job: PdfJob) -> bytes:
    """The bytes of one PDF, rendered in this process."""
    return statement_pdf(job.html, job.style, created=job.created, files=job.files, logo=job.logo, chart=job.chart)


def _processes(count: int) -> ProcessPoolExecutor | None:
    return ProcessPoolExecutor(count, context(__name__, "weasyprint"), begin) if count > 1 else None
