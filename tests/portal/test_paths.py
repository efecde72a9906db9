"""Folder names and links."""

from __future__ import annotations

import posixpath

from hypothesis import example, given
from hypothesis import strategies as st

from openchargeback.portal.paths import folder_name, pi_page
from openchargeback.templating.filters import relative

IDENTIFIERS = st.text(max_size=120) | st.from_regex(r"[a-zA-Z0-9._@+~ -]{0,30}", fullmatch=True)
SAFE = set("abcdefghijklmnopqrstuvwxyz0123456789._@+~-")


def test_a_plain_address_or_id_stays_readable() -> None:
    assert folder_name("a.lovelace+hpc@example.edu") == "a.lovelace+hpc@example.edu"
    assert folder_name("2025-01") == "2025-01"


@given(IDENTIFIERS)
@example("..")
@example("a/../../b")
@example("con")
@example("NUL.txt")
@example("com1.project")
@example("x.")
@example("")
@example("\ud800")
@example("ä" * 300)
def test_a_name_is_safe_everywhere(identifier: str) -> None:
    name = folder_name(identifier)
    assert set(name) <= SAFE
    assert name
    assert len(name) <= 80
    assert ".." not in name
    assert not name.startswith((".", "-", "~"))
    assert not name.endswith(".")
    assert name.split(".")[0] not in {"con", "prn", "aux", "nul", "com1", "lpt9"}
    assert posixpath.normpath(pi_page(identifier)) == pi_page(identifier)


@given(IDENTIFIERS, IDENTIFIERS)
@example("Ada@example.edu", "ada@example.edu")
@example("a b", "a-b")
@example("straße", "strasse")
def test_two_identifiers_never_share_a_name(one: str, other: str) -> None:
    if one != other:
        assert folder_name(one).casefold() != folder_name(other).casefold()


@given(IDENTIFIERS)
def test_a_made_name_is_never_someone_elses_plain_name(identifier: str) -> None:
    name = folder_name(identifier)
    if name != identifier:
        assert folder_name(name) != name


def test_links_are_relative() -> None:
    assert relative("index.html", "periods/index.html") == "periods/index.html"
    assert relative("periods/2025-01/index.html", "index.html") == "../../index.html"
    assert relative("a/b.html", "a/c.html#x") == "c.html#x"
    assert relative("a/b.html", "a/b.html") == "b.html"
