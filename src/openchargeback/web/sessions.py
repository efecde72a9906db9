"""Sessions and failed logins: kept in the memory of the server, so a restart signs everyone out.

Session ids are random and say nothing (OWASP ASVS 5.0, chapter 7); only their digests are kept. A session ends by
logging out, after some hours, and when the person's entry in the settings changes.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

IDLE_SECONDS = 4 * 3600.0
LONGEST_SECONDS = 12 * 3600.0
_MOST = 10_000

FREE_BY_USER = 5
"""How many failures of one user name cost nothing; then each doubles the wait."""
FREE_BY_ADDRESS = 50
"""The same for one address, behind which may be a whole department."""
_LONGEST_WAIT = 900.0
_REMEMBERED = 3600.0

Clock = Callable[[], float]


@dataclass(slots=True)
class Session:
    """A signed-in browser. credential: a digest of the person's entry in the settings when they signed in."""

    user: str
    credential: str
    began: float
    seen: float


class Sessions:
    """The sessions, by the digest of their id."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def begin(self, user: str, credential: str) -> str:
        """A new session; returns its id, which only the browser keeps."""
        if len(self._sessions) >= _MOST:
            self._forget_old()
        id_ = secrets.token_urlsafe(32)
        now = self._clock()
        self._sessions[_digest(id_)] = Session(user, credential, now, now)
        return id_

    def find(self, id_: str) -> Session | None:
        """The session of an id, if it has not ended."""
        found = self._sessions.get(_digest(id_)) if id_ else None
        if found is None:
            return None
        now = self._clock()
        if now - found.seen > IDLE_SECONDS or now - found.began > LONGEST_SECONDS:
            self.end(id_)
            return None
        found.seen = now
        return found

    def end(self, id_: str) -> None:
        """End a session."""
        self._sessions.pop(_digest(id_), None)

    def _forget_old(self) -> None:
        now = self._clock()
        old = [key for key, each in self._sessions.items() if now - each.seen > IDLE_SECONDS]
        for key in old or [min(self._sessions, key=lambda key: self._sessions[key].seen)]:
            del self._sessions[key]


@dataclass(slots=True)
class _Failures:
    count: int
    last: float


class Throttle:
    """How long someone must wait after wrong passwords; one is kept by user name (known or not), another by address.

    Nobody is locked out for good: the wait doubles up to 15 minutes, and an hour without failures clears it.
    free: how many failures cost nothing.
    """

    def __init__(self, clock: Clock, free: int) -> None:
        self._clock = clock
        self._free = free
        self._failures: dict[str, _Failures] = {}

    def wait(self, key: str) -> float:
        """How many seconds until the next attempt is looked at; 0 for now."""
        known = self._failures.get(key)
        if known is None or known.count < self._free:
            return 0.0
        return max(0.0, known.last + min(_LONGEST_WAIT, 2.0 ** (known.count - self._free)) - self._clock())

    def failed(self, key: str) -> None:
        """Note a wrong password."""
        now = self._clock()
        if len(self._failures) > _MOST:
            self._failures = {each: old for each, old in self._failures.items() if now - old.last < _REMEMBERED}
        known = self._failures.get(key)
        fresh = known is None or now - known.last > _REMEMBERED
        self._failures[key] = _Failures(1 if known is None or fresh else known.count + 1, now)

    def succeeded(self, key: str) -> None:
        """Forget the failures of a name after the right password."""
        self._failures.pop(key, None)


def _digest(id_: str) -> str:
    return hashlib.sha256(id_.encode()).hexdigest()
