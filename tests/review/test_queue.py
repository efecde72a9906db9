"""The review queue: every item is settled by exactly one decision, whoever writes it and in whatever order."""

from __future__ import annotations

import random
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_ledger import ADA, PERIOD, bill, charge, codes, csv_text, items_with, make, sums, tags

from golden_ledgers import FAULTY, copied, each_ledger
from openchargeback.billing.periods import bill_period
from openchargeback.cli.main import cli
from openchargeback.ledger.approval_text import Proposal, approval_text
from openchargeback.ledger.approvals import Verb, read_approvals
from openchargeback.ledger.settings import Config, Organization, Payer
from openchargeback.model import State
from openchargeback.publish.books import open_books
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.asks import FIELDS
from openchargeback.review.held_sums import by_reason
from openchargeback.review.proposals import by_money, cleared_by, needed_fields, possible_verbs, still_holding

CONFIG = """organization: A
currency: USD
review:
  patterns: {big: {match: {ServiceName: GPU}}}
  fund_patterns: '[A-Z]+-[0-9]'
"""
PEOPLE = "people: [{email: ada@example.edu, name: Ada}, {email: ben@example.edu}]"
PROJECTS = """projects:
  - {id: genomics, pi: ada@example.edu, fund: BIO-1, end: 2025-01-20, match: {SubAccountId: acct-9}}
  - id: optics
    entries:
      - {pi: ada@example.edu, fund: BIO-1, until: 2025-01-10}
      - {pi: ben@example.edu, fund: PHY-2, from: 2025-01-11}
"""
TEXTS = {"config": CONFIG, "people": PEOPLE, "projects": PROJECTS}
SETTINGS = Config(Organization("A"))


def settings_of(root: Path) -> Config:
    return make(root, {}).config


_texts = st.sampled_from(
    [
        tags(),
        tags(fund=None),
        tags(pi=None, project=None, fund=None),
        tags(pi="Dr. Ada"),
        tags(pi="zoe@example.edu"),
        tags(pi="ben@example.edu"),
        tags(project="Genomics"),
        tags(project="optics", fund=None, pi=None),
        tags(project="optics"),
        tags(fund="bio 1"),
        tags(fund="CHE-9"),
        '{"pi_email": ["a"]}',
        '{"pi_email": "ada@example.edu", "PI_Email": "ben@example.edu"}',
        "{broken",
        "",
    ]
)
_rows = st.lists(
    st.builds(
        lambda cost, text, service, account, resource, currency, days: charge(
            cost,
            text=text,
            ServiceName=service,
            SubAccountId=account,
            ResourceId=resource,
            BillingCurrency=currency,
            ChargePeriodStart=f"2025-01-{days[0]:02}",
            ChargePeriodEnd=f"2025-01-{days[1]:02}",
        ),
        st.sampled_from(["5", "0", "-3", "0.005"]),
        _texts,
        st.sampled_from(["Compute", "GPU", ""]),
        st.sampled_from(["", "acct-1", "acct-9"]),
        st.sampled_from(["", "r-1", "r-2"]),
        st.sampled_from(["USD", "USD", "USD", "EUR"]),
        st.sampled_from([(1, 1), (5, 15), (18, 25), (25, 26)]),
    ),
    min_size=1,
    max_size=9,
)


def payer_for(item, config):
    """The fields that must be set, as a person would fill them in."""
    values = {"pi": ADA, "project": "genomics", "fund": "BIO-1"}
    needed = needed_fields(item, config) or ("fund",)
    return Payer(**{field: values[field] for field in needed})


def proposal_text(item, verb, config):
    payer = payer_for(item, config) if verb is Verb.REASSIGN else Payer()
    clears = cleared_by(item, verb, (), payer, config, all_flags=True)
    return Proposal(verb, payer, "because", "me", "2025-02-01").on_item(item, clears)


def billed_with(root, rows, entries):
    approvals = approval_text(entries) if entries else ""
    return bill(root, rows, approvals=approvals, **TEXTS)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_rows, seed=st.integers(0, 2**16))
