"""Decisions bind to what was seen: which hold, which are void, and what becomes of the charges."""

from decimal import Decimal

import pytest
from small_ledger import (
    ADA,
    bill,
    charge,
    codes,
    decide,
    digest_of_ids,
    flags,
    held_ids,
    items_with,
    sums,
    tags,
)

NO_FUND = [
    charge("3", text=tags(fund=None)),
    charge("4", text=tags(fund=None), ResourceId="r-2"),
    charge("10", ResourceId="r-3"),
]
NEGATIVE = [charge("-3"), charge("-4", ResourceId="r-2"), charge("10", ResourceId="r-3")]
ERROR, WARNING = "error", "warning"
SEEN = "expect: {charges: 2}"


def where(*flags, **keys):
    """The line that names an item of these rows by its keys."""
    values = {"source": "hpc", "service": "Compute", "project": "genomics", "pi": ADA, "currency": "USD", **keys}
    written = ", ".join(f"{key}: '{value}'" for key, value in values.items() if value is not None)
    return f"where: {{{written}, flags: [{', '.join(flags)}]}}"


def decision(verb, target, *more):
    return "\n".join(
        [f"  - decision: {verb}", f"    {target}", "    reason: asked", "    by: me", *(f"    {m}" for m in more), ""]
    )


def approvals(*decisions):
    return "decisions:\n" + "".join(decisions)


_seen = {}


def seen(tmp_path, rows, **texts):
    """The period before any decision, billed once for equal rows and texts."""
    key = str((rows, texts))
    if key not in _seen:
        _seen[key], _ = bill(tmp_path / "before", rows, **texts)
    return _seen[key]


def ids_of(tmp_path, rows, flag):
    return held_ids(seen(tmp_path, rows), flag)


def decided(tmp_path, rows, *decisions, **texts):
    return bill(tmp_path / "after", rows, approvals=approvals(*decisions), **texts)


def test_approve_by_id_bills_one_charge(tmp_path):
    ids = ids_of(tmp_path, NEGATIVE, "negative-usage")
    period, problems = decided(
        tmp_path, NEGATIVE, decision("approve", f"charges: [{ids[0]}]", "clears: negative-usage")
    )
    assert problems == []
    imported, billed, held, rejected = sums(period)
    assert (imported, rejected) == (3, 0)
    assert {billed, held} in ({7, -4}, {6, -3})
    assert held == -7 - (billed - 10)


def test_approve_by_item_bills_all(tmp_path):
    one = decision("approve", where("negative-usage"), "clears: negative-usage", SEEN)
    period, problems = decided(tmp_path, NEGATIVE, one)
    assert problems == []
    assert sums(period) == (3, 3, 0, 0)
    assert (period.decisions[0].charges, period.decisions[0].exact_billed) == (2, -7)


@pytest.mark.parametrize("by_id", [True, False])
def test_reject(tmp_path, by_id):
    before = seen(tmp_path, NEGATIVE)
    period, problems = decided(tmp_path, NEGATIVE, decide(before, "reject", "negative-usage", by_id=by_id))
    assert problems == []
    assert sums(period) == (3, 10, 0, -7)
    assert period.queue == ()


@pytest.mark.parametrize("by_id", [True, False])
def test_reassign_sets_the_fund(tmp_path, by_id):
    before = seen(tmp_path, NO_FUND)
    one = decide(before, "reassign", "missing-fund", by_id=by_id, fund="CHE-9")
    period, problems = decided(tmp_path, NO_FUND, one)
    assert problems == []
    assert sums(period) == (17, 17, 0, 0)
    assert {(line.pi, line.fund, line.amounts.billed) for line in period.lines} == {
        (ADA, "BIO-1", Decimal("10.00")),
        (ADA, "CHE-9", Decimal("7.00")),
    }


