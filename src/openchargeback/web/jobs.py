"""Work that takes longer than a moment runs in other processes: for changes, builds, PDFs, reads and bundles.

The server stays responsive, and each process does one thing at a time, so that two changes never share a clone. What
the directory is missing takes long in a large ledger and a bundle takes minutes, so each of the two has a process and a
clone of its own: drafts wait for neither, and journal files do not wait for a bundle.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any, TypeVar

from openchargeback.files.processes import begin, context
from openchargeback.problems import OpenChargebackError, OutsideFault

T = TypeVar("T")

CHANGES, BUILDS, PDFS, READS, BUNDLES = "changes", "builds", "PDFs", "reads", "bundles"
_LESS_URGENT = 5
_MODULES = ("openchargeback.web.portals", "openchargeback.web.workspace", "weasyprint")


class Jobs:
    """The processes, started when they are first needed."""

    def __init__(self) -> None:
        self._pools: dict[str, ProcessPoolExecutor] = {}

    async def run(self, pool: str, function: Callable[..., T], *values: object) -> T:
        """The result of a function of a module, called in the process of that name with values that can be pickled.

        Raises what the function raises; OutsideFault if the process was killed.
        """
        executor = self._pools.get(pool)
        if executor is None:
            executor = self._pools[pool] = ProcessPoolExecutor(1, context(*_MODULES), initializer=_begin)
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, function, *values)
        except BrokenProcessPool as fault:
            if self._pools.get(pool) is executor:
                del self._pools[pool]
            executor.shutdown(wait=False)
            raise OutsideFault("the process that did this was stopped; try again") from fault

    def stop(self) -> None:
        """End all of them."""
        for executor in self._pools.values():
            for process in list((executor._processes or {}).values()):  # noqa: SLF001 - there is no public way
                process.terminate()
            executor.shutdown(wait=True, cancel_futures=True)
        self._pools.clear()


def begun(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task whose result a page shows later. What nobody asks for is no news, unless it is a fault of the program."""
    task = asyncio.create_task(work)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, OpenChargebackError):
        told = {"message": "a task failed", "exception": error, "task": task}
        task.get_loop().call_exception_handler(told)


def _begin() -> None:
    """Leave the processor to requests."""
    begin()
    with suppress(OSError):
        os.nice(_LESS_URGENT)