def test_every_item_is_settled_by_one_decision_in_any_order(tmp_path_factory, rows, seed):
    root = tmp_path_factory.mktemp("queue")
    period, problems = billed_with(root / "before", rows, [])
    config = settings_of(root / "before")
    assert [each for each in problems if each.severity == "error"] == []
    held = sum((each.held for each in period.sources), Decimal(0))
    assert sum((item.exact_billed for item in period.queue), Decimal(0)) == held
    chance = random.Random(seed)  # noqa: S311 - reproducible, nothing to guard
    entries = []
    for item in period.queue:
        verb = chance.choice(possible_verbs(item, config))
        entries.append(proposal_text(item, verb, config))
    chance.shuffle(entries)
    # One after the other, as branches merge: each settles its own item and no other.
    done: list[str] = []
    waiting = len(period.queue)
    for number, entry in enumerate(entries[:3]):
        done.append(entry)
        after, problems = billed_with(root / f"step-{number}", rows, done)
        assert codes(problems) == []
        assert len(after.queue) == waiting - len(done)
    after, problems = billed_with(root / "after", rows, entries)
    assert codes(problems) == []
    assert after.queue == ()
    for source in after.sources:
        assert source.held == 0
        assert source.imported == source.billed + source.rejected


CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture(scope="module", params=each_ledger())
def golden(request, tmp_path_factory):
    """A golden ledger without void decisions, with the cache that billing it leaves there."""
    case = request.param
    root = copied(case, tmp_path_factory.mktemp("golden"))
    if case == FAULTY:
        refreshed = CliRunner().invoke(cli, ["review", "refresh", "--ledger", str(root)])
        assert refreshed.exit_code == 0, refreshed.output
    open_books(root)
    return root


def test_every_item_of_the_golden_ledgers_is_settled_by_one_decision(golden, tmp_path):
    root = Path(shutil.copytree(golden, tmp_path / golden.name))
    books = open_books(root)
    config = books.ledger.config
    written = 0
    # Not in the order of the queue: what is decided first must not change what the others match.
    for period in reversed(books.periods):
        if period.state != State.OPEN:
            continue
        entries = [proposal_text(item, possible_verbs(item, config)[0], config) for item in by_money(period.queue)]
        if entries:
            file = root / f"approvals/{period.period}/all.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(approval_text(entries[::-1]))
            written += len(entries)
    after = open_books(root)
    assert written == sum(len(period.queue) for period in books.periods if period.state == State.OPEN)
    assert [item.key for period in after.periods if period.state == State.OPEN for item in period.queue] == []


def test_an_untagged_charge_is_settled_by_one_reassignment(tmp_path):
    rows = [charge("5", text="{}"), charge("-4", text="{}"), charge("7")]
    period, _ = bill(tmp_path / "before", rows)
    assert [item.flags for item in period.queue] == [
        ("missing-fund", "missing-pi", "missing-project"),
        ("missing-fund", "missing-pi", "missing-project", "negative-usage"),
    ]
    config = settings_of(tmp_path / "before")
    entries = [proposal_text(item, Verb.REASSIGN, config) for item in period.queue]
    period, problems = bill(tmp_path / "after", rows, approvals=approval_text(entries))
    assert problems == []
    assert sums(period) == (8, 8, 0, 0)


def test_a_bulk_fix_of_funds_does_not_release_a_duplicate(tmp_path):
    one = charge("3", text=tags(fund=None))
    rows = [one, one]
    period, _ = bill(tmp_path / "before", rows)
    config = settings_of(tmp_path / "before")
    payer = Payer(fund="F-1")
    entries = [
        Proposal(Verb.REASSIGN, payer, "r", "me", "2025-02-01").on_item(
            item, cleared_by(item, Verb.REASSIGN, ("missing-fund",), payer, config, all_flags=False)
        )
        for item in period.queue
    ]
    after, problems = bill(tmp_path / "after", rows, approvals=approval_text(entries))
    assert problems == []
    assert sums(after) == (6, 3, 3, 0)
    (left,) = after.queue
    assert (left.flags, left.uncleared) == (("missing-fund", "possible-duplicate"), ("possible-duplicate",))
    # A second, compatible decision clears the rest.
    entries.append(proposal_text(left, Verb.APPROVE, config))
    after, problems = bill(tmp_path / "both", rows, approvals=approval_text(entries))
    assert problems == []
    assert sums(after) == (6, 6, 0, 0)


def test_a_flag_raised_after_the_decision_holds_the_charge(tmp_path):
    rows = [charge("-3"), charge("9")]
    period, _ = bill(tmp_path / "before", rows)
    ids = period.queue[0].ids
    entry = Proposal(Verb.APPROVE, Payer(), "r", "me", "2025-02-01").on_charges(ids, ["negative-usage"])
    config = CONFIG.replace("{ServiceName: GPU}", "{ServiceName: Compute}")
    after, problems = bill(
        tmp_path / "after",
        rows,
        approvals=approval_text([entry]),
        config=config.replace("  fund_patterns: '[A-Z]+-[0-9]'\n", ""),
    )
    assert problems == []
    assert sums(after)[2] == 6
    assert {item.uncleared for item in after.queue} == {("pattern:big",)}


