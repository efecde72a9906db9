"""A ledger billed at once is what it is when each month is billed alone, and its sums are those of its lines."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_ledger import charge, csv_text, decide, make, tags

from examples import examples
from golden_ledgers import PLACE, each_ledger
from openchargeback.billing import periods
from openchargeback.billing.corrections import correct
from openchargeback.billing.periods import bill
from openchargeback.billing.summaries import summaries, summary_of
from openchargeback.ledger.reading import read_ledger
from openchargeback.publish.gathering import with_records
from openchargeback.record.recorded_ledger import RecordedLedger

MONTHS = ("2025-01", "2025-02", "2025-03")
PROJECTS = """projects:
  - id: genomics
    entries:
      - {pi: ada@example.edu, fund: BIO-1, until: 2025-01-31}
      - {pi: ben@example.edu, fund: BIO-2, from: 2025-02-01}
  - {id: optics, pi: ben@example.edu, fund: PHY-1, match: {ResourceId: [r-2]}, end: 2025-02-15}
"""
CONFIG = """
organization: A
currency: USD
tags: {references: {grant: grant}}
sources: {hpc: {credit_fund: H-1, discount: institution}, lab: {post: false, default: {project: optics}}}
review: {patterns: {gpu: {match: {ServiceName: gpu}, minimum: 5}}}
"""

_tags = st.sampled_from(
    [
        tags(),
        tags(pi=None, fund=None),
        tags(project="optics", pi=None, fund=None),
        tags(project="nowhere"),
        tags(pi="ben@example.edu", project="optics", fund=None),
        '{"project_id": "genomics", "grant": "G-1"}',
        '{"Project ID": "genomics"}',
        "{}",
        "",
        "{bad",
    ]
)
_cost = st.sampled_from(["1", "0.005", "2.335", "-3", "7.10", "0", "1e-20", "12.999999999999999999"])


def _charge(month: str) -> st.SearchStrategy[dict[str, Any]]:
    """A row of a month; now and then one of another month, in another currency, or with a null word."""

    def made(cost: str, text: str, service: str, resource: str, named: str, day: int, currency: str) -> dict[str, Any]:
        cells = {"BillingPeriodStart": f"{named}-01", "BillingPeriodEnd": f"{named}-28", "BillingCurrency": currency}
        days = {"ChargePeriodStart": f"{month}-{day:02}", "ChargePeriodEnd": f"{month}-{day:02}"}
        return charge(cost, text=text, ServiceName=service, ResourceId=resource, **cells, **days)

    months = st.sampled_from([month] * 8 + [*MONTHS])
    currencies = st.sampled_from(["USD"] * 6 + ["EUR"])
    resources, services = st.sampled_from(["r-1", "r-2", "", "NULL"]), st.sampled_from(["Compute", "gpu", "Größe"])
    return st.builds(made, _cost, _tags, services, resources, months, st.integers(1, 28), currencies)


def _files(month: str) -> st.SearchStrategy[dict[str, list[dict[str, Any]]]]:
    rows = st.lists(_charge(month), max_size=6)
    return st.fixed_dictionaries({}, optional={"hpc/1.csv": rows, "hpc/2.csv": rows, "lab.csv": rows, "odd.csv": rows})


def _texts(month: str, files: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    found = {}
    for name, rows in files.items():
        if name == "odd.csv":
            # Another layout, with a column of its own, and a blank line that only Python sees.
            text = csv_text([{**row, "x_Note": "n", "ListCost": "9"} for row in rows]) if rows else csv_text([])
            found[f"charges/{month}/{name}"] = text + "\n"
        else:
            found[f"charges/{month}/{name}"] = csv_text(rows)
    return found


def _billed(ledger: RecordedLedger, together: bool) -> tuple[dict[str, Any], list[str]]:
    months = [period for period in ledger.periods if period not in ledger.records]
    result: dict[str, Any] = {}
    problems: list[Any] = []
    posted = correct(ledger).posted
    for batch in [months] if together else [[month] for month in months]:
        found, faults = bill(ledger, batch, periods.billed, posted)
        result |= found
        problems += faults
    return result, sorted(map(repr, problems))


def _compare(ledger: RecordedLedger) -> dict[str, Any]:
    """Checks that both ways agree, and the summaries with them; returns the billed months."""
    alone, told = _billed(ledger, together=False)
    at_once, told_at_once = _billed(ledger, together=True)
    assert at_once == alone
    assert told_at_once == told
    summed, _ = bill(ledger, list(alone), summaries, correct(ledger).posted)
    assert summed.keys() == alone.keys()
    for period, summary in summed.items():
        assert replace(summary, texts=()) == summary_of(alone[period])
    return alone


@pytest.mark.slow
@settings(max_examples=examples(12), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.tuples(*map(_files, MONTHS)), st.booleans(), st.sampled_from(["approve", "reassign", "reject"]))
def test_months_billed_together_are_as_each_alone(months: tuple[dict[str, Any], ...], by_id: bool, verb: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        texts = {"config.yaml": CONFIG, "directory/projects.yaml": PROJECTS}
        for month, files in zip(MONTHS, months, strict=True):
            texts |= _texts(month, files)
        ledger = RecordedLedger.of(make(Path(folder), texts))
        billed = _compare(ledger)
        waiting = {period: each for period, each in billed.items() if each.queue}
        if waiting:
            set_ = {"pi": "ben@example.edu", "project": "optics", "fund": "PHY-1"} if verb == "reassign" else {}
            decisions = {
                f"approvals/{period}/all.yaml": "decisions:\n" + decide(each, verb, by_id=by_id, **set_)
                for period, each in waiting.items()
            }
            _compare(RecordedLedger.of(make(Path(folder), {**texts, **decisions})))


@pytest.mark.parametrize("name", each_ledger())
def test_golden_ledgers_billed_at_once(name: str) -> None:
    ledger, _ = read_ledger(PLACE / name)
    assert ledger is not None
    _compare(with_records(ledger)[0])
