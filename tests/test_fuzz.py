"""A few faulty files, always the same: `make fuzz` tries twenty thousand."""

from __future__ import annotations

import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from fuzzing import trial
from fuzzing.cases import CHARGES, case_of
from fuzzing.counting import Uncountable, counted
from fuzzing.trial import findings
from fuzzing.workers import tried

HEADER = b"BillingPeriodStart,BilledCost,ListCost\n"


@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
def test_faulty_files_are_refused_with_a_reason_or_counted_whole(tmp_path, part):
    found = {}
    for number in range(part, 100, 5):
        folder = tmp_path / str(number)
        folder.mkdir()
        found[number] = findings(case_of(7, number), folder)
    assert {number: faults for number, faults in found.items() if faults} == {}


def test_a_case_is_the_same_each_time():
    assert case_of(3, 11) == case_of(3, 11)
    assert case_of(3, 11).content != case_of(4, 11).content


def charges_case(content: bytes):
    case = next(case for number in range(100) if (case := case_of(1, number)).kind == CHARGES)
    path = "charges/2025-01/aws.csv"
    files = {"config.yaml": b"organization: A\n", path: content}
    return replace(case, path=path, files=files, cost="BilledCost", thorough=False)


def test_a_row_that_was_not_counted_is_found(tmp_path, monkeypatch):
    case = charges_case(HEADER + b"2025-01-01,1,1\n2025-01-01,2.5,3\n")
    (tmp_path / "good").mkdir()
    assert findings(case, tmp_path / "good") == []
    real = trial.ingest
    lost = lambda *given, **named: [  # noqa: E731
        replace(one, content=replace(one.content, cost=Decimal(1), charges=1)) for one in real(*given, **named)
    ]
    monkeypatch.setattr(trial, "ingest", lost)
    (tmp_path / "lost").mkdir()
    assert findings(case, tmp_path / "lost") == ["counted 1 rows, 1; expected 2 rows, 3.500000000000000000"]


def test_a_traceback_is_found(tmp_path, monkeypatch):
    def broken(*_given, **_named):
        raise KeyError("a fault of the program")

    monkeypatch.setattr(trial, "ingest", broken)
    assert "a fault of the program" in "".join(findings(charges_case(HEADER), tmp_path))


def test_what_takes_too_long_is_found_and_the_rest_goes_on():
    # Not even the import of the program is done in no time.
    found = dict(tried(1, [0, 1], 2, limit=-1_000))
    assert list(found.items()) == [(number, ["took longer than -1000 seconds"]) for number in (0, 1)]


@pytest.mark.parametrize(
    "row", ["2025-01-01,1", "2025-01-01,1,1,", '2025-01-01,1,"1" x', "2025-01-01,,1", "2025-01-01,NaN,1"]
)
def test_what_must_be_guessed_is_not_counted(row):
    with pytest.raises(Uncountable):
        counted(HEADER + row.encode(), "aws.csv", "BilledCost")
