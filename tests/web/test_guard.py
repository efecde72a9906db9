"""What every request passes first: Host, the site it comes from, sizes and pauses; and the headers of every answer."""

from __future__ import annotations

import http.client
import socket
import time
from pathlib import Path

import office
import pytest
from office import Office, served

from openchargeback.web.guard import Limits

LOGIN = f"user=rita&password={office.PASSWORD}".replace(" ", "+").encode()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "host",
    ["evil.example.edu", "localhost", "localhost:1", "127.0.0.1.evil.example.edu", "", "[::1]", "localhost:80@x"],
)
def test_a_forged_host_gets_nothing(shared_office: Office, host: str) -> None:
    """Such as a page of another site whose name leads to this machine (DNS rebinding)."""
    got = shared_office.browser("rita").send("GET", "/web/todo", headers={"Host": host})
    assert got.status in (400, 421)
    assert "To do" not in got.text


def test_the_health_address_answers_for_any_host(shared_office: Office) -> None:
    """As the probes of load balancers and containers ask for it."""
    got = shared_office.browser().send("GET", "/web/health", headers={"Host": "10.0.0.7:8000"})
    assert (got.status, got.text) == (200, "ok\n")


def test_two_hosts_are_one_too_many(shared_office: Office) -> None:
    with socket.create_connection(("127.0.0.1", shared_office.port)) as connection:
        name = f"localhost:{shared_office.port}"
        connection.sendall(f"GET /web/login HTTP/1.1\r\nHost: {name}\r\nHost: evil.example.edu\r\n\r\n".encode())
        assert connection.recv(100).split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "OWN"},
        {"Sec-Fetch-Site": None},
        {"Sec-Fetch-Site": None, "Origin": "https://evil.example.edu"},
        {"Sec-Fetch-Site": None, "Origin": "null"},
        {"Sec-Fetch-Site": None, "Origin": "https:OWN"},
        {"Sec-Fetch-Site": ""},
    ],
)
def test_a_form_of_another_site_is_refused(shared_office: Office, headers: dict[str, str | None]) -> None:
    given = {name: value and value.replace("OWN", shared_office.address) for name, value in headers.items()}
    got = shared_office.browser().send("POST", "/web/login", LOGIN, {**FORM, **given})
    assert got.status == 403
    assert "set-cookie" not in got.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": None, "Origin": "OWN"},
    ],
)
def test_a_form_of_its_own_is_taken(shared_office: Office, headers: dict[str, str | None]) -> None:
    given = {name: value and value.replace("OWN", shared_office.address) for name, value in headers.items()}
    assert shared_office.browser().send("POST", "/web/login", LOGIN, {**FORM, **given}).status == 303


def test_a_link_from_elsewhere_still_works(shared_office: Office) -> None:
    """The cookie is not sent with the first request from another site, so the page loads itself once more."""
    got = shared_office.browser().get("/statements/2025-01/index.html", **{"Sec-Fetch-Site": "cross-site"})
    assert got.status == 200
    assert 'content="0; url=/statements/2025-01/index.html?again=1"' in got.text


PATHS = [
    "/../config.yaml", "/..%2fconfig.yaml", "/%2e%2e/%2e%2e/config.local.yaml", "/....//config.yaml", "//etc/passwd",
    "/%2fetc%2fpasswd", "/assets/..%5c..%5cconfig.yaml", "/assets/%00.css", "/index.html%00", "/.git/config",
    "/../../clone/.git/HEAD", "/web/assets/../../config.yaml", "/web/assets/%2e%2e/web/base.html",
    "/web/assets//etc/passwd", "/web/drafts/../../x", "/" + "a" * 5000, "/\udcff", "/web/proposals/../../config.yaml",
    "/web/proposals/--help", "/web/proposals/main%00x",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_the_portal(shared_office: Office, path: str) -> None:
    browser = shared_office.browser("admin")
    browser.follow("/index.html")
    try:
        got = browser.send("GET", path.encode("utf-8", "surrogateescape").decode("latin-1"))
    except (http.client.HTTPException, ConnectionError, UnicodeEncodeError):
        return  # not even a request
    assert got.status in (303, 307, 400, 404), got.status
    for secret in ("organization:", "argon2", "root:", "[core]", "ref: refs"):
        assert secret not in got.text


def test_headers_of_every_answer(shared_office: Office) -> None:
    browser = shared_office.browser("admin")
    browser.follow("/index.html")
    for path in (
        "/index.html",
        "/web/todo",
        "/web/login",
        "/web/none",
        "/web/assets/web.css",
        "/nothing",
        "/web/state.js",
    ):
        headers = browser.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "server" not in headers
    assert browser.get("/index.html").headers["cache-control"] == "private, no-cache"
    assert browser.get("/web/todo").headers["cache-control"] == "no-store"


def test_an_upload_that_is_too_large_or_too_slow_ends(tmp_path: Path) -> None:
    made = office.ledger(tmp_path / "ledger")
    with served(made.root, limits=Limits(upload=100_000, pause=0.3)) as here:
        host = f"Host: localhost:{here.port}\r\nSec-Fetch-Site: same-origin\r\n"
        kind = "Content-Type: application/x-www-form-urlencoded\r\n"
        # Announced or not, more than the limit is not read to its end.
        got = here.browser().send("POST", "/web/login", None, {**FORM, "Content-Length": str(2 << 20)})
        assert got.status == 413
        with socket.create_connection(("127.0.0.1", here.port)) as connection:
            head = f"POST /web/login HTTP/1.1\r\n{host}{kind}Transfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head.encode())
            chunks = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
            with pytest.raises(ConnectionError):  # the server closes long before
                connection.sendall(chunks * 5000)
        with socket.create_connection(("127.0.0.1", here.port)) as connection:
            began = time.monotonic()
            connection.sendall(f"POST /web/login HTTP/1.1\r\n{host}{kind}Content-Length: 100\r\n\r\nuser=".encode())
            assert b" 408 " in connection.recv(200)
            assert time.monotonic() - began < 20
        assert here.browser("rita").get("/web/todo").status == 200


def test_cookies_with_https(tmp_path: Path) -> None:
    """Behind a proxy with TLS: the prefix that ties a cookie to this host, and Strict-Transport-Security."""
    with served(office.ledger(tmp_path / "ledger").root, secure=True) as here:
        browser = here.browser()
        got = browser.send("POST", "/web/login", LOGIN, FORM)
        cookie = got.headers["set-cookie"]
        assert cookie.startswith("__Host-session=")
        for part in ("; HttpOnly", "; Path=/", "; SameSite=strict", "; Secure"):
            assert part in cookie
        assert "Domain" not in cookie
        assert got.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert browser.get("/web/todo").status == 200
        plain = {"Sec-Fetch-Site": None, "Origin": f"http://localhost:{here.port}"}
        assert browser.send("POST", "/web/login", LOGIN, {**FORM, **plain}).status == 403
