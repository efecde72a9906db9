"""What pages say in place of commands and options: of every message that has a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import openchargeback
from openchargeback.ledger.settings import Role
from openchargeback.web.access import Action, may
from openchargeback.web.wording import WORDS, on_page

SOURCES = Path(openchargeback.__file__).parent


def everything(_action: Action) -> bool:
    """May do all."""
    return True


@pytest.mark.parametrize(
    ("message", "shown", "places"),
    [
        ("run `focus-billing review refresh` to replace it with a decision on what it matches now",
         "replace it with a decision on what it matches now", ["review/index.html#void"]),
        ("nothing to do; `focus-billing review refresh` cleans it up", "nothing to do", []),
        ("`review refresh` proposes a new decision", "make a new decision", ["review/index.html#void"]),
        ("decide them with `review`, or add --leave-held", "decide them, or leave them held", ["review/index.html"]),
        ("add `expect`, as `focus-billing review` does", "add `expect`, as the review page does",
         ["review/index.html"]),
        ("list the ids, as `review credit` does", "list the ids, as the form for credits does", ["web/credit"]),
        ("correct x, or add the person with `focus-billing directory add person`",
         "correct x, or add the person to the directory", ["web/directory"]),
        ("restore it from Git, or reopen the period with `focus-billing periods open 2025-01` and close it again",
         "restore it from Git, or reopen the period and close it again", ["web/months"]),
        ("restore it, or reopen the period as its next revision: `focus-billing periods open 2025-01`",
         "restore it, or reopen the period as its next revision", ["web/months"]),
        ("to reopen the month, run `focus-billing periods open 2025-01`", "to reopen the month, use its page",
         ["web/months"]),
        ("remove the record with `focus-billing periods open 2025-01`", "reopen the month", ["web/months"]),
        ("2025-01 is closed; only an open period accepts decisions; decide it from an open period with --of 2025-01",
         "2025-01 is closed; only an open period accepts decisions; choose an open month", []),
        ("2025-02 is open: decide its charges with --period 2025-02",
         "2025-02 is open: decide its charges in the queue", ["review/index.html"]),
        ("if it is a later answer, add --replace; else",
         "if it is a later answer, check “Replace what is recorded of these documents”; else", []),
        ("`--replace` replaces the existing files; `--add` keeps both, as parts",
         "“Replace what is there” replaces the existing files; “Add to what is there” keeps both, as parts", []),
        ("aws.csv has no charges: name its month with `--period P`", "aws.csv has no charges: enter its month below",
         []),
        ("if misplaced, credit all its charges (`focus-billing review credit`); else correct `--source` or `--period`",
         "if misplaced, credit all its charges; else correct the source or the month",
         ["web/credit"]),
    ],
)  # fmt: skip
def test_a_page_names_no_command_that_has_a_page(message: str, shown: str, places: list[str]) -> None:
    said = on_page(message, everything)
    assert said.text == shown
    assert [each.path for each in said.ways] == places


def test_pages_link_only_to_where_the_person_may_go() -> None:
    message = "restore it, or reopen the period with `focus-billing periods open 2025-01`"
    assert [each.path for each in on_page(message, lambda action: may(Role.FINANCE, action)).ways] == ["web/months"]
    assert on_page(message, lambda action: may(Role.REVIEWER, action)).ways == ()


def test_what_has_no_page_stays_as_it_is() -> None:
    for message in (
        "price it with `focus-billing convert csv`",
        "compare it with `focus-billing journal --check FILE`",
    ):
        assert on_page(message, everything).text == message


def test_every_pattern_is_of_a_message_that_the_program_has() -> None:
    """A message that is worded again must be found again."""
    texts = "\n".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py") if path.name != "wording.py")
    texts = re.sub(r'"\s*\n\s*f?"', "", texts)  # a message on several lines
    texts = re.sub(r"\{(?:each|period|later|of|self\.\w+)\}", "2025-01", texts)
    missing = [pattern for pattern, _, _ in WORDS if not re.search(pattern.replace("^", '"'), texts)]
    assert missing == []
