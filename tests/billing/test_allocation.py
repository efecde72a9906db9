"""Cents: an independent oracle of largest remainders agrees with the billing lines, and nothing is lost."""

import math
import random
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))

from small_ledger import approval_text, bill, charge, csv_text, decide, held_ids, tags

from examples import examples

SLOW = settings(max_examples=examples(12))

amounts = st.one_of(
    st.decimals("-1000", "1000", places=18),
    st.decimals("-1000", "1000", places=3),
    st.sampled_from(list(map(Decimal, ("0.005", "-0.005", "0.015", "0.333", "0", "1E-18", "-1E-18")))),
)
rows = st.lists(
    st.tuples(
        amounts, amounts, st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from(["S", "T"]), st.booleans()
    ),
    min_size=1,
    max_size=12,
)


def charges_of(drawn):
    return [
        charge(
            f"{cost:f}",
            ListCost=f"{list_:f}",
            ServiceName=service,
            ResourceId=f"r-{number}",
            ChargeCategory="Credit",
            text="{oops" if malformed else tags(pi=f"{pi}@x.edu", project=project),
        )
        for number, (cost, list_, pi, project, service, malformed) in enumerate(drawn)
    ]


def largest_remainder(parts):
    """Cents by key: the rounded total, floors first, then one each to the largest remainders, ties by key."""
    total = int((sum(parts.values(), Decimal(0)) * 100).to_integral_value(ROUND_HALF_UP))
    cents = {key: math.floor(value * 100) for key, value in parts.items()}
    order = sorted(parts, key=lambda key: (-(parts[key] * 100 - cents[key]), key))
    for key in order[: total - sum(cents.values())]:
        cents[key] += 1
    return {key: Decimal(value).scaleb(-2) for key, value in cents.items()}


@SLOW
@given(rows)
def test_lines_agree_with_an_independent_allocation(drawn):
    billed, discount = defaultdict(Decimal), defaultdict(Decimal)
    with localcontext(Context(prec=80)), tempfile.TemporaryDirectory() as folder:
        for cost, list_, pi, project, service, malformed in drawn:
            if not malformed:
                key = (f"{pi}@x.edu", project, "BIO-1", "hpc", service)
                billed[key] += cost
                discount[key] += list_ - cost
        period, problems = bill(Path(folder), charges_of(drawn))
        assert problems == []
        assert {line.key: line.amounts.billed for line in period.lines} == largest_remainder(billed)
        assert {line.key: line.amounts.discount for line in period.lines} == largest_remainder(discount)


@SLOW
@given(rows)
def test_nothing_is_lost_and_cents_tie_out(drawn):
    with localcontext(Context(prec=80)), tempfile.TemporaryDirectory() as folder:
        before, _ = bill(Path(folder), charges_of(drawn))
        waiting = replace(before, queue=tuple(item for item in before.queue if item.service == "T"))
        reject = approval_text([decide(waiting, "reject")]) if waiting.queue else ""
        period, problems = bill(Path(folder), charges_of(drawn), approvals=reject)
        assert problems == []
        (source,) = period.sources
        assert source.imported == sum(each[0] for each in drawn)
        assert source.held == sum(each[0] for each in drawn if each[5] and each[4] == "S")
        assert source.rejected == sum(each[0] for each in drawn if each[5] and each[4] == "T")
        assert source.imported == source.billed + source.held + source.rejected
        rounded = source.billed.quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert sum(line.amounts.billed for line in period.lines) == rounded
        for line in period.lines:
            assert line.amounts.list == line.amounts.billed + line.amounts.discount
        for statement in period.statements:
            for line in statement.lines:
                key = (line.fund, line.source, line.service)
                shares = [r.amounts for r in statement.resources if (r.fund, r.source, r.service) == key]
                assert sum(share.billed for share in shares) == line.amounts.billed
                assert sum(share.discount for share in shares) == line.amounts.discount


def ids(rows, columns=None):
    with tempfile.TemporaryDirectory() as folder:
        period, _ = bill(Path(folder), csv_text(rows, columns))
        found = [item for item in period.queue if "malformed-tags" in item.uncleared]
        digests = sorted(item.digest for item in found)
        return digests, sorted(held_ids(period, "malformed-tags")), sum(item.charges for item in found)


@settings(SLOW, max_examples=6)  # each bills the rows five times
@given(st.lists(st.tuples(amounts, st.sampled_from("rs")), min_size=1, max_size=6), st.randoms(use_true_random=False))
@pytest.mark.slow
def test_charge_ids_outlive_sorting_and_further_columns(drawn, rnd: random.Random):
    rows = [charge(f"{cost:f}", ResourceId=resource, ChargeCategory="Tax", text="{oops") for cost, resource in drawn]
    before = ids(rows)
    shuffled = rnd.sample(rows, len(rows))
    assert ids(shuffled) == before
    columns = rnd.sample(list(rows[0]), len(rows[0]))
    assert ids(shuffled, columns) == before
    # Equal rows are no possible duplicates once their notes differ: they form other items, and keep their ids.
    assert ids([{**row, "x_note": f"{number}"} for number, row in enumerate(shuffled)])[1:] == before[1:]
    assert ids([{**row, "ResourceName": "other"} for row in rows])[0] != before[0]


def test_equal_remainders_go_by_key(tmp_path):
    period, _ = bill(tmp_path, [charge("0.005", text=tags(project=name)) for name in "ba"])
    assert [(line.project, str(line.amounts.billed)) for line in period.lines] == [("a", "0.01"), ("b", "0.00")]


def test_the_yen_has_no_cents(tmp_path):
    period, _ = bill(tmp_path, [charge("10.5")], config="organization: A\ncurrency: JPY\n")
    assert str(period.lines[0].amounts.billed) == "11"
