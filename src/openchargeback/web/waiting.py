"""What waits to be merged: branches made here, or pushed by others to `origin`, and what they decide."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

from openchargeback.files import branches, git
from openchargeback.files.branches import Branch
from openchargeback.ledger.uncommitted import uncommitted_anywhere
from openchargeback.problems import OpenChargebackError
from openchargeback.web.decided import Decided, decided_on
from openchargeback.web.guard import Refused
from openchargeback.web.jobs import CHANGES, begun
from openchargeback.web.program import Program
from openchargeback.web.workspace import main_commit

FETCH_SECONDS = 60.0
"""How long to wait between two looks at the remote, which are made only while someone uses the pages."""


class Waiting:
    """The branches that wait, read again whenever the repository changes.

    notice: why the remote could not be read. loose: the inputs in the ledger's folder that are not committed.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._mark = ""
        self._known: tuple[str, list[Branch]] = ("", [])
        self._fetched = -FETCH_SECONDS
        self._fetching: asyncio.Task[None] | None = None
        self._decided: tuple[object, asyncio.Task[dict[str, Decided]] | None] = (None, None)
        self._last: Mapping[str, Decided] = {}
        self.notice = ""
        self.loose: list[str] = []

    async def branches(self) -> list[Branch]:
        """Those that `main` lacks, the latest first; none without Git."""
        self._fetch()
        if self._mark != (mark := self._program.portals.mark):
            self._known, self._mark = await asyncio.to_thread(self._read), mark
            self.loose = await asyncio.to_thread(uncommitted_anywhere, self._program.root)
        return self._known[1]

    def changed(self) -> None:
        """Read the branches again when they are next asked for: this server has just changed one."""
        self._mark = ""

    async def now(self) -> list[Branch]:
        """The same, read now: for someone who is about to change one of them."""
        return (await asyncio.to_thread(self._read))[1]

    async def count(self) -> int:
        """How many there are."""
        return len(await self.branches())

    async def decided(self) -> dict[str, str]:
        """The branch on which each item of the review queue is decided, by the item's id, as far as known by now."""
        return {item: each.branch for item, each in (await self.decisions()).items()}

    async def decisions(self) -> Mapping[str, Decided]:
        """The same, with who decided. Computed in the background when branches change."""
        waiting = tuple((each.name, each.base, each.commit) for each in await self.branches())
        if not waiting:
            return {}
        program, base = self._program, self._known[0]
        asked, task = self._decided
        if task is not None and task.done() and not task.cancelled() and task.exception() is None:
            self._last = task.result()
        if asked != (base, waiting) and (task is None or task.done()):
            task = begun(program.jobs.run(CHANGES, decided_on, program.place, base, waiting))
            self._decided = (base, waiting), task
        return self._last

    async def find(self, name: str) -> Branch:
        """A branch by name. Raises Refused if no such branch waits."""
        # Not known yet: it was made a moment ago.
        return _named(name, await self.branches()) or await self._found_now(name)

    async def as_shown(self, name: str, commit: str) -> Branch:
        """A branch by name as it is now. Raises Refused unless this commit, which the person was shown, is its last."""
        found = await self._found_now(name)
        if found.commit != commit:
            raise Refused(409, f"{name} has changed since this page was shown. Look at its plan again.")
        return found

    async def _found_now(self, name: str) -> Branch:
        found = _named(name, await self.now())
        if found is None:
            raise Refused(404, "No such branch is waiting. It may have been merged or removed.")
        return found

    async def behind(self) -> int:
        """How many commits of the remote's main branch are missing here."""
        program = self._program
        return await asyncio.to_thread(branches.behind, program.root, program.main)

    async def fetched(self) -> None:
        """Fetch the remote's branches now."""
        self._fetched = -FETCH_SECONDS
        self._fetch()
        if self._fetching is not None:
            await asyncio.shield(self._fetching)

    def _fetch(self) -> None:
        now = time.monotonic()
        if now - self._fetched < FETCH_SECONDS or (self._fetching is not None and not self._fetching.done()):
            return
        self._fetched = now
        self._fetching = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        root = self._program.root
        try:
            if await asyncio.to_thread(branches.has_remote, root):
                self.notice = await asyncio.to_thread(branches.fetch, root)
        except OpenChargebackError as fault:
            self.notice = str(fault)

    def _read(self) -> tuple[str, list[Branch]]:
        """The commit of `main`, and the branches that it lacks."""
        program = self._program
        if not git.inside_repository(program.root):
            return "", []
        main = main_commit(program.root, program.main)
        return main, branches.unmerged(program.root, main) if main else []


def _named(name: str, known: Iterable[Branch]) -> Branch | None:
    return next((each for each in known if each.name == name), None)
