"""`focus-billing review`: what is selected, what is written, and what is said of the rest."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from openchargeback.cli.main import cli

COLUMNS = (
    "BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,BilledCost,ListCost,BillingCurrency,ServiceName,SubAccountId,"
    "SubAccountName,ResourceId,PricingQuantity,PricingUnit,ListUnitPrice,Tags"
)
PROJECTS = """# Our projects.
projects:
  - {id: optics, pi: ben@example.edu, fund: PHY-1}
  - id: genomics
    entries:
      - {pi: ada@example.edu, fund: BIO-1, until: 2025-01-15}
      - {pi: ada@example.edu, fund: BIO-2, from: 2025-01-16}
"""


def row(cost: str, resource: str, *, account: str = "", day: str = "05", currency: str = "USD", **tags: str) -> str:
    """A charge of one day, tagged with `pi`, `project` and `fund`."""
    keys = {"pi": "pi_email", "project": "project_id", "fund": "fund_org"}
    text = json.dumps({keys[name]: value for name, value in tags.items()}).replace('"', '""')
    until = f"{int(day) + 1:02}"
    days = f"2025-01-{day}T00:00:00Z,2025-01-{until}T00:00:00Z"
    name = f"Lab {account}" if account else ""
    return (
        f"2025-01-01T00:00:00Z,{days},{cost},{cost},{currency},Compute,{account},{name},{resource},"
        f'10,hours,{float(cost) / 10},"{text}"\n'
    )


WHOLE = {"pi": "ada@example.edu", "project": "genomics", "fund": "BIO-1"}
ROWS = [
    row("100", "ok", **WHOLE),
    row("7", "nofund-1", pi="ben@example.edu", project="lasers"),
    row("5", "nofund-2", pi="ben@example.edu", project="lasers"),
    row("5", "nofund-2", pi="ben@example.edu", project="lasers"),
    row("30", "acct-a", account="A", day="10"),
    row("20", "acct-a", account="A", day="20"),
    row("2", "acct-b", account="B"),
    row("-4", "neg", **WHOLE),
    row("9", "euro", currency="EUR", **WHOLE),
]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    root = tmp_path / "ledger"
    for name, text in {
        "config.yaml": "organization: U\nreview: {fund_patterns: '[A-Z]{3}-[0-9]+'}\n",
        "directory/projects.yaml": PROJECTS.replace(
            "projects:\n", "projects:\n  - {id: lasers, pi: ben@example.edu}\n"
        ),
        "charges/2025-01/aws.csv": COLUMNS + "\n" + "".join(ROWS),
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def run(ledger: Path, *arguments: str, code: int = 0) -> Result:
    """Run the program; it ends as expected."""
    result = CliRunner().invoke(cli, ["--ledger", str(ledger), *arguments])
    if result.exit_code != code and not (code and result.exception):
        raise AssertionError(result.output)
    return result


def review(ledger: Path, verb: str, *arguments: str) -> str:
    """A decision on January by a reviewer, with what is printed."""
    common = ("--period", "2025-01", "--reason", "because", "--by", "rita@example.edu", "--on", "2025-02-03")
    return run(ledger, "review", verb, *common, *arguments).output


def refused(ledger: Path, verb: str, *arguments: str) -> str:
    """Why a decision is refused; nothing is written then."""
    common = ("--period", "2025-01", "--reason", "because", "--by", "rita@example.edu")
    before = files(ledger)
    result = run(ledger, "review", verb, *common, *arguments, code=2)
    assert result.exception is not None
    assert files(ledger) == before
    return str(result.exception) or result.output


def files(ledger: Path) -> list[str]:
    return sorted(path.relative_to(ledger).as_posix() for path in ledger.glob("approvals/**/*.yaml"))


def waiting(ledger: Path) -> dict[str, tuple[int, str, list[str]]]:
    """Charges, amount and flags that hold, by project or what stands in its place and the flags as raised."""
    items = json.loads(run(ledger, "review", "list", "--json").stdout)["items"]
    return {
        f"{each['project'] or each['sub_account'] or each['resource']}/{'+'.join(each['flags'])}": (
            each["charges"], each["amount"], each["uncleared"],
        )
        for each in items
    }  # fmt: skip


def item_id(ledger: Path, project: str, flag: str) -> str:
    items = json.loads(run(ledger, "review", "list", "--json").stdout)["items"]
    return next(
        str(each["item"])
        for each in items
        if flag in each["flags"] and project in (each["project"], each["sub_account"], each["resource"])
    )


UNTAGGED = ["missing-fund", "missing-pi", "missing-project"]


def test_the_queue_lists_every_held_charge_once(ledger: Path) -> None:
    assert waiting(ledger) == {
        "lasers/missing-fund": (2, "12", ["missing-fund"]),
        "lasers/missing-fund+possible-duplicate": (1, "5", ["missing-fund", "possible-duplicate"]),
        "A/missing-fund+missing-pi+missing-project": (2, "50", UNTAGGED),
        "B/missing-fund+missing-pi+missing-project": (1, "2", UNTAGGED),
        "genomics/negative-usage": (1, "-4", ["negative-usage"]),
        "genomics/foreign-currency": (1, "9", ["foreign-currency"]),
    }
    listed = run(ledger, "review", "list").stdout.splitlines()
    amounts = [abs(float(re.findall(r"(−?[\d.]+) (?:USD|EUR)", line)[0].replace("−", "-"))) for line in listed[1:7]]
    assert amounts == sorted(amounts, reverse=True)
    summary = "6 items to review in all periods, 65.00 USD, 9.00 EUR"
    assert listed[7] == f"{summary}; for details, run `focus-billing review show ITEM`"


def test_show_has_what_must_be_judged(ledger: Path) -> None:
    shown = run(ledger, "review", "show", item_id(ledger, "A", "missing-project")).output
    for part in (
        "Sub-account  A (Lab A)",
        "2025-01-10",
        "2025-01-20",
        "10 hours × 3",
        "charges/2025-01/aws.csv, 6",
        "50.00 USD",
    ):
        assert part in shown
    assert "focus-billing review reassign --period 2025-01 --item q" in shown
    charge = re.findall(r"[0-9a-f]{16}", shown)[0]
    assert run(ledger, "review", "show", charge).output == shown


def test_bulk_reassignment_leaves_the_duplicate_held_and_says_so(ledger: Path) -> None:
    printed = review(ledger, "reassign", "--flag", "missing-fund", "--project", "lasers", "--set-fund", "PHY-9")
    assert "Reassign 2 items, 3 charges, 17.00 USD:" in printed
    assert "still held by possible-duplicate" in printed
    left = waiting(ledger)
    assert left["lasers/missing-fund+possible-duplicate"] == (1, "5", ["possible-duplicate"])
    assert "lasers/missing-fund" not in left
    review(ledger, "approve", "--flag", "possible-duplicate")
    assert not [key for key in waiting(ledger) if key.startswith("lasers")]
    assert run(ledger, "validate").exit_code == 0


def test_a_known_project_fills_in_pi_and_fund_by_the_date_of_each_charge(ledger: Path) -> None:
    printed = review(ledger, "reassign", "--sub-account", "A", "--set-project", "genomics")
    assert "From the directory, for genomics: PI ada@example.edu, fund BIO-1" in printed
    assert "From the directory, for genomics: PI ada@example.edu, fund BIO-2" in printed
    (path,) = files(ledger)
    text = (ledger / path).read_text("utf-8")
    assert text.count("decision: reassign") == 2
    shown = json.loads(run(ledger, "periods", "show", "2025-01", "--json").stdout)
    assert {(each["project"], each["billed"]) for each in shown["statements"]} == {("genomics", "150.00")}
    assert not [key for key in waiting(ledger) if key.startswith("A/")]


def test_items_that_cannot_be_decided_are_named_and_block_nothing(ledger: Path) -> None:
    printed = review(ledger, "approve", "--all", "--all-flags")
    assert "Approve 1 item, 1 charge, −4.00 USD:" in printed
    assert "Not decided, 5 items:" in printed
    assert "genomics, Compute (aws): charges in EUR can only be rejected: use `review reject`" in printed
    assert "no project, Compute (aws), A: no one would pay (missing-fund, missing-pi, missing-project): " in printed
    assert "use `review reassign` with --set-pi --set-project --set-fund" in printed
    assert len(waiting(ledger)) == 5


def test_all_with_below_and_except(ledger: Path) -> None:
    b = item_id(ledger, "B", "missing-project")
    printed = review(ledger, "reject", "--all", "--below", "10", "--except", b)
    assert "Reject 3 items, 3 charges" in printed
    assert set(waiting(ledger)) == {
        "lasers/missing-fund", "A/missing-fund+missing-pi+missing-project", "B/missing-fund+missing-pi+missing-project",
    }  # fmt: skip


def test_one_charge_of_an_item_and_then_the_rest(ledger: Path) -> None:
    shown = json.loads(run(ledger, "review", "show", item_id(ledger, "lasers", "missing-fund"), "--json").stdout)
    first = shown["all_charges"][0]["charge"]
    review(ledger, "reject", "--charge", first)
    assert waiting(ledger)["lasers/missing-fund"] == (1, "5", ["missing-fund"])
    review(ledger, "reassign", "--project", "lasers", "--set-fund", "PHY-9", "--all-flags")
    assert not [key for key in waiting(ledger) if key.startswith("lasers")]


def test_several_values_of_an_option_count(ledger: Path) -> None:
    printed = review(ledger, "reject", "--sub-account", "A", "--sub-account", "B")
    assert "Reject 2 items, 3 charges, 52.00 USD:" in printed


@pytest.mark.parametrize(
    ("verb", "arguments", "why"),
    [
        ("approve", [], "no charges selected"),
        ("approve", ["--flag", "missing-found"], "has --flag missing-found; did you mean missing-fund?"),
        ("approve", ["--project", "Lasers"], "has --project Lasers; did you mean lasers?"),
        (
            "approve",
            ["--flag", "missing-fund"],
            "no one would pay (missing-fund): use `review reassign` with --set-fund",
        ),
        ("approve", ["--project", "genomics", "--source", "azure"], "has --source azure"),
        ("approve", ["--item", "q0000000000"], "q0000000000 is not in the queue of 2025-01"),
        (
            "approve",
            ["--charge", "0123456789abcdef", "--all-flags"],
            "0123456789abcdef is not a held charge of 2025-01",
        ),
        (
            "approve",
            ["--sub-account", "A"],
            "no one would pay (missing-fund, missing-pi, missing-project): use `review reassign` with",
        ),
        ("approve", ["--resource", "neg"], "held by other flags: add --flag negative-usage, or --all-flags"),
        ("reassign", ["--sub-account", "A", "--set-project", "Lasers", "--all-flags"], "did you mean lasers?"),
        ("reject", ["--all", "--except", "0123456789abcdef"], "0123456789abcdef is not in the queue"),
        ("reassign", ["--sub-account", "A", "--set-project", "nowhere", "--all-flags"], "is not in the directory"),
        ("reassign", ["--sub-account", "A", "--set-fund", "BIO-1", "--all-flags"], "add --set-pi --set-project"),
        ("reassign", ["--sub-account", "A", "--set-project", "genomics", "--set-pi", "Ada"], "not an email address"),
        ("reassign", ["--project", "lasers", "--set-fund", "bio 1"], "matches no configured pattern"),
        ("reassign", ["--all"], "no payer given"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    ledger: Path, verb: str, arguments: list[str], why: str
) -> None:
    assert why in refused(ledger, verb, *arguments)


def test_except_that_leaves_nothing_is_refused(ledger: Path) -> None:
    b = item_id(ledger, "B", "missing-project")
    charge = json.loads(run(ledger, "review", "show", b, "--json").stdout)["all_charges"][0]["charge"]
    assert "--except leaves nothing" in refused(ledger, "reject", "--sub-account", "B", "--except", charge)


def test_refresh_replaces_void_decisions_in_their_files(ledger: Path) -> None:
    review(
        ledger, "reassign", "--project", "lasers", "--flag", "missing-fund", "--set-fund", "PHY-9", "--name", "funds"
    )
    review(ledger, "approve", "--flag", "negative-usage", "--name", "negative")
    path = ledger / "charges/2025-01/aws.csv"
    path.write_text(path.read_text("utf-8") + row("3", "nofund-3", pi="ben@example.edu", project="lasers"), "utf-8")
    assert run(ledger, "validate", code=1).exit_code == 1
    printed = run(ledger, "review", "refresh", "--by", "rita@example.edu", "--on", "2025-02-04").output
    assert "approvals/2025-01/funds.yaml:2: reassign, because: replaced by 1 decision" in printed
    assert run(ledger, "validate").exit_code == 0
    assert files(ledger) == [
        "approvals/2025-01/funds.yaml", "approvals/2025-01/negative.yaml", "approvals/2025-01/refresh.yaml",
    ]  # fmt: skip
    assert (ledger / "approvals/2025-01/funds.yaml").read_text("utf-8").count("decision:") == 1
    assert waiting(ledger)["lasers/missing-fund+possible-duplicate"][2] == ["possible-duplicate"]
    assert "lasers/missing-fund" not in waiting(ledger)
    assert run(ledger, "review", "refresh", "--by", "x").output == "Every decision matches its charges.\n"


def test_refresh_removes_what_nothing_is_left_of(ledger: Path) -> None:
    review(ledger, "approve", "--flag", "negative-usage")
    path = ledger / "charges/2025-01/aws.csv"
    path.write_text("".join(line for line in path.read_text("utf-8").splitlines(True) if ",neg," not in line), "utf-8")
    printed = run(ledger, "review", "refresh", "--by", "x").output
    assert "removed: nothing left to decide" in printed
    assert files(ledger) == []


def test_directory_suggest_settles_untagged_accounts(ledger: Path, tmp_path: Path) -> None:
    printed = run(ledger, "directory", "suggest", "--period", "2025-01").output
    assert printed.index("50.00 USD, 2 charges: Lab A") < printed.index("2.00 USD, 1 charge: Lab B")
    assert 'match: {SubAccountId: ["A"]}' in printed
    stubs = tmp_path / "projects.csv"
    run(ledger, "directory", "suggest", "--period", "2025-01", "-o", str(stubs))
    lines = stubs.read_text("utf-8").splitlines()
    assert lines[0] == "id,title,pi,fund,sub_account,billing_account,resource,#charges,#amount USD,#seen"
    # Both accounts belong to a project that is there already.
    stubs.write_text("\n".join([lines[0], *(f"optics{line}" for line in lines[1:])]) + "\n", "utf-8")
    assert "optics: match" in run(ledger, "directory", "import", str(stubs)).output
    assert not [key for key in waiting(ledger) if "missing-project" in key]
    text = (ledger / "directory/projects.yaml").read_text("utf-8")
    assert text.startswith("# Our projects.\n")


def test_stubs_that_are_not_filled_in_are_passed_over(ledger: Path, tmp_path: Path) -> None:
    stubs = tmp_path / "projects.csv"
    run(ledger, "directory", "suggest", "--period", "2025-01", "-o", str(stubs))
    before = (ledger / "directory/projects.yaml").read_bytes()
    assert "0 added, 0 changed, 0 unchanged, 2 not filled in" in run(ledger, "directory", "import", str(stubs)).output
    assert (ledger / "directory/projects.yaml").read_bytes() == before
