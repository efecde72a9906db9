"""Every file of a ledger has one name, so that no second one takes its place unseen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openchargeback.ledger.reading import read_ledger
from openchargeback.model import State

CONFIG = "organization: X University\n"


def put(root: Path, files: dict[str, str]) -> None:
    """Write files of a ledger."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def test_a_second_period_file_does_not_open_a_closed_month(tmp_path: Path) -> None:
    """It is told, and what it says counts for nothing."""
    closed = "state: closed\nclosed: {on: 2025-02-03}\n"
    put(tmp_path, {"config.yaml": CONFIG, "periods/2025-01.yaml": closed, "periods/2025-01.yml": "state: open\n"})
    ledger, problems = read_ledger(tmp_path)
    assert ledger is not None
    assert ledger.period_file("2025-01").state is State.CLOSED
    assert [(each.path, each.code, each.fix) for each in problems] == [
        ("periods/2025-01.yml", "misplaced-file", "name it for its period: periods/2025-01.yaml")
    ]


@pytest.mark.parametrize("name", ["config", "config.local", "directory/people", "directory/projects"])
def test_a_file_that_is_passed_over_for_its_ending_is_told(tmp_path: Path, name: str) -> None:
    """`.yml` is YAML elsewhere, so someone will think that it is read."""
    put(tmp_path, {"config.yaml": CONFIG, f"{name}.yml": "{}\n"})
    _, problems = read_ledger(tmp_path)
    assert [(each.path, each.code, each.fix) for each in problems] == [
        (f"{name}.yml", "misplaced-file", f"rename it to {name}.yaml, or remove it")
    ]


def test_batches_of_decisions_may_be_yml(tmp_path: Path) -> None:
    """Every approval file counts beside the others, whatever it is called."""
    decision = "decisions: [{{charges: [{0}], clears: [above-list], decision: reject, reason: wrong, by: r@x.edu}}]\n"
    put(
        tmp_path,
        {
            "config.yaml": CONFIG,
            "approvals/2025-01/a.yaml": decision.format("0123456789abcdef"),
            "approvals/2025-01/a.yml": decision.format("fedcba9876543210"),
        },
    )
    ledger, problems = read_ledger(tmp_path)
    assert ledger is not None
    assert [each.charges for each in ledger.approvals["2025-01"]] == [("0123456789abcdef",), ("fedcba9876543210",)]
    assert problems == []


def test_links_and_pipes_are_told_and_never_waited_for(tmp_path: Path) -> None:
    """A link to itself, to a folder and to a counted file hide or double charges; reading a pipe would not end."""
    (tmp_path / "config.yaml").write_text("organization: X\n", encoding="utf-8")
    folder = tmp_path / "charges/2025-01"
    folder.mkdir(parents=True)
    (tmp_path / "store").mkdir()
    (folder / "aws.csv").write_text("BillingPeriodStart,BilledCost\n", encoding="utf-8")
    (folder / "gcp").symlink_to(tmp_path / "store")
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "twice.csv").symlink_to("aws.csv")
    os.mkfifo(folder / "pipe.csv")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "directory/people.yaml")
    _, problems = read_ledger(tmp_path)
    assert sorted((each.path.rpartition("/")[2], each.code) for each in problems) == [
        ("gcp", "bad-link"),
        ("loop.csv", "bad-link"),
        ("people.yaml", "unreadable"),
        ("pipe.csv", "unreadable"),
        ("twice.csv", "bad-link"),
    ]
