"""How a statement says where its payer comes from, and which references its charges name."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))

from small_ledger import ADA, FUND, PROJECT, bill, charge, held_ids, tags

from openchargeback.model import Attribution, Reference, Statement
from openchargeback.portal.attribution_words import attribution_sentence

PROJECTS = f"""projects:
  - {{id: {PROJECT}, pi: {ADA}, fund: {FUND}, match: {{SubAccountId: ['4711']}}}}
  - {{id: optics, pi: ben@example.edu, fund: PHY-7}}
"""
REFERENCES = "organization: A\ntags: {references: {grant: grant_number, request: a/b~c}}\n"


def found(pi: str, project: str, fund: str, by: tuple[str, ...], charges: int, amount: str | int) -> Attribution:
    """An attribution whose exact amount is whole cents."""
    return Attribution(
        pi=pi, project=project, fund=fund, by=by, charges=charges, exact_billed=Decimal(amount), billed=Decimal(amount)
    )


def statements(root: Path, rows: list[dict[str, str]], **texts: str) -> dict[str, Statement]:
    """Project → statement; the attributions of each add up to its lines."""
    period, problems = bill(root, rows, **texts)
    assert not [problem for problem in problems if problem.severity == "error"], problems
    for each in period.statements:
        assert sum(part.charges for part in each.attributions) == sum(line.charges for line in each.lines)
        exact = sum((part.exact_billed for part in each.attributions), Decimal(0))
        assert exact == sum((line.exact_billed for line in each.lines), Decimal(0))
        assert sum((part.billed for part in each.attributions), Decimal(0)) == each.amounts.billed
    return {each.project.id: each for each in period.statements}


def test_tags_directory_and_account(tmp_path: Path) -> None:
    rows = [
        charge("1", SubAccountId="4711"),
        charge("2", text=tags(fund=None), SubAccountId="4711"),
        charge("4", text="", SubAccountId="4711"),
        charge("8", text="", SubAccountId="4711"),
    ]
    assert statements(tmp_path, rows, projects=PROJECTS)[PROJECT].attributions == (
        found("project", "match", "project", (), 2, 12),
        found("tag", "tag", "project", (), 1, 2),
        found("tag", "tag", "tag", (), 1, 1),
    )


def test_cents_add_up_to_those_of_the_lines(tmp_path: Path) -> None:
    # 1.014 is 1.01; the lines are 0.34, 0.33 and 0.34. Rounded alone, the first two, 0.675, would be 0.68.
    rows = [
        charge("0.3375"),
        charge("0.3375", ServiceName="Storage"),
        charge("0.339", text=tags(fund=None), ServiceName="Network"),
    ]
    (one, other) = statements(tmp_path, rows, projects=PROJECTS)[PROJECT].attributions
    assert (one.fund, one.exact_billed, one.billed) == ("tag", Decimal("0.675"), Decimal("0.67"))
    assert (other.fund, other.exact_billed, other.billed) == ("project", Decimal("0.339"), Decimal("0.34"))


def test_a_fund_that_nobody_needs(tmp_path: Path) -> None:
    rows = [charge("0", text=tags(fund=None), ListCost="3")]
    assert statements(tmp_path, rows)[PROJECT].attributions == (found("tag", "tag", "", (), 1, 0),)


def reassign(id_: str, values: str) -> str:
    return (
        f"decisions:\n  - charges: ['{id_}']\n    clears: [missing-fund]\n    decision: reassign\n"
        f"    set: {{{values}}}\n    reason: x\n    by: reviewer@example.edu\n"
    )


@pytest.mark.parametrize(
    ("values", "project", "expected"),
    [
        ("fund: BIO-9", PROJECT, ("tag", "tag", "decision")),
        # PI and fund of the new project's entry count before the row's tags.
        ("project: optics", "optics", ("project", "decision", "project")),
        ("pi: ben@example.edu, project: optics, fund: X-1", "optics", ("decision", "decision", "decision")),
    ],
)
def test_a_decision_says_what_it_set(tmp_path: Path, values: str, project: str, expected: tuple[str, str, str]) -> None:
    directory = PROJECTS.replace(f", fund: {FUND}", "")
    rows = [charge("5", text=tags(fund=None)), charge("7")]
    period, _ = bill(tmp_path, rows, projects=directory)
    (id_,) = held_ids(period, "missing-fund")
    made = statements(tmp_path, rows, projects=directory, approvals=reassign(id_, values))[project].attributions
    assert found(*expected, ("reviewer@example.edu",), 1, 5) in made


def test_an_approval_found_no_payer(tmp_path: Path) -> None:
    rows = [charge("5"), charge("5")]
    period, _ = bill(tmp_path, rows)
    (id_,) = held_ids(period, "possible-duplicate")
    text = reassign(id_, "").replace("missing-fund", "possible-duplicate")
    text = text.replace("    set: {}\n", "").replace("reassign", "approve")
    assert statements(tmp_path, rows, approvals=text)[PROJECT].attributions == (found("tag", "tag", "tag", (), 2, 10),)


def referring(**more: object) -> str:
    return json.dumps({"pi_email": ADA, "project_id": PROJECT, "fund_org": FUND, **more})


def test_references_are_distinct_and_sorted_however_they_are_spelled(tmp_path: Path) -> None:
    rows = [
        charge("1", text=referring(grant_number="GR-2")),
        charge("1", text=referring(grant_number=" GR-1 ", **{"a/b~c": "R 7"}), ResourceId="r-2"),
        charge("1", text=referring(**{" Grant_Number": "GR-3"}), ResourceId="r-3"),
        charge("1", text=referring(grant_number=4), ResourceId="r-4"),
        charge("1", text=referring(grant_number="GR-2", other=[1]), ResourceId="r-5"),
        charge("1", text=referring(grant_number=["GR-9"]), ResourceId="r-6"),
        charge("1", text=referring(grant_number="GR-5")[1:-1], ResourceId="r-7"),
        charge("1", text=referring(grant_number=""), ResourceId="r-8"),
    ]
    assert statements(tmp_path, rows, config=REFERENCES)[PROJECT].references == (
        Reference("grant", ("4", "GR-1", "GR-2", "GR-3", "GR-5"), 5),
        Reference("request", ("R 7",), 1),
    )


def test_many_references_are_counted(tmp_path: Path) -> None:
    rows = [charge("1", text=referring(grant_number=f"{i:04}"), ResourceId=str(i)) for i in range(150)]
    (reference,) = statements(tmp_path, rows, config=REFERENCES)[PROJECT].references
    assert reference.count == 150
    assert reference.values == tuple(f"{i:04}" for i in range(100))


def test_charges_that_are_not_billed_name_no_reference(tmp_path: Path) -> None:
    rows = [charge("1"), charge("-1", text=referring(grant_number="GR-2"))]
    assert statements(tmp_path, rows, config=REFERENCES)[PROJECT].references == ()


SEVERAL_FUNDS = (
    "PI and project from the tags of the charges; fund from the project’s entry in the directory for 12 charges "
    "(USD 341.20), decided by a@example.edu and b@example.edu for 3 charges (USD 0.50), "
    "not needed (nothing is billed) for 1 charge."
)
TWO_DECIDED = (
    "PI from the default payer of the source; project from the directory, by account or resource; "
    "fund decided by b@example.edu for 1,200 charges (USD −2.00), decided by a@example.edu for 1 charge (USD 1.00)."
)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ((), ""),
        ([found("tag", "tag", "tag", (), 3, 1)], "PI, project and fund from the tags of the charges."),
        (
            [
                found("tag", "tag", "project", (), 12, "341.20"),
                found("tag", "tag", "decision", ("a@example.edu", "b@example.edu"), 3, "0.5"),
                found("tag", "tag", "", (), 1, 0),
            ],
            SEVERAL_FUNDS,
        ),
        (
            [
                found("default", "match", "decision", ("a@example.edu",), 1, 1),
                found("default", "match", "decision", ("b@example.edu",), 1200, -2),
            ],
            TWO_DECIDED,
        ),
    ],
)
def test_the_sentence(parts: list[Attribution], sentence: str) -> None:
    assert attribution_sentence(parts, "USD").replace("\N{NO-BREAK SPACE}", " ") == sentence
