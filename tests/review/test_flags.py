"""What makes a person look at a charge, one rule at a time, on files of the simple dialect."""

import re
from decimal import Decimal
from types import SimpleNamespace

import pytest
from small_ledger import ADA, FUND, PERIOD, PROJECT, bill, charge, csv_text, flags, make, sums, tags

from openchargeback.billing.periods import bill_period
from openchargeback.model import Entry
from openchargeback.record.closing_record import spending_of
from openchargeback.record.recorded_ledger import RecordedLedger

CONFIG = "organization: A\ncurrency: USD\n"
PROJECTS = f"projects:\n  - id: {PROJECT}\n    end: 2024-12-31\n"


def test_what_is_in_order_is_billed(tmp_path):
    period, problems = bill(tmp_path, [charge("1.10"), charge("2.20", ResourceId="r-2")])
    assert problems == []
    assert flags(period) == {}
    assert sums(period) == (Decimal("3.3"), Decimal("3.3"), 0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (tags(pi=None), {"missing-pi"}),
        (tags(project=None), {"missing-project"}),
        (tags(fund=None), {"missing-fund"}),
        (tags(pi="  "), {"missing-pi"}),
        ("", {"missing-pi", "missing-project", "missing-fund"}),
        ("{}", {"missing-pi", "missing-project", "missing-fund"}),
        ("null", {"missing-pi", "missing-project", "missing-fund"}),
        ("{not json", {"malformed-tags"}),
        ("[1]", {"malformed-tags"}),
        ('{"pi_email": {"a": "b"}}', {"malformed-tags"}),
        ('{"PI_email": "a@b", "pi_EMAIL": "c@d"}', {"malformed-tags"}),
        ('{"pi_email": "a@b", "PI_email": "c@d", "project_id": "genomics", "fund_org": "BIO-1"}', {"malformed-tags"}),
        ('{"pi_email": "a@b", "pi_email": "c@d"}', {"malformed-tags"}),
    ],
)
def test_unusable_tags_hold_the_charge(tmp_path, text, expected):
    period, _ = bill(tmp_path, [charge("5", text=text), charge("1")])
    assert set(flags(period)) == expected
    assert sums(period) == (6, 1, 5, 0)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"BillingPeriodStart": "2025-02-01", "BillingPeriodEnd": "2025-02-28"}, {"wrong-period"}),
        ({"BillingPeriodStart": "2024-12-31T23:59:59Z"}, {"wrong-period"}),
        ({"BillingPeriodStart": "2025-02-01T01:00:00+02:00"}, set()),
        ({"ListCost": "4.99"}, {"above-list"}),
        ({"ListCost": "5.01"}, set()),
        ({"ListCost": "4", "ChargeCategory": "Tax"}, set()),
        ({"ListCost": "4", "ChargeCategory": "Purchase"}, {"above-list"}),
        ({"ListCost": "4", "ChargeCategory": "Usage", "ChargeClass": "Correction"}, set()),
        # What is given back or costs nothing is above no list price.
        ({"BilledCost": "-4", "ListCost": "-5", "ChargeCategory": "Purchase"}, set()),
        ({"BilledCost": "0", "ListCost": "-5", "ChargeCategory": "Purchase"}, set()),
        ({"BilledCost": "0", "ListCost": "-5"}, set()),
        ({"BilledCost": "0.01", "ListCost": "-5"}, {"above-list"}),
        ({"BilledCost": "0", "ListCost": "5"}, set()),
        ({"BilledCost": "-0.01", "ListCost": "5"}, {"negative-usage"}),
        ({"BilledCost": "-5"}, {"negative-usage"}),
        ({"BilledCost": "-5", "ChargeCategory": "Credit"}, set()),
        ({"BilledCost": "-5", "ChargeCategory": "Usage", "ChargeClass": "Correction"}, set()),
    ],
)
def test_rules_on_single_cells(tmp_path, cells, expected):
    period, _ = bill(tmp_path, [charge("5", **cells)])
    assert set(flags(period)) == expected
    imported, billed, held, _ = sums(period)
    assert (imported - billed, held) == ((imported, imported) if expected else (0, 0))


def test_zero_needs_no_fund(tmp_path):
    period, _ = bill(tmp_path, [charge("0", ListCost="9", text=tags(fund=None))])
    assert flags(period) == {}
    assert period.lines[0].amounts.list == Decimal("9.00")


def test_foreign_currency_is_held_apart(tmp_path):
    period, _ = bill(tmp_path, [charge("5", BillingCurrency="EUR"), charge("1", BillingCurrency="USD")])
    assert flags(period) == {"foreign-currency": 1}
    assert sums(period, currency="EUR") == (5, 0, 5, 0)
    assert sums(period) == (1, 1, 0, 0)


