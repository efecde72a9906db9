"""Who may sign in: people with passwords, and how these are checked (Argon2id, RFC 9106)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from openchargeback.files.branches import Identity
from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.settings import Role, WebUser

_HASHER = PasswordHasher()
SHORTEST = 12
"""The minimum length of a password, in characters (OWASP ASVS 5.0, 6.2.1 asks for 8, and recommends 15)."""
LONGEST = 1000
_SHORT_WORD = 3
_FEW_CHARACTERS = 5
_NO_ONE = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$lDfbcu11ItvdKeDoHG7Xn5IUvHeSAmvy2bXCcDwdlXU"
"""The hash that is checked for unknown names, so that an answer takes as long as for known ones."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who is signed in. email: in lower case."""

    user: str
    name: str
    email: str
    role: Role
    signing_key: str = ""

    @property
    def identity(self) -> Identity:
        """Who their commits are by."""
        return Identity(self.name, self.email, self.signing_key)


class People:
    """Who may sign in.

    users: everyone by user name: those of `config.yaml`, which are for demonstrations, and those of this machine, which
    win. demo: whether any of them is in the committed settings, where Git's history keeps the hash for good.
    """

    def __init__(self, committed: Mapping[str, WebUser], local: Mapping[str, WebUser]) -> None:
        self.users: Mapping[str, WebUser] = {**committed, **local}
        self.demo = bool(committed.keys() - local.keys())
        self._credentials = {name: hashlib.sha256(repr(user).encode()).hexdigest() for name, user in self.users.items()}

    @classmethod
    def of(cls, ledger: Ledger) -> People:
        """The people of a ledger."""
        return cls(ledger.config.web.users, ledger.local.web.users)

    def person(self, user: str) -> Person | None:
        """Someone by user name."""
        found = self.users.get(user)
        if found is None:
            return None
        return Person(user, found.name or user, found.email.casefold(), found.role, found.signing_key)

    def by_email(self, email: str) -> Person | None:
        """Someone by email address, as a proxy passes it on."""
        wanted = email.strip().casefold()
        return next((self.person(user) for user, each in self.users.items() if each.email.casefold() == wanted), None)

    def credential(self, user: str) -> str:
        """A digest of someone's hash: it changes with the password, which ends sessions. Empty for unknown users."""
        return self._credentials.get(user, "")

    def check(self, user: str, password: str) -> bool:
        """Whether this is the password of someone. Takes as long for unknown names as for known ones."""
        found = self.users.get(user)
        known = found.hash if found and found.hash else ""
        try:
            _HASHER.verify(known or _NO_ONE, password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
        return bool(known)


def password_fault(password: str, user: str, email: str) -> str:
    """What is wrong with a new password, in a sentence without a period; empty if nothing.

    Length counts, not its mixture of characters (NIST SP 800-63B; OWASP ASVS 5.0, 6.2.1, 6.2.5, 6.2.11).
    """
    if not SHORTEST <= len(password) <= LONGEST:
        return f"a password needs {SHORTEST} to {LONGEST:,} characters"
    lower = password.casefold()
    for word in ("password", user.casefold(), email.casefold().partition("@")[0]):
        if len(word) > _SHORT_WORD and word in lower:
            return f"a password must not contain {word}"
    if len(set(lower)) < _FEW_CHARACTERS:
        return "a password must not repeat a few characters"
    return ""


def hash_of(password: str) -> str:
    """The Argon2id hash of a password, with a random salt and the parameters of RFC 9106 for small memory."""
    return _HASHER.hash(password)
