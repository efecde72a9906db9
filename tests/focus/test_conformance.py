"""The requirements of FOCUS 1.2: each is broken by the rows that break it, and by no others."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from openchargeback.focus.columns import TABLE
from openchargeback.focus.conformance import reporting
from openchargeback.focus.conformance.compiling import applicability
from openchargeback.focus.conformance.evaluating import Evaluated, State, evaluate
from openchargeback.focus.conformance.model import Model, Requirement, model, requirements
from openchargeback.focus.database import database, literal
from openchargeback.ledger.files import ChargeFile
from openchargeback.problems import Problem, Severity

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "src/openchargeback/focus/conformance"
COLUMNS = sorted(name for name, column in TABLE.items() if column.is_in("1.2"))
MANY = 100_000

Row = Mapping[str, str]


def write(path: Path, rows: Sequence[Row], absent: Sequence[str] = ()) -> Path:
    """A file with all columns of FOCUS 1.2 but the absent ones."""
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(
            out, [name for name in COLUMNS if name not in absent], extrasaction="ignore", restval=""
        )
        writer.writeheader()
        writer.writerows(rows)
    return path


def evaluated(
    path: Path, using: Model | None = None, evaluating: Sequence[Requirement] | None = None
) -> tuple[Evaluated, list[Problem]]:
    """A file, with all rows that break a requirement."""
    file = ChargeFile(path.name, path, "", "", path.stat().st_size)
    using = using or model()
    with database() as con:
        found, problems = evaluate(con, [file], using, evaluating or using.requirements(), MANY)
        assert [problem.message for problem in problems if problem.severity is Severity.ERROR] == []
        return found[0], reporting.problems_of(found[0])


def broken(path: Path, using: Model | None = None) -> dict[str, list[int]]:
    """The rows that break each requirement; none for a missing column."""
    return {each.requirement.id: list(each.rows) for each in evaluated(path, using)[0].broken}


# ── Rows that meet every requirement ──────────────────────────────────────────────────────────────────────────────────

EVERYWHERE = {
    "BillingAccountId": "0012345678",
    "BillingAccountName": "Northfield University",
    "BillingAccountType": "Organization",
    "BillingCurrency": "USD",
    "BillingPeriodEnd": "2025-02-01T00:00:00Z",
    "BillingPeriodStart": "2025-01-01T00:00:00Z",
    "ChargeDescription": "A charge",
    "ChargePeriodEnd": "2025-01-02T00:00:00Z",
    "ChargePeriodStart": "2025-01-01T13:30:59Z",
    "InvoiceIssuerName": "Example Cloud, Inc.",
    "InvoiceId": "20250101",
    "ListCost": "6",
    "ContractedCost": "5.0",
    "BilledCost": "5.0",
    "EffectiveCost": "5E0",
    "PricingCurrency": "EUR",
    "PricingCurrencyEffectiveCost": "4.5",
    "ProviderName": "Example Cloud",
    "PublisherName": "Example Cloud",
    "ServiceCategory": "Compute",
    "ServiceName": "Machines",
    "ServiceSubcategory": "Virtual Machines",
    "SubAccountId": "77",
    "SubAccountName": "sky-survey",
    "SubAccountType": "Project",
    "Tags": '{"project": "sky-survey", "cores": 4, "spot": false, "note": null, "text": "a,] \\" b: nan"}',
}
PRICED = {
    "ChargeFrequency": "Usage-Based",
    "ContractedUnitPrice": "2.5",
    "ListUnitPrice": "3",
    "PricingCategory": "Standard",
    "PricingCurrencyContractedUnitPrice": "2.25",
    "PricingCurrencyListUnitPrice": "2.7",
    "PricingQuantity": "2",
    "PricingUnit": "Hours",
    "SkuId": "M5",
    "SkuMeter": "Box usage",
    "SkuPriceDetails": '{"CoreCount": 4}',
    "SkuPriceId": "M5.STD",
}
COMMITMENT = {
    "CommitmentDiscountCategory": "Spend",
    "CommitmentDiscountId": "c-1",
    "CommitmentDiscountName": "Plan",
    "CommitmentDiscountQuantity": "2",
    "CommitmentDiscountType": "Savings Plan",
    "CommitmentDiscountUnit": "Hours",
}
PLACED = {
    "AvailabilityZone": "us-1a",
    "RegionId": "us-1",
    "RegionName": "US One",
    "ResourceId": "i-1",
    "ResourceName": "box",
    "ResourceType": "Instance",
}
USED = {"ConsumedQuantity": "2", "ConsumedUnit": "GB-Hours"}
RESERVED = {"CapacityReservationId": "r-1"}

USAGE = {**EVERYWHERE, **PRICED, **PLACED, **USED, "ChargeCategory": "Usage"}
COVERED = {
    **USAGE,
    **COMMITMENT,
    **RESERVED,
    "PricingCategory": "Committed",
    "CommitmentDiscountStatus": "Used",
    "CapacityReservationStatus": "Used",
}
UNUSED = {
    **EVERYWHERE,
    **PRICED,
    **COMMITMENT,
    **RESERVED,
    "ChargeCategory": "Usage",
    "CommitmentDiscountStatus": "Unused",
    "CapacityReservationStatus": "Unused",
}
BOUGHT = {
    **EVERYWHERE,
    **PRICED,
    **COMMITMENT,
    "ChargeCategory": "Purchase",
    "ChargeFrequency": "Recurring",
    "EffectiveCost": "0.00",
}
TAX = {**EVERYWHERE, "ChargeCategory": "Tax", "ChargeFrequency": "One-Time"}
CREDIT = {**EVERYWHERE, "ChargeCategory": "Credit", "ChargeFrequency": "One-Time", "BilledCost": "-5.0"}
CORRECTION = {**EVERYWHERE, **COMMITMENT, "ChargeCategory": "Usage", "ChargeClass": "Correction"} | {
    "ChargeFrequency": "Usage-Based",
    "CommitmentDiscountStatus": "Used",
}
SHARED = {**CREDIT, "SubAccountId": "", "SubAccountName": "", "SubAccountType": ""}
GOOD = (USAGE, COVERED, UNUSED, BOUGHT, TAX, CREDIT, CORRECTION, SHARED)


def test_good_rows_break_nothing(tmp_path: Path) -> None:
    found, problems = evaluated(write(tmp_path / "good.csv", GOOD))
    assert problems == []
    unmet = {each.requirement.criteria for each in found.outcomes if each.state is not State.HOLDS}
    # PricingCurrency is a national currency.
    assert unmet == {frozenset({"PUBLIC_PRICE_LIST_SUPPORTED", "VIRTUAL_CURRENCY_SUPPORTED"})}


def test_a_virtual_currency_has_requirements_of_its_own(tmp_path: Path) -> None:
    rows = [{**row, "PricingCurrency": "Tokens"} for row in GOOD]
    found, problems = evaluated(write(tmp_path / "virtual.csv", rows))
    assert problems == []
    assert {each.state for each in found.outcomes} == {State.HOLDS}
    absent = ["PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice"]
    assert {"CostAndUsage-D-047-C", "CostAndUsage-D-051-C", "CostAndUsage-D-055-C"} <= broken(
        write(tmp_path / "virtual.csv", rows, absent)
    ).keys()


# ── Every requirement can be broken ───────────────────────────────────────────────────────────────────────────────────

WRONG = {
    "CheckDecimalValue": ["five"],
    "CheckDistinctCount": ["Another"],
    "CheckGreaterOrEqualThanValue": ["-1"],
    "CheckNationalCurrency": ["XYZ"],
    "ColumnByColumnEqualsColumnValue": ["7"],
    "FormatCurrency": ["usd"],
    "FormatDateTime": ["2025-01-01T00:00:00+00:00"],
    "FormatKeyValue": ["{}}"],
    "FormatNumeric": ["+5"],
    "FormatString": ["  "],
    "FormatUnit": ["gigabytes"],
    "OR": ["Anything"],
    "TypeDateTime": ["1/2/25"],
    "TypeDecimal": ["five"],
}
# Values that a column may have where none is allowed, and the other way around.
VALUES = {name: next((row[name] for row in GOOD if row.get(name)), "x") for name in COLUMNS}


def mutants(requirement: Requirement) -> Iterator[Row]:
    """Good rows with another cell in the column that the requirement is about."""
    check = requirement.requirement
    function, value = check["CheckFunction"], check.get("Value")
    if function == "CheckNotValue":
        texts = [value or ""]
    elif function == "CheckValue":
        texts = ["Anything"] if value == "Correction" else ["5"] if value == 0 else [VALUES[requirement.column]]
    else:
        texts = WRONG[function]
    column = check.get("ResultColumnName") or check.get("ColumnBName") or requirement.column
    yield from ({**row, column: text} for row in GOOD for text in texts)
    # No good row is without an account.
    yield from ({**row, column: text, "BillingAccountId": ""} for row in GOOD for text in texts)


def test_every_requirement_of_a_row_is_broken_by_a_mutant_of_a_good_row(tmp_path: Path) -> None:
    by_row = [
        each
        for each in requirements()
        if each.requirement["CheckFunction"] not in {"ColumnPresent", "TypeString", "CheckDistinctCount"}
    ]
    rows, numbers = [], {}
    for each in by_row:
        numbers[each.id] = range(len(rows), len(rows) + 2 * len(GOOD))
        rows += mutants(each)
    found = broken(write(tmp_path / "mutants.csv", rows))
    assert [name for name, own in numbers.items() if not set(own) & set(found.get(name, ()))] == []


@pytest.mark.parametrize(
    ("rule", "one", "other"),
    [
        ("ServiceName-C-005-C", "ServiceName", "ServiceCategory"),
        ("ServiceName-C-008-C", "ServiceName", "ServiceSubcategory"),
        ("SkuPriceId-C-008-M", "SkuPriceId", "SkuId"),
    ],
)
def test_a_value_has_one_value_beside_it(tmp_path: Path, rule: str, one: str, other: str) -> None:
    rows = [USAGE, {**USAGE, other: "Another"}, {**USAGE, one: "Alone"}, {**USAGE, other: ""}]
    # The row without a value beside it is one of those with the value, so it is shown, but it alone breaks nothing.
    assert broken(write(tmp_path / "rows.csv", rows))[rule] == [0, 1, 3]
    assert rule not in broken(write(tmp_path / "rows.csv", [rows[0], *rows[2:]]))


# Without the only column of a feature, a file does not show the feature.
NEVER_MISSED = {
    "CostAndUsage-D-003-C",
    "CostAndUsage-D-004-C",
    "CostAndUsage-D-007-C",
    "CostAndUsage-D-022-C",
    "CostAndUsage-D-034-C",
    "CostAndUsage-D-039-C",
    "CostAndUsage-D-064-C",
    "CostAndUsage-D-067-C",
}


def test_every_other_column_is_missed(tmp_path: Path) -> None:
    columns = {each.id: each.column for each in requirements() if each.about_presence}
    virtual = [{**row, "PricingCurrency": "Tokens"} for row in GOOD]
    found: set[str] = set()
    # Two files, each without half of the columns of every feature; and one without the currency that shows the feature.
    for part in (0, 1):
        absent = [name for number, name in enumerate(sorted(set(columns.values()))) if number % 2 == part]
        found |= broken(
            write(tmp_path / "part.csv", virtual, [name for name in absent if name != "PricingCurrency"])
        ).keys()
    found |= broken(write(tmp_path / "part.csv", virtual, ["PricingCurrency"])).keys()
    for absent in (
        ["ListUnitPrice", "SkuMeter"],
        ["SkuPriceId"],
        ["SkuId", "SkuPriceDetails", "PricingCurrencyEffectiveCost"],
    ):
        found |= broken(write(tmp_path / "part.csv", virtual, absent)).keys()
    assert columns.keys() - found == NEVER_MISSED


def test_a_file_without_rows_has_only_columns_to_check(tmp_path: Path) -> None:
    found, problems = evaluated(write(tmp_path / "none.csv", []))
    assert problems == []
    assert {each.state for each in found.outcomes} == {State.HOLDS, State.NOT_APPLICABLE}
    assert broken(write(tmp_path / "none.csv", [], ["BilledCost", "RegionId"])) == {"CostAndUsage-D-006-M": []}


def test_columns_count_by_their_exact_names(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", GOOD)
    path.write_text(path.read_text("utf-8").replace("BilledCost", "billedcost", 1), encoding="utf-8")
    file = ChargeFile(path.name, path, "", "", path.stat().st_size)
    problems, _ = reporting.conformance([file])
    assert [(each.code, each.severity) for each in problems] == [
        ("label-spelling", Severity.WARNING),
        ("CostAndUsage-D-006-M", Severity.ERROR),
    ]


# ── No fault is reported twice for one reason ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"BilledCost": ""}, {"BilledCost-C-003-M"}),
        ({"BilledCost": "$5"}, {"BilledCost-C-001-M", "BilledCost-C-004-M"}),
        ({"BilledCost": "NaN"}, {"BilledCost-C-001-M", "BilledCost-C-004-M"}),
        ({"BilledCost": "+5.0"}, {"BilledCost-C-002-M"}),
        ({"BilledCost": "5e+0"}, {"BilledCost-C-002-M"}),
        ({"BillingPeriodStart": "2025-01-01"}, {"BillingPeriodStart-C-002-M"}),
        ({"BillingPeriodStart": "2025-02-30T00:00:00Z"}, {"BillingPeriodStart-C-001-M"}),
        ({"ServiceSubcategory": ""}, {"ServiceSubcategory-C-002-M"}),
        ({"ServiceName": "Chat", "ServiceSubcategory": "Bots"}, {"ServiceSubcategory-C-004-M"}),
        (
            {"ServiceName": "Chat", "ServiceSubcategory": "bots"},
            {"ServiceSubcategory-C-003-M", "ServiceSubcategory-C-004-M"},
        ),
        ({"BillingCurrency": "XYZ"}, {"BillingCurrency-C-006-M"}),
        ({"SubAccountId": "007"}, set()),
        ({"ResourceType": ""}, {"ResourceType-C-005-C"}),
        ({"ConsumedUnit": ""}, {"ConsumedUnit-C-006-C"}),
        ({"ConsumedQuantity": "", "ConsumedUnit": ""}, {"ConsumedQuantity-C-006-C"}),
        ({"ListCost": "6.009"}, set()),
        ({"ListCost": "6.02"}, {"ListCost-C-009-C", "ListUnitPrice-C-010-C"}),
        ({"ListCost": "6.02", "ChargeClass": "Correction"}, set()),
        ({"InvoiceId": ""}, set()),
        ({"CommitmentDiscountStatus": "Used"}, {"CommitmentDiscountStatus-C-003-C"}),
        ({"ChargeClass": "Refund"}, {"ChargeClass-C-005-C"}),
    ],
)
def test_a_changed_row_breaks_exactly_these(tmp_path: Path, change: Row, rules: set[str]) -> None:
    assert broken(write(tmp_path / "row.csv", [COVERED, {**USAGE, **change}])) == {rule: [1] for rule in rules}


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"ConsumedQuantity": "2", "ConsumedUnit": "Hours"}, {"ConsumedQuantity-C-004-C"}),
        ({"CommitmentDiscountStatus": ""}, {"CommitmentDiscountStatus-C-004-C", "ConsumedQuantity-C-006-C"}),
        ({"CommitmentDiscountStatus": "Active"}, {"CommitmentDiscountStatus-C-005-M", "ConsumedQuantity-C-006-C"}),
        ({"CapacityReservationStatus": ""}, {"CapacityReservationStatus-C-004-C"}),
        ({"CapacityReservationId": ""}, {"CapacityReservationId-C-005-C", "CapacityReservationStatus-C-003-C"}),
        ({"CommitmentDiscountQuantity": "", "CommitmentDiscountUnit": ""}, {"CommitmentDiscountQuantity-C-005-C"}),
    ],
)
def test_conditions_are_those_of_the_text(tmp_path: Path, change: Row, rules: set[str]) -> None:
    """Several of these conditions are wrong in the model."""
    assert broken(write(tmp_path / "row.csv", [COVERED, {**UNUSED, **change}])) == {rule: [1] for rule in rules}


def test_a_missing_column_is_said_once(tmp_path: Path) -> None:
    assert broken(write(tmp_path / "rows.csv", GOOD, ["ChargeClass"])) == {"CostAndUsage-D-026-M": []}
    assert broken(write(tmp_path / "rows.csv", GOOD, ["ResourceId"])) == {"CostAndUsage-D-043-C": []}


def test_a_feature_that_a_file_does_not_show_has_no_requirements(tmp_path: Path) -> None:
    own = (USAGE, TAX, CREDIT)
    absent = [name for name in COLUMNS if name.startswith(("Commitment", "Capacity"))]
    found, problems = evaluated(write(tmp_path / "rows.csv", own, absent))
    assert problems == []
    states = {each.requirement.id: each.state for each in found.outcomes}
    assert states["CostAndUsage-D-013-C"] is State.NOT_APPLICABLE
    assert states["CommitmentDiscountName-C-002-M"] is State.NOT_APPLICABLE
    # Its condition names a column of the feature, which is then null in every row.
    assert states["ConsumedQuantity-C-004-C"] is State.HOLDS


# ── The check functions ───────────────────────────────────────────────────────────────────────────────────────────────


def single(check: Mapping[str, Any], column: str, condition: Mapping[str, Any] | None = None) -> Model:
    """A model of one rule, besides one that holds for all."""
    return made({"Rule": rule(check, column, condition)})


def rule(check: Mapping[str, Any], column: str, condition: Mapping[str, Any] | None = None, **more: Any) -> Any:
    criteria = {"MustSatisfy": "It must hold.", "Keyword": "MUST", "Requirement": check, "Condition": condition or {}}
    return {"Reference": column, "ValidationCriteria": criteria, **more}


def made(rules: Mapping[str, Any]) -> Model:
    return Model({"ModelRules": rules, "Rules": {"published": len(rules), "static": len(rules)}}, {}, {})


def of(function: str, column: str, **more: Any) -> dict[str, Any]:
    return {"CheckFunction": function, "ColumnName": column, **more}


CASES: dict[str, tuple[dict[str, Any], str, list[str], list[int]]] = {
    "CheckValue": (of("CheckValue", "ChargeCategory", Value="Tax"), "ChargeCategory", ["Tax", "tax", ""], [1]),
    "CheckValue of null": (of("CheckValue", "SkuId", Value=None), "SkuId", ["", "NULL", "A"], [2]),
    "CheckValue of 0": (of("CheckValue", "EffectiveCost", Value=0), "EffectiveCost", ["0", "-0.00", "0E0", "1"], [3]),
    "CheckValue of a number": (of("CheckValue", "ListCost", Value=5), "ListCost", ["5.0", "5E0", "50E-1", "6"], [3]),
    "CheckNotValue": (of("CheckNotValue", "ChargeClass", Value="Correction"), "ChargeClass", ["A", "Correction"], [1]),
    "CheckNotValue of null": (of("CheckNotValue", "SkuId", Value=None), "SkuId", ["A", ""], [1]),
    "CheckGreaterOrEqualThanValue": (
        of("CheckGreaterOrEqualThanValue", "ListUnitPrice", Value=0),
        "ListUnitPrice",
        ["0", "-0", "1E-9", "-1E-9", "-2"],
        [3, 4],
    ),
    "CheckGreaterOrEqualThanValue of 2": (
        of("CheckGreaterOrEqualThanValue", "ListUnitPrice", Value=2),
        "ListUnitPrice",
        ["2.0", "1E1", "1.999"],
        [2],
    ),
    "CheckDecimalValue": (
        of("CheckDecimalValue", "BilledCost"),
        "BilledCost",
        ["1", "-1.5E-7", "+1", "inf", "NaN", "1,000", ""],
        [3, 4, 5],
    ),
    "TypeDecimal": (of("TypeDecimal", "BilledCost"), "BilledCost", ["1", ".5", "5.", "+1", "$1", "one"], [4, 5]),
    "FormatNumeric": (
        of("FormatNumeric", "BilledCost"),
        "BilledCost",
        ["1", "-.5", "1E5", "1e-5", "1E+5", "+1", "1_0", "$1", "1/2", ""],
        [4, 5, 6],
    ),
    "TypeString": (of("TypeString", "SkuId"), "SkuId", ["A", "007", ""], []),
    "FormatString": (of("FormatString", "SkuName"), "SkuId", ["A", " A", "Größe", "\t ", "caf\ufffd"], [3, 4]),
    "TypeDateTime": (
        of("TypeDateTime", "BillingPeriodEnd"),
        "BillingPeriodEnd",
        ["2025-01-31T23:59:59Z", "2025-01-31 10:00", "2025-01-31", "31 Jan 2025", "2025-02-30T00:00:00Z"],
        [3, 4],
    ),
    "FormatDateTime": (
        of("FormatDateTime", "BillingPeriodEnd"),
        "BillingPeriodEnd",
        [
            "2025-01-31T23:59:59Z",
            "2024-02-29T00:00:00Z",
            "2025-01-31T00:00:00.000Z",
            "2025-01-31 00:00:00",
            "2025-01-31T00:00Z",
            "2025-01-31T00:00:00+01:00",
            "whenever",
        ],
        [2, 3, 4, 5],
    ),
    "FormatKeyValue": (
        of("FormatKeyValue", "Tags"),
        "Tags",
        [
            "{}",
            ' {"a": "1", "b": 2.5, "c": true, "d": null} ',
            '{"a": "x, } [ nan: inf"}',
            '{"a": {"b": 1}}',
            '{"a": [1]}',
            '{"a": 1, "a": 2}',
            '{"a": 1,}',
            '{"a": nan}',
            "[1]",
            '"a"',
            "a=1",
        ],
        list(range(3, 11)),
    ),
    "FormatUnit": (
        of("FormatUnit", "PricingUnit"),
        "PricingUnit",
        [
            *("GB", "Kib", "b", "Hours", "GB-Hours", "GB/Hour", "1000 Requests", "Units/3 Months", "Core-Hours"),
            *("DBUs", "gigabytes", "Gigabyte-Hours", "GBs", "KIB", "Hour", "hours", "HOURS", "GB-Hour", "GB/Hours"),
            *("1.5 Tokens", "GB per Hour", "REQUESTS", "0 Requests", "Bytes"),
        ],
        list(range(10, 24)),
    ),
    "FormatCurrency": (
        of("FormatCurrency", "PricingCurrency"),
        "PricingCurrency",
        ["USD", "EUR", "Tokens", "XYZ", "usd", " EUR", "Usd"],
        [4, 5, 6],
    ),
    "CheckNationalCurrency": (
        of("CheckNationalCurrency", "BillingCurrency"),
        "BillingCurrency",
        ["USD", "VND", "usd", "XYZ", "Tokens"],
        [2, 3, 4],
    ),
    "OR": (
        {"CheckFunction": "OR", "Items": [of("CheckValue", "SkuId", Value=each) for each in ("A", "B'C")]},
        "SkuId",
        ["A", "B'C", "C", ""],
        [2],
    ),
    "AND": (
        {"CheckFunction": "AND", "Items": [of("CheckNotValue", "SkuId", Value=each) for each in ("A", "B")]},
        "SkuId",
        ["A", "B", "C"],
        [0, 1],
    ),
}  # fmt: skip
CASES["FormatString"][0]["ColumnName"] = "SkuId"


@pytest.mark.parametrize("name", CASES)
def test_a_check_is_broken_by_these_texts_only(tmp_path: Path, name: str) -> None:
    check, column, texts, expected = CASES[name]
    rows = [{column: text, "RegionId": "beside"} for text in texts]
    assert broken(write(tmp_path / "rows.csv", rows), single(check, column)).get("Rule", []) == expected


def between(function: str, one: str, other: str, **more: Any) -> dict[str, Any]:
    return {"CheckFunction": function, "ColumnAName": one, "ColumnBName": other, **more}


PAIRS = {
    "CheckSameValue": (between("CheckSameValue", "SkuId", "RegionId"), [("A", "A"), ("A", "B"), ("A", "")], [1]),
    "CheckNotSameValue": (between("CheckNotSameValue", "SkuId", "RegionId"), [("A", "A"), ("A", "B"), ("", "")], [0]),
    "CheckDistinctCount": (
        between("CheckDistinctCount", "SkuId", "RegionId", ExpectedCount=2),
        [("A", "1"), ("A", "2"), ("B", "1"), ("C", "1"), ("C", "2"), ("C", "3"), ("D", ""), ("", "1")],
        [2, 3, 4, 5],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_a_check_of_two_columns_is_broken_by_these_rows_only(tmp_path: Path, name: str) -> None:
    check, pairs, expected = PAIRS[name]
    rows = [{"SkuId": one, "RegionId": other, "BilledCost": "1"} for one, other in pairs]
    assert broken(write(tmp_path / "rows.csv", rows), single(check, "SkuId"))["Rule"] == expected


def test_a_product_matches(tmp_path: Path) -> None:
    check = between("ColumnByColumnEqualsColumnValue", "ListUnitPrice", "PricingQuantity", ResultColumnName="ListCost")
    rows = [
        {"ListUnitPrice": price, "PricingQuantity": quantity, "ListCost": cost}
        for price, quantity, cost in (("2", "3", "6"), ("2", "3", "7"), ("2", "", "7"), ("2", "3", ""))
    ]
    assert broken(write(tmp_path / "rows.csv", rows), single(check, "ListUnitPrice")) == {"Rule": [1]}


def test_a_column_is_present_or_not(tmp_path: Path) -> None:
    using = single(of("ColumnPresent", "SkuId"), "SkuId")
    assert broken(write(tmp_path / "rows.csv", GOOD), using) == {}
    assert broken(write(tmp_path / "rows.csv", GOOD, ["SkuId"]), using) == {"Rule": []}


def test_every_check_function_of_the_model_has_a_case() -> None:
    published = {
        *("AND", "CheckDecimalValue", "CheckDistinctCount", "CheckGreaterOrEqualThanValue", "CheckModelRule"),
        *("CheckNationalCurrency", "CheckNotSameValue", "CheckNotValue", "CheckSameValue", "CheckValue"),
        *("ColumnByColumnEqualsColumnValue", "ColumnPresent", "FormatCurrency", "FormatDateTime", "FormatKeyValue"),
        *("FormatNumeric", "FormatString", "FormatUnit", "OR", "TypeDateTime", "TypeDecimal", "TypeString"),
    }
    assert len(published) == 22
    elsewhere = {"CheckModelRule", "ColumnByColumnEqualsColumnValue", "ColumnPresent"}
    assert {name.partition(" ")[0] for name in CASES} | PAIRS.keys() | elsewhere == published
    assert set(functions()) <= published


def functions() -> Iterator[str]:
    """The check functions in the model, as evaluated."""

    def inside(check: Mapping[str, Any]) -> Iterator[str]:
        if check:
            yield check["CheckFunction"]
        for item in check.get("Items", ()):
            yield from inside(item)

    for name in model().rules:
        yield from inside(model().requirement(name))
        yield from inside(model().condition(name))


# ── Conditions and composites ─────────────────────────────────────────────────────────────────────────────────────────

FILLED = of("CheckNotValue", "SkuId", Value=None)
EMPTY = of("CheckValue", "SkuId", Value=None)


def joined(function: str, *names: str) -> dict[str, Any]:
    return {
        "CheckFunction": function,
        "Items": [{"CheckFunction": "CheckModelRule", "ModelRuleId": each} for each in names],
    }


def test_a_rule_applies_where_its_condition_and_those_above_it_are_met(tmp_path: Path) -> None:
    usage, tagged = of("CheckValue", "ChargeCategory", Value="Usage"), of("CheckNotValue", "Tags", Value=None)
    using = made({
        "Above": rule(joined("AND", "Below", "Dynamic"), "SkuId", usage, Function="Composite"),
        "Below": rule(FILLED, "SkuId", tagged),
    })  # fmt: skip
    rows = [{"ChargeCategory": category, "Tags": tags} for category in ("Usage", "Tax", "") for tags in ("{}", "")]
    assert broken(write(tmp_path / "rows.csv", rows), using) == {"Below": [0]}


def test_a_rule_below_two_composites_applies_where_either_is_met(tmp_path: Path) -> None:
    conditions = [of("CheckValue", "ChargeCategory", Value=value) for value in ("Usage", "Tax")]
    using = made({
        "One": rule(joined("AND", "Below"), "SkuId", conditions[0]),
        "Other": rule(joined("AND", "Below"), "SkuId", conditions[1]),
        "Below": rule(FILLED, "SkuId"),
    })  # fmt: skip
    rows = [{"ChargeCategory": category, "BilledCost": "1"} for category in ("Usage", "Credit", "Tax")]
    assert broken(write(tmp_path / "rows.csv", rows), using) == {"Below": [0, 2]}


def test_rules_joined_by_or_are_broken_only_together(tmp_path: Path) -> None:
    using = made({
        "Above": rule(joined("OR", "Sku", "Region"), "SkuId"),
        "Sku": rule(FILLED, "SkuId"),
        "Region": rule(of("CheckNotValue", "RegionId", Value=None), "RegionId"),
    })  # fmt: skip
    rows = [{"SkuId": sku, "RegionId": region, "BilledCost": "1"} for sku in ("A", "") for region in ("B", "")]
    assert broken(write(tmp_path / "rows.csv", rows), using) == {"Sku": [3], "Region": [3]}


def test_rules_that_contradict_each_other_are_joined_by_or_and_never_broken(tmp_path: Path) -> None:
    using = made(
        {"Above": rule(joined("OR", "A", "B"), "SkuId"), "A": rule(FILLED, "SkuId"), "B": rule(EMPTY, "SkuId")}
    )
    assert broken(write(tmp_path / "rows.csv", [{"SkuId": "A"}, {"BilledCost": "1"}]), using) == {}


def test_criteria_of_composites_hold_for_the_rules_below(tmp_path: Path) -> None:
    using = made({
        "Above": rule(joined("AND", "Below"), "SkuId", ApplicabilityCriteria=["REGION_SUPPORTED"]),
        "Below": rule(FILLED, "SkuId"),
    })  # fmt: skip
    assert broken(write(tmp_path / "rows.csv", [{"BilledCost": "1"}]), using) == {}
    assert broken(write(tmp_path / "rows.csv", [{"BilledCost": "1"}, {"RegionName": "US"}]), using) == {"Below": [0, 1]}


def test_what_is_permitted_is_never_broken() -> None:
    assert model().permissions() == [name for name in model().rules if _keyword(name) == "MAY"]
    assert len(model().permissions()) == 9
    assert not set(model().permissions()) & {each.id for each in requirements()}


def _keyword(name: str) -> str:
    return str(model().rules[name]["ValidationCriteria"]["Keyword"])


# ── The model, our differences, what the project knows ────────────────────────────────────────────────────────────────


@cache
def shipped() -> Any:
    return json.loads((FOLDER / "model.json").read_text("utf-8"))


@cache
def differences() -> Any:
    return tomllib.loads((FOLDER / "differences.toml").read_text("utf-8"))


def test_every_rule_is_evaluated_permitted_or_undecided() -> None:
    leaves = {name for name, each in shipped()["ModelRules"].items() if each["Function"] != "Composite"}
    assert len(leaves) == 277
    assert (model().published, model().static) == (621, 420)
    evaluated = {each.id for each in requirements()}
    assert len(evaluated) == 265
    assert evaluated | set(model().permissions()) | differences()["undecided"].keys() == leaves


def test_the_documents_count_the_rules_as_they_are() -> None:
    text = (ROOT / "docs/VALIDATION.md").read_text("utf-8")
    table = text.partition("| of the model's 621 rules | number |")[2].partition("\n\n")[0]
    numbers = [int(line.split("|")[2].strip(" *")) for line in table.splitlines()[2:]]
    leaves = sum(each["Function"] != "Composite" for each in shipped()["ModelRules"].values())
    static, undecided = model().static, len(differences()["undecided"])
    assert numbers == [model().published - static, static - leaves, 9, undecided, len(requirements())]


def test_every_correction_changes_the_model() -> None:
    for name, each in differences()["corrected"].items():
        said = shipped()["ModelRules"][name]["ValidationCriteria"]
        changed = each.keys() - {"reason"}
        assert changed, name
        assert each["reason"].endswith("."), name
        for key in changed:
            nulls = json.loads(json.dumps(said.get(key.capitalize(), {})).replace(', "Value": null', ""))
            assert each[key] != nulls, name


def test_every_correction_changes_what_is_found(tmp_path: Path) -> None:
    """Each file of good rows and mutants is judged otherwise without the correction."""
    rows = [*GOOD, *(row for each in requirements() if each.id in differences()["corrected"] for row in mutants(each))]
    rows += [{**row, name: ""} for row in GOOD for name in ("SubAccountType", "CommitmentDiscountQuantity")]
    rows += [{**row, "PricingCurrencyListUnitPrice": "-1"} for row in GOOD]
    rows += [{**BOUGHT, "CommitmentDiscountId": "", "EffectiveCost": "5"}, {**CORRECTION, "ChargeClass": ""}]
    path = write(tmp_path / "rows.csv", rows)
    corrected = differences()["corrected"]
    ours = broken(path)
    for name, each in corrected.items():
        others = {other: change for other, change in corrected.items() if other != name}
        without = Model(shipped(), others, differences()["undecided"])
        column = without.rules[name]["Reference"]
        own = [requirement for requirement in without.requirements() if requirement.column == column]
        try:
            found, _ = evaluated(path, without, own)
        except KeyError:
            continue  # what the model says is not a check
        theirs = {each.requirement.id: list(each.rows) for each in found.broken}
        assert theirs != {rule.id: ours[rule.id] for rule in own if rule.id in ours}, (name, each["reason"])


def test_allowed_values_are_those_of_the_columns() -> None:
    allowed = {}
    for each in requirements():
        check = each.requirement
        if check["CheckFunction"] == "OR" and all(item["CheckFunction"] == "CheckValue" for item in check["Items"]):
            allowed[each.column] = {item["Value"] for item in check["Items"]}
    assert allowed.pop("ServiceSubcategory")  # columns.csv does not list them
    assert allowed == {name: set(TABLE[name].values) for name in allowed}
    assert allowed.keys() == {name for name in COLUMNS if TABLE[name].values} - {"ChargeClass"}


def test_required_columns_are_those_of_the_columns() -> None:
    mandatory = {
        each.column for each in requirements() if each.about_presence and not each.criteria and each.keyword == "MUST"
    }
    assert mandatory == {name for name in COLUMNS if TABLE[name].level == "mandatory"}


def test_every_criterion_has_a_meaning_that_includes_the_columns_it_requires() -> None:
    assert applicability().keys() == shipped()["ApplicabilityCriteria"].keys()
    for each in requirements():
        if each.about_presence and len(each.criteria) == 1:
            (criterion,) = each.criteria
            assert each.column in applicability()[criterion]["filled"]
    assert {name for every in applicability().values() for names in every.values() for name in names} <= set(COLUMNS)


def test_the_severity_is_that_of_the_keyword() -> None:
    found = {each.keyword: each.severity for each in requirements()}
    errors = dict.fromkeys(("MUST", "MUST NOT"), Severity.ERROR)
    assert found == errors | dict.fromkeys(("SHOULD", "SHOULD NOT", "RECOMMENDED"), Severity.NOTICE)


# ── Reports, Parquet, samples ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_problem_names_the_first_row_the_column_and_the_requirement(tmp_path: Path) -> None:
    bad = {**USAGE, "ResourceType": "", "ChargeDescription": 'two\nlines, "quoted"'}
    _, problems = evaluated(write(tmp_path / "rows.csv", [COVERED, bad, COVERED, bad]))
    (problem,) = problems
    assert (problem.line, problem.row, problem.more, problem.count) == (4, 3, (6,), 2)
    assert (problem.code, problem.field, problem.severity) == ("ResourceType-C-005-C", "ResourceType", Severity.ERROR)
    assert problem.message == "ResourceType has no value: ResourceType MUST NOT be null when ResourceId is not null"
    assert problem.fix.startswith("correct the file at its source")


def test_every_requirement_has_a_message_and_a_fix() -> None:
    for each in requirements():
        fault, _ = reporting._said(each.requirement, each.column)
        assert each.column in fault, each.id
        assert "{" not in fault.replace('{"key"', "")
        assert not fault.endswith(" ")
        assert reporting.explanation(each.id.lower()) is not None


def test_in_parquet_types_are_as_stored(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    text = ", ".join(f"{literal(value)} AS {name}" for name, value in COVERED.items())
    stored = (
        "BilledCost::DOUBLE AS BilledCost",
        "ListCost::DECIMAL(10, 2) AS ListCost",
        "BillingPeriodStart::TIMESTAMP AS BillingPeriodStart",
        "12::BIGINT AS BillingAccountId",
        "DATE '2025-01-01' AS ChargePeriodStart",
        "'nan'::DOUBLE AS PricingCurrencyEffectiveCost",
    )
    rows = f"SELECT * REPLACE ({', '.join(stored)}), NULL::VARCHAR AS ChargeClass FROM (SELECT {text})"
    duckdb.sql(f"COPY ({rows}) TO '{path}'")
    assert broken(path) == {
        "BillingAccountId-C-002-M": [0],
        "ChargePeriodStart-C-001-M": [0],
        "PricingCurrencyEffectiveCost-C-004-M": [0],
    }


def test_large_files_are_read_one_by_one_with_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write(tmp_path / f"{number}.csv", [{**row, "BilledCost": ""} for row in GOOD]) for number in range(3)]
    files = [ChargeFile(path.name, path, "", "", path.stat().st_size) for path in paths]
    together = reporting.conformance(files)
    monkeypatch.setattr(reporting, "_TOGETHER", 1)
    assert [len(batch) for batch in reporting._batches(files)] == [1, 1, 1]
    assert reporting.conformance(files) == together
    assert [each.path for each in together[1]] == ["0.csv", "1.csv", "2.csv"]


def test_sample_data_breaks_what_is_listed_and_nothing_else() -> None:
    files = [*sorted((ROOT / "sample_data").glob("*.csv")), *sorted((ROOT / "ledger/charges").glob("*/*.csv"))]
    names = {
        str(path): f"{path.stem}_{path.parent.name}.csv" if "charges" in path.parts else path.name for path in files
    }
    charges = [ChargeFile(str(path), path, "", "", path.stat().st_size) for path in files]
    problems, counts = reporting.conformance(charges)
    assert [each.path for each in counts] == [str(path) for path in files]
    found: dict[str, set[str]] = {}
    for problem in problems:
        found.setdefault(problem.code, set()).add(names[problem.path])
    listed = tomllib.loads((ROOT / "sample_data/conformance.toml").read_text("utf-8"))
    expected = {
        code: {name for name in names.values() if any(fnmatch(name, pattern) for pattern in each["files"])}
        for code, each in listed.items()
    }
    assert found == expected