def test_what_is_shown_of_an_item(tmp_path):
    rows = [
        charge(
            "12.50",
            text=tags(project="genomic", pi="Ada"),
            ChargePeriodStart="2025-01-03T00:00:00Z",
            ChargePeriodEnd="2025-01-06T00:00:00Z",
            PricingQuantity="250",
            PricingUnit="core-hours",
            ListUnitPrice="0.05",
            SubAccountId="acct-1",
        )
    ]
    period, _ = bill(tmp_path, rows, people=PEOPLE, projects=PROJECTS)
    (item,) = period.queue
    (sample,) = item.details.samples
    assert {note.flag: note.reasons for note in item.details.notes} == {
        "missing-pi": ("“Ada” is not an email address; did you mean ada@example.edu?",),
        "unknown-project": ("genomic is not in projects.yaml; did you mean genomics?",),
    }
    assert (sample.path, sample.row, sample.quantity, sample.unit, sample.unit_price) == (
        "charges/2025-01/hpc.csv", 2, 250, "core-hours", Decimal("0.05"),
    )  # fmt: skip
    assert (str(sample.first_day), str(sample.last_day)) == ("2025-01-03", "2025-01-05")
    assert item.details.sub_accounts == ("acct-1",)


def test_a_row_is_counted_within_its_own_file(tmp_path):
    files = {
        "aws.csv": csv_text([charge(number, ResourceId=f"r-{number}") for number in range(1, 6)]),
        "hpc.csv": csv_text([charge(1), charge(2, text=tags(fund=None), ResourceId="r-2")]),
    }
    (item,) = items_with(bill(tmp_path, files)[0], "missing-fund")
    (sample,) = item.details.samples
    assert (sample.path, sample.row) == ("charges/2025-01/hpc.csv", 3)


def test_an_item_covers_the_days_and_the_quantity_of_all_its_charges(tmp_path):
    days = (("05", "07", "1.5"), ("03", "05", "2"), ("07", "21", "4"))
    rows = [
        charge(
            "1",
            text=tags(fund=None),
            ChargePeriodStart=f"2025-01-{first}T00:00:00Z",
            ChargePeriodEnd=f"2025-01-{end}T00:00:00Z",
            PricingQuantity=quantity,
            PricingUnit="hours",
        )
        for first, end, quantity in days
    ]
    (item,) = bill(tmp_path, rows)[0].queue
    details = item.details
    assert (str(details.first_day), str(details.last_day)) == ("2025-01-03", "2025-01-20")
    assert (details.quantity, details.unit) == (Decimal("7.5"), "hours")


def test_held_money_is_listed_by_reason_largest_first(tmp_path):
    """By size, whatever the sign; equal amounts by flag."""
    held = {
        "malformed-tags": ("2", "{broken"),
        "missing-fund": ("-9", tags(fund=None)),
        "missing-pi": ("2", tags(pi=None)),
    }
    rows = [charge(cost, text=text, ChargeCategory="Credit") for cost, text in held.values()]
    sums = by_reason(bill(tmp_path, rows)[0].queue)
    assert [(each.flags, each.exact_billed) for each in sums] == [
        (("missing-fund",), Decimal(-9)),
        (("malformed-tags",), Decimal(2)),
        (("missing-pi",), Decimal(2)),
    ]


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (tags(fund="PHY-2"), ("fund-not-of-project",)),
        (tags(pi="ben@example.edu"), ("pi-not-of-project",)),
        (tags(pi="nobody@example.edu"), ("pi-not-of-project", "unknown-pi")),
        (tags(project="optics", fund="PHY-2"), ("fund-not-of-project",)),
        (tags(project="optics", fund=None), ()),
    ],
)
def test_tags_that_contradict_the_directory_are_flagged(tmp_path, text, flags):
    period, _ = bill(tmp_path, [charge("5", text=text)], people=PEOPLE, projects=PROJECTS)
    assert tuple(each.flag for each in period.flags) == flags


