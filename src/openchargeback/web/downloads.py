"""What finance downloads of a month: the bundle and the journal files, written from a commit of `main` in a clone."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from openchargeback.export.journals.control_totals import period_files
from openchargeback.problems import UsageFault
from openchargeback.publish.books import open_books, open_lines
from openchargeback.publish.bundle import write_bundle
from openchargeback.publish.journals import journal_month
from openchargeback.publish.secrets import secrets_of
from openchargeback.web.guard import Refused
from openchargeback.web.jobs import BUNDLES, READS, begun
from openchargeback.web.people import Person
from openchargeback.web.program import Program, signed_in
from openchargeback.web.workspace import Place, opened_main

_KEPT_SECONDS = 3600.0
_MOST = 20


@dataclass(slots=True)
class Download:
    """A bundle of a person, while it is written and until it was sent. task: gives the path of the zip."""

    id: str
    user: str
    period: str
    folder: Path
    task: asyncio.Task[Path]
    began: float = field(default_factory=time.monotonic)


class Downloads:
    """The bundles of a server, by id."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._place = Place(program.root, program.folder / "bundle-clone")
        self._downloads: dict[str, Download] = {}

    def start(self, person: Person, period: str, base: str) -> Download:
        """Begin to write the bundle of a month as it is at a commit of `main`."""
        for old in [each for each in self._downloads.values() if time.monotonic() - each.began > _KEPT_SECONDS]:
            self.remove(old)
        if len(self._downloads) >= _MOST:
            raise Refused(503, "Too many bundles are waiting to be downloaded. Try again later.")
        id_ = secrets.token_hex(8)
        folder = self._program.uploads / f"bundle-{id_}"
        job = self._program.jobs.run(BUNDLES, bundle, self._place, base, period, folder)
        self._downloads[id_] = Download(id_, person.user, period, folder, begun(job))
        return self._downloads[id_]

    async def journal(self, period: str, base: str, name: str) -> bytes:
        """A journal file of a month as it is at a commit of `main`, or its control totals."""
        return await self._program.jobs.run(READS, journal_file, self._program.reading_place, base, period, name)

    def of(self, request: Request) -> Download:
        """The bundle that an address names, if it is the person's own."""
        found = self._downloads.get(request.path_params["id"])
        if found is None or found.user != signed_in(request).user:
            raise Refused(404, "This bundle is not here any more. Make it again on the page of the month.")
        return found

    def remove(self, download: Download) -> None:
        """Forget a bundle and its files."""
        download.task.cancel()
        self._downloads.pop(download.id, None)
        shutil.rmtree(download.folder, ignore_errors=True)


def bundle(place: Place, base: str, period: str, folder: Path) -> Path:
    """Write the bundle of a month below a folder; returns its zip. In the process for bundles."""
    ledger = opened_main(place, base)
    made = write_bundle(open_books(ledger, wanted=period), period, folder, zipped=True, workers=1)
    # The clone has no `config.local.yaml`, so what must not be published is known from the ledger's own folder.
    secrets_of(place.root).check(made.folder)
    if made.archive is None:
        raise UsageFault("the bundle has no zip")
    return made.archive


def journal_file(place: Place, base: str, period: str, name: str) -> bytes:
    """A journal file of a month, or its control totals. In the process for reads."""
    month = journal_month(open_lines(opened_main(place, base), wanted=period), period)
    data = period_files(month)[0].get(name)
    if data is None:
        raise UsageFault(f"{period} has no file {name}")
    secrets_of(place.root).refuse_in([(name, data)])
    return data