def test_duplicates_over_part_files_are_held_but_the_first(tmp_path):
    one, other = charge("2"), charge("2", ResourceId="r-2")
    parts = {"hpc/a.csv": csv_text([one, other]), "hpc/b.csv": csv_text([one, one])}
    period, _ = bill(tmp_path, parts)
    assert flags(period) == {"possible-duplicate": 2}
    assert sums(period) == (8, 4, 4, 0)


def test_rows_of_two_sources_are_duplicates_but_for_the_first(tmp_path):
    more = [charge("2"), charge("3", ResourceId="r-3")]
    period, _ = bill(tmp_path, {"a.csv": csv_text([charge("2")]), "b.csv": csv_text(more)})
    assert flags(period) == {"possible-duplicate": 1}
    assert sums(period, "a") == (2, 2, 0, 0)
    assert sums(period, "b") == (5, 3, 2, 0)


@pytest.mark.parametrize("wide", ["hpc/a.csv", "hpc/b.csv"])
@pytest.mark.parametrize(
    ("wider", "narrow", "expected"),
    [
        # The column that only one part has tells its own rows apart, whichever part comes first.
        ([{"x_Node": "n1"}, {"x_Node": "n2"}], [], 0),
        ([{"x_Node": "n1"}, {"x_Node": ""}], [], 0),
        ([{"x_Node": "n1"}, {"x_Node": "n1"}], [], 1),
        ([{"x_Node": "n1"}], [{}], 1),
        ([{"x_Node": "n1"}, {"x_Node": "n2"}], [{}], None),
        ([{"x_Node": "n1"}], [{"ResourceId": "r-9"}], 0),
        ([{"x_Node": "n1"}], [{"ServiceName": "Storage"}], 0),
    ],
)
def test_a_column_of_one_part_file_tells_its_rows_apart(tmp_path, wide, wider, narrow, expected):
    other = next(name for name in ("hpc/a.csv", "hpc/b.csv") if name != wide)
    alone = charge("9", ResourceId="r-7")
    parts = {wide: csv_text([charge("2", **cells) for cells in wider]),
             other: csv_text([alone, *(charge("2", **cells) for cells in narrow)])}  # fmt: skip
    if expected is None:
        # Each row of the wider part equals the one of the other: all but the first of the three.
        expected = 2 if other == "hpc/a.csv" else 1
    period, _ = bill(tmp_path, parts)
    assert flags(period).get("possible-duplicate", 0) == expected


def test_unknown_project_needs_a_directory(tmp_path):
    rows = [charge("2", text=tags(project="other"))]
    assert flags(bill(tmp_path / "without", rows)[0]) == {}
    assert flags(bill(tmp_path / "with", rows, projects=PROJECTS)[0]) == {"unknown-project": 1}


@pytest.mark.parametrize(
    ("end", "day", "expected"),
    [
        ("2024-12-31", "2025-01-05", {"expired-project": 1}),
        ("2025-01-04", "2025-01-05", {"expired-project": 1}),
        ("2025-01-05", "2025-01-05", {}),
        ("2025-01-05", "", {}),
        ("2024-12-31", "", {"expired-project": 1}),
    ],
)
def test_a_project_expires_by_the_date_of_the_charge(tmp_path, end, day, expected):
    row = charge("2", ChargePeriodStart=day, ChargePeriodEnd=day)
    period, _ = bill(tmp_path, [row], projects=PROJECTS.replace("2024-12-31", end))
    assert flags(period) == expected


ENTRIES = f"""projects:
  - id: {PROJECT}
    entries:
      - {{pi: {ADA}, fund: {FUND}, until: 2025-01-09}}
      - {{pi: {ADA}, fund: BIO-2, from: 2025-01-10}}
"""


@pytest.mark.parametrize(
    ("end", "projects", "expected"),
    [
        # Days without times are whole days, the last one included; a time is where the charge ends.
        ("2025-01-09", ENTRIES, {}),
        ("2025-01-10", ENTRIES, {"spans-change": 1}),
        ("2025-01-10T00:00:00Z", ENTRIES, {}),
        ("2025-01-10T00:00:01Z", ENTRIES, {"spans-change": 1}),
        ("2025-01-11", ENTRIES.replace("BIO-2", FUND), {}),
        ("2025-01-10", PROJECTS.replace("2024-12-31", "2025-01-10"), {}),
        ("2025-01-11", PROJECTS.replace("2024-12-31", "2025-01-10"), {"spans-change": 1}),
    ],
)
def test_a_charge_that_spans_a_change_is_held(tmp_path, end, projects, expected):
    row = charge("2", ChargePeriodStart="2025-01-05", ChargePeriodEnd=end)
    assert flags(bill(tmp_path, [row], projects=projects)[0]) == expected


