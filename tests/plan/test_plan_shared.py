"""Charges that both sides of a plan have are billed once, with the result of billing each side as a whole."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from branch import PERIOD, charge, csv_text, started
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from openchargeback.focus import opening
from openchargeback.focus.loaded import Loaded
from openchargeback.ledger.approvals import Decision, Expect, Item, Verb
from openchargeback.ledger.config import read_config
from openchargeback.ledger.directory import read_directory
from openchargeback.ledger.files import charge_files
from openchargeback.ledger.settings import Payer
from openchargeback.model import ITEM_KEYS, QueueItem
from openchargeback.plan import comparison
from openchargeback.plan.comparison import Comparison, Side, compare_month
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review import attribution

Files = Mapping[str, Sequence[dict[str, str]]]
"""By source, the charges in its file."""

CONFIGS = (
    b"organization: A\nreview: {fund_patterns: ['F-.*'], unusual_amount: {first_time: true, minimum: 6}}\n",
    b"organization: A\nreview: {unusual_amount: off, patterns: [{name: big, match: {ServiceName: Storage}}]}\n",
    b"organization: A\nreview: {unusual_amount: off}\nsources: {hpc: {cost: EffectiveCost, post: false}}\n",
)
DIRECTORIES = (
    (None, None),
    (b"people: [{email: ada@example.edu, name: Ada}]\n", b"projects: [{id: p1, pi: ada@example.edu, fund: F-3}]\n"),
    (
        None,
        b"""projects:
- {id: p2, end: 2025-01-20, match: {SubAccountId: [a1]}, entries: [
  {until: 2025-01-10, pi: bo@example.edu, fund: F-1}, {from: 2025-01-11, pi: ada@example.edu, fund: F-2}]}
""",
    ),
)
_rows = st.builds(
    charge,
    st.sampled_from(["r1", "r2"]),
    st.sampled_from(["1", "-2", "3.335", "7.0000000001"]),
    pi=st.sampled_from(["ada@example.edu", "bo@example.edu", "nobody", None]),
    project=st.sampled_from(["p1", "p2", None]),
    fund=st.sampled_from(["F-1", "G-2", None]),
    service=st.sampled_from(["Compute", "Storage"]),
    EffectiveCost=st.sampled_from(["1", "2"]),
    SubAccountId=st.sampled_from(["", "a1"]),
    ChargePeriodStart=st.sampled_from(["2025-01-05", "2025-01-15", "2025-01-25", ""]),
    BillingCurrency=st.sampled_from(["USD", "USD", "USD", "EUR"]),
    x_Note=st.sampled_from(["a", "b"]),
)
_files = st.fixed_dictionaries({source: st.lists(_rows, min_size=1, max_size=7) for source in ("hpc", "aws")})


def side(folder: Path, files: Files, config: bytes, directory: tuple[bytes | None, bytes | None]) -> Side:
    """A side of a plan with these files, in the order of their names."""
    for source, rows in files.items():
        path = folder / "charges" / PERIOD / f"{source}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(csv_text(rows))
    found, _ = charge_files(folder)
    settings_, _ = read_config(config)
    known, faults = read_directory(*directory)
    assert settings_ is not None
    assert not faults
    return Side(RecordedLedger(folder, settings_, known, {PERIOD: tuple(found)}, {}, {}))


def wholly(base: Side, head: Side) -> Comparison:
    """Both sides compared after reading and billing each as a whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loaded, "versions", lambda *_: [])
        patch.setattr(comparison, "_attributes_alike", lambda *_: False)
        return compare_month(PERIOD, lambda: base, head)


