"""The sample data is what its generator writes, follows FOCUS 1.2, and holds the oddities it promises, and no others.

The flags are found here a second time, in plain Python and straight from the words of the design, so that neither the
generator nor the engine has to be believed.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
LEDGER = ROOT / "ledger"
SOURCES = ("aws", "azure", "hpc", "storage")
HISTORY = ("2024-11", "2024-12")
NEW = ("2025-01", "2025-12")
FILES = [(period, source) for period in HISTORY + NEW for source in SOURCES]

MANDATORY = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost",
    "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit", "ProviderName",
    "PublisherName", "ServiceCategory", "ServiceName",
)  # fmt: skip
NEVER_NULL = set(MANDATORY) - {"ChargeClass", "PricingQuantity", "PricingUnit"}
TAX_HAS_NO = (
    "PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit", "ListUnitPrice", "ContractedUnitPrice",
    "PricingCategory", "SkuId", "SkuPriceId", "ResourceId", "ResourceName", "ResourceType",
)  # fmt: skip
DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T00:00:00Z")
NUMBER = re.compile(r"-?\d+(\.\d+)?(E-?\d+)?")

# What a person must look at, in charges, by file. Whoever plants an oddity writes it down here and in README.md.
EXPECTED_FLAGS = {
    ("2024-11", "aws"): {"pattern:gpu": 5},
    ("2024-11", "azure"): {"possible-duplicate": 1},
    ("2024-12", "storage"): {"missing-fund": 2},
    ("2025-01", "aws"): {
        "pattern:gpu": 4, "missing-fund": 2, "missing-project": 1, "malformed-tags": 1, "possible-duplicate": 1,
    },
    ("2025-01", "azure"): {
        "unknown-project": 1, "invalid-fund": 1, "fund-not-of-project": 1, "expired-project": 1, "above-list": 1,
    },
    ("2025-01", "hpc"): {"missing-pi": 1, "missing-project": 1},
    ("2025-01", "storage"): {"missing-fund": 1, "missing-pi": 1, "missing-project": 1},
    ("2025-12", "aws"): {
        "pattern:gpu": 3, "missing-fund": 1, "missing-project": 1, "above-list": 1, "unusual-amount": 69,
    },
    ("2025-12", "azure"): {"unknown-project": 1, "invalid-fund": 1, "fund-not-of-project": 1, "malformed-tags": 1},
    ("2025-12", "hpc"): {"unknown-project": 1, "expired-project": 1},
    ("2025-12", "storage"): {
        "missing-fund": 1, "missing-pi": 1, "missing-project": 1, "possible-duplicate": 1, "expired-project": 2,
    },
}  # fmt: skip
UNKNOWN_PROJECTS = {"exoplanet-transit", "batery-interfaces", "course-cs-480"}

Row = dict[str, str]


def path_of(period: str, source: str) -> Path:
    if period in HISTORY:
        return LEDGER / "charges" / period / f"{source}.csv"
    return ROOT / "sample_data" / f"{source}_{period}.csv"


@cache
def rows_of(period: str, source: str) -> list[Row]:
    text = path_of(period, source).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def total(rows: list[Row], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))


# ── Directory and settings, read with plain YAML ──────────────────────────────────────────────────────────────────────


@cache
def ledger_yaml(path: str):
    return yaml.safe_load((LEDGER / path).read_text(encoding="utf-8"))


def people() -> set[str]:
    entries = ledger_yaml("directory/people.yaml")["people"]
    return {address for entry in entries for address in [entry["email"], *entry.get("aliases", [])]}


def projects() -> dict[str, dict]:
    return {entry["id"]: entry for entry in ledger_yaml("directory/projects.yaml")["projects"]}


def first_day(row: Row) -> dt.date:
    """The date of a charge."""
    return dt.datetime.fromisoformat(row["ChargePeriodStart"] or row["BillingPeriodStart"]).date()


def last_day(row: Row) -> dt.date:
    """The last day that a charge covers; ends are exclusive."""
    return (dt.datetime.fromisoformat(row["ChargePeriodEnd"]) - dt.timedelta(seconds=1)).date()


def directory_entry(project: str, day: dt.date) -> dict:
    """What the directory knows of a project on a day: PI and fund, read from the dated entry that holds then."""
    entry = projects().get(project, {})
    for dated in entry.get("entries", []):
        if dated.get("from", dt.date.min) <= day <= dated.get("until", dt.date.max):
            return {**entry, **dated}
    return entry


def tags_of(row: Row) -> dict[str, str] | None:
    """The tags of a charge; None where they cannot be read."""
    try:
        return json.loads(row["Tags"] or "{}")
    except json.JSONDecodeError:
        return None


def payer(row: Row, source: str) -> dict[str, str] | None:
    """PI, project and fund of a charge; None where its tags cannot be read."""
    tags = tags_of(row)
    if tags is None:
        return None
    who = {"pi": tags.get("pi_email", ""), "project": tags.get("project_id", ""), "fund": tags.get("fund_org", "")}
    matched = (
        p["id"] for p in projects().values() if row["SubAccountId"] in p.get("match", {}).get("SubAccountId", [])
    )
    who["project"] = who["project"] or next(matched, "")
    entry = directory_entry(who["project"], first_day(row))
    who["pi"] = who["pi"] or entry.get("pi", "")
    who["fund"] = who["fund"] or entry.get("fund", "")
    if not any(who.values()):
        who |= ledger_yaml("config.yaml")["sources"][source].get("default", {})
    return who


# ── The flags of the design, section 4 ────────────────────────────────────────────────────────────────────────────────


def flags_of(period: str, source: str) -> list[set[str]]:
    """The flags of every row, in the order of the file."""
    seen: Counter[tuple[str, ...]] = Counter()
    result: list[set[str]] = []
    for row in rows_of(period, source):
        whole = tuple(row.values())
        flags = attribution_flags(row, source) | cost_flags(row)
        if seen[whole]:
            flags.add("possible-duplicate")
        if group_of(row, source) in unusual_groups(period):
            flags.add("unusual-amount")
        seen[whole] += 1
        result.append(flags)
    return result


def attribution_flags(row: Row, source: str) -> set[str]:
    who, tags = payer(row, source), tags_of(row) or {}
    if who is None:
        return {"malformed-tags"}
    flags = {f"missing-{field}" for field in ("pi", "project") if not who[field]}
    if not who["fund"] and Decimal(row["BilledCost"]):
        flags.add("missing-fund")
    patterns = ledger_yaml("config.yaml")["review"]["fund_patterns"]
    if who["fund"] and not any(re.search(pattern, who["fund"]) for pattern in patterns):
        flags.add("invalid-fund")
    if who["project"] and who["project"] not in projects():
        flags.add("unknown-project")
    if who["pi"] and who["pi"].casefold() not in people():
        flags.add("unknown-pi")
    end = projects().get(who["project"], {}).get("end", dt.date.max)
    if end < first_day(row):
        flags.add("expired-project")
    now, then = (directory_entry(who["project"], day) for day in (first_day(row), last_day(row)))
    if first_day(row) <= end < last_day(row) or any(now.get(key) != then.get(key) for key in ("pi", "fund")):
        flags.add("spans-change")
    aliases = {alias: each["email"] for each in ledger_yaml("directory/people.yaml")["people"]
               for alias in each.get("aliases", [])}  # fmt: skip
    for key, tag in (("pi", "pi_email"), ("fund", "fund_org")):
        said = tags.get(tag, "").casefold() if key == "pi" else tags.get(tag, "")
        if said and now.get(key) and aliases.get(said, said) != now[key]:
            flags.add(f"{key}-not-of-project")
    return flags


def cost_flags(row: Row) -> set[str]:
    flags = set()
    billed, listed = Decimal(row["BilledCost"]), Decimal(row["ListCost"])
    usual = not row["ChargeClass"]
    if row["ChargeCategory"] in ("Usage", "Purchase") and usual and billed > max(listed, Decimal(0)):
        flags.add("above-list")
    if row["ChargeCategory"] == "Usage" and usual and billed < 0:
        flags.add("negative-usage")
    for name, pattern in ledger_yaml("config.yaml")["review"]["patterns"].items():
        fits = all(re.search(expression, row[column]) for column, expression in pattern["match"].items())
        if fits and billed >= pattern["minimum"]:
            flags.add(f"pattern:{name}")
    return flags


def group_of(row: Row, source: str) -> tuple[str, str]:
    who = payer(row, source)
    return (who["project"] if who else "", row["ServiceName"])


@cache
def spending(period: str) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for source in SOURCES:
        for row in rows_of(period, source):
            sums[group_of(row, source)] += Decimal(row["BilledCost"])
    return sums


@cache
def unusual_groups(period: str) -> set[tuple[str, str]]:
    """Projects and services far above the median of the closed months; the first two months have none to compare."""
    if period in HISTORY:
        return set()
    rule = ledger_yaml("config.yaml")["review"]["unusual_amount"]
    found = set()
    for group, amount in spending(period).items():
        usual = statistics.median(spending(month).get(group, Decimal(0)) for month in HISTORY)
        if amount > rule["factor"] * usual and amount > rule["minimum"]:
            found.add(group)
    return found


# ── Tests ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_generator_writes_exactly_these_files():
    command = [sys.executable, str(ROOT / "sample_data" / "make_sample_data.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_there_are_no_other_charge_files():
    found = {*ROOT.glob("sample_data/*.csv"), *LEDGER.glob("charges/**/*.csv")}
    assert found == {path_of(period, source) for period, source in FILES}


@pytest.mark.parametrize(("period", "source"), FILES)
def test_columns(period, source):
    with path_of(period, source).open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    assert len(header) == len(set(header))
    assert set(MANDATORY) <= set(header)
    rows = rows_of(period, source)
    assert 40 <= len(rows) <= 400
    assert all(None not in row and None not in row.values() for row in rows), "ragged row"
    assert all(row[column] for row in rows for column in NEVER_NULL)


@pytest.mark.parametrize(("period", "source"), FILES)
def test_times(period, source):
    """ISO 8601 in UTC, ends exclusive; the billing period is the month that the file is named after."""
    first = dt.date.fromisoformat(f"{period}-01")
    following = (first + dt.timedelta(days=31)).replace(day=1)
    for row in rows_of(period, source):
        assert row["BillingPeriodStart"] == f"{first}T00:00:00Z"
        assert row["BillingPeriodEnd"] == f"{following}T00:00:00Z"
        assert DATE_TIME.fullmatch(row["ChargePeriodStart"])
        assert DATE_TIME.fullmatch(row["ChargePeriodEnd"])
        assert row["ChargePeriodStart"] < row["ChargePeriodEnd"]


@pytest.mark.parametrize(("period", "source"), FILES)
def test_amounts(period, source):
    """The arithmetic of FOCUS holds exactly, and no cost has more than ten decimals."""
    for row in rows_of(period, source):
        for column in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"):
            assert NUMBER.fullmatch(row[column])
            exponent = Decimal(row[column]).normalize().as_tuple().exponent
            assert isinstance(exponent, int)
            assert exponent >= -10
        for cost, price in (("ListCost", "ListUnitPrice"), ("ContractedCost", "ContractedUnitPrice")):
            if row[price]:
                assert Decimal(row[price]) >= 0
                assert Decimal(row[cost]) == Decimal(row[price]) * Decimal(row["PricingQuantity"])


@pytest.mark.parametrize(("period", "source"), FILES)
def test_nulls(period, source):
    for row in rows_of(period, source):
        for one, other in (
            ("PricingQuantity", "PricingUnit"),
            ("ConsumedQuantity", "ConsumedUnit"),
            ("SubAccountId", "SubAccountName"),
            ("SubAccountId", "SubAccountType"),
            ("ResourceId", "ResourceName"),
        ):
            assert bool(row[one]) == bool(row[other]), one
        if row["ChargeCategory"] == "Tax":
            assert not any(row[column] for column in TAX_HAS_NO)
        if row["ChargeCategory"] != "Usage":
            assert not row["ConsumedQuantity"]


def test_every_service_has_one_category():
    categories = defaultdict(set)
    for period, source in FILES:
        for row in rows_of(period, source):
            categories[row["ServiceName"]].add((row["ServiceCategory"], row["ServiceSubcategory"]))
    assert {name: found for name, found in categories.items() if len(found) > 1} == {}


def test_no_machine_runs_longer_than_its_period():
    for period, source in FILES:
        for row in rows_of(period, source):
            if row["PricingUnit"] == "Hours":
                start, end = (dt.datetime.fromisoformat(row[f"ChargePeriod{which}"]) for which in ("Start", "End"))
                assert Decimal(row["PricingQuantity"]) <= (end - start) // dt.timedelta(hours=1), row["ResourceName"]


@pytest.mark.parametrize(
    ("source", "listed", "billed"),
    [("aws", 46_000, 41_500), ("azure", 16_000, 15_000), ("hpc", 62_000, 0), ("storage", 13_000, 6_500)],
)
def test_totals_look_like_a_university(source, listed, billed):
    for period in HISTORY + NEW:
        rows = rows_of(period, source)
        assert total(rows, "ListCost") == pytest.approx(Decimal(listed), rel=Decimal("0.12"))
        assert total(rows, "BilledCost") == pytest.approx(Decimal(billed), rel=Decimal("0.12"))


def test_subsidies():
    for period in HISTORY + NEW:
        for row in rows_of(period, "hpc"):
            assert Decimal(row["ListCost"]) > 0 == Decimal(row["BilledCost"]) == Decimal(row["EffectiveCost"])
        for row in rows_of(period, "storage"):
            assert Decimal(row["BilledCost"]) * 2 == Decimal(row["ListCost"])


@pytest.mark.parametrize(("period", "source"), FILES)
def test_flags(period, source):
    """Exactly the planted oddities are flagged."""
    counts = Counter(flag for flags in flags_of(period, source) for flag in flags)
    assert counts == EXPECTED_FLAGS.get((period, source), {})


def test_the_spike():
    assert unusual_groups("2025-01") == set()
    assert unusual_groups("2025-12") == {("epi-forecasting", "Amazon Elastic Compute Cloud")}


@pytest.mark.parametrize("period", NEW)
def test_most_money_is_attributed(period):
    """Between 5 and 10 per cent of the money waits for a person."""
    held = Decimal(0)
    for source in SOURCES:
        flagged = zip(rows_of(period, source), flags_of(period, source), strict=True)
        held += total([row for row, flags in flagged if flags], "BilledCost")
    whole = sum(total(rows_of(period, source), "BilledCost") for source in SOURCES)
    assert Decimal("0.05") < held / whole < Decimal("0.10")


@pytest.mark.parametrize("period", NEW)
def test_charges_other_than_usage(period):
    kinds = Counter(
        row["ChargeClass"] or row["ChargeCategory"] for source in SOURCES for row in rows_of(period, source)
    )
    assert kinds["Credit"] == 1
    assert kinds["Tax"] == 4
    assert kinds["Purchase"] == 2
    assert kinds["Correction"] == 1
    for source in SOURCES:
        for row in rows_of(period, source):
            if row["ChargeCategory"] == "Credit" or row["ChargeClass"]:
                assert Decimal(row["BilledCost"]) < 0
            if row["ChargeClass"]:
                assert row["ChargePeriodEnd"] <= row["BillingPeriodStart"]


def test_sub_cent_costs_and_e_notation_occur():
    costs = [row["BilledCost"] for period, source in FILES for row in rows_of(period, source)]
    assert any(0 < Decimal(cost) < Decimal("0.005") for cost in costs)
    assert any("E-" in cost for cost in costs)


def test_who_pays_is_in_the_directory():
    known_projects, known_people = set(projects()), {address.casefold() for address in people()}
    unknown_projects = set()
    for period, source in FILES:
        for row in rows_of(period, source):
            who = payer(row, source) or {"pi": "", "project": ""}
            assert not who["pi"] or who["pi"].casefold() in known_people
            if who["project"] and who["project"] not in known_projects:
                unknown_projects.add(who["project"])
    assert unknown_projects == UNKNOWN_PROJECTS


def test_every_project_of_the_directory_is_charged():
    charged = {group[0] for period in HISTORY + NEW for group in spending(period)}
    assert set(projects()) <= charged


def test_directory_refers_to_people_it_knows():
    emails = {entry["email"] for entry in ledger_yaml("directory/people.yaml")["people"]}
    for entry in projects().values():
        for dated in entry.get("entries", [entry]):
            assert dated["pi"] in emails


def test_history_is_finalized_and_decided():
    """Each flagged charge of a closed month is matched by one decision, whose expectation holds."""
    for period in HISTORY:
        assert ledger_yaml(f"periods/{period}.yaml")["state"] == "finalized"
        undecided = Counter(
            (source, *group_of(row, source), payer(row, source)["pi"], *sorted(flags), row["BilledCost"])
            for source in SOURCES
            for row, flags in zip(rows_of(period, source), flags_of(period, source), strict=True)
            if flags
        )
        for path in sorted(LEDGER.glob(f"approvals/{period}/*.yaml")):
            for decision in ledger_yaml(str(path.relative_to(LEDGER)))["decisions"]:
                where = decision["where"]
                named = *(where[key] for key in ("source", "project", "service", "pi")), *where["flags"]
                matched = [charge for charge in undecided.elements() if charge[:-1] == named]
                assert (where["currency"], decision["clears"]) == ("USD", where["flags"])
                assert len(matched) == decision["expect"]["charges"], path
                assert sum(Decimal(charge[-1]) for charge in matched) == Decimal(decision["expect"]["billed"]), path
                undecided -= Counter(matched)
        assert undecided == Counter()


def test_new_months_are_undecided():
    assert not [path for period in NEW for path in LEDGER.glob(f"*/{period}*")]


def test_yaml_files_say_what_they_are():
    for path in LEDGER.rglob("*.yaml"):
        assert path.read_text(encoding="utf-8").startswith("# "), path


@pytest.mark.parametrize(("period", "source"), [key for key in EXPECTED_FLAGS if key[0] in NEW])
def test_readme_lists_every_oddity(period, source):
    """The table of the README has the flags and the exact number of charges of each."""
    readme = (ROOT / "sample_data" / "README.md").read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in readme.splitlines()]
    listed: Counter[str] = Counter()
    for row in cells:
        if row[:2] == [period, source]:
            listed.update(dict.fromkeys(re.findall(r"`([a-z:-]+)`", row[3].partition("(")[0]), int(row[4])))
    assert listed == EXPECTED_FLAGS[period, source]
