"""The PDFs of a build: those that the cache has, and the others newly rendered and then kept there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from openchargeback.portal.pdf_pool import Pool, Rendering
from openchargeback.portal.statements import PdfPlan
from openchargeback.publish.books import Step, no_step
from openchargeback.publish.cache import Cache
from openchargeback.publish.output_swap import Staging

Workers = int | Pool | None
"""What renders PDFs: so many processes, as many as are useful, or a pool."""


def write_kept(plans: Iterable[PdfPlan], store: Cache, staging: Staging) -> list[PdfPlan]:
    """Write the PDFs that the cache has, one at a time, since memory may not hold all; returns the other plans."""
    missing = []
    for plan in plans:
        data = store.get("pdf", plan.key)
        if data is None:
            missing.append(plan)
        else:
            staging.write(plan.path, data)
    return missing


def kept_or_rendered(plans: Iterable[PdfPlan], store: Cache, step: Step = no_step) -> Iterator[tuple[str, bytes]]:
    """The paths and PDFs of some plans, one at a time: from the cache, and the others rendered."""
    missing = []
    for plan in plans:
        data = store.get("pdf", plan.key)
        if data is None:
            missing.append(plan)
        else:
            yield plan.path, data
    with closing(PdfRun(missing, store)) as run:
        yield from run.rest(step)


class PdfRun:
    """Renders the PDFs of some plans, each once, and keeps them in the cache. Gives them by the plan's path.

    rendered: how many. Close it in the end, which stops what is still being rendered.
    """

    def __init__(self, plans: Sequence[PdfPlan], store: Cache, workers: Workers = None) -> None:
        self._store = store
        self._keys = {plan.path: plan.key for plan in plans}
        self.rendered = len(plans)
        jobs = (replace(plan.job(), name=plan.path) for plan in plans)
        self._done = 0
        # A worker needs about a second to start, so few statements are rendered in this process.
        workers = workers or min(os.cpu_count() or 1, max(1, self.rendered // 4))
        self._rendering = Rendering(jobs, self.rendered, workers)

    def close(self) -> None:
        """Stop what is still being rendered."""
        self._rendering.close()

    def finished(self) -> Iterator[tuple[str, bytes]]:
        """The next ones that are done by now, without waiting."""
        yield from self._keep(self._rendering.finished())

    def rest(self, step: Step = no_step) -> Iterator[tuple[str, bytes]]:
        """All others."""
        if self.rendered:
            step("Writing PDFs", self._done, self.rendered)
        for path, data in self._keep(self._rendering.rest()):
            step("Writing PDFs", self._done, self.rendered)
            yield path, data

    def _keep(self, results: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for path, data in results:
            self._done += 1
            self._store.put("pdf", self._keys[path], data)
            yield path, data