@pytest.mark.parametrize("written", ["Ada", "ada at example.edu", "@", "a b@x.edu"])
@pytest.mark.parametrize("people", ["", f"people: [{{email: {ADA}}}]"])
def test_a_pi_that_is_no_address_is_missing(tmp_path, written, people):
    period, _ = bill(tmp_path, [charge("2", text=tags(pi=written))], people=people)
    assert flags(period) == {"missing-pi": 1}
    (note,) = period.queue[0].details.notes
    assert written in note.reasons[0]


def test_unknown_pi_needs_people(tmp_path):
    rows = [charge("2", text=tags(pi="bo@example.edu"))]
    assert flags(bill(tmp_path / "without", rows)[0]) == {}
    period, _ = bill(tmp_path / "with", rows, people="people: [{email: bob@example.edu}]")
    assert flags(period) == {"unknown-pi": 1}
    assert "bo@example.edu is not in people.yaml" in period.queue[0].details.notes[0].reasons[0]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (f"pi: {ADA}, fund: {FUND}", {}),
        ("pi: bo@example.edu", {"pi-not-of-project": 1}),
        ("fund: BIO-2", {"fund-not-of-project": 1}),
        ("pi: bo@example.edu, fund: BIO-2", {"pi-not-of-project": 1, "fund-not-of-project": 1}),
        ("title: nobody in particular", {}),
    ],
)
def test_tags_that_contradict_the_project_are_held(tmp_path, entry, expected):
    period, _ = bill(tmp_path, [charge("2")], projects=f"projects: [{{id: {PROJECT}, {entry}}}]")
    assert flags(period) == expected
    told = [reason for item in period.queue for note in item.details.notes for reason in note.reasons]
    assert all("tagged" in reason and PROJECT in reason for reason in told)


def oci(reference, cites, cost, **cells):
    return charge(cost, oci_ReferenceNumber=reference, oci_BackReferenceNumber=cites, **cells)


def test_a_correction_follows_the_charge_that_it_refers_to(tmp_path):
    rows = [
        oci("1", "", "5"),
        oci("2", "1", "-5", text=tags(pi="bo@x.edu", project="other"), ChargeClass="Correction"),
    ]
    period, _ = bill(tmp_path, rows)
    assert flags(period) == {}
    assert [(line.pi, line.project, line.amounts.billed) for line in period.lines] == [(ADA, PROJECT, Decimal("0.00"))]


def test_a_reference_that_matches_nothing_is_held(tmp_path):
    period, _ = bill(tmp_path, [oci("1", "", "5"), oci("2", "9", "-5", ChargeClass="Correction")])
    assert flags(period) == {"unmatched-reference": 1}
    assert "9" in period.queue[0].details.notes[0].reasons[0]
    assert sums(period) == (0, 5, -5, 0)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("review: {fund_patterns: ['BIO-[0-9]+']}", {}),
        ("review: {fund_patterns: ['BIO-']}", {"invalid-fund": 1}),
        ("review: {fund_patterns: ['X', 'BIO-.']}", {}),
        ("review: {fund_patterns: X}\njournal: {fund: '(?P<org>BIO)-1'}", {}),
        ("journal: {fund: '(?P<org>CHE)-1'}", {"invalid-fund": 1}),
    ],
)
def test_funds_fit_a_pattern_whole(tmp_path, section, expected):
    period, _ = bill(tmp_path, [charge("2")], config=CONFIG + section)
    assert flags(period) == expected


def test_patterns_need_every_column_and_the_minimum(tmp_path):
    config = CONFIG + "review:\n  patterns:\n    gpu: {match: {ServiceName: GPU, ResourceId: '^r-'}, minimum: 10}\n"
    rows = [
        charge("10", ServiceName="big GPU"),
        charge("-10", ServiceName="GPU", ChargeCategory="Credit"),
        charge("9.99", ServiceName="GPU"),
        charge("99", ServiceName="GPU", ResourceId="x"),
    ]
    period, _ = bill(tmp_path, rows, config=config)
    assert flags(period) == {"pattern:gpu": 2}


def month(amount, source="hpc", project=PROJECT):
    """What of the record of a closed month tells what is usual."""
    spent = {"entry": Entry.OWN, "source": source, "project": project, "service": "Compute"}
    lines = () if amount is None else (SimpleNamespace(**spent, exact_billed=Decimal(amount)),)
    return SimpleNamespace(sources=(SimpleNamespace(source=source, charges=3),), lines=lines)