@pytest.mark.parametrize(
    ("days", "fund", "flags"),
    [
        (("01", "05"), "BIO-1", ()),
        (("11", "15"), "PHY-2", ()),
        (("05", "15"), "BIO-1", ("spans-change",)),
    ],
)
def test_the_directory_counts_as_of_the_charges_date(tmp_path, days, fund, flags):
    row = charge("5", text=tags(pi=None, project="optics", fund=None), ChargePeriodStart=f"2025-01-{days[0]}",
                 ChargePeriodEnd=f"2025-01-{days[1]}")  # fmt: skip
    period, _ = bill(tmp_path, [row], people=PEOPLE, projects=PROJECTS)
    assert tuple(each.flag for each in period.flags) == flags
    assert [line.fund for line in period.lines] == ([] if flags else [fund])


@pytest.mark.parametrize(
    ("days", "flags"),
    [(("18", "20"), ()), (("18", "21"), ("spans-change",)), (("20", "20"), ()), (("21", "22"), ("expired-project",))],
)
def test_a_project_may_be_charged_until_its_last_day(tmp_path, days, flags):
    row = charge("5", text=tags(), ChargePeriodStart=f"2025-01-{days[0]}", ChargePeriodEnd=f"2025-01-{days[1]}")
    period, _ = bill(tmp_path, [row], people=PEOPLE, projects=PROJECTS)
    assert tuple(each.flag for each in period.flags) == flags


FUNDS = """funds:
  - {id: BIO-1, title: Genomes, sponsor_type: federal, until: 2025-01-10}
  - {id: BIO-2, from: 2025-01-11}
  - {id: OLD-1, status: inactive}
"""


@pytest.mark.parametrize(
    ("fund", "day", "flags"),
    [
        ("BIO-1", "10", ()),
        ("BIO-1", "11", ("inactive-fund",)),
        ("BIO-2", "10", ("inactive-fund",)),
        ("OLD-1", "10", ("inactive-fund",)),
        ("NEW-1", "10", ("unknown-fund",)),
    ],
)
def test_funds_are_judged_by_the_charges_date(tmp_path, fund, day, flags):
    row = charge("5", text=tags(fund=fund), ChargePeriodStart=f"2025-01-{day}", ChargePeriodEnd=f"2025-01-{day}")
    period, _ = bill(tmp_path, [row], funds=FUNDS)
    assert tuple(each.flag for each in period.flags) == flags


OCI = ["oci_ReferenceNumber", "oci_BackReferenceNumber"]


def oci(cost, number, back="", **cells):
    return charge(cost, oci_ReferenceNumber=number, oci_BackReferenceNumber=back, **cells)


def test_a_correction_follows_the_charge_it_refers_to(tmp_path):
    rows = [
        oci("10", "b", text=tags(fund=None)),
        oci("-10", "c", "b", text=tags(pi="ben@example.edu", project="other")),
        oci("9", "d", "c", text="{}"),
        oci("1", "e"),
    ]
    period, problems = bill(tmp_path / "before", rows)
    assert problems == []
    (item,) = period.queue
    assert (item.charges, item.exact_billed, item.flags) == (3, 9, ("missing-fund",))
    config = settings_of(tmp_path / "before")
    entry = proposal_text(item, Verb.REASSIGN, config)
    period, problems = bill(tmp_path / "after", rows, approvals=approval_text([entry]))
    assert problems == []
    assert {(line.pi, line.project, line.fund, line.amounts.billed) for line in period.lines} == {
        (ADA, "genomics", "BIO-1", Decimal("10.00"))
    }


def test_a_correction_of_an_oci_export_reverses_its_original(tmp_path):
    """0.00012 + 10.50 - 10.50 + 9.50: the last two rows refer to the second."""
    export = (CASES / "oci-correction.csv").read_bytes()
    ledger = make(tmp_path, {"charges/2025-01/oci.csv": export})
    period, _ = bill_period(RecordedLedger.of(ledger), PERIOD)
    assert period.queue == ()
    assert [(line.project, line.amounts.billed) for line in period.lines] == [("p1", Decimal("9.50"))]


def test_a_reference_that_matches_nothing_is_flagged(tmp_path):
    period, _ = bill(tmp_path, [oci("-10", "c", "gone")])
    assert [(item.flags, item.details.notes[0].reasons) for item in period.queue] == [
        (("unmatched-reference",), ("no single charge has the number gone",))
    ]