TWO_PROJECTS = """projects:
  - {id: old, pi: ada@example.edu, fund: BIO-1}
  - {id: new, pi: bo@example.edu, fund: PHY-2}
  - {id: bare}
  - id: dated
    entries: [{pi: cy@example.edu, fund: C-1, until: 2025-01-04}, {pi: di@example.edu, fund: D-1, from: 2025-01-05}]
"""
DEFAULTS = "organization: A\nsources: {hpc: {default: {pi: eve@example.edu, fund: E-1}}}\n"


@pytest.mark.parametrize(
    ("tagged", "set_", "config", "payer"),
    [
        # Whoever is set a project gets its PI and fund; those of the project before are not theirs.
        ({}, {"project": "new"}, "", ("bo@example.edu", "new", "PHY-2")),
        ({}, {"project": "new", "fund": "X-1"}, "", ("bo@example.edu", "new", "X-1")),
        ({}, {"project": "new", "pi": "zoe@example.edu"}, "", ("zoe@example.edu", "new", "PHY-2")),
        ({"pi": "ada@example.edu", "fund": "BIO-1"}, {"project": "new"}, "", ("bo@example.edu", "new", "PHY-2")),
        # A project without any leaves what the charge itself says, else what holds for its source, else nobody.
        ({"pi": "tag@example.edu", "fund": "T-1"}, {"project": "bare"}, "", ("tag@example.edu", "bare", "T-1")),
        ({}, {"project": "bare"}, DEFAULTS, ("eve@example.edu", "bare", "E-1")),
        ({"pi": "tag@example.edu"}, {"project": "bare"}, DEFAULTS, ("tag@example.edu", "bare", "E-1")),
        ({}, {"project": "bare"}, "", None),
        ({}, {"project": "bare", "fund": "X-1"}, "", None),
        ({}, {"project": "bare", "pi": "zoe@example.edu", "fund": "X-1"}, "", ("zoe@example.edu", "bare", "X-1")),
        # The entry is that of the charge's own day.
        ({}, {"project": "dated"}, "", ("di@example.edu", "dated", "D-1")),
        # Without a project all else stays.
        ({}, {"fund": "X-1"}, "", ("ada@example.edu", "old", "X-1")),
        ({}, {"pi": "zoe@example.edu"}, "", ("zoe@example.edu", "old", "BIO-1")),
    ],
)
def test_whom_a_decision_bills_follows_from_what_it_sets(tmp_path, tagged, set_, config, payer):
    rows = [charge("-3", text=tags(**{"pi": None, "fund": None, "project": "old", **tagged}))]
    texts = {"config": config, "projects": TWO_PROJECTS}
    before = seen(tmp_path, rows, **texts)
    clears = before.queue[0].uncleared
    one = decide(before, "reassign", "negative-usage", clears=clears, **set_)
    period, problems = decided(tmp_path, rows, one, **texts)
    if payer is None:
        assert [code for code, _ in codes(problems)] == ["incomplete-decision"]
        assert (sums(period), period.lines) == ((-3, 0, -3, 0), ())
        return
    assert problems == []
    ((line,), (statement,)) = (period.lines, period.statements)
    assert (line.pi, line.project, line.fund) == payer
    assert (statement.pi.email, statement.project.id) == payer[:2]
    assert {each.fund for each in period.journal.lines if each.payer} == {payer[2]}
    ((found,), people) = (statement.attributions, {"tag@example.edu": "tag", "eve@example.edu": "default"})
    given = "project" if set_.get("project") in ("new", "dated") or "project" not in set_ else people.get(payer[0])
    assert found.pi == ("decision" if "pi" in set_ else given)
    assert found.project == ("decision" if "project" in set_ else "tag")
    given = "project" if set_.get("project") != "bare" else {"T-1": "tag", "E-1": "default"}.get(payer[2])
    assert found.fund == ("decision" if "fund" in set_ else given)


def test_reassigned_pi_is_canonical(tmp_path):
    people = f"people: [{{email: bo@example.edu, aliases: [robert@example.edu]}}, {{email: {ADA}}}]"
    one = decision(
        "reassign", where("missing-fund"), "clears: missing-fund", SEEN, "set: {pi: Robert@Example.edu, fund: F}"
    )
    period, problems = decided(tmp_path, NO_FUND, one, people=people)
    assert problems == []
    assert {line.pi for line in period.lines if line.fund == "F"} == {"bo@example.edu"}


