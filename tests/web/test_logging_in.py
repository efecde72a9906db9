"""Logging in, sessions and logging out."""

from __future__ import annotations

import office
import pytest
from office import Office


def test_a_visitor_is_sent_to_the_login_and_back(shared_office: Office) -> None:
    browser = shared_office.browser()
    got = browser.get("/statements/2025-01/index.html")
    assert (got.status, got.location) == (303, "/web/login?next=/statements/2025-01/index.html")
    assert "Log in" in browser.get(got.location).words
    got = browser.post("/web/login", user="rita", password=office.PASSWORD, next="/statements/2025-01/index.html")
    assert (got.status, got.location) == (303, "/statements/2025-01/index.html")
    cookie = got.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie


@pytest.mark.parametrize(
    "next_",
    ["https://evil.example.edu/", "//evil.example.edu/", "/\\evil.example.edu", "javascript:alert(1)", "/web/logout"],
)
def test_nobody_is_led_elsewhere_after_the_login(shared_office: Office, next_: str) -> None:
    got = shared_office.browser().post("/web/login", user="rita", password=office.PASSWORD, next=next_)
    assert (got.status, got.location) == (303, "/index.html")


def test_a_stolen_cookie_is_worthless_after_logging_out(shared_office: Office) -> None:
    browser = shared_office.browser("rita")
    stolen = dict(browser.cookies)
    assert browser.get("/web/todo").status == 200
    assert browser.post("/web/logout").status == 303
    assert browser.cookies == {}
    browser.cookies = stolen
    assert browser.get("/web/todo").status == 303


def test_a_session_id_from_before_the_login_is_not_kept(shared_office: Office) -> None:
    """Session fixation: someone gives a browser a session id, and waits until its owner logs in with it."""
    browser = shared_office.browser()
    browser.cookies["openchargeback"] = fixed = "chosen-by-someone-else"
    browser.post("/web/login", user="rita", password=office.PASSWORD)
    assert browser.cookies["openchargeback"] != fixed
    browser.cookies["openchargeback"] = fixed
    assert browser.get("/web/todo").status == 303
