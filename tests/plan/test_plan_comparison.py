"""The parts sum to the whole exactly, whatever changes."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from branch import charge, csv_text, started
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from openchargeback.ledger.directory import read_directory
from openchargeback.ledger.files import charge_files
from openchargeback.ledger.settings import Config, Organization, Review
from openchargeback.plan import months
from openchargeback.plan.changes import PeriodFacts, beyond_rounding, period_change
from openchargeback.plan.comparison import Side, compare_month, unexplained
from openchargeback.plan.values import Cause, Control, ControlTotal
from openchargeback.record.recorded_ledger import RecordedLedger

PERIOD = "2025-01"
CENT = Decimal("0.01")

_COSTS = st.one_of(
    st.decimals(-50, 5000, places=4),
    # More digits than Python's own sums keep.
    st.builds("{}.{:018}".format, st.integers(10**11, 10**12 - 1), st.integers(0, 10**18 - 1)),
)
_rows = st.lists(
    st.builds(
        charge,
        st.sampled_from(["r1", "r2", "r3"]),
        _COSTS,
        pi=st.sampled_from(["ada@x.edu", "bo@x.edu", None]),
        project=st.sampled_from(["p1", "p2", None]),
        fund=st.sampled_from(["F-1", "F-2", None]),
        quantity=st.sampled_from(["", "1", "2"]),
        service=st.sampled_from(["Compute", "Storage"]),
    ),
    max_size=8,
)
_directories = st.sampled_from(
    [
        b"",
        b"projects: [{id: p1, pi: ada@x.edu, fund: F-3}]\n",
        b"projects: [{id: p1, fund: F-4}, {id: p2, fund: F-1}]\n",
    ]
)
_reviews = st.sampled_from([(), ("F-[12]",), ("F-.*",)])


def side(folder: Path, rows, directory, funds) -> Side:
    """A side of a plan with these charges, directory and fund patterns."""
    place = folder / "charges" / PERIOD / "hpc.csv"
    place.parent.mkdir(parents=True)
    place.write_text(csv_text(rows))
    files, _ = charge_files(folder)
    config = replace(Config(Organization("A")), review=Review(fund_patterns=funds, unusual_amount=None))
    known, _ = read_directory(None, directory or None)
    return Side(RecordedLedger(folder, config, known, {PERIOD: tuple(files)}, {}, {}))


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(_rows, _rows, _rows, _directories, _directories, _reviews, _reviews)
def test_causes_sum_to_the_difference_of_every_line(
    kept, gone, come, old_directory, new_directory, old_funds, new_funds
):
    with tempfile.TemporaryDirectory() as folder:
        base = side(Path(folder) / "base", kept + gone, old_directory, old_funds)
        head = side(Path(folder) / "head", come + kept, new_directory, new_funds)
        both = compare_month(PERIOD, lambda: base, head)
    assert unexplained(both) == []
    period = period_change(PERIOD, both, (PeriodFacts(), PeriodFacts()), "USD")
    assert sum(period.causes.values(), Decimal(0)) == period.difference
    for line in period.lines:
        assert sum(line.parts.values(), Decimal(0)) == line.difference
        # Each side is off by less than a cent.
        assert abs(line.parts.get(Cause.ROUNDING, Decimal(0))) < 2 * CENT
    # A source is rounded once on each side.
    assert abs(period.causes.get(Cause.ROUNDING, Decimal(0))) <= CENT
    assert beyond_rounding(period, "USD") == []
    for project in period.projects:
        assert sum(project.causes.values(), Decimal(0)) == project.difference


@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.too_slow])
@given(_rows, st.randoms(use_true_random=False))
def test_another_order_of_the_same_charges_changes_nothing(rows, random):
    shuffled = random.sample(rows, len(rows))
    with tempfile.TemporaryDirectory() as folder:
        both = compare_month(
            PERIOD, lambda: side(Path(folder) / "base", rows, b"", ()), side(Path(folder) / "head", shuffled, b"", ())
        )
    assert both.old.lines == both.new.lines
    assert not any(amount for parts in both.parts.values() for amount in parts.values())


def test_more_than_cents_can_make_is_no_rounding(tmp_path):
    """A cause that is lost is an error of the program, for the line and for the month."""
    rows = [charge("r1", "100.004")]
    base, head = side(tmp_path / "base", [], b"", ()), side(tmp_path / "head", rows, b"", ())
    both = compare_month(PERIOD, lambda: base, head)
    lost = replace(both, parts={})
    assert len(unexplained(lost)) == 1
    period = period_change(PERIOD, lost, (PeriodFacts(), PeriodFacts()), "USD")
    told = beyond_rounding(period, "USD")
    assert told == [
        f"100.00 USD of {what} is attributed to rounding" for what in ("ada@example.edu, p1, hpc, Compute", "the month")
    ]


def test_the_limits_of_rounding_are_a_cent_for_a_line_and_one_for_each_source(tmp_path):
    """Two minor units are too much for a line, and so is more than one for each source of a month."""
    rows = [charge("r1", "100.004")]
    base, head = side(tmp_path / "base", [], b"", ()), side(tmp_path / "head", rows, b"", ())
    both = compare_month(PERIOD, lambda: base, head)
    period = period_change(PERIOD, both, (PeriodFacts(), PeriodFacts()), "USD")

    def told(line: str, month: str, sources: int) -> list[str]:
        """What the check says of a line and a month with this rounding."""
        lines = (replace(period.lines[0], parts={Cause.ROUNDING: Decimal(line)}),)
        # One of them has the line.
        control = tuple(Control(f"s{i}", "USD", ControlTotal(), ControlTotal()) for i in range(sources - 1))
        causes = {Cause.ROUNDING: Decimal(month)}
        return beyond_rounding(replace(period, lines=lines, causes=causes, control=control), "USD")

    assert told("0.01", "-0.02", 2) == []
    assert told("-0.02", "0.02", 2) == [
        "-0.02 USD of ada@example.edu, p1, hpc, Compute is attributed to rounding",
    ]
    assert told("0.01", "0.03", 2) == ["0.03 USD of the month is attributed to rounding"]


def test_a_plan_with_too_much_rounding_is_an_error(tmp_path, monkeypatch):
    """The plan asks its own check: a cause that is lost is never told as rounding alone."""
    ledger = started(tmp_path / "l", [])
    ledger.charges([charge("r1", "100.00")])
    settle = months.compare_month
    monkeypatch.setattr(months, "compare_month", lambda *sides: replace(settle(*sides), parts={}))
    told = [problem.message for problem in ledger.plan().problems if problem.code == "broken-invariant"]
    assert f"{PERIOD}: 100.00 USD of the month is attributed to rounding" in told
