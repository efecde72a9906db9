"""Who pays: tag, directory match, project entry, default payer, in this order and field by field."""

import pytest
from small_ledger import ADA, FUND, PROJECT, bill, charge, flags, tags

from openchargeback.focus.database import database
from openchargeback.focus.reading import check
from openchargeback.ledger.reading import read_ledger


def payers(period):
    return [(line.pi, line.project, line.fund) for line in period.lines]


@pytest.mark.parametrize("written", ["ADA@Example.EDU", "  ada@example.edu ", "a.l@example.edu", "A.L@EXAMPLE.edu"])
def test_spellings_and_aliases_are_one_person(tmp_path, written):
    people = "people: [{email: Ada@example.edu, name: Ada, aliases: a.l@example.edu}, {email: b@x.edu}]\n"
    rows = [charge("1"), charge("2", text=tags(pi=written))]
    period, _ = bill(tmp_path, rows, people=people)
    assert payers(period) == [(ADA, PROJECT, FUND)]
    assert period.statements[0].pi.name == "Ada"


@pytest.mark.parametrize(
    ("cells", "text", "expected"),
    [
        ({"ResourceId": "r-1"}, "", "by-resource"),
        ({"SubAccountId": "123"}, "", "by-account"),
        ({"BillingAccountId": "9"}, "", "by-billing"),
        ({"SubAccountId": "123", "BillingAccountId": "9", "ResourceId": "r-1"}, "", "by-account"),
        ({"SubAccountId": "123"}, tags(project="by-billing", pi=None, fund=None), "by-billing"),
    ],
)
def test_the_directory_claims_accounts_and_resources(tmp_path, cells, text, expected):
    projects = """projects:
  - {id: by-resource, pi: a@x.edu, fund: F1, match: {ResourceId: r-1}}
  - {id: by-account, pi: b@x.edu, fund: F2, match: {SubAccountId: ["123"]}}
  - {id: by-billing, pi: c@x.edu, fund: F3, match: {BillingAccountId: 9}}
"""
    row = {**charge("1", text=text), "ResourceId": "other", "SubAccountId": "", "BillingAccountId": "", **cells}
    period, _ = bill(tmp_path, [row], projects=projects)
    assert [line.project for line in period.lines] == [expected]
    assert flags(period) == {}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"ChargePeriodStart": "2025-01-09", "ChargePeriodEnd": "2025-01-09"}, ("old@x.edu", "OLD")),
        ({"ChargePeriodStart": "2025-01-10", "ChargePeriodEnd": "2025-01-11"}, ("new@x.edu", "NEW")),
        ({"ChargePeriodStart": "", "ChargePeriodEnd": ""}, ("old@x.edu", "OLD")),
    ],
)
def test_a_project_entry_is_chosen_by_the_date_of_the_charge(tmp_path, cells, expected):
    entries = "[{pi: old@x.edu, fund: OLD, until: 2025-01-09}, {pi: new@x.edu, fund: NEW, from: 2025-01-10}]"
    projects = f"projects: [{{id: {PROJECT}, entries: {entries}}}]"
    period, _ = bill(tmp_path, [charge("1", text=tags(pi=None, fund=None), **cells)], projects=projects)
    assert [(line.pi, line.fund) for line in period.lines] == [expected]
    assert flags(period) == {}


def test_before_its_first_entry_a_project_names_nobody(tmp_path):
    projects = f"projects: [{{id: {PROJECT}, pi: new@x.edu, fund: NEW, from: 2025-01-20}}]"
    rows = [charge("1", text=tags(pi=None, fund=None)), charge("2", text=tags(pi=None, fund=None),
            ChargePeriodStart="2025-01-20", ChargePeriodEnd="2025-01-21")]  # fmt: skip
    period, _ = bill(tmp_path, rows, projects=projects)
    assert payers(period) == [("new@x.edu", PROJECT, "NEW")]
    assert flags(period) == {"missing-fund": 1, "missing-pi": 1}


def test_tags_win_over_the_directory_field_by_field(tmp_path):
    projects = f"projects: [{{id: {PROJECT}, pi: dir@x.edu}}]"
    period, _ = bill(tmp_path, [charge("1", text=tags(pi=None))], projects=projects)
    assert payers(period) == [("dir@x.edu", PROJECT, FUND)]


def test_the_default_payer_may_be_kept_to_what_is_untagged(tmp_path):
    config = """organization: A
currency: USD
sources:
  hpc:
    default: {pi: Desk@x.edu, project: core, fund: CORE, untagged_only: true}
"""
    rows = [charge("1", text=""), charge("2", text="{}"), charge("4", text=tags(fund=None))]
    period, _ = bill(tmp_path, rows, config=config)
    assert payers(period) == [("desk@x.edu", "core", "CORE")]
    assert period.lines[0].charges == 2
    assert flags(period) == {"missing-fund": 1}


def test_the_default_payer_fills_single_fields(tmp_path):
    config = "organization: A\ncurrency: USD\nsources: {hpc: {default: {pi: d@x.edu, project: core, fund: CORE}}}\n"
    period, _ = bill(tmp_path, [charge("1", text=tags(fund=None))], config=config)
    assert payers(period) == [(ADA, PROJECT, "CORE")]


def test_malformed_tags_say_nothing(tmp_path):
    config = "organization: A\ncurrency: USD\nsources: {hpc: {default: {pi: d@x.edu, project: core, fund: CORE}}}\n"
    period, _ = bill(tmp_path, [charge("1", text="{oops")], config=config)
    assert period.lines == ()
    assert flags(period) == {"malformed-tags": 1}


def test_malformed_allocated_tags_never_fall_back_on_those_of_the_shared_resource(tmp_path):
    rows = [
        charge("1", AllocatedTags="{oops", AllocatedResourceId="pod-a"),
        charge("2", AllocatedTags='"project_id": "genomics"', AllocatedResourceId="pod-b"),
        charge("4", text='"project_id": "genomics"', AllocatedTags=""),
    ]
    period, problems = bill(tmp_path, rows, warnings=True)
    assert flags(period) == {"malformed-tags": 1, "missing-pi": 2, "missing-fund": 2}
    told = [(each.line, each.field, each.message, each.count) for each in problems if each.code == "tags-braces"]
    assert told == [
        (3, "AllocatedTags", "AllocatedTags lack their outer braces", 1),
        (4, "Tags", "Tags lack their outer braces", 1),
    ]
    ledger, _ = read_ledger(tmp_path)
    with database() as con:
        quick = check(con, ledger.charge_files["2025-01"], ledger.config)
    assert [each for each in quick if each.code == "tags-braces"] == [e for e in problems if e.code == "tags-braces"]


@pytest.mark.parametrize("only", [True, False])
@pytest.mark.parametrize(
    ("text", "untagged"), [("{}", True), ("", True), ("{bad", False), (tags(pi=None, project=None), False)]
)
def test_a_default_for_what_is_untagged_is_not_for_tags_that_cannot_be_read(tmp_path, text, untagged, only):
    """Whoever wrote them meant someone; with a default for all, the charge is held with it as a proposal."""
    default = f"{{pi: def@example.edu, project: def, fund: D-1, untagged_only: {str(only).lower()}}}"
    config = f"organization: A\ncurrency: USD\nsources: {{hpc: {{default: {default}}}}}\n"
    period, _ = bill(tmp_path, [charge("5", text=text)], config=config)
    ((pi, project),) = [(each.pi, each.project) for each in (*period.lines, *period.queue)]
    assert (pi, project) == (("def@example.edu", "def") if untagged or not only else ("", ""))
