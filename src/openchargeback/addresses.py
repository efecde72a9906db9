"""Web and Git addresses: which parts are secret, and which addresses are safe to link to; addresses with conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote, unquote, urlencode, urlsplit

_CREDENTIALS = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*@", re.IGNORECASE)
_USER_AND_PASSWORD = re.compile(r"\w://([^/@\s:]*)(?::([^/\s]*))?@")  # up to the last @: a password may contain one
_WEB = re.compile(r"https?://[^\s\"'<>\\]+", re.ASCII | re.IGNORECASE)
_TOKEN = 20  # a user name of this length is a token; with a password, only if it contains a digit
_NO_PASSWORDS = ("x-oauth-basic", "x-access-token")  # placeholders that hosts expect next to a token


def holds_credentials(address: str) -> bool:
    """Whether anything precedes the @ of its host."""
    return _CREDENTIALS.match(address) is not None


def without_credentials(address: str) -> str:
    """An address without user, password, query and fragment; only the SSH user `git` is not a secret and is kept.

    Empty if the text is not an address. A user name can be a token, so it is removed, too.
    """
    try:
        parts = urlsplit(address)
        user = "git@" if parts.scheme == "ssh" and parts.username == "git" else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{user}{parts.netloc.rpartition('@')[2]}{parts.path}"


def credentials_in(text: str) -> Iterator[str]:
    """The passwords and tokens of all addresses in a text, as written and decoded."""
    for user, password in _USER_AND_PASSWORD.findall(text):
        no_password = not password or password in _NO_PASSWORDS
        token = user if len(user) >= _TOKEN and (no_password or re.search("[0-9]", user)) else ""
        for secret in ("" if no_password else password, token):
            yield from {secret, unquote(secret)}


def safe_address(text: str) -> str:
    """The address if it is a web address, else empty: settings are data, and `javascript:` is an address, too."""
    return text if _WEB.fullmatch(text) else ""


def with_conditions(page: str, **conditions: str | Sequence[str]) -> str:
    """The path of a charge browser that shows what these conditions select, each a value or several to choose from.

    In templates: `{{ view.charges | where(project=row.project) | link }}`.
    """
    fragment = urlencode(conditions, doseq=True, quote_via=quote, safe="@")
    return f"{page}#{fragment}" if fragment else page
