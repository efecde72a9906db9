"""Logging in and out: by a password, or by the header of a trusted proxy."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from openchargeback.ledger.lock import locked
from openchargeback.ledger.settings import WebUser
from openchargeback.ledger.web_users import write_user
from openchargeback.web.access import Action
from openchargeback.web.addresses import Address
from openchargeback.web.pages import page
from openchargeback.web.people import Person, hash_of, password_fault
from openchargeback.web.program import Program, address_of, person_of, program_of, signed_in
from openchargeback.wording import counted

_AT_ONCE = 2
"""How many passwords are checked at the same time: each takes 64 MB and a processor."""

_WAITING = 200
"""How many more may wait for that."""


class SigningIn:
    """ASGI middleware that finds out who sends a request: the session of its cookie, or the proxy's header."""

    def __init__(self, app: ASGIApp, program: Program) -> None:
        self._app = app
        self._program = program

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["person"] = self._person(Request(scope))
        await self._app(scope, receive, send)

    def _person(self, request: Request) -> Person | None:
        program = self._program
        proxy = program.options.proxy
        if proxy is not None and proxy.header and proxy.is_from(request.client.host if request.client else ""):
            named = request.headers.getlist(proxy.header)
            if len(named) == 1 and named[0].strip():
                return program.people.by_email(named[0])
        session = program.sessions.find(request.cookies.get(cookie_name(program), ""))
        if session is None:
            return None
        people = program.people
        if people.credential(session.user) != session.credential:
            return None
        return people.person(session.user)


def cookie_name(program: Program) -> str:
    """The name of the session's cookie; with https, a prefix that browsers take from this host alone (RFC 6265bis)."""
    return "__Host-session" if program.options.secure else "openchargeback"


class Doors:
    """Limits how many passwords are checked at once."""

    def __init__(self) -> None:
        self.checking = asyncio.Semaphore(_AT_ONCE)
        self.waiting = 0


async def show(request: Request) -> Response:
    """The login page."""
    if person_of(request) is not None:
        return RedirectResponse(_next(request.query_params.get("next", "")), 303)
    return _page(request, next_=request.query_params.get("next", ""))


async def login(request: Request) -> Response:
    """Check a password and begin a session, with a new id."""
    program = program_of(request)
    form = await request.form(max_files=0, max_fields=10)
    user, password, next_ = (str(form.get(name, "")) for name in ("user", "password", "next"))
    user = user.strip()
    address, doors = address_of(request), program.doors
    if (seconds := max(program.by_user.wait(user), program.by_address.wait(address))) > 0:
        said = f"Too many wrong passwords. Try again in {_in_words(seconds)}."
        return _page(request, user=user, next_=next_, said=said, status=429)
    if doors.waiting >= _WAITING:
        return _page(request, user=user, next_=next_, said="The server is busy. Try again in a moment.", status=503)
    right = await _is_right(program, user, password, address)
    if not right:
        program.by_user.failed(user)
        program.by_address.failed(address)
        program.audit.write("login-failed", user=user, address=address)
        return _page(request, user=user, next_=next_, said="The user name or the password is wrong.", status=403)
    program.by_user.succeeded(user)
    program.sessions.end(request.cookies.get(cookie_name(program), ""))
    id_ = program.sessions.begin(user, program.people.credential(user))
    person = program.people.person(user)
    program.audit.write("login", user=user, email=person.email if person else "", address=address)
    response = RedirectResponse(_next(next_), 303)
    response.set_cookie(
        cookie_name(program), id_, path="/", secure=program.options.secure, httponly=True, samesite="strict"
    )
    return response


async def _is_right(program: Program, user: str, password: str, address: str = "") -> bool:
    """Whether this is the person's password, checked when it is its turn."""
    doors = program.doors
    doors.waiting += 1
    try:
        async with doors.checking:
            # Others may have failed while this one waited.
            if program.by_user.wait(user) or program.by_address.wait(address):
                return False
            return await asyncio.to_thread(program.people.check, user, password)
    finally:
        doors.waiting -= 1


async def account(request: Request) -> Response:
    """Who is signed in, and the button to log out: the portal's own pages send no forms."""
    return page(request, "account.html", "Your account")


async def change_password(request: Request) -> Response:
    """Set a new password, given the present one; ends all sessions of the person."""
    program, person = program_of(request), signed_in(request)
    form = await request.form(max_files=0, max_fields=10)
    present, new, again = (str(form.get(name, "")) for name in ("present", "new", "again"))
    user = program.people.users.get(person.user)
    if user is None or not user.hash:
        return page(request, "account.html", "Your account", {"said": "You have no password here."}, status=409)
    if program.by_user.wait(person.user) > 0 or not await _is_right(program, person.user, present):
        program.by_user.failed(person.user)
        program.record(request, "password-refused")
        return page(request, "account.html", "Your account", {"said": "The current password is wrong."}, status=403)
    fault = password_fault(new, person.user, person.email) or ("the new passwords differ" if new != again else "")
    if fault:
        said = f"{fault[:1].upper()}{fault[1:]}."
        return page(request, "account.html", "Your account", {"said": said}, status=422)
    hash_ = await asyncio.to_thread(hash_of, new)
    await asyncio.to_thread(_store, program.root, person.user, replace(user, hash=hash_))
    program.record(request, "password-changed")
    program.sessions.end(request.cookies.get(cookie_name(program), ""))
    return RedirectResponse("/web/login", 303)


def _store(root: Path, name: str, user: WebUser) -> None:
    with locked(root):
        write_user(root, name, user)


async def logout(request: Request) -> Response:
    """End the session, here and in the browser."""
    program = program_of(request)
    program.record(request, "logout")
    program.sessions.end(request.cookies.get(cookie_name(program), ""))
    response = RedirectResponse("/web/login", 303)
    response.delete_cookie(cookie_name(program), path="/", secure=program.options.secure, httponly=True)
    response.headers["clear-site-data"] = '"cache"'
    return response


def _page(request: Request, *, next_: str, user: str = "", said: str = "", status: int = 200) -> Response:
    program = program_of(request)
    people = program.people
    note = program.ledger.config.web.note if people.demo else ""
    values = {"said": said, "user": user, "next": next_, "users": bool(people.users), "note": note}
    return page(request, "login.html", "Log in", values, status=status)


def _next(text: str) -> str:
    """Where to go after the login: an address of this server, else the portal."""
    if not text.startswith("/") or text.startswith("//") or "\\" in text or not text.isprintable():
        return "/index.html"
    found = urlsplit(text)
    return text if not found.scheme and not found.netloc and not found.path.startswith("/web/log") else "/index.html"


def _in_words(seconds: float) -> str:
    return counted(int(seconds) + 1, "second") if seconds < 60 else counted(int(seconds // 60) + 1, "minute")


ADDRESSES = (
    Address("/web/login", {"GET": (Action.OPEN, show), "POST": (Action.OPEN, login)}),
    Address("/web/account", {"GET": (Action.READ, account), "POST": (Action.READ, change_password)}),
    Address("/web/logout", {"POST": (Action.READ, logout)}),
)