@pytest.mark.parametrize(
    ("amount", "before", "expected"),
    [
        ("301", ["100", "100"], True),
        ("300", ["100", "100"], False),
        ("301", ["100"], False),
        ("301", [], False),
        ("100", ["0", "0"], False),
        ("100.01", ["0", "0"], True),
        ("100.01", [None, None], True),
        ("301", ["9999", "100", "100", "100", "100", "100", "100"], True),
        ("301", ["100", "100", "100", "200", "200", "200"], False),
    ],
)
def test_unusual_amounts(tmp_path, amount, before, expected):
    rows = [charge(amount), charge("0", ResourceId="r-2")]
    period, _ = bill(tmp_path, rows, [month(each) for each in before])
    assert flags(period) == ({"unusual-amount": 2} if expected else {})


SIX = ["100", "100", "100", "200", "200", "800"]


@pytest.mark.parametrize("before", [["0", *SIX], [*["0"] * 18, *SIX[::-1]], [*["9999"] * 6, *SIX]])
@pytest.mark.parametrize(("amount", "expected"), [("450", {}), ("450.01", {"unusual-amount": 1})])
def test_the_median_is_that_of_the_last_six_months(tmp_path, before, amount, expected):
    """It is 150 here, whatever was before; of five or seven months, or as a mean, it would be another."""
    period, _ = bill(tmp_path, [charge(amount)], [month(each) for each in before])
    assert flags(period) == expected


@pytest.mark.parametrize(("missing", "expected"), [(22, {"unusual-amount": 1}), (23, {})])
def test_months_of_a_source_are_looked_for_among_twenty_four(tmp_path, missing, expected):
    """Two of them are enough; one is not."""
    before = [month("100"), month("100"), *[month("1", source="aws")] * missing]
    assert flags(bill(tmp_path, [charge("301")], before)[0]) == expected


def test_a_later_month_that_is_closed_is_no_history(tmp_path):
    files = {f"charges/{PERIOD}/hpc.csv": csv_text([charge("301")])}
    closed = {period: month("9999") for period in ("2025-02", "2025-03", "2025-04")}
    before = {"2024-11": month("100"), "2024-12": month("100")}
    ledger = RecordedLedger.of(make(tmp_path, files), {**closed, **before})
    period, _ = bill_period(ledger, PERIOD)
    assert flags(period) == {"unusual-amount": 1}


def test_months_without_data_of_the_source_do_not_count(tmp_path):
    history = [month("1", source="aws"), month("1", source="aws"), month("100")]
    assert flags(bill(tmp_path, [charge("301")], history)[0]) == {}


@pytest.mark.parametrize(
    ("rule", "expected"), [("off", {}), ("{first_time: true}", {"unusual-amount": 1}), ("{minimum: 500}", {})]
)
def test_the_rule_for_unusual_amounts_is_settable(tmp_path, rule, expected):
    period, _ = bill(tmp_path, [charge("301")], config=CONFIG + f"review: {{unusual_amount: {rule}}}")
    assert flags(period) == expected


def test_a_billed_month_is_history(tmp_path):
    period, _ = bill(tmp_path, [charge("1.25"), charge("2", text="{bad")])
    assert spending_of(period.lines) == {("hpc", PROJECT, "Compute"): Decimal("1.25")}


def test_an_item_tells_what_its_charges_share(tmp_path):
    period, _ = bill(tmp_path, [charge("3", text=tags(fund=None)), charge("4", text=tags(fund=None))])
    (item,) = period.queue
    assert (item.source, item.service, item.project, item.pi, item.currency) == ("hpc", "Compute", PROJECT, ADA, "USD")
    assert (item.flags, item.uncleared) == (("missing-fund",), ("missing-fund",))
    assert (item.charges, item.exact_billed) == (2, 7)
    assert all(re.fullmatch("[0-9a-f]{16}", id_) for id_ in item.ids)
    assert FUND not in {line.fund for line in period.lines}


def test_a_charge_with_two_flags_is_held_once(tmp_path):
    period, _ = bill(tmp_path, [charge("3", text=tags(fund=None, pi=None)), charge("4", text=tags(fund=None))])
    assert flags(period) == {"missing-fund": 2, "missing-pi": 1}
    assert [(item.flags, item.charges) for item in period.queue] == [
        (("missing-fund", "missing-pi"), 1),
        (("missing-fund",), 1),
    ]
    assert sum(item.exact_billed for item in period.queue) == sums(period)[2] == 7
