"""Values without quotes that other YAML readers read for something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from openchargeback.ledger.approvals import read_approvals
from openchargeback.ledger.config import read_config
from openchargeback.ledger.directory import read_directory
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.yaml_meaning import other_reading
from openchargeback.problems import Problem, Severity


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("010", "the number 8"),
        ("007", "the number 7"),
        ("08", "the number 8"),
        ("0x10", "the number 16"),
        ("0o17", "the number 15"),
        ("0b11", "the number 3"),
        ("1_000", "the number 1000"),
        ("+5", "the number 5"),
        ("-05", "the number -5"),
        ("1e3", "the number 1000"),
        ("1.50", "the number 1.5"),
        (".5", "the number 0.5"),
        (".inf", "infinity"),
        ("1e9999", "infinity"),
        (".nan", "NaN"),
        ("12:30", "the number 750"),
        ("12:30:15", "the number 45015"),
        ("yes", "true"),
        ("NO", "false"),
        ("off", "false"),
        ("true", "true"),
        ("2025-1-3", ""),
        ("2025-02-30", "a date"),
        ("2025-01-31 10:00", ""),
        ("2025-01-31T10:00:00Z", "a date"),
        *(
            (same, "")
            for same in ("123", "-5", "0", "1.5", "2025-01-31", "2025-01", "1.0.0", "5%", "BIO-1", "y", "n", ".")
        ),
        *((same, "") for same in ("none", "off-campus", "", "=", "1e3x", "0" * 50)),
    ],
)
def test_what_other_readers_take_a_value_for(text: str, other: str) -> None:
    assert other_reading(text) == other


def warned(problems: list[Problem]) -> list[tuple[int, int, str, str]]:
    """Line, column, message and fix of each; all are warnings of this kind."""
    assert {(each.code, each.severity) for each in problems} <= {("yaml-ambiguous", Severity.WARNING)}
    return [(each.line, each.column, each.message, each.fix) for each in problems]


def test_numbers_and_text_of_the_config() -> None:
    config, problems = read_config(
        b'organization: A\nstatements: {questions_until_days: 010}\nsources:\n  hpc: {credit_fund: 007, label: "08"}\n'
    )
    assert config is not None
    assert (config.statements.questions_until_days, config.credit_fund("hpc")) == (10, "007")
    assert warned(problems) == [
        (2, 36, "other YAML readers read 010 as the number 8; here it is 10", "write 10"),
        (4, 22, "other YAML readers read 007 as the number 7; here it is the text 007", 'write "007", in quotes'),
    ]


def test_a_number_that_all_readers_take_alike_is_fine() -> None:
    text = b"organization: A\nfiscal_year_starts: 07\nreview: {unusual_amount: {factor: 2.50, minimum: 1e3}}\n"
    _, problems = read_config(text)
    assert warned(problems) == []


@pytest.mark.parametrize("quoted", ["'NO'", '"NO"', "|-\n      NO"])
def test_quoted_text_is_text_to_all(quoted: str) -> None:
    _, problems = read_config(f"organization: A\nsources:\n  hpc: \n    credit_fund: {quoted}\n".encode())
    assert warned(problems) == []


def test_keys_lists_and_the_other_files() -> None:
    _, problems = read_config(b"organization: A\ntags: {references: {on: grant, b: [1_0, c]}}\n")
    assert [each[:2] for each in warned(problems)] == [(2, 21), (2, 36)]
    people = b"people: [{email: a@x.edu, name: 1e3}]\n"
    projects = b"projects: [{id: 0123, pi: a@x.edu, match: {SubAccountId: [0123456789]}}]\n"
    _, problems = read_directory(people, projects, b"funds: [{id: 12:30}]\n")
    assert [each.path.rsplit("/", 1)[-1] for each in problems] == [
        "people.yaml",
        "projects.yaml",
        "projects.yaml",
        "funds.yaml",
    ]
    decision = "{approve: {charges: [0123456701234567]}, clears: [missing-fund], reason: no, by: a, on: 2025-01-02}"
    _, problems = read_approvals(f"decisions:\n- {decision}\n".encode(), "approvals/2025-01/a.yaml")
    assert "yaml-ambiguous" in {each.code for each in problems}


def test_a_ledger_with_such_values_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("organization: A\njournal: {credit_fund: 007}\n", encoding="utf-8")
    ledger, problems = read_ledger(tmp_path)
    assert ledger is not None
    assert ledger.config.credit_fund("any") == "007"
    assert len(warned(problems)) == 1
