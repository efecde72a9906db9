"""Render many PDFs at once, in one process per core, since WeasyPrint's fonts cannot be shared between threads."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from openchargeback.portal.logo import Logo
from openchargeback.portal.pdf import PrintStyle, statement_pdf
from openchargeback.portal.statement_data import DataFile
from openchargeback.problems import OutsideFault

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


def render_pdfs(
    jobs: Sequence[PdfJob], workers: int, progress: Callable[[int], None] | None = None
) -> Iterator[tuple[str, bytes]]:
    """The jobs' names and PDFs, in the order of the jobs.

    workers: processes to use; with one, or a single job, everything runs in this process. progress: called with the
    number of PDFs done so far. Stopping early (Ctrl-C, closing the iterator) drops jobs that have not started and waits
    for the rest. Raises OutsideFault if a library is missing or a worker died.
    """
    workers = min(workers, len(jobs))
    rendered = map(render_job, jobs) if workers <= 1 else _in_processes(jobs, workers)
    for done, (job, content) in enumerate(zip(jobs, rendered, strict=True), start=1):
        if progress is not None:
            progress(done)
        yield job.name, content


def render_job(job: PdfJob) -> bytes:
    """The bytes of one PDF, rendered in this process."""
    return statement_pdf(job.html, job.style, created=job.created, files=job.files, logo=job.logo)


def _in_processes(jobs: Sequence[PdfJob], workers: int) -> Iterator[bytes]:
    # spawn: a forked child would inherit threads and open libraries in an unknown state.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_ignore_interrupts)
    waiting: deque[Future[bytes]] = deque()
    try:
        for job in jobs:
            if len(waiting) >= workers * _AHEAD:
                yield waiting.popleft().result()
            waiting.append(pool.submit(render_job, job))
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as fault:
        raise OutsideFault("a process that renders PDFs died, possibly out of memory; try fewer workers") from fault
    finally:
        for future in waiting:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    # Ctrl-C reaches every process of the terminal; only the parent handles it, and stops its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