def test_a_refund_of_an_earlier_month_goes_to_who_paid(tmp_path):
    january = csv_text([oci("10", "b")])
    february = csv_text(
        [
            oci(
                "-10",
                "c",
                "b",
                text=tags(pi="ben@example.edu"),
                BillingPeriodStart="2025-02-01",
                BillingPeriodEnd="2025-02-28",
            )
        ]
    )
    ledger = make(tmp_path, {"charges/2025-01/oci.csv": january, "charges/2025-02/oci.csv": february})
    period, _ = bill_period(RecordedLedger.of(ledger), "2025-02")
    assert period is not None
    assert [(line.pi, line.amounts.billed) for line in period.lines] == [(ADA, Decimal("-10.00"))]
    assert period.queue == ()


def test_rows_that_two_sources_or_months_share_are_flagged(tmp_path):
    rows = [charge("3"), charge("4", ResourceId="r-2")]
    files = {
        "charges/2025-01/a.csv": csv_text(rows),
        "charges/2025-01/b.csv": csv_text([{**rows[0], "x_Extra": "1"}, charge("9")]),
        "charges/2025-02/a.csv": csv_text([rows[1], charge("8")]),
    }
    ledger = make(tmp_path, files)
    january, _ = bill_period(RecordedLedger.of(ledger), PERIOD)
    february, _ = bill_period(RecordedLedger.of(ledger), "2025-02")
    assert [(item.source, item.flags, item.details.notes[0].reasons) for item in january.queue] == [
        ("b", ("possible-duplicate",), ("same as charges/2025-01/a.csv, row 2",))
    ]
    assert [(item.flags, item.details.notes[0].reasons) for item in february.queue] == [
        (("possible-duplicate", "wrong-period"), ("same as charges/2025-01/a.csv, row 3",)),
        (("wrong-period",), ("BillingPeriodStart is in 2025-01",)),
    ]


def test_a_row_of_a_later_month_filed_early_is_found_there(tmp_path):
    late = charge("4", BillingPeriodStart="2025-02-01", BillingPeriodEnd="2025-02-28")
    files = {"charges/2025-01/a.csv": csv_text([late, charge("1")]), "charges/2025-02/a.csv": csv_text([late])}
    february, _ = bill_period(RecordedLedger.of(make(tmp_path, files)), "2025-02")
    assert [item.flags for item in february.queue] == [("possible-duplicate",)]


@pytest.mark.parametrize(
    ("first", "second", "good"),
    [
        ("clears: [missing-fund], set: {fund: F-1}", "clears: [negative-usage], set: {pi: ada@example.edu}", True),
        ("clears: [missing-fund], set: {fund: F-1}", "clears: [negative-usage], set: {fund: F-2}", False),
        ("clears: [missing-fund, negative-usage], set: {fund: F-1}", "clears: [negative-usage], set: {pi: a@b}", False),
    ],
)
def test_two_decisions_on_one_charge(tmp_path, first, second, good):
    rows = [charge("-3", text=tags(fund=None))]
    period, _ = bill(tmp_path / "before", rows)
    (id_,) = period.queue[0].ids
    entries = [f"  - {{charges: [{id_}], decision: reassign, reason: r, by: me, {each}}}\n" for each in (first, second)]
    after, problems = bill(tmp_path / "after", rows, approvals=approval_text(entries))
    assert codes(problems) == ([] if good else [("conflicting-decisions", "error")] * 2)
    assert sums(after) == ((-3, -3, 0, 0) if good else (-3, 0, -3, 0))


def test_what_a_proposal_leaves_is_said(tmp_path):
    period, _ = bill(tmp_path, [charge("-3", text=tags(fund=None))])
    (item,) = period.queue
    clears = cleared_by(item, Verb.REASSIGN, (), Payer(fund="F"), SETTINGS, all_flags=False)
    assert (clears, still_holding(item, clears)) == (("missing-fund",), ("negative-usage",))


def test_written_decisions_are_read_as_they_were_meant(tmp_path):
    period, _ = bill(tmp_path, [charge("5", text="{}", ServiceName=' "a": {b}\n# c', SubAccountId="yes")])
    (item,) = period.queue
    text = approval_text([proposal_text(item, Verb.REJECT, SETTINGS)])
    (decision,), problems = read_approvals(text.encode(), "approvals/2025-01/a.yaml")
    assert problems == []
    assert decision.item is not None
    assert (decision.item.keys["service"], decision.item.keys["sub_account"]) == (item.service, "yes")
    assert set(FIELDS) == {"pi", "project", "fund"}
