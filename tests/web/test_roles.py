"""The complete matrix of role, address and method, written down by hand so that no change of it goes unnoticed."""

from __future__ import annotations

import re

import pytest
from office import PEOPLE, Browser, Office

from openchargeback.ledger.settings import Role
from openchargeback.web.app import ADDRESSES
from openchargeback.web.guard import SMALL_BODY

EVERYONE = "visitor admin reviewer finance viewer pi"
SIGNED_IN = "admin reviewer finance viewer pi"
INSIDE = "admin reviewer finance viewer"
CLOSING = "admin finance"
DECIDE = "admin reviewer"

MATRIX = {
    ("/web/assets/{name:path}", "GET"): EVERYONE,
    ("/web/health", "GET"): EVERYONE,
    ("/web/login", "GET"): EVERYONE,
    ("/web/login", "POST"): EVERYONE,
    ("/web/account", "GET"): SIGNED_IN,
    ("/web/account", "POST"): SIGNED_IN,
    ("/web/logout", "POST"): SIGNED_IN,
    ("/web/state.js", "GET"): SIGNED_IN,
    ("/web/problems", "GET"): INSIDE,
    ("/web/drafts/{id}", "GET"): INSIDE,
    ("/web/drafts/{id}/commit", "POST"): INSIDE,
    ("/web/drafts/{id}/discard", "POST"): INSIDE,
    ("/web/import", "GET"): "admin reviewer",
    ("/web/import", "POST"): "admin reviewer",
    ("/web/import/{id}", "GET"): "admin reviewer",
    ("/web/import/{id}", "POST"): "admin reviewer",
    ("/web/import/{id}/discard", "POST"): "admin reviewer",
    ("/web/todo", "GET"): INSIDE,
    ("/web/proposals", "GET"): INSIDE,
    ("/web/proposals/{name:path}", "GET"): INSIDE,
    ("/web/months", "GET"): CLOSING,
    ("/web/months/{period}", "GET"): CLOSING,
    ("/web/months/{period}/close", "POST"): CLOSING,
    ("/web/months/{period}/finalize", "POST"): CLOSING,
    ("/web/months/{period}/reopen", "POST"): CLOSING,
    ("/web/months/{period}/bundle", "POST"): CLOSING,
    ("/web/months/{period}/journal/{name}", "GET"): CLOSING,
    ("/web/bundles/{id}", "GET"): CLOSING,
    ("/web/bundles/{id}/file", "GET"): CLOSING,
    ("/web/postings", "POST"): CLOSING,
    ("/web/approve", "POST"): DECIDE,
    ("/web/follow", "POST"): DECIDE,
    ("/web/remove", "GET"): INSIDE,
    ("/web/remove", "POST"): INSIDE,
    ("/web/preview/{commit}/{path:path}", "GET"): INSIDE,
    ("/web/previewed/{commit}", "GET"): INSIDE,
    ("/web/decisions", "GET"): DECIDE,
    ("/web/decisions", "POST"): DECIDE,
    ("/web/credit", "GET"): DECIDE,
    ("/web/credit", "POST"): DECIDE,
    ("/web/directory", "GET"): DECIDE,
    ("/web/directory/entry", "GET"): DECIDE,
    ("/web/directory/entry", "POST"): DECIDE,
    ("/web/audit", "GET"): "admin",
    ("/{path:path}", "GET"): SIGNED_IN,
}
"""Who gets an answer. Drafts are their owner's alone, and what a branch says is for those who see everything."""

_USERS = {str(user.role): name for name, user in PEOPLE.items()} | {"reviewer": "rita"}


def test_every_address_and_method_is_in_the_matrix() -> None:
    found = {(each.path, method) for each in ADDRESSES for method in each.answers}
    assert found == set(MATRIX)
    assert set(EVERYONE.split()) == {"visitor", *map(str, Role)}


@pytest.fixture(scope="module")
def browsers(shared_office: Office) -> dict[str, Browser]:
    found = {role: shared_office.browser(name) for role, name in _USERS.items()}
    return {**found, "visitor": shared_office.browser()}


@pytest.mark.parametrize(("path", "method"), sorted(MATRIX))
def test_only_those_whom_the_matrix_names_get_an_answer(
    browsers: dict[str, Browser], shared_office: Office, path: str, method: str
) -> None:
    place = re.sub(r"\{[^}]*\}", "none", path)
    allowed = MATRIX[path, method].split()
    for role, browser in browsers.items():
        got = browser.send(method, place, b"" if method == "POST" else None)
        if path == "/web/logout" and role in allowed:
            browser.cookies = shared_office.browser(_USERS[role]).cookies
        if role in allowed:
            assert "does not include" not in got.words, (role, path)
            assert not (got.status == 303 and got.location.startswith("/web/login?")), (role, path)
            assert got.status != 401, (role, path)
        elif role == "visitor" and method == "GET":
            assert (got.status, got.location) == (303, f"/web/login?next={place}")
        else:
            assert got.status == 403, (role, path, got.words)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "POST", "GET"])
@pytest.mark.parametrize("path", sorted({path for path, _ in MATRIX}))
def test_other_methods_are_answered_nowhere(browsers: dict[str, Browser], path: str, method: str) -> None:
    if (path, method) not in MATRIX:
        got = browsers["admin"].send(method, re.sub(r"\{[^}]*\}", "none", path), b"")
        # Where only POST is answered, a GET asks for a page of the portal of that name.
        assert got.status == (404 if method == "GET" else 405)


def test_a_draft_is_its_owner_s_alone(browsers: dict[str, Browser]) -> None:
    """Its id is random, and knowing it does not help."""
    assert browsers["finance"].get("/web/drafts/0123456789abcdef").status == 404


def test_a_form_without_files_is_small(browsers: dict[str, Browser]) -> None:
    got = browsers["admin"].send("POST", "/web/login", None, {"Content-Length": str(SMALL_BODY + 1)})
    assert got.status == 413
