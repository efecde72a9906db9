"""The portal as each audience sees it: built when the ledger changes, served from the last good build.

    files, Git refs ─mark─▶ changed? ─build in another process─▶ folder of the audience ─▶ pages

A build takes the place of the last one as a whole (`publish/output_swap.py`), so readers never see a mixture.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from openchargeback.files import git
from openchargeback.ledger.lock import own_files
from openchargeback.portal.audience import Audience
from openchargeback.problems import LedgerFault, OpenChargebackError, OutsideFault, Problem
from openchargeback.publish import build as publish
from openchargeback.publish.audiences import build_audiences
from openchargeback.publish.books import Step
from openchargeback.publish.manifest import NAME as MANIFEST
from openchargeback.web.jobs import BUILDS, PDFS, Jobs
from openchargeback.wording import step_words

_UNKNOWN = "unknown"
"""The mark of a build of an earlier server."""

_BEGUN = "Building"
"""What is said of a build that has not come far enough to say more."""

PAUSE = 0.5
"""How many seconds pass between two looks at the ledger's files."""


@dataclass(slots=True)
class Portal:
    """The build of an audience. number: counts its builds. mark: of the ledger it was built from; empty if none was.

    at: when, in UTC. problems, why: what keeps the next build from being made; empty if nothing does.
    """

    folder: Path
    number: int = 0
    mark: str = ""
    tried: str = ""
    at: dt.datetime | None = None
    problems: tuple[Problem, ...] = ()
    why: str = ""
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def is_there(self) -> bool:
        """Whether there is any build to show."""
        return self.mark != ""

    @property
    def is_building(self) -> bool:
        """Whether a build is running or waits for one of another audience."""
        return self.task is not None and not self.task.done()

    @property
    def progress(self) -> str:
        """How far the build has come, in words."""
        with suppress(OSError):
            return _progress_file(self.folder).read_text("utf-8") or _BEGUN
        return _BEGUN


class Portals:
    """All audiences' builds of one ledger. folder: where they are."""

    def __init__(self, root: Path, folder: Path, jobs: Jobs) -> None:
        self._root = root
        self._folder = folder
        self._jobs = jobs
        self._portals: dict[Audience, Portal] = {}
        self._references = git.reference_places(root)
        self.mark = mark_of(root, self._references)

    def of(self, audience: Audience) -> Portal:
        """The portal of an audience, being built if it is not up to date."""
        portal = self._portals.get(audience)
        if portal is None:
            portal = self._portals[audience] = _last_build(self._folder / audience.folder)
        if portal.tried != self.mark and not portal.is_building:
            portal.task = asyncio.create_task(self._build(audience, portal))
        return portal

    async def watch(self) -> None:
        """Look for changes of the ledger, forever; builds that someone has asked for are made again."""
        while True:
            await asyncio.sleep(PAUSE)
            mark = await asyncio.to_thread(mark_of, self._root, self._references)
            if mark != self.mark:
                self.mark = mark
                for audience in list(self._portals):
                    self.of(audience)

    async def _build(self, audience: Audience, portal: Portal) -> None:
        while portal.tried != self.mark:
            mark = portal.tried = self.mark
            try:
                if not portal.is_there:
                    # Rendering PDFs takes long; until then, their links lead nowhere. It has a process of its own, so
                    # that the first pages of another audience do not wait for it.
                    await self._jobs.run(BUILDS, build_portal, self._root, portal.folder, audience, False)
                    self._built(portal, mark)
                await self._jobs.run(PDFS, build_portal, self._root, portal.folder, audience, True)
            except LedgerFault as fault:
                portal.problems, portal.why = tuple(fault.problems), str(fault)
            except OutsideFault as fault:
                # Such as a ledger that changed meanwhile: the next look at its files builds again.
                portal.problems, portal.why = (), str(fault)
                await asyncio.sleep(PAUSE)
            except OpenChargebackError as fault:
                portal.problems, portal.why = (), str(fault)
            else:
                self._built(portal, mark)

    def _built(self, portal: Portal, mark: str) -> None:
        portal.problems, portal.why = (), ""
        if portal.mark != mark:
            portal.number += 1
        portal.mark, portal.at = mark, dt.datetime.now(dt.UTC)


def _last_build(folder: Path) -> Portal:
    """The portal in a folder as a server built it that has ended, or as none has built it yet."""
    try:
        at = (folder / MANIFEST).stat().st_mtime
    except OSError:
        return Portal(folder)
    return Portal(folder, mark=_UNKNOWN, at=dt.datetime.fromtimestamp(at, dt.UTC))


def build_portal(root: Path, folder: Path, audience: Audience, pdfs: bool) -> None:  # noqa: FBT001 - of another process
    """Build the portal of an audience; in the process for builds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _reported(_progress_file(folder)) as step:
        if audience.sees_all:
            publish.build(root, folder, pdfs=pdfs, workers=1, step=step)
        else:
            build_audiences(root, folder, audience, pdfs=pdfs, workers=1, step=step)


@contextmanager
def _reported(place: Path) -> Iterator[Step]:
    """A function to call with each step; how far it has come is in a file, since the page is of another process."""
    written = 0.0

    def step(what: str, done: int, total: int) -> None:
        nonlocal written
        if time.monotonic() > written + PAUSE:
            with suppress(OSError):
                place.write_text(step_words(what, done, total), encoding="utf-8")
            written = time.monotonic()

    try:
        yield step
    finally:
        place.unlink(missing_ok=True)


def _progress_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.progress")


def mark_of(root: Path, references: Iterable[Path]) -> str:
    """An identity of the ledger's files and of Git's references, without reading any of them."""
    total = hashlib.sha256()
    for path in chain(own_files(root), *map(_below, references)):
        try:
            there = path.stat()
        except OSError:
            continue
        total.update(f"{path}\0{there.st_ino}\0{there.st_size}\0{there.st_mtime_ns}\n".encode())
    return total.hexdigest()


def _below(path: Path) -> Iterator[Path]:
    yield path
    for folder, _, names in os.walk(path):
        yield from (Path(folder) / name for name in sorted(names))
