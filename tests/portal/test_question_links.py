"""A question about a charge starts with the numbers that are needed to answer it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import factory
import pytest
import statement_cases as cases
from pypdf import PdfReader

from conformance import faults
from openchargeback.ledger.settings import Config
from openchargeback.portal.pdf_pool import render_job
from openchargeback.portal.questions import CHARGE, SUBJECT, question_address

NUMBER = "2025-01-911fec2428"
REPOSITORY = "https://git.example.edu/rc/ledger.git"


def config(questions: str = "mail", forge: str = "", **contact: str) -> Config:
    made = factory.config()
    owner = made.organization
    return replace(
        made,
        organization=replace(owner, contact=replace(owner.contact, email="rc@example.edu", **contact)),
        portal=replace(
            made.portal, questions=questions, repository="https://git.example.edu/rc/ledger.git", forge=forge
        ),
    )


def test_a_message_names_statement_and_charge_and_leaves_room() -> None:
    address = urlsplit(question_address(config(), NUMBER, "7f3a9c21"))
    fields = parse_qs(address.query, strict_parsing=True)
    assert (address.scheme, address.path) == ("mailto", "rc@example.edu")
    assert fields["subject"] == [f"Question about statement {NUMBER}"]
    assert fields["body"] == [f"Statement: {NUMBER}\r\nCharge: 7f3a9c21\r\n\r\n"]


@pytest.mark.parametrize(
    ("forge", "start", "title", "body"),
    [
        ("github", "https://git.example.edu/rc/ledger/issues/new?", "title", "body"),
        ("forgejo", "https://git.example.edu/rc/ledger/issues/new?", "title", "body"),
        ("gitlab", "https://git.example.edu/rc/ledger/-/issues/new?", "issue[title]", "issue[description]"),
    ],
)
def test_an_issue_has_the_same_texts(forge: str, start: str, title: str, body: str) -> None:
    address = question_address(config("issue", forge), NUMBER)
    fields = parse_qs(urlsplit(address).query)
    assert address.startswith(start)
    assert fields[title] == [f"Question about statement {NUMBER}"]
    assert fields[body][0].startswith(f"Statement: {NUMBER}\nCharge: (")


def test_places_for_a_script_stay_and_nothing_else_is_put_into_the_address() -> None:
    address = question_address(config(), SUBJECT, CHARGE)
    assert address.count(SUBJECT) == address.count(CHARGE) == 1
    hostile = question_address(config(), 'x"&cc=all@example.edu\n\u202e', "<script>")
    assert parse_qs(urlsplit(hostile).query).keys() == {"subject", "body"}
    assert not set('"<>\n\u202e') & set(hostile)
    assert "cc=all" in unquote(hostile)


def test_without_a_contact_or_by_choice_there_is_no_question() -> None:
    made = config()
    nobody = replace(made, organization=replace(made.organization, contact=type(made.organization.contact)()))
    assert question_address(nobody, NUMBER) == question_address(config("none"), NUMBER) == ""


def printed(questions: str, tmp_path: Path) -> tuple[Path, list[Any], str]:
    """A statement as a PDF with this setting: its file, its links, and its text."""
    made = cases.config()
    portal = replace(made.portal, questions=questions, repository=REPOSITORY, forge="github")
    path = tmp_path / f"{questions}.pdf"
    path.write_bytes(render_job(cases.job(cases.normal(), settings=replace(made, portal=portal))))
    pages = PdfReader(path).pages
    links = [each.get_object() for page in pages for each in page.get("/Annots", ())]
    return path, links, "".join(page.extract_text() for page in pages)


@pytest.mark.parametrize("questions", ["mail", "issue"])
def test_a_pdf_asks_as_its_page_does(questions: str, tmp_path: Path) -> None:
    path, (link,), text = printed(questions, tmp_path)
    made = cases.config()
    portal = replace(made.portal, questions=questions, repository=REPOSITORY, forge="github")
    address = question_address(replace(made, portal=portal), cases.normal().number)
    assert link["/A"]["/URI"] == address
    assert cases.normal().number in unquote(address)
    # A screen reader says what the link does, not its address.
    assert link["/Contents"] == "Question a charge"
    assert "Question a charge" in text
    assert [fault for profile in ("3a", "ua1") for fault in faults(path, profile)] == []


def test_a_pdf_without_questions_links_to_nothing(tmp_path: Path) -> None:
    path, links, text = printed("none", tmp_path)
    assert links == []
    assert "Question a charge" not in text
    assert b"/URI" not in path.read_bytes()