@pytest.mark.parametrize(
    ("target", "charges"),
    [
        (where("missing-fund"), 2),
        (where("missing-fund", source="HPC", pi="ADA@example.edu", currency=None), 2),
        (where("missing-fund", project=""), 0),
        (where("missing-fund", pi=None), 0),
        (where("missing-fund", service="Storage"), 0),
        (where("missing-fund", source="aws"), 0),
        (where("missing-fund", currency="EUR"), 0),
        (where("missing-fund", sub_account="1"), 0),
        (where("missing-fund", resource="r-1"), 0),
        (where("missing-fund", "missing-pi"), 0),
        (where("missing-pi"), 0),
    ],
)
def test_an_item_is_matched_by_all_its_keys(tmp_path, target, charges):
    clears = "clears: [missing-pi]" if "flags: [missing-pi]" in target else "clears: [missing-fund]"
    period, problems = decided(tmp_path, NO_FUND, decision("reject", target, clears, SEEN))
    assert period.decisions[0].charges == charges
    assert codes(problems) == ([] if charges else [("void-decision", ERROR)])


@pytest.mark.parametrize(("cells", "key"), [({"SubAccountId": "s"}, "sub_account: s"), ({}, "resource: r-2")])
def test_without_a_project_the_account_or_else_the_resource_tells_items_apart(tmp_path, cells, key):
    rows = [charge("3", text=tags(project=None)), charge("4", text=tags(project=None), ResourceId="r-2", **cells)]
    before = seen(tmp_path, rows)
    assert [item.charges for item in before.queue] == [1, 1]
    name, _, value = key.partition(": ")
    one = decision("reject", where("missing-project", project="", **{name: value}), "clears: missing-project",
                   "expect: {charges: 1, billed: '4'}")  # fmt: skip
    period, problems = decided(tmp_path, rows, one)
    assert problems == []
    assert sums(period) == (7, 0, 3, 4)


@pytest.mark.parametrize(("verb", "severity"), [("approve", WARNING), ("reject", ERROR), ("reassign", ERROR)])
@pytest.mark.parametrize("expect", ["{charges: 3}", "{billed: 7.01}", "{digest: 0123456789abcdef}"])
def test_wrong_expectation_voids(tmp_path, verb, severity, expect):
    more = ["set: {fund: F}"] if verb == "reassign" else []
    one = decision(verb, where("negative-usage"), "clears: negative-usage", f"expect: {expect}", *more)
    period, problems = decided(tmp_path, NEGATIVE, one)
    assert codes(problems) == [("void-decision", severity)]
    assert problems[0].place == "approvals/2025-01/batch.yaml:2:5"
    assert sums(period) == (3, 10, -7, 0)
    assert period.decisions[0].void


def test_right_expectation_holds(tmp_path):
    before = seen(tmp_path, NEGATIVE)
    (item,) = before.queue
    expect = f"expect: {{charges: 2, billed: '-7.00', digest: {item.digest}}}"
    one = decision("approve", where("negative-usage"), "clears: negative-usage", expect)
    period, problems = decided(tmp_path, NEGATIVE, one)
    assert problems == []
    assert sums(period) == (3, 3, 0, 0)


def test_digest_is_over_sorted_ids():
    assert digest_of_ids(["b", "a"]) == digest_of_ids(["a", "b"])
    assert digest_of_ids(["a", "b"]) != digest_of_ids(["ab"])


@pytest.mark.parametrize(("verb", "severity"), [("approve", WARNING), ("reject", ERROR)])
def test_an_id_that_is_gone_voids(tmp_path, verb, severity):
    ids = ids_of(tmp_path, NEGATIVE, "negative-usage")
    rows = [{**row, "ResourceName": "changed"} for row in NEGATIVE]
    one = decision(verb, f"charges: [{ids[0]}]", "clears: negative-usage")
    period, problems = decided(tmp_path, rows, one)
    assert codes(problems) == [("void-decision", severity)]
    assert sums(period) == (3, 10, -7, 0)