def compared(base: Side, head: Side) -> Comparison:
    """Both sides compared, after the result was found to be that of comparing them as wholes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "_SMALL", 0)  # small files are read together, and have no versions
        found, expected = compare_month(PERIOD, lambda: base, head), wholly(base, head)
    assert found == expected
    return found


@st.composite
def _edited(draw: st.DrawFn, files: Files) -> Files:
    """The files, some with a piece cut out and another put in."""
    edited = {}
    for source, rows in files.items():
        start = draw(st.integers(0, len(rows)))
        end = draw(st.integers(start, len(rows)))
        edited[source] = [*rows[:start], *draw(st.lists(_rows | st.sampled_from(rows), max_size=2)), *rows[end:]]
    return edited


def decision(item: QueueItem, line: int, verb: Verb = Verb.APPROVE, *, by_id: bool = False) -> Decision:
    """A decision on a queue item, or on its first charge by id."""
    keys = {key: getattr(item, key) for key in ITEM_KEYS}
    return Decision(
        charges=item.ids[:1] if by_id else (),
        item=None if by_id else Item(keys, item.flags),
        clears=item.flags,
        expect=Expect(charges=1 if by_id else item.charges, digest=None if by_id else item.digest),
        verb=verb,
        reason="x",
        by="ada@example.edu",
        path=f"approvals/{PERIOD}/x.yaml",
        line=line,
        column=1,
    )


@pytest.mark.slow
@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(_files, st.data())
def test_any_change_gives_what_billing_both_sides_wholly_gives(files, data):
    """Charges change in every example; settings, directory and decisions in some."""
    config, directory = data.draw(st.sampled_from(CONFIGS)), data.draw(st.sampled_from(DIRECTORIES))
    other = data.draw(st.sampled_from([config, config, *CONFIGS]))
    another = data.draw(st.sampled_from([directory, directory, *DIRECTORIES]))
    edited = data.draw(_edited(files))
    with tempfile.TemporaryDirectory() as folder:
        base = side(Path(folder) / "base", files, config, directory)
        head = side(Path(folder) / "head", edited, other, another)
        queues = [*wholly(base, base).new.queue, *wholly(head, head).new.queue]
        some = (
            data.draw(st.lists(st.sampled_from(queues), max_size=3, unique_by=lambda item: item.key)) if queues else []
        )
        verbs = st.sampled_from([Verb.APPROVE, Verb.REJECT])
        decisions = [
            decision(item, line, data.draw(verbs), by_id=data.draw(st.booleans())) for line, item in enumerate(some, 1)
        ]
        sides = []
        for each in (base, head):
            own = tuple(decision for decision in decisions if data.draw(st.booleans()))
            sides.append(Side(replace(each.ledger, approvals={PERIOD: own})))
        compared(*sides)


A, B, C = (charge(resource, "5", x_Note="a", ChargePeriodStart="2025-01-25") for resource in ("r1", "r2", "r3"))
MALFORMED = {**A, "Tags": "{"}
ANOTHER, THIRD = ({**A, "x_Note": note} for note in "bc")
"""No duplicates of A, since a column beyond FOCUS differs; but paired like equal charges, since no other does."""


@pytest.mark.mostly_slow(but=2)
@pytest.mark.parametrize(
    ("base", "head", "directory"),
    [
        pytest.param([A, B, A], [C, B, A], 0, id="a charge is no duplicate anymore"),
        pytest.param([C, B, A], [A, B, A], 0, id="a charge becomes a duplicate"),
        pytest.param([MALFORMED, B], [MALFORMED, C], 0, id="malformed tags"),
        pytest.param([A, ANOTHER, B, THIRD], [A, C, B, THIRD], 0, id="a charge gets the partner of another"),
        pytest.param([A, C, B, THIRD], [A, ANOTHER, B, THIRD], 0, id="a charge takes the partner of another"),
        pytest.param([{**A, "SubAccountId": "a1"}, B], [{**A, "SubAccountId": "a1"}, C], 2, id="a project has ended"),
        pytest.param([A, B], [A, C], 2, id="the project of another charge has ended"),
        pytest.param([A, B], [A, B], 1, id="nothing"),
    ],
)
def test_what_depends_on_other_charges_is_found_on_both_sides(tmp_path, base, head, directory):
    rows = [charge("r8", "1", project="p2", ChargePeriodStart="2025-01-25", x_Note="")]
    sides = (
        side(tmp_path / name, {"hpc": [*each, *rows]}, CONFIGS[1], DIRECTORIES[directory])
        for name, each in (("base", base), ("head", head))
    )
    compared(*sides)


@pytest.mark.parametrize(("base", "head"), [(A, C), (C, A)])
def test_a_charge_that_both_have_can_duplicate_one_of_another_source(tmp_path, base, head):
    sides = (
        side(tmp_path / name, {"aws": [each], "hpc": [A, B]}, CONFIGS[1], (None, None))
        for name, each in (("base", base), ("head", head))
    )
    found = compared(*sides)
    assert {len(found.old.queue), len(found.new.queue)} == {0, 1}


@pytest.mark.mostly_slow(but=1)
@pytest.mark.parametrize("by_id", [False, True])
@pytest.mark.parametrize("decided", ["base", "head"])
def test_a_decision_on_one_side_moves_a_charge_that_both_have(tmp_path, by_id, decided):
    held = charge("r1", "7", fund=None)
    base, head = (
        side(tmp_path / name, {"hpc": [held, each]}, CONFIGS[1], (None, None))
        for name, each in (("base", A), ("head", B))
    )
    (item,) = wholly(base, base).new.queue
    made: dict[str, tuple[Decision, ...]] = {
        PERIOD: (replace(decision(item, 1, Verb.REASSIGN, by_id=by_id), set=Payer(fund="F-1")),)
    }
    found = compared(
        Side(replace(base.ledger, approvals=made if decided == "base" else {})),
        Side(replace(head.ledger, approvals=made if decided == "head" else {})),
    )
    amounts = {str(cause): amount for causes in found.parts.values() for cause, amount in causes.items()}
    assert amounts["decision"] == (-7 if decided == "base" else 7)


ROWS = [charge(f"r{number}", f"{number}.00") for number in range(9)]


def test_only_what_differs_is_attributed_again(tmp_path, monkeypatch):
    """Of the base, only the charge that differs."""
    monkeypatch.setattr(opening, "_SMALL", 0)
    sizes = []
    take = attribution._take_attributed

    def counted(charges):
        sizes.append(charges.con.execute("SELECT count(*) FROM attributed").fetchone())
        take(charges)
        sizes.append(charges.con.execute("SELECT count(*) FROM attributed").fetchone())

    monkeypatch.setattr(attribution, "_take_attributed", counted)
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges([*ROWS[:4], charge("r4", "9.00"), *ROWS[5:]])
    (period,) = ledger.plan().periods
    assert str(period.difference) == "5.00"
    assert sizes == [(1,), (9,)]


OCI = ["oci_ReferenceNumber", "oci_BackReferenceNumber"]


def test_a_correction_follows_another_payer_if_that_of_its_charge_changes(tmp_path):
    """The row of the correction is the same on both sides, but not its payer."""
    first = charge("r1", "10", **dict(zip(OCI, ("n1", ""), strict=True)))
    other = charge("r1", "10", pi="bo@example.edu", **dict(zip(OCI, ("n1", ""), strict=True)))
    correction = charge("r1", "-4", pi=None, project=None, **dict(zip(OCI, ("n2", "n1"), strict=True)))
    base, head = (
        side(tmp_path / name, {"oci": [each, correction]}, CONFIGS[1], (None, None))
        for name, each in (("base", first), ("head", other))
    )
    found = compared(base, head)
    assert [(line.pi, str(line.exact_billed.normalize())) for line in found.new.lines] == [("bo@example.edu", "6")]
