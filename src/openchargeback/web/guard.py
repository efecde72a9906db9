"""What every request passes first: Host, origin, size and pace of the body; and the headers of every answer.

Cross-site requests are refused by Fetch Metadata, else by Origin (OWASP, Cross-Site Request Forgery Prevention), so
forms carry no tokens. Browsers send these headers to https and to loopback addresses only, which is why the server
binds to nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD"})
METHODS = frozenset({*SAFE, "POST"})

PORTAL_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the portal's pages."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Content-Security-Policy of this program's own pages, which have forms."""

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"

HEALTH = "/web/health"
"""The address that answers for any Host: load balancers name the machine's address there."""

SMALL_BODY = 1 << 20
"""The largest body of a form without files, in bytes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may take. upload: bytes of an upload; pause: seconds without a byte."""

    upload: int = 2 << 30
    pause: float = 30.0


class Refused(Exception):
    """A request that is not answered. status: of HTTP; reason: a sentence for the person."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Guard:
    """ASGI middleware around the program. hosts: the values of Host that are this server's, in lower case.

    secure: the browser reaches it by https. uploads: the addresses that take files.
    """

    def __init__(
        self, app: ASGIApp, hosts: Iterable[str], limits: Limits, uploads: Iterable[str], *, secure: bool
    ) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._limits = limits
        self._uploads = frozenset(uploads)
        added = {**_HEADERS, "content-security-policy": PAGE_POLICY, "cache-control": "no-store"}
        added |= {"strict-transport-security": _STRICT_TRANSPORT} if secure else {}
        self._headers = [(name.encode(), value.encode()) for name, value in added.items()]
        self._scheme = "https" if secure else "http"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        body: _Metered | None = None

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                added = [(name, value) for name, value in self._headers if name not in own]
                if body is not None and not body.ended:
                    added.append((b"connection", b"close"))  # what is still to come is not read
                message["headers"] = [*message["headers"], *added]
            await send(message)

        refusal = self._refusal(scope["method"], scope["path"], headers)
        if refusal:
            await _plain(answer, *refusal)
            return
        if scope["method"] in SAFE:
            await self._app(scope, receive, answer)
            return
        most = self._limits.upload if scope["path"] in self._uploads else SMALL_BODY
        body = _Metered(receive, most, self._limits.pause)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > most:
            await _plain(answer, 413, f"The request is larger than {_size(most)}.")
            return
        await self._app(scope, body, answer)

    def _refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "").casefold()
        if path != HEALTH and (host not in self._hosts or len(headers.getlist("host")) > 1):
            return 421, "This server does not answer for this name."
        if method not in METHODS:
            return 405, "This method is not used here."
        if method in SAFE:
            return None
        site = headers.get("sec-fetch-site")
        if site is not None:
            allowed = site in ("same-origin", "none")
        else:
            allowed = headers.get("origin", "").casefold() == f"{self._scheme}://{host}"
        return None if allowed else (403, "This request came from another site, so it was refused.")


class _Metered:
    """The body of a request, counted while it arrives."""

    def __init__(self, receive: Receive, most: int, pause: float) -> None:
        self._receive = receive
        self._left = most
        self._most = most
        self._pause = pause
        self.ended = False

    async def __call__(self) -> Message:
        if self.ended:  # what is still to come is the end of the connection, whenever that is
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._pause)
        except TimeoutError:
            raise Refused(408, "The upload stopped for too long; send it again.") from None
        if message["type"] == "http.request":
            self.ended = not message.get("more_body", False)
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise Refused(413, f"The upload is larger than {_size(self._most)}.")
        return message


def _size(number: int) -> str:
    return f"{number / (1 << 30):.0f} GB" if number >= 1 << 30 else f"{number / (1 << 20):.0f} MB"


async def _plain(send: Send, status: int, reason: str) -> None:
    body = f"{reason}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