def test_conflicting_decisions_void_both(tmp_path):
    seen = (where("negative-usage"), "clears: negative-usage", SEEN)
    period, problems = decided(tmp_path, NEGATIVE, decision("approve", *seen), decision("reject", *seen))
    assert codes(problems) == [("conflicting-decisions", ERROR)] * 2
    assert {problem.line for problem in problems} == {2, 8}
    assert "batch.yaml:8" in next(problem.message for problem in problems if problem.line == 2)
    assert sums(period) == (3, 10, -7, 0)
    assert all(record.void for record in period.decisions)


TWO_FLAGS = [charge("-5", text=tags(fund=None), BillingPeriodStart="2025-02-01", BillingPeriodEnd="2025-02-28")]


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        (("approve", "negative-usage"), ("approve", "wrong-period"), True),
        (("approve", "negative-usage"), ("reassign", "missing-fund", {"fund": "F"}), True),
        (("reassign", "negative-usage", {"pi": "bo@x.edu"}), ("reassign", "missing-fund", {"fund": "F"}), True),
        (("reassign", "negative-usage", {"fund": "F"}), ("reassign", "missing-fund", {"fund": "F"}), False),
        (("approve", "negative-usage"), ("approve", "negative-usage"), False),
        (("approve", "negative-usage"), ("reject", "wrong-period"), False),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_decisions_agree_if_none_rejects_and_what_they_clear_and_set_differs(tmp_path, one, other, agree, swapped):
    before = seen(tmp_path, TWO_FLAGS)
    both = [
        decide(before, verb, clears=[flag], **(payer[0] if payer else {}))
        for verb, flag, *payer in ((other, one) if swapped else (one, other))
    ]
    period, problems = decided(tmp_path, TWO_FLAGS, *both)
    assert codes(problems) == ([] if agree else [("conflicting-decisions", ERROR)] * 2)
    cleared = {flag for _, flag, *_ in (one, other)} if agree else set()
    uncleared = {"missing-fund", "negative-usage", "wrong-period"} - cleared
    assert {flag for item in period.queue for flag in item.uncleared} == uncleared
    assert sums(period) == (-5, 0, -5, 0)


def test_an_id_beats_an_item(tmp_path):
    ids = ids_of(tmp_path, NEGATIVE, "negative-usage")
    item = decision("approve", where("negative-usage"), "clears: negative-usage", "expect: {charges: 1}")
    by_id = decision("reject", f"charges: [{ids[0]}]", "clears: negative-usage")
    period, problems = decided(tmp_path, NEGATIVE, item, by_id)
    assert problems == []
    _, billed, held, rejected = sums(period)
    assert held == 0
    assert (billed, rejected) in ((6, -3), (7, -4))
    assert [record.charges for record in period.decisions] == [1, 1]


def test_approve_that_lacks_a_fund_is_an_error(tmp_path):
    one = decision("approve", where("missing-fund"), "clears: missing-fund", SEEN)
    period, problems = decided(tmp_path, NO_FUND, one)
    assert codes(problems) == [("incomplete-decision", ERROR)]
    assert "reassign" in problems[0].fix
    assert sums(period) == (17, 10, 7, 0)


def test_another_flag_of_a_charge_that_lacks_a_fund_may_be_approved(tmp_path):
    rows = [charge("5", text=tags(fund=None), ListCost="4")]
    before = seen(tmp_path, rows)
    period, problems = decided(tmp_path, rows, decide(before, "approve", clears=["above-list"]))
    assert problems == []
    assert [item.uncleared for item in period.queue] == [("missing-fund",)]
    assert sums(period) == (5, 0, 5, 0)
    both = decide(before, "approve", clears=["above-list"]) + decide(before, "approve", clears=["missing-fund"])
    period, problems = bill(tmp_path / "both", rows, approvals=approvals(both))
    assert codes(problems) == [("incomplete-decision", ERROR)]
    assert sums(period) == (5, 0, 5, 0)


