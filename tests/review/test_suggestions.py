"""What the directory lacks, as suggestions for it."""

from decimal import Decimal

from small_ledger import bill, charge, tags

from openchargeback.review.suggestions import suggestions

PROJECTS = "projects: [{id: genomics}, {id: optics}]\n"


def test_what_the_directory_does_not_know_is_suggested_with_its_charges_and_money(tmp_path):
    """By sub-account, else by resource; by id for projects and funds, by address for PIs; the most money first."""
    nothing = tags(project=None)
    rows = [
        charge("1", text=nothing, SubAccountId="acct-1", SubAccountName="Lab one"),
        charge("2", text=nothing, SubAccountId="acct-1", SubAccountName="Lab one", ResourceId="r-2"),
        charge("9", text=nothing, ResourceId="r-9", ResourceName="node nine"),
        charge("4", text=tags(project="genomic"), ResourceId="r-4"),
        charge("5", text=tags(pi="adda@example.edu"), ResourceId="r-5"),
        charge("6", text=tags(fund="BIO-9"), ResourceId="r-6"),
        charge("7", text=nothing, ResourceId="r-7", BillingCurrency="EUR"),
    ]
    texts = {"people": "people: [{email: ada@example.edu}]", "funds": "funds: [{id: BIO-1}]", "projects": PROJECTS}
    period, _ = bill(tmp_path, rows, **texts)
    found = suggestions(period.queue, "USD")
    assert [(each.kind, each.column, each.value, each.charges, each.amount) for each in found] == [
        ("funds", "id", "BIO-9", 1, Decimal(6)),
        ("people", "email", "adda@example.edu", 1, Decimal(5)),
        ("projects", "resource", "r-9", 1, Decimal(9)),
        ("projects", "id", "genomic", 1, Decimal(4)),
        ("projects", "sub_account", "acct-1", 2, Decimal(3)),
    ]
    by_value = {each.value: each for each in found}
    assert by_value["acct-1"].names[0] == "Lab one"
    assert by_value["r-9"].names == ("node nine",)
    assert (by_value["genomic"].near, by_value["adda@example.edu"].near) == ("genomics", "ada@example.edu")
