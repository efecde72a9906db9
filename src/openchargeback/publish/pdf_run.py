"""The PDFs of a build: from the cache, or newly rendered and then kept there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from openchargeback.portal.pdf_pool import Rendering
from openchargeback.portal.statements import PdfPlan
from openchargeback.publish.books import Step, no_step
from openchargeback.publish.cache import Cache


class PdfRun:
    """The PDFs of some plans with their paths, each once; those that are not in the cache are being rendered.

    rendered: how many those are. Close it in the end, which stops what is still being rendered.
    """

    def __init__(self, plans: Sequence[PdfPlan], store: Cache, workers: int | None = None) -> None:
        self._store = store
        self._kept = {plan.path: data for plan in plans if (data := store.get("pdf", plan.key)) is not None}
        self._keys = {plan.path: plan.key for plan in plans if plan.path not in self._kept}
        self.rendered = len(self._keys)
        jobs = (plan.job() for plan in plans if plan.path in self._keys)
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
        yield from self._kept.items()
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