def test_a_flag_that_is_raised_later_holds_the_charge(tmp_path):
    before = seen(tmp_path, NEGATIVE)
    config = "organization: A\ncurrency: USD\nreview: {patterns: {all: {match: {ServiceName: .}}}}\n"
    rule = decide(before, "approve", by_id=True)
    period, problems = decided(tmp_path, NEGATIVE, rule, config=config)
    assert problems == []
    assert {item.uncleared for item in period.queue} == {("pattern:all",)}
    assert sums(period) == (3, 0, 3, 0)


def test_a_flag_that_is_no_longer_raised_is_told(tmp_path):
    ids = ids_of(tmp_path, NEGATIVE, "negative-usage")
    one = decision("approve", f"charges: [{', '.join(ids)}]", "clears: [negative-usage, above-list]")
    period, problems = decided(tmp_path, NEGATIVE, one)
    assert codes(problems) == [("flag-not-raised", WARNING)]
    assert "above-list" in problems[0].message
    assert sums(period) == (3, 3, 0, 0)


def test_foreign_currency_can_only_be_rejected(tmp_path):
    rows = [charge("5", BillingCurrency="EUR")]
    seen = (where("foreign-currency", currency="EUR"), "clears: foreign-currency", "expect: {charges: 1}")
    period, problems = decided(tmp_path, rows, decision("approve", *seen))
    assert codes(problems) == [("foreign-currency", ERROR)]
    assert sums(period, currency="EUR") == (5, 0, 5, 0)
    period, problems = bill(tmp_path / "reject", rows, approvals=approvals(decision("reject", *seen)))
    assert problems == []
    assert sums(period, currency="EUR") == (5, 0, 0, 5)


def test_other_flags_keep_the_charge_held(tmp_path):
    rows = [charge("-5", BillingPeriodStart="2025-02-01", BillingPeriodEnd="2025-02-28")]
    target = where("negative-usage", "wrong-period")
    first = decision("approve", target, "clears: negative-usage", "expect: {charges: 1}")
    second = decision("approve", target, "clears: wrong-period", "expect: {charges: 1}")
    assert sums(decided(tmp_path, rows, first)[0]) == (-5, 0, -5, 0)
    period, problems = bill(tmp_path / "both", rows, approvals=approvals(first, second))
    assert problems == []
    assert sums(period) == (-5, -5, 0, 0)


@pytest.mark.parametrize(
    ("set_", "code"),
    [
        ("{fund: nonsense}", "invalid-fund"),
        ("{fund: CHE-9, project: nowhere}", "unknown-project"),
        ("{fund: CHE-9, pi: bo@example.edu}", "unknown-pi"),
        ("{fund: CHE-9, pi: Bo}", "missing-pi"),
    ],
)
def test_what_is_set_is_checked_like_tags(tmp_path, set_, code):
    texts = {
        "config": "organization: A\ncurrency: USD\nreview: {fund_patterns: '[A-Z]+-[0-9]'}\n",
        "people": f"people: [{{email: {ADA}}}]",
        "projects": "projects: [{id: genomics}]",
    }
    one = decision("reassign", where("missing-fund"), "clears: missing-fund", SEEN, f"set: {set_}")
    period, problems = decided(tmp_path, NO_FUND, one, **texts)
    assert codes(problems) == [(code, ERROR)]
    assert sums(period) == (17, 10, 7, 0)


def test_a_flag_counts_every_charge_that_carries_it_whatever_was_decided(tmp_path):
    before = seen(tmp_path, NEGATIVE)
    period, _ = decided(tmp_path, NEGATIVE, decide(before, "approve"))
    assert items_with(before, "negative-usage")
    assert flags(period) == flags(before) == {"negative-usage": 2}
    assert period.flags[0].exact_billed == -7
    assert period.undecided == ()
