"""Logging in, sessions and logging out."""

from __future__ import annotations

import time
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace

import office
import pytest
from office import Office, served

from openchargeback.web import people
from openchargeback.web.program import Proxy
from openchargeback.web.sessions import FREE_BY_USER, Sessions, Throttle


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


def test_the_wrong_password_and_an_unknown_name_get_the_same_answer(
    shared_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And take the same work: each checks one hash."""
    checked: list[str] = []
    verify = people._HASHER.verify

    def counted(hash_: str, password: str) -> bool:
        checked.append(hash_)
        return verify(hash_, password)

    monkeypatch.setattr(people, "_HASHER", SimpleNamespace(verify=counted))
    browser = shared_office.browser()
    known = browser.post("/web/login", user="vera", password="wrong password")
    unknown = browser.post("/web/login", user="zoe", password="wrong password")
    assert (known.status, unknown.status) == (403, 403)
    assert known.text.replace("vera", "zoe") == unknown.text
    assert len(checked) == 2
    assert checked[1] == people._NO_ONE


def test_guessing_becomes_slow_and_ends_by_itself() -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0], FREE_BY_USER)
    waits = []
    for _ in range(20):
        waits.append(throttle.wait("ada"))
        now[0] += throttle.wait("ada")
        throttle.failed("ada")
    assert waits[:FREE_BY_USER] == [0] * FREE_BY_USER
    assert waits[FREE_BY_USER : FREE_BY_USER + 4] == [1, 2, 4, 8]
    assert waits[-1] == 900
    assert throttle.wait("ben") == 0
    now[0] += 3601
    throttle.failed("ada")
    assert throttle.wait("ada") == 0


def test_a_guessed_name_is_throttled_even_with_the_right_password(tmp_path: Path) -> None:
    with served(office.ledger(tmp_path / "ledger").root) as here:
        browser = here.browser()
        for _ in range(FREE_BY_USER):
            assert browser.post("/web/login", user="rita", password="a guess").status == 403
        got = browser.post("/web/login", user="rita", password=office.PASSWORD)
        assert got.status == 429
        assert "Try again in 1 second." in got.words
        assert here.browser("rob").get("/web/todo").status == 200
        entries = here.program.audit.latest(10)
        assert [each.what for each in entries] == ["login", *["login-failed"] * FREE_BY_USER]
        log = here.program.audit.path
        assert log.stat().st_mode & 0o777 == 0o600
        assert "a guess" not in log.read_text("utf-8")


def test_a_new_password_ends_the_sessions_of_the_old_one(tmp_path: Path) -> None:
    made = office.ledger(tmp_path / "ledger")
    with served(made.root) as here:
        rita, rob = here.browser("rita"), here.browser("rob")
        other = replace(office.PEOPLE["rita"], hash=people.hash_of("another password"))
        office.add_people(made.root, {"rita": other})
        until = time.monotonic() + 20
        while rita.get("/web/todo").status == 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert rita.get("/web/todo").status == 303
        assert rob.get("/web/todo").status == 200
        assert rita.post("/web/login", user="rita", password="another password").status == 303


def test_sessions_end_by_themselves() -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    idle, used = sessions.begin("ada", "c"), sessions.begin("ada", "c")
    for _ in range(11):
        now[0] += 3600
        assert sessions.find(used)
    assert not sessions.find(idle)
    now[0] += 3601
    assert not sessions.find(used)
    assert not sessions.find("")


ADDRESS = ip_network("127.0.0.1/32")


def test_a_trusted_proxy_says_who_it_is(tmp_path: Path) -> None:
    """By the email address in one header, as oauth2-proxy and Shibboleth pass it on."""
    with served(office.ledger(tmp_path / "ledger").root, proxy=Proxy((ADDRESS,), "X-Forwarded-Email")) as here:
        browser = here.browser()
        assert browser.get("/web/todo", **{"X-Forwarded-Email": "Rita@Example.edu"}).status == 200
        assert browser.get("/web/audit", **{"X-Forwarded-Email": "rita@example.edu"}).status == 403
        assert browser.get("/web/todo", **{"X-Forwarded-Email": "nobody@example.edu"}).status == 303
        assert browser.get("/web/todo", **{"X-Forwarded-User": "rita@example.edu"}).status == 303
        browser.post("/web/login", user="rob", password="wrong password")
        entry = here.program.audit.latest(1)[0]
        assert entry.address == "127.0.0.1"


def test_nobody_else_may_use_the_header_of_the_proxy(tmp_path: Path) -> None:
    other = ip_network("192.0.2.0/24")
    with served(office.ledger(tmp_path / "ledger").root, proxy=Proxy((other,), "X-Forwarded-Email")) as here:
        browser = here.browser()
        assert browser.get("/web/todo", **{"X-Forwarded-Email": "rita@example.edu"}).status == 303
        assert here.browser("rita").get("/web/todo").status == 200


@pytest.mark.parametrize(
    ("present", "new", "again", "status", "said"),
    [
        ("wrong password", "a brand new one", "a brand new one", 403, "The current password is wrong."),
        (office.PASSWORD, "short", "short", 422, "A password needs 12 to 1,000 characters."),
        (office.PASSWORD, "my password is", "my password is", 422, "A password must not contain password."),
        (office.PASSWORD, "i am vera viewer", "i am vera viewer", 422, "A password must not contain vera."),
        (office.PASSWORD, "abababababababab", "abababababababab", 422, "A password must not repeat a few characters."),
        (office.PASSWORD, "a brand new one", "another new one", 422, "The new passwords differ."),
    ],
)
def test_a_new_password_that_is_refused_changes_nothing(
    shared_office: Office, present: str, new: str, again: str, status: int, said: str
) -> None:
    browser = shared_office.browser("vera")
    got = browser.post("/web/account", present=present, new=new, again=again)
    assert got.status == status
    assert said in got.words
    assert shared_office.browser("vera").get("/web/todo").status == 200


def test_people_change_their_own_password(tmp_path: Path) -> None:
    with served(office.ledger(tmp_path / "ledger").root) as here:
        browser = here.browser("vera")
        got = browser.post("/web/account", present=office.PASSWORD, new="a brand new one", again="a brand new one")
        assert (got.status, got.location) == (303, "/web/login")
        until = time.monotonic() + 20
        while browser.post("/web/login", user="vera", password="a brand new one").status != 303:
            assert time.monotonic() < until
            time.sleep(0.2)
        assert (here.root / "config.local.yaml").stat().st_mode & 0o777 == 0o600
        assert [each.what for each in here.program.audit.latest(50)].count("password-changed") == 1


def test_what_a_role_does_not_include_is_in_the_audit_log(tmp_path: Path) -> None:
    with served(office.ledger(tmp_path / "ledger").root) as here:
        assert here.browser("pia").get("/web/audit").status == 403
        entry = here.program.audit.latest(1)[0]
        assert (entry.what, entry.detail, entry.email) == ("refused", "GET /web/audit", "ada@example.edu")
        got = here.browser("admin").get("/web/audit")
        assert "GET /web/audit" in got.words
