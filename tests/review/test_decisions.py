"""Decisions bind to what was seen: which hold, which are void, and what becomes of the charges."""

from decimal import Decimal

import pytest
from small_ledger import ADA, bill, charge, codes, digest_of_ids, held_ids, sums, tags

NO_FUND = [
    charge("3", text=tags(fund=None)),
    charge("4", text=tags(fund=None), ResourceId="r-2"),
    charge("10", ResourceId="r-3"),
]
NEGATIVE = [charge("-3"), charge("-4", ResourceId="r-2"), charge("10", ResourceId="r-3")]
ERROR, WARNING = "error", "warning"


def decision(verb, target, *more):
    return "\n".join(
        [f"  - decision: {verb}", f"    {target}", "    reason: asked", "    by: me", *(f"    {m}" for m in more), ""]
    )


def approvals(*decisions):
    return "decisions:\n" + "".join(decisions)


def ids_of(tmp_path, rows, flag):
    period, _ = bill(tmp_path / "before", rows)
    return held_ids(period, flag)


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


def test_approve_by_selector_bills_all(tmp_path):
    period, problems = decided(tmp_path, NEGATIVE, decision("approve", "where: {flag: negative-usage}"))
    assert problems == []
    assert sums(period) == (3, 3, 0, 0)
    assert (period.decisions[0].charges, period.decisions[0].exact_billed) == (2, -7)


@pytest.mark.parametrize("by_id", [True, False])
def test_reject(tmp_path, by_id):
    ids = ids_of(tmp_path, NEGATIVE, "negative-usage")
    target = f"charges: [{', '.join(ids)}]" if by_id else "where: {flag: negative-usage}"
    period, problems = decided(tmp_path, NEGATIVE, decision("reject", target))
    assert problems == []
    assert sums(period) == (3, 10, 0, -7)


@pytest.mark.parametrize("by_id", [True, False])
def test_reassign_sets_the_fund(tmp_path, by_id):
    ids = ids_of(tmp_path, NO_FUND, "missing-fund")
    target = f"charges: [{', '.join(ids)}]" if by_id else "where: {flag: missing-fund}"
    more = ["clears: missing-fund"] if by_id else []
    period, problems = decided(tmp_path, NO_FUND, decision("reassign", target, "set: {fund: CHE-9}", *more))
    assert problems == []
    assert sums(period) == (17, 17, 0, 0)
    assert {(line.pi, line.fund, line.amounts.billed) for line in period.lines} == {
        (ADA, "BIO-1", Decimal("10.00")),
        (ADA, "CHE-9", Decimal("7.00")),
    }


def test_reassigned_pi_is_canonical(tmp_path):
    people = "people: [{email: bo@example.edu, aliases: [robert@example.edu]}]"
    one = decision("reassign", "where: {flag: missing-fund}", "set: {pi: Robert@Example.edu, fund: F}")
    period, problems = decided(tmp_path, NO_FUND, one, people=people)
    assert problems == []
    assert {line.pi for line in period.lines if line.fund == "F"} == {"bo@example.edu"}


@pytest.mark.parametrize(
    ("selector", "charges"),
    [
        ("{flag: missing-fund, project: genomics}", 2),
        ("{flag: missing-fund, source: HPC, service: Compute, pi: ADA@example.edu}", 2),
        ("{flag: missing-fund, project: ''}", 0),
        ("{flag: missing-fund, service: Storage}", 0),
        ("{flag: missing-pi}", 0),
    ],
)
def test_selectors_narrow(tmp_path, selector, charges):
    period, problems = decided(tmp_path, NO_FUND, decision("reject", f"where: {selector}"))
    assert period.decisions[0].charges == charges
    assert codes(problems) == ([] if charges else [("void-decision", ERROR)])


@pytest.mark.parametrize(("verb", "severity"), [("approve", WARNING), ("reject", ERROR), ("reassign", ERROR)])
@pytest.mark.parametrize("expect", ["{charges: 3}", "{billed: 7.01}", "{digest: 0123456789abcdef}"])
def test_wrong_expectation_voids(tmp_path, verb, severity, expect):
    rows = NEGATIVE
    more = ["set: {fund: F}"] if verb == "reassign" else []
    target = "where: {flag: negative-usage}"
    period, problems = decided(tmp_path, rows, decision(verb, target, f"expect: {expect}", *more))
    assert codes(problems) == [("void-decision", severity)]
    assert problems[0].place == "approvals/2025-01/batch.yaml:2:5"
    assert sums(period) == (3, 10, -7, 0)
    assert period.decisions[0].void


