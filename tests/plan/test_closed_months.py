"""What a plan says about closed months that a change of settings or directory does not reach."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from openchargeback.ledger.directory import Directory, Person
from openchargeback.ledger.settings import Config, Organization
from openchargeback.plan.closed_months import closed_months_kept

CONFIG = Config(Organization("A"))


def people(**names: str) -> Directory:
    return Directory(people={f"{key}@example.edu": Person(f"{key}@example.edu", name) for key, name in names.items()})


def recorded(directory: Directory) -> Any:
    return SimpleNamespace(directory=directory, lines=(), sources=())


def test_the_closed_months_are_given_as_a_span_and_the_entries_by_name() -> None:
    old = people(ada="Ada", ben="Ben", eve="Eve", joe="Joe")
    new = people(ada="A.", ben="B.", eve="E.", joe="J.")
    months = ("2025-01", "2025-02", "2025-03")
    (notice,) = closed_months_kept((CONFIG, old), (CONFIG, new), {period: recorded(old) for period in months})
    assert "3 months, 2025-01 to 2025-03, which stay" in notice.message
    assert "ada@example.edu, ben@example.edu, eve@example.edu and 1 more" in notice.message


def test_a_closed_month_is_named_only_for_entries_that_it_uses() -> None:
    old, new = people(ada="Ada", ben="Ben"), people(ada="Ada", ben="B.")
    records = {"2025-01": recorded(people(ada="Ada")), "2025-02": recorded(old)}
    (notice,) = closed_months_kept((CONFIG, old), (CONFIG, new), records)
    assert "2025-02" in notice.message
    assert "2025-01" not in notice.message
    assert closed_months_kept((CONFIG, old), (replace(CONFIG), old), records) == []
