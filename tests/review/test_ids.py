"""Ids of flagged charges alone are those that numbering every charge gives."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_ledger import PERIOD, charge, csv_text, make, tags

from examples import examples
from openchargeback.billing.pipeline import flag, read_charges
from openchargeback.focus.database import database
from openchargeback.ledger.reading import Ledger
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.ids import number_rest

# Spellings of the same charge, and charges that differ by little.
_costs = st.sampled_from(["1.5", "1.50", "2", "2.0", "-1", "0"])
_days = st.sampled_from(["2025-01-05", "2025-01-05T00:00:00Z", "2025-01-06"])
_texts = st.sampled_from(
    [tags(), tags(pi=None), '{"a": 1, "b": 2}', '{"b":2,"a":1}', "{broken", "", tags(fund=None)],
)
_names = st.sampled_from(["node", "", "node\x1fResourceName=x", "x\x1fServiceName=Compute"])
_rows = st.lists(
    st.builds(
        lambda cost, day, text, name, note: charge(
            cost, text=text, ChargePeriodStart=day, ResourceName=name, x_note=note
        ),
        _costs, _days, _texts, _names, st.sampled_from(["", "a"]),
    ),
    min_size=1, max_size=10,
)  # fmt: skip


def numbered(ledger: Ledger, *, flagged: bool) -> tuple[dict[int, str], set[int], dict[int, str]]:
    """Ids by charge, the charges that need one, and the ids once the rest is numbered too."""
    with database() as con:
        charges, _ = read_charges(con, RecordedLedger.of(ledger), [PERIOD])
        flag(charges, ids_of_all=[] if flagged else [PERIOD])
        wanted = {n for (n,) in con.execute("SELECT n FROM flag").fetchall()}
        first = dict(con.execute("SELECT n, id FROM charge_id").fetchall())
        number_rest(charges)
        rest = con.execute("SELECT n, id FROM charge_id").fetchall()
        assert len(rest) == len({n for n, _ in rest})
        return first, wanted, dict(rest)


@pytest.mark.slow
@settings(max_examples=examples(40))
@given(_rows, _rows, _rows)
def test_flagged_charges_have_the_ids_that_all_would_have(
    one: list[dict[str, str]], other: list[dict[str, str]], more: list[dict[str, str]]
) -> None:
    """In two parts of one source, the second without the columns of a name, and in another source."""
    bare = [{name: cell for name, cell in row.items() if name != "ResourceName"} for row in other]
    columns = list(bare[0])
    files = {"aws/1.csv": csv_text(one), "aws/2.csv": csv_text(bare, columns), "hpc.csv": csv_text(more)}
    with tempfile.TemporaryDirectory() as folder:
        ledger = make(Path(folder), {f"charges/{PERIOD}/{name}": text for name, text in files.items()})
        few, wanted, rest = numbered(ledger, flagged=True)
        every, _, _ = numbered(ledger, flagged=False)
    assert wanted <= few.keys()
    assert few.items() <= every.items()
    assert rest == every


def test_only_what_may_be_identical_is_numbered(tmp_path: Path) -> None:
    held = charge("1", text=tags(fund=None))
    rows = [held, {**held}, charge("1"), charge("2"), charge("3")]
    few, wanted, _ = numbered(make(tmp_path, {f"charges/{PERIOD}/aws.csv": csv_text(rows)}), flagged=True)
    assert wanted <= few.keys()
    assert len(few) < len(rows)


@pytest.mark.parametrize("back", ["", "7"])
def test_the_original_of_a_flagged_correction_has_an_id(tmp_path: Path, back: str) -> None:
    rows = [
        charge("9", oci_ReferenceNumber="7"),
        charge("-9", text="{broken", oci_ReferenceNumber="8", oci_BackReferenceNumber=back, ServiceName="Other"),
    ]
    ledger = make(tmp_path, {f"charges/{PERIOD}/oci.csv": csv_text(rows)})
    few, wanted, _ = numbered(ledger, flagged=True)
    assert wanted <= few.keys()


def test_cells_that_hold_the_separator_of_ids_cannot_hide_a_likeness(tmp_path: Path) -> None:
    """Two charges with one canonical text, of which only the first is billed above its list price."""
    rows = [
        charge("5", ListCost="1", InvoiceIssuerName="a"),
        charge("5", ListCost="", InvoiceIssuerName="a\x1fListCost=1"),
        charge("7", ListCost="1"),
    ]
    ledger = make(tmp_path, {f"charges/{PERIOD}/aws.csv": csv_text(rows)})
    few, wanted, rest = numbered(ledger, flagged=True)
    assert wanted == {0, 2}
    assert few.items() <= rest.items()
    assert rest == numbered(ledger, flagged=False)[0]


def test_charges_without_any_text_are_told_apart_by_their_cost(tmp_path: Path) -> None:
    text = "BillingPeriodStart,BilledCost\n" + "2025-01-01,1\n" * 2 + "2025-01-01,2\n"
    ledger = make(tmp_path, {f"charges/{PERIOD}/aws.csv": text})
    few, wanted, _ = numbered(ledger, flagged=True)
    assert wanted == {0, 1, 2}
    assert few == numbered(ledger, flagged=False)[0]
