"""The paper of statements, from `config.yaml`."""

from __future__ import annotations

import pytest

from openchargeback.ledger.config import read_config
from openchargeback.ledger.settings import UnusualAmount


@pytest.mark.parametrize(("text", "paper"), [("", "a4"), ("statements: {paper: letter}", "letter")])
def test_paper(text: str, paper: str) -> None:
    config, problems = read_config(f"organization: A\n{text}\n".encode())
    assert problems == []
    assert config is not None
    assert config.statements.paper == paper


def test_a_paper_that_nobody_has() -> None:
    _, problems = read_config(b"organization: A\nstatements: {paper: A4}\n")
    assert [(each.line, each.message, each.fix) for each in problems] == [
        (2, "expected one of a4, letter", "did you mean `a4`?")
    ]


@pytest.mark.parametrize(("written", "rule"), [("off", None), ("on", UnusualAmount()), ("{}", UnusualAmount())])
def test_the_rule_for_unusual_amounts_is_none_once_it_is_off(written: str, rule: UnusualAmount | None) -> None:
    """Not merely false: stages ask whether there is a rule at all."""
    config, problems = read_config(f"organization: A\nreview: {{unusual_amount: {written}}}\n".encode())
    assert problems == []
    assert config is not None
    assert config.review.unusual_amount == rule
