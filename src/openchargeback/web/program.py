"""The state of a running server, which all of its pages share."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from openchargeback.files import branches
from openchargeback.files.writing import ignore_all
from openchargeback.ledger.links import CACHE
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.problems import LedgerFault, OpenChargebackError, Problem, UsageFault
from openchargeback.web.access import Action, may
from openchargeback.web.audit import Audit
from openchargeback.web.guard import Limits, Refused
from openchargeback.web.jobs import CHANGES, Jobs, begun
from openchargeback.web.people import People, Person
from openchargeback.web.portals import Portals
from openchargeback.web.sessions import FREE_BY_ADDRESS, FREE_BY_USER, Sessions, Throttle
from openchargeback.web.workspace import Examined, Place, examine, main_commit

if TYPE_CHECKING:
    from openchargeback.web.directory import Missing
    from openchargeback.web.drafts import Drafts
    from openchargeback.web.imports import Imports
    from openchargeback.web.months import Months
    from openchargeback.web.previews import Previews
    from openchargeback.web.serving import Serving
    from openchargeback.web.signing_in import Doors
    from openchargeback.web.waiting import Waiting

_MOST_EXAMINED = 50


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy in front. networks: from where it connects. header: with the email address of a person whom it signed in;
    empty if it signs nobody in.
    """

    networks: tuple[IPv4Network | IPv6Network, ...]
    header: str

    def is_from(self, address: str) -> bool:
        """Whether a connection comes from the proxy."""
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Options:
    """How a server was started. hosts: its names in requests, with the port. secure: browsers reach it by https."""

    hosts: tuple[str, ...]
    secure: bool = False
    proxy: Proxy | None = None
    limits: Limits = field(default_factory=Limits)


class Program:
    """A ledger that is served. Created once, by `make_app`; requests find it as `request.app.state.program`."""

    doors: Doors
    drafts: Drafts
    imports: Imports
    months: Months
    missing: Missing
    waiting: Waiting
    previews: Previews
    serving: Serving

    def __init__(self, root: Path, options: Options) -> None:
        self.root = root
        self.options = options
        self.folder = root / CACHE / "web"
        ignore_all(root / CACHE)
        self.uploads = self.folder / "uploads"
        for each in (self.folder, self.uploads):
            each.mkdir(mode=0o700, exist_ok=True)
        _empty(self.uploads)
        self.jobs = Jobs()
        self.portals = Portals(root, self.folder / "portals", self.jobs)
        self.sessions = Sessions(time.monotonic)
        self.by_user = Throttle(time.monotonic, FREE_BY_USER)
        self.by_address = Throttle(time.monotonic, FREE_BY_ADDRESS)
        self.audit = Audit(self.folder / "audit.jsonl")
        self.place = Place(root, self.folder / "clone")
        self.reading_place = Place(root, self.folder / "reading-clone")
        self.assets: dict[str, tuple[bytes, str]] = {}
        self.merging: dict[str, tuple[str, asyncio.Task[OpenChargebackError | None]]] = {}
        self._examined: dict[tuple[str, str], asyncio.Task[Examined]] = {}
        self._read_at = ""
        self._ledger: Ledger | None = None
        self._problems: list[Problem] = []
        self._people = People({}, {})

    @property
    def ledger(self) -> Ledger:
        """The ledger's small files as they are now. Raises LedgerFault if the settings cannot be used."""
        if self._read_at != self.portals.mark:
            self._read()
        if self._ledger is None:
            raise LedgerFault(self._problems, self.root)
        return self._ledger

    @property
    def people(self) -> People:
        """Who may sign in; as it last was if the settings cannot be used now."""
        if self._read_at != self.portals.mark:
            self._read()
        return self._people

    def _read(self) -> None:
        self._read_at = self.portals.mark
        self._ledger, self._problems = read_ledger(self.root)
        if self._ledger is not None:
            self._people = People.of(self._ledger)

    @property
    def main(self) -> str:
        """The name of the main branch."""
        return self.ledger.config.portal.branch

    def base(self) -> str:
        """The commit that changes start from. Raises UsageFault if the ledger is not in Git or has no commit yet."""
        found = main_commit(self.root, self.main)
        if not found:
            raise UsageFault(
                f"the ledger has no branch {self.main} in Git, so changes cannot be proposed; commit it first"
            )
        return found

    def examined(self, base: str, head: str) -> asyncio.Task[Examined]:
        """What a commit would change, computed once; the task may still be running.

        One that failed is given once, so that a page can say why; whoever asks next starts it again.
        """
        task = self._examined.pop((base, head), None)
        if task is None:
            task = begun(self.jobs.run(CHANGES, examine, self.place, base, head))
        if not failed(task):
            self._examined[base, head] = task
        while len(self._examined) > _MOST_EXAMINED:
            self._examined.pop(next(iter(self._examined)))
        return task

    def forget(self, base: str, head: str) -> None:
        """Stop to examine a commit that no one asks for any more, if that has not begun."""
        task = self._examined.pop((base, head), None)
        if task is not None:
            task.cancel()

    def has_remote(self) -> bool:
        """Whether the repository has a remote `origin`, to which branches are pushed."""
        return branches.has_remote(self.root)

    def record(self, request: Request, what: str, detail: str = "") -> None:
        """Write an event of the person who is signed in to the audit log."""
        who = person_of(request)
        user, email, role = (who.user, who.email, str(who.role)) if who else ("", "", "")
        self.audit.write(what, detail, user=user, email=email, role=role, address=address_of(request))

    def stop(self) -> None:
        """End all work."""
        self.jobs.stop()
        _empty(self.uploads)


def program_of(request: Request) -> Program:
    """The program that a request is for."""
    found = request.app.state.program
    assert isinstance(found, Program)  # noqa: S101 - `make_app` set it
    return found


def person_of(request: Request) -> Person | None:
    """Who is signed in."""
    found = request.scope.get("person")
    return found if isinstance(found, Person) else None


def signed_in(request: Request) -> Person:
    """Who is signed in, on an address that needs it."""
    person = person_of(request)
    if person is None:
        raise Refused(403, "Sign in first.")
    return person


def can(request: Request, action: Action) -> bool:
    """Whether the person who is signed in may do something."""
    person = person_of(request)
    return may(person.role if person else None, action)


def failed(task: asyncio.Task[Any]) -> bool:
    """Whether a task ended without a result."""
    return task.done() and (task.cancelled() or task.exception() is not None)


def address_of(request: Request) -> str:
    """The address of the person's browser: as a trusted proxy says, else at the other end of the connection."""
    address = request.client.host if request.client else ""
    proxy = program_of(request).options.proxy
    if proxy is None or not proxy.is_from(address):
        return address
    # Each proxy appends the address that it sees, so the last one is the trusted proxy's own word.
    return request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip() or address


def _empty(folder: Path) -> None:
    """Remove what a killed server left."""
    for each in _listed(folder):
        shutil.rmtree(each, ignore_errors=True)


def _listed(folder: Path) -> Iterable[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
