"""Each cause, once alone and where several meet; always real repositories."""

from __future__ import annotations

import gzip
from decimal import Decimal

import pytest
from branch import CONFIG, causes, charge, csv_text, only, started, ties_out

from openchargeback.ledger.directory import FUNDS_FILE, PEOPLE_FILE, PROJECTS_FILE, read_directory
from openchargeback.ledger.settings import Config, Organization
from openchargeback.plan.settings import changed_settings
from openchargeback.plan.values import Cause

ROWS = [charge("r1", "10.00", quantity=2), charge("r2", "5.50", quantity=1, pi="bo@example.edu", project="p2")]
REJECT = """decisions:
  - where: {source: hpc, service: Compute, project: p1, pi: ada@example.edu, flags: [missing-fund]}
    expect: {charges: 1}
    clears: [missing-fund]
    decision: reassign
    set: {fund: F-9}
    reason: Agreed
    by: rev@example.edu
"""


def test_a_new_charge(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges([*ROWS, charge("r3", "7.25", pi="cy@example.edu", project="p3")])
    period = only(ties_out(ledger.plan()))
    assert causes(period) == {"new": "7.25"}
    assert (period.old, period.new) == (Decimal("15.50"), Decimal("22.75"))
    assert (period.pis_changed, period.pis_appeared, period.pis_gone) == (0, 1, 0)


def test_a_withdrawn_charge(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges(ROWS[:1])
    period = only(ties_out(ledger.plan()))
    assert causes(period) == {"withdrawn": "-5.50"}
    assert (period.pis_changed, period.pis_appeared, period.pis_gone) == (0, 0, 1)


def test_a_withdrawn_file(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    (ledger.root / "charges/2025-01/hpc.csv").unlink()
    period = only(ties_out(ledger.plan()))
    assert causes(period) == {"withdrawn": "-15.50"}
    assert period.new == 0


def test_another_price(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges([charge("r1", "12.00", quantity="2.0"), ROWS[1]])
    assert causes(only(ties_out(ledger.plan()))) == {"price": "2.00"}


def test_other_usage(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges([charge("r1", "15.00", quantity=3), ROWS[1]])
    assert causes(only(ties_out(ledger.plan()))) == {"usage": "5.00"}


def test_a_quantity_that_one_side_lacks_is_no_usage(tmp_path):
    """Whether more was used is known only where both say how much, in any of the columns that may say it."""
    quantities = {
        "price": [("", "3"), ("3", ""), ("", ""), ("2", "2.0"), ("0", "")],
        "usage": [("2", "3"), ("3", "2"), ("0", "3")],
    }
    columns = ("ConsumedQuantity", "PricingQuantity", "CommitmentDiscountQuantity")
    cases = [(cause, column, pair) for cause, pairs in quantities.items() for column in columns for pair in pairs]
    before, after, expected = [], [], {"price": 0, "usage": 0}
    for number, (cause, column, (old, new)) in enumerate(cases):
        # Every charge rises by twice as much as the one before, so that the sums tell which of them are in.
        before.append(charge(f"r{number}", "10", **{column: old}))
        after.append(charge(f"r{number}", 10 + 2**number, **{column: new}))
        expected[cause] += 2**number
    ledger = started(tmp_path / "l", before)
    ledger.charges(after)
    assert causes(only(ties_out(ledger.plan()))) == {cause: f"{amount}.00" for cause, amount in expected.items()}


def test_price_and_usage_of_two_charges_are_told_apart_whatever_their_order(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges(
        [charge("r2", "6.00", quantity=1, pi="bo@example.edu", project="p2"), charge("r1", "20", quantity=4)]
    )
    assert causes(only(ties_out(ledger.plan()))) == {"price": "0.50", "usage": "10.00"}


def test_identical_charges_are_paired_in_order_and_unchanged_ones_first(tmp_path):
    ledger = started(tmp_path / "l", [charge("r1", cost, quantity=1) for cost in ("1", "2", "3")])
    ledger.charges([charge("r1", cost, quantity=1) for cost in ("3", "1", "2.5")])
    assert causes(only(ties_out(ledger.plan()))) == {"price": "0.50"}


def test_charges_that_say_the_same_are_paired_in_the_order_of_the_file(tmp_path):
    ledger = started(tmp_path / "l", [charge("r1", "1", quantity=1), charge("r1", "2", quantity=2)])
    ledger.charges([charge("r1", "1.5", quantity=1), charge("r1", "2", quantity=3)])
    assert causes(only(ties_out(ledger.plan()))) == {"price": "0.50"}


def test_a_decision(tmp_path):
    ledger = started(tmp_path / "l", [*ROWS, charge("r3", "40", fund=None)])
    ledger.write("approvals/2025-01/a.yaml", REJECT)
    period = only(ties_out(ledger.plan()))
    assert causes(period) == {"decision": "40.00"}
    (decision,) = period.decisions
    assert (decision.change, decision.decision, decision.charges) == ("added", "reassign", 1)
    assert (decision.reason, decision.by) == ("Agreed", "rev@example.edu")
    assert period.control[0].old.exact_held == period.control[0].new.exact_billed - period.control[0].old.exact_billed


def test_a_decision_that_is_removed(tmp_path):
    ledger = started(tmp_path / "l", [*ROWS, charge("r3", "40", fund=None)], **{"approvals__2025-01__a": REJECT})
    (ledger.root / "approvals/2025-01/a.yaml").unlink()
    period = only(ties_out(ledger.plan()))
    assert causes(period) == {"decision": "-40.00"}
    assert [each.change for each in period.decisions] == ["removed"]
    assert [(item.uncleared, item.charges) for item in period.queue] == [(("missing-fund",), 1)]


def test_a_decision_in_a_file_of_another_name_is_the_same_decision(tmp_path):
    ledger = started(tmp_path / "l", [*ROWS, charge("r3", "40", fund=None)], **{"approvals__2025-01__a": REJECT})
    ledger.git("mv", "approvals/2025-01/a.yaml", "approvals/2025-01/b.yaml")
    assert ledger.plan().periods == ()


PROJECTS = "projects:\n  - {id: p1, pi: ada@example.edu, fund: %s}\n  - {id: p2}\n"


def test_the_directory_where_only_the_fund_changes(tmp_path):
    rows = [charge("r1", "10.00", fund=None), ROWS[1]]
    ledger = started(tmp_path / "l", rows, directory__projects=PROJECTS % "F-1")
    ledger.write("directory/projects.yaml", PROJECTS % "F-2")
    plan = ties_out(ledger.plan())
    period = only(plan)
    assert period.difference == 0
    assert period.moved == Decimal("10.00")
    assert causes(period) == {"directory": "0.00"}
    assert period.pis_changed == 1
    (project,) = period.projects
    assert project.funds == (("F-1", Decimal("-10.00")), ("F-2", Decimal("10.00")))
    (setting,) = plan.settings
    assert (setting.path, setting.key) == ("directory/projects.yaml", "p1.fund")
    assert (setting.old, setting.new) == ("F-1", "F-2")
    assert plan.effects == {"directory": (Decimal("10.00"), Decimal("-10.00"))}


def test_names_and_titles_move_nothing(tmp_path):
    ledger = started(tmp_path / "l", ROWS, directory__projects=PROJECTS % "F-1")
    ledger.write("directory/projects.yaml", (PROJECTS % "F-1").replace("id: p1", "id: p1, title: Genes"))
    ledger.write("config.yaml", CONFIG.replace("organization: A", "organization: B"))
    plan = ledger.plan()
    assert (plan.periods, plan.settings) == ((), ())


def test_the_config(tmp_path):
    rows = [charge("r1", "10", EffectiveCost="8")]
    ledger = started(tmp_path / "l", rows)
    ledger.write("config.yaml", CONFIG.replace("RC-1}", "RC-1, cost: EffectiveCost}"))
    plan = ties_out(ledger.plan())
    assert causes(only(plan)) == {"config": "-2.00"}
    assert changes(plan) == {"sources.hpc.cost": ("BilledCost", "EffectiveCost")}
    assert effects(plan) == {"config": ["0", "-2.00"]}


def test_a_pattern_that_holds_charges_back_is_the_config(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.write("config.yaml", CONFIG.replace("review: {", "review: {fund_patterns: ['G-.*'], "))
    period = only(ties_out(ledger.plan()))
    assert causes(period) == {"config": "-15.50"}
    assert period.control[0].new.exact_held == Decimal("15.50")


def test_charges_decision_directory_and_config_in_one_change(tmp_path):
    rows = [
        charge("r1", "10", quantity=1),
        charge("r2", "20", quantity=1, project="p2", fund=None),
        charge("r3", "40", quantity=1, project="p3", fund=None),
        charge("r4", "80", quantity=1, fund="BAD"),
    ]
    ledger = started(tmp_path / "l", rows, directory__projects="projects: [{id: p1}, {id: p2}, {id: p3}]\n")
    rows[0] = charge("r1", "11", quantity=1)
    ledger.charges([*rows, charge("r5", "160")])
    ledger.write("directory/projects.yaml", "projects: [{id: p1}, {id: p2, fund: F-2}, {id: p3}]\n")
    ledger.write("config.yaml", CONFIG.replace("review: {", "review: {fund_patterns: ['F-.*'], "))
    ledger.write("approvals/2025-01/a.yaml", REJECT.replace("p1", "p3"))
    assert causes(only(ties_out(ledger.plan()))) == {
        "new": "160.00", "price": "1.00", "decision": "40.00", "directory": "20.00", "config": "-80.00",
    }  # fmt: skip


FILLED = "projects: [{id: p1, pi: ada@example.edu, fund: %s}, {id: p2}, {id: p3}]\n"
ONLY_F1 = CONFIG.replace("review: {", "review: {fund_patterns: ['F-1'], ")
ONLY_F9 = CONFIG.replace("review: {", "review: {fund_patterns: ['F-[19]'], ")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Another fund by the directory, which the settings then refuse: these hold it.
        ({"directory/projects.yaml": FILLED % "F-2", "config.yaml": ONLY_F1}, {"config": "-10.00"}),
        # The directory fills in a fund, the settings refuse it, and a decision gives another: that one bills it.
        (
            {
                "directory/projects.yaml": FILLED % "F-2",
                "config.yaml": ONLY_F9,
                "approvals/2025-01/a.yaml": REJECT.replace("missing-fund", "invalid-fund"),
            },
            {"decision": "0.00"},
        ),
        # What the directory does and no later step undoes is its own, whatever else changes.
        (
            {"directory/projects.yaml": FILLED % "F-2", "config.yaml": CONFIG + "fiscal_year_starts: 7\n"},
            {"directory": "0.00"},
        ),
        ({"directory/projects.yaml": FILLED % "F-9", "config.yaml": ONLY_F9}, {"directory": "0.00"}),
    ],
)
def test_an_outcome_is_due_to_the_last_step_that_changed_it(tmp_path, changes, expected):
    """Charges, directory, settings and decisions change in this order; the first that has a part in it is not it."""
    rows = [charge("r1", "10", pi=None, fund=None), charge("r2", "20", project="p2", fund="F-1", quantity=1)]
    ledger = started(tmp_path / "l", rows, directory__projects=FILLED % "F-1")
    rows[1] = charge("r2", "21", project="p2", fund="F-1", quantity=1)
    ledger.charges(rows)
    for path, text in changes.items():
        ledger.write(path, text)
    assert causes(only(ties_out(ledger.plan()))) == {**expected, "price": "1.00"}


def test_a_decision_that_no_longer_holds_is_told(tmp_path):
    rows = [*ROWS, charge("r3", "40", fund=None)]
    ledger = started(tmp_path / "l", rows, **{"approvals__2025-01__a": REJECT})
    ledger.charges([*rows, charge("r4", "3", fund=None)])
    plan = ties_out(ledger.plan())
    assert causes(only(plan)) == {"decision": "-40.00"}
    assert [each.change for each in only(plan).decisions] == ["void"]
    assert [problem.code for problem in plan.problems] == ["void-decision"]


@pytest.mark.parametrize("cost", ["41", "39"])
def test_a_decision_that_a_price_makes_void_is_the_cause_for_all_its_charges(tmp_path, cost):
    pattern = CONFIG.replace("review: {", "review: {patterns: {gpu: {match: {ServiceName: GPU}}}, ")
    rows = [*ROWS, charge("g1", "40", service="GPU"), charge("g2", "30", service="GPU")]
    ledger = started(tmp_path / "l", rows, config=pattern)
    ledger.git("switch", "-q", "main")
    ledger.program(
        *("review", "approve", "--period", "2025-01", "--flag", "pattern:gpu", "--reason", "x", "--by", "a@x.edu")
    )
    ledger.commit()
    ledger.git("switch", "-qC", "change")
    right = list(rows)
    rows[2] = charge("g1", cost, service="GPU")
    ledger.charges(rows)
    period = only(ties_out(ledger.plan()))
    assert causes(period) == {"decision": "-70.00"}
    assert [each.change for each in period.decisions] == ["void"]
    ledger.git("switch", "-q", "main")
    ledger.commit()
    ledger.git("switch", "-qC", "change")
    ledger.charges(right)
    assert causes(only(ties_out(ledger.plan()))) == {"decision": "70.00"}


def test_a_cent_that_only_wanders_is_rounding_and_changes_no_pi(tmp_path):
    third = "0.333"
    rows = [charge("r1", third, pi="a@x.edu"), charge("r2", third, pi="b@x.edu"), charge("r3", third, pi="c@x.edu")]
    ledger = started(tmp_path / "l", rows)
    # The cent of the rounded 1.003 goes to the largest remainder, which is the new charge's.
    ledger.charges([*rows, charge("r4", "0.004", pi="d@x.edu")])
    period = only(ties_out(ledger.plan()))
    assert (period.pis_changed, period.pis_appeared) == (0, 1)
    assert [(line.key.pi, str(line.difference), line.parts) for line in period.lines] == [
        ("a@x.edu", "-0.01", {Cause.ROUNDING: Decimal("-0.01")}),
        ("d@x.edu", "0.01", {Cause.NEW: Decimal("0.00"), Cause.ROUNDING: Decimal("0.01")}),
    ]


def test_spending_that_becomes_unusual_because_of_other_charges_is_usage(tmp_path):
    config = "organization: A\nreview: {unusual_amount: {factor: 2, minimum: 1, first_time: true}}\n"
    ledger = started(tmp_path / "l", [charge("r1", "1")], config=config)
    ledger.charges([charge("r1", "1"), charge("r2", "5")])
    assert causes(only(ties_out(ledger.plan()))) == {"usage": "-1.00"}


@pytest.mark.parametrize(("quantity", "cause"), [("2", "price"), ("3", "usage")])
def test_a_charge_that_its_own_cost_holds_back_is_due_to_what_changed_the_cost(tmp_path, quantity, cause):
    config = CONFIG.replace("review: {", "review: {patterns: {large: {match: {ServiceName: Compute}, minimum: 20}}, ")
    ledger = started(tmp_path / "l", ROWS, config=config)
    ledger.charges([charge("r1", "30.00", quantity=quantity), ROWS[1]])
    assert causes(only(ties_out(ledger.plan()))) == {cause: "-10.00"}


def test_a_new_month_and_its_control_total(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    rows = [{**row, "BillingPeriodStart": "2025-02-01"} for row in [*ROWS, charge("r3", "4", fund=None)]]
    ledger.charges(rows, period="2025-02")
    plan = ties_out(ledger.plan())
    period = only(plan)
    assert (period.period, period.old_state, str(period.new_state)) == ("2025-02", None, "open")
    total = period.control[0].new
    assert (total.charges, total.exact_imported, total.exact_held) == (3, Decimal("19.5"), Decimal(4))


@pytest.mark.parametrize("target", ["charges/2025-01/hpc/part-1.csv", "charges/2025-01/hpc/x.csv"])
def test_a_renamed_file_moves_no_money(tmp_path, target):
    ledger = started(tmp_path / "l", ROWS)
    (ledger.root / target).parent.mkdir(parents=True)
    ledger.git("mv", "charges/2025-01/hpc.csv", target)
    plan = ledger.plan()
    assert plan.periods == ()
    assert not plan.moves


def test_a_file_of_another_source_moves_it(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.git("mv", "charges/2025-01/hpc.csv", "charges/2025-01/aws.csv")
    assert causes(only(ties_out(ledger.plan()))) == {"new": "15.50", "withdrawn": "-15.50"}


def test_rows_that_two_sources_exchange_are_no_pairs(tmp_path):
    """The same cells, also with another cost, are another charge where they come from another source."""
    one, other = charge("r1", "10"), charge("r2", "20")
    ledger = started(tmp_path / "l", [one])
    ledger.git("switch", "-q", "main")
    ledger.charges([other], source="aws")
    ledger.commit()
    ledger.git("switch", "-qC", "change")
    ledger.charges([other])
    ledger.charges([{**one, "BilledCost": "9"}], source="aws")
    assert causes(only(ties_out(ledger.plan()))) == {"new": "29.00", "withdrawn": "-30.00"}


def test_a_file_that_is_sorted_and_compressed_again_moves_no_money(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    (ledger.root / "charges/2025-01/hpc.csv").unlink()
    rows = [{**row, "BilledCost": row["BilledCost"] + "0"} for row in reversed(ROWS)]
    ledger.write("charges/2025-01/hpc.csv.gz", gzip.compress(csv_text(rows).encode()))
    assert ledger.plan().periods == ()


def effects(plan):
    """What changed settings and entries of the directory move in all, as text."""
    return {str(cause): [str(amount) for amount in amounts] for cause, amounts in plan.effects.items()}


def changes(plan):
    """Key → value before and after of the settings that are told."""
    return {each.key: (each.old, each.new) for each in plan.settings}


PATTERN = CONFIG.replace("review: {", "review: {patterns: {gpu: {match: {ServiceName: GPU}, minimum: 100}}, ")


def test_changed_settings_are_told_by_key_with_what_they_move_together(tmp_path):
    ledger = started(tmp_path / "l", [*ROWS, charge("g1", "500", service="GPU")], config=PATTERN)
    changed = PATTERN.replace("minimum: 100", "minimum: 1000")
    ledger.write("config.yaml", changed + "fiscal_year_starts: 7\n")
    plan = ties_out(ledger.plan())
    assert changes(plan) == {"review.patterns.gpu.minimum": ("100", "1000")}
    assert effects(plan) == {"config": ["500.00", "0"]}
    ledger.write("config.yaml", changed.replace("unusual_amount: off", "unusual_amount: {minimum: 200}"))
    plan = ties_out(ledger.plan())
    assert changes(plan) == {
        "review.patterns.gpu.minimum": ("100", "1000"),
        "review.unusual_amount": ("false", "factor 3, minimum 200, first_time false"),
    }
    assert effects(plan) == {"config": ["500.00", "0"]}


def test_settings_of_sources_show_the_default_that_held_before(tmp_path):
    ledger = started(tmp_path / "l", [charge("r1", "10", EffectiveCost="8")])
    ledger.charges([charge("r1", "10", EffectiveCost="7")], source="aws")
    ledger.git("switch", "-q", "main")
    ledger.commit()
    ledger.git("switch", "-qC", "change")
    effective = "sources: {hpc: {credit_fund: RC-1, cost: EffectiveCost}, aws: {cost: EffectiveCost}}"
    ledger.write("config.yaml", CONFIG.replace("sources: {hpc: {credit_fund: RC-1}}", effective))
    plan = ties_out(ledger.plan())
    cost = ("BilledCost", "EffectiveCost")
    assert changes(plan) == {"sources.aws.cost": cost, "sources.hpc.cost": cost}
    assert effects(plan) == {"config": ["0", "-5.00"]}


DIRECTORY = """projects:
  - {id: p1, fund: F-1}
  - id: p2
    entries: [{pi: bo@example.edu, fund: F-2, until: 2024-12-31}, {fund: F-3, from: 2025-01-01}]
"""


def test_entries_of_the_directory_are_named_as_in_the_file_with_what_is_their_own(tmp_path):
    rows = [
        charge("r1", "10", fund=None),
        charge("r2", "20", fund=None, project="p2"),
        charge("r3", "5", pi="cy@x.edu", project="p2", fund="F-3"),
    ]
    people = "people: [{email: ada@example.edu, aliases: [a@x.edu]}, {email: cy@x.edu}]\n"
    files = {"directory__projects": DIRECTORY, "directory__people": people}
    ledger = started(tmp_path / "l", rows, **files)
    changed = DIRECTORY.replace("F-1", "G-1").replace("from: 2025-01-01", "from: 2025-02-01")
    ledger.write("directory/projects.yaml", changed + "  - {id: p9, pi: ada@example.edu, fund: F-9}\n")
    ledger.write("directory/people.yaml", people.replace("a@x.edu", "z@x.edu"))
    plan = ties_out(ledger.plan())
    assert changes(plan) == {
        "ada@example.edu.aliases": ("a@x.edu", "z@x.edu"),
        "p1.fund": ("F-1", "G-1"),
        "p2.entries.2.from": ("2025-01-01", "2025-02-01"),
        "p9": ("", "pi ada@example.edu, fund F-9"),
    }
    assert effects(plan) == {"directory": ["10.00", "-30.00"]}
    unlisted = DIRECTORY.replace("  - {id: p1, fund: F-1}\n", "")
    ledger.write("directory/projects.yaml", unlisted + "  - {id: p9, pi: ada@example.edu, fund: F-9}\n")
    plan = ties_out(ledger.plan())
    assert changes(plan)["p1"] == ("fund F-1", "")


def test_people_projects_and_funds_are_told_by_their_keys():
    """Whatever may raise a flag; names and titles do not."""
    old, _ = read_directory(
        b"people: [{email: a@x, name: A, aliases: b@x}, {email: c@x}]",
        b"projects: [{id: p, fund: F, funds: [G, H], pis: a@x, award: A-1}]",
        b"funds: [{id: F, title: A, until: 2025-01-31}, {id: G}]",
    )
    new, _ = read_directory(
        b"people: [{email: a@x, name: B, aliases: [b@x, d@x]}, {email: e@x}]",
        b"projects: [{id: p, fund: F, funds: G, award: A-2}]",
        b"funds: [{id: F, title: B, status: inactive}, {id: G, department: D}, {id: H}]",
    )
    config = Config(Organization("A"))
    found = changed_settings((config, old), (config, new))
    assert [(each.path, each.key, each.old, each.new) for each in found] == [
        (PEOPLE_FILE, "a@x.aliases", "b@x", "b@x, d@x"),
        (PEOPLE_FILE, "c@x", "listed", ""),
        (PEOPLE_FILE, "e@x", "", "listed"),
        (PROJECTS_FILE, "p.funds", "G, H", "G"),
        (PROJECTS_FILE, "p.pis", "a@x", ""),
        (FUNDS_FILE, "F.status", "", "inactive"),
        (FUNDS_FILE, "F.until", "2025-01-31", ""),
        (FUNDS_FILE, "H", "", "listed"),
    ]


def test_the_same_entry_in_the_other_form_is_no_change(tmp_path):
    ledger = started(
        tmp_path / "l", [charge("r1", "10", fund=None)], directory__projects="projects: [{id: p1, fund: F}]"
    )
    ledger.write("directory/projects.yaml", "projects: [{id: p1, entries: [{fund: F}]}]")
    plan = ledger.plan()
    assert (plan.periods, plan.settings) == ((), ())
    ledger.write("directory/projects.yaml", "projects: [{id: p1, entries: [{fund: G}]}]")
    assert set(changes(ledger.plan())) == {"p1.fund", "p1.entries"}