def test_right_expectation_holds(tmp_path):
    before, _ = bill(tmp_path / "before", NEGATIVE)
    (group,) = before.flags
    expect = f"expect: {{charges: 2, billed: '-7.00', digest: {group.digest}}}"
    period, problems = decided(tmp_path, NEGATIVE, decision("approve", "where: {flag: negative-usage}", expect))
    assert problems == []
    assert sums(period) == (3, 3, 0, 0)


def test_digest_is_over_sorted_ids():
    assert digest_of_ids(["b", "a"]) == digest_of_ids(["a", "b"])
    assert digest_of_ids(["a", "b"]) != digest_of_ids(["ab"])


@pytest.mark.parametrize(("verb", "severity"), [("approve", WARNING), ("reject", ERROR)])
def test_an_id_that_is_gone_voids(tmp_path, verb, severity):
    ids = ids_of(tmp_path, NEGATIVE, "negative-usage")
    rows = [{**row, "ResourceName": "changed"} for row in NEGATIVE]
    one = decision(verb, f"charges: [{ids[0]}]", *(["clears: negative-usage"] if verb == "approve" else []))
    period, problems = decided(tmp_path, rows, one)
    assert codes(problems) == [("void-decision", severity)]
    assert sums(period) == (3, 10, -7, 0)


def test_conflicting_decisions_void_both(tmp_path):
    where = "where: {flag: negative-usage}"
    period, problems = decided(tmp_path, NEGATIVE, decision("approve", where), decision("reject", where))
    assert codes(problems) == [("conflicting-decisions", ERROR)] * 2
    assert {problem.line for problem in problems} == {2, 6}
    assert "batch.yaml:6" in next(problem.message for problem in problems if problem.line == 2)
    assert sums(period) == (3, 10, -7, 0)
    assert all(record.void for record in period.decisions)


def test_an_id_beats_a_selector(tmp_path):
    ids = ids_of(tmp_path, NEGATIVE, "negative-usage")
    selector = decision("approve", "where: {flag: negative-usage}", "expect: {charges: 1}")
    period, problems = decided(tmp_path, NEGATIVE, selector, decision("reject", f"charges: [{ids[0]}]"))
    assert problems == []
    _, billed, held, rejected = sums(period)
    assert held == 0
    assert (billed, rejected) in ((6, -3), (7, -4))
    assert [record.charges for record in period.decisions] == [1, 1]


def test_approve_that_lacks_a_fund_is_an_error(tmp_path):
    period, problems = decided(tmp_path, NO_FUND, decision("approve", "where: {flag: missing-fund}"))
    assert codes(problems) == [("incomplete-decision", ERROR)]
    assert "reassign" in problems[0].fix
    assert sums(period) == (17, 10, 7, 0)


def test_foreign_currency_can_only_be_rejected(tmp_path):
    rows = [charge("5", BillingCurrency="EUR")]
    where = "where: {flag: foreign-currency}"
    period, problems = decided(tmp_path, rows, decision("approve", where))
    assert codes(problems) == [("foreign-currency", ERROR)]
    assert sums(period, currency="EUR") == (5, 0, 5, 0)
    period, problems = bill(tmp_path / "reject", rows, approvals=approvals(decision("reject", where)))
    assert problems == []
    assert sums(period, currency="EUR") == (5, 0, 0, 5)


def test_other_flags_keep_the_charge_held(tmp_path):
    rows = [charge("-5", BillingPeriodStart="2025-02-01", BillingPeriodEnd="2025-02-28")]
    first = decision("approve", "where: {flag: negative-usage}")
    second = decision("approve", "where: {flag: wrong-period}")
    assert sums(decided(tmp_path, rows, first)[0]) == (-5, 0, -5, 0)
    period, problems = bill(tmp_path / "both", rows, approvals=approvals(first, second))
    assert problems == []
    assert sums(period) == (-5, -5, 0, 0)


@pytest.mark.parametrize(
    ("set_", "code"), [("{fund: nonsense}", "invalid-fund"), ("{fund: CHE-9, project: nowhere}", "unknown-project")]
)
def test_what_is_set_is_checked_like_tags(tmp_path, set_, code):
    config = "organization: A\ncurrency: USD\nreview: {fund_patterns: '[A-Z]+-[0-9]'}\n"
    projects = "projects: [{id: genomics}]"
    one = decision("reassign", "where: {flag: missing-fund}", f"set: {set_}")
    period, problems = decided(tmp_path, NO_FUND, one, config=config, projects=projects)
    assert codes(problems) == [(code, ERROR)]
    assert sums(period) == (17, 10, 7, 0)
