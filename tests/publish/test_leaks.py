"""What identifies others is found in every form that a file of an output can have."""

from __future__ import annotations

import base64
import gzip
import json
import time

import pytest

from openchargeback.problems import LedgerFault
from openchargeback.publish.leaks import ChargeIds, Identities, Identity

ADA = Identity("email address", "ada.l@example.edu")
NAME = Identity("name", "Zoë van der Berg")
PROJECT = Identity("project", "Genomics & Co")
NUMBER = Identity("statement", "2025-01-911fec2428")
OTHERS = Identities([ADA, NAME, PROJECT, NUMBER, Identity("project", "x"), Identity("name", "Ann")])


def found(path: str, data: bytes | str) -> list[str]:
    try:
        OTHERS.refuse_in([(path, data.encode() if isinstance(data, str) else data)])
    except LedgerFault as fault:
        return sorted(problem.message.split("'")[1] for problem in fault.problems)
    return []


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("a.html", "<p>Write to <b>ADA.L@example.edu</b>.</p>"),
        ("a.html", '<a href="mailto:ada.l@example.edu">x</a>'),
        ("a.html", '<a href="../pis/ada.l%40example.edu/index.html">x</a>'),
        ("a.html", "ada.l&#64;example.edu"),
        ("a.html", "ada.l\u200b@example\u200b.edu"),
        ("pis/ada.l@example.edu/index.html", ""),
        ("a.js", 'x = "ada.l\\u0040example.edu";'),
        ("data/a.csv", "1,ada.l@example.edu,2"),
        ("data/a.csv.gz", gzip.compress(b"1,ada.l@example.edu,2", mtime=0)),
        ("a.js", f'charges.month("x","{base64.b64encode(gzip.compress(b"[ada.l@example.edu]", mtime=0)).decode()}");'),
    ],
)
def test_it_is_found_in_texts_attributes_names_scripts_and_data(path: str, data: bytes | str) -> None:
    assert found(path, data) == [ADA.text]


def test_names_and_ids_are_found_as_written_escaped_and_as_folders() -> None:
    assert found("a.html", "<p>Genomics &amp; Co</p>") == [PROJECT.text]
    assert found("a.js", json.dumps("Zoë van der Berg")) == [NAME.text]
    assert found("a.csv", "zoë  van der berg") == [], "other spaces are another text"
    assert found("projects/genomics-co~ab/index.html", "") == []
    assert found("a.html", "../statements/2025-01/x_2025-01-911fec2428.pdf") == [NUMBER.text]


def test_only_whole_words_count() -> None:
    for text in ("bada.l@example.edu", "x.ada.l@example.edu", "ada.l@example.education", "ada.l@example.edu.au"):
        assert found("a.txt", text) == [], text
    assert found("a.txt", "annual, x") == [], "too short to be searched"


def test_what_is_the_audiences_own_is_not_searched() -> None:
    left = OTHERS.without(["a charge tagged with ada.l@example.edu"])
    assert left.found_in("ada.l@example.edu, 2025-01-911fec2428") == {NUMBER}


def test_own_identities_are_not_searched_even_if_no_text_has_them() -> None:
    assert OTHERS.without([], [NAME]).found_in("Zoë van der Berg, 2025-01-911fec2428") == {NUMBER}


def test_ids_of_charges_are_known_exactly() -> None:
    months = [[f"{number * 7919:016x}" for number in range(start, 500, 3)] for start in (0, 1)]
    known = ChargeIds()
    for ids in months:
        known.add(ids)
    for number in range(-1, 501):
        id_ = f"{max(number * 7919, 0):016x}"
        assert (id_ in known) == (id_ in {*months[0], *months[1]}), id_
    assert "f" * 16 not in known
    known.add(["f" * 16])
    assert "f" * 16 in known


def test_many_identities_that_start_alike_are_found_without_comparing_each() -> None:
    """All instances of a cloud start with the same word; comparing each with each would take minutes."""
    ids = [Identity("resource", f"i-{number:010}") for number in range(20_000)]
    text = "\n".join(each.text for each in ids[::2])
    start = time.process_time()
    assert Identities(ids).found_in(text) == set(ids[::2])
    assert time.process_time() - start < 5
