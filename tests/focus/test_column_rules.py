"""The rules across columns: each fires on the rows that break it and on no others."""

import csv
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from openchargeback.focus.column_rules import MAX_ROWS, Finding, active_rules, all_rules, severity_for
from openchargeback.focus.columns import COLUMNS
from openchargeback.focus.database import database
from openchargeback.focus.header import check_header
from openchargeback.focus.opening import make_macros, open_files
from openchargeback.focus.schema import DIALECTS, columns_of
from openchargeback.focus.verdict import findings
from openchargeback.ledger import settings
from openchargeback.ledger.check_codes import FIXED, SETTABLE
from openchargeback.ledger.config import read_config
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Config, Organization, Source
from openchargeback.problems import Severity

BILLED, EFFECTIVE = Source("s", cost="BilledCost"), Source("s", cost="EffectiveCost")
COMMITMENT = {"CommitmentDiscountId": "c-1", "CommitmentDiscountStatus": None}


def found(
    rows: list[dict[str, str | None]],
    source: Source = BILLED,
    dialect: str = "focus-1.2",
    absent: tuple[str, ...] = (),
) -> list[Finding]:
    """What is said of these rows, without what is said of the header. Each row has the columns of any row."""
    names = sorted({name for row in rows for name in row} - set(absent))
    source = replace(source, dialect=dialect)
    # Columns that every file needs stand in front, so that a file of one other column can be opened.
    needed = [name for name in ("BillingPeriodStart", source.cost) if name not in names]
    with database() as con, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.csv"
        with path.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, quoting=csv.QUOTE_ALL)
            writer.writerow([*names, *needed])
            writer.writerows([*(row.get(name) or "" for name in names), *[""] * len(needed)] for row in rows)
        make_macros(con)
        file = ChargeFile("charges/2025-01/s.csv", path, "2025-01", "s", 1)
        config = Config(Organization("A"), sources={"s": replace(source, name="s")})
        (opened,), problems = open_files(con, [file], config, keep=())
        assert problems == []
        return [finding for finding in findings(opened) if finding.column and (finding.column in names or not absent)]


def tell(findings: list[Finding]) -> dict[tuple[str, str], list[int]]:
    """Rows by code and column."""
    return {(finding.code, finding.column): list(finding.rows) for finding in findings}


# For each rule: rows, of which those under `breaks` break it. Each has its like that does not.
CASES: dict[tuple[str, str], tuple[Any, list[int]]] = {
    ("date-time-spelling", "BillingPeriodStart"): (
        [
            {"BillingPeriodStart": "2025-01-01T00:00:00Z"},
            {"BillingPeriodStart": "2025-01-01 00:00:00"},
            {"BillingPeriodStart": "2025-01-01T00:00:00"},
            {"BillingPeriodStart": "2025-01-01T00:00:00.000+00:00"},
            {"BillingPeriodStart": "2025-01-01"},
            {"BillingPeriodStart": "2025-01-01 00:00Z"},
            {"BillingPeriodStart": "whenever it was, long ago"},
        ],
        [1, 2, 5],
    ),
    ("date-only-end", "ChargePeriodEnd"): (
        [{"ChargePeriodEnd": "2025-01-31"}, {"ChargePeriodEnd": "2025-02-01T00:00:00Z"}, {"ChargePeriodEnd": None}],
        [0],
    ),
    ("value-case", "ServiceCategory"): (
        [{"ServiceCategory": text} for text in ("Compute", "compute", "AI And Machine Learning", "Cloud", None)],
        [1, 2],
    ),
    ("null-value", "ChargeFrequency"): ([{"ChargeFrequency": None}, {"ChargeFrequency": "Recurring"}], [0]),
    ("older-value", "PricingCategory"): (
        [{"PricingCategory": text} for text in ("On-Demand", "Standard", "Commitment-Based", None)],
        [0, 2],
    ),
    ("currency-code", "BillingCurrency"): ([{"BillingCurrency": text} for text in ("USD", "US$", None)], [1]),
    ("end-before-start", "BillingPeriodEnd"): (
        [
            {"BillingPeriodStart": start, "BillingPeriodEnd": end}
            for start, end in (
                ("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"),
                ("2025-02-01T00:00:00Z", "2025-01-01T00:00:00Z"),
                ("2025-01-01T00:00:00Z", "2025-01-01T00:00Z"),
                ("2025-01-02", "2025-01-02"),
                ("2025-01-02", "2025-01-01"),
                ("2025-01-01T12:00:00Z", "2025-01-01"),
                ("2025-01-02T12:00:00Z", "2025-01-01"),
                ("2025-01-01T00:00:00-05:00", "2025-01-01T01:00:00+05:00"),
                ("2025-01-01 05:00:00", "2025-01-01T00:00:00"),
                ("2025-01-01T00:00:05Z", "2025-01-01T00:00:04Z"),
                ("2025-01-01", None),
                ("5/1/25", "1/1/25"),
            )
        ],
        [1, 2, 4, 6, 7, 8, 9],
    ),
    ("list-cost-product", "ListCost"): (
        [
            {"ListCost": cost, "ListUnitPrice": price, "PricingQuantity": quantity, "ChargeClass": kind}
            for cost, price, quantity, kind in (
                ("10", "2", "5", None),
                ("10.01", "2", "5", None),
                ("10.010001", "2", "5", None),
                ("-10", "2", "5", None),
                ("-10", "2", "5", "Correction"),
                ("100000", "2", "50005", None),
                ("100000", "2", "50005.1", None),
                ("10", None, "5", None),
                ("NaN", "2", "5", None),
                ("6.123E-2", "6.123E-7", "100000", None),
                ("1", "99999999999999", "9999999999999999", None),
            )
        ],
        [2, 3, 6],
    ),
    ("contracted-cost-product", "ContractedCost"): (
        [
            {"ContractedCost": "10", "ContractedUnitPrice": "2", "PricingQuantity": "5"},
            {"ContractedCost": "11", "ContractedUnitPrice": "2", "PricingQuantity": "5"},
        ],
        [1],
    ),
    ("negative-unit-price", "ListUnitPrice"): ([{"ListUnitPrice": text} for text in ("1", "-1", "-0.0", None)], [1]),
    ("unit-and-quantity", "PricingUnit"): (
        [
            {"PricingUnit": unit, "PricingQuantity": quantity}
            for unit, quantity in (("h", "1"), ("h", None), (None, "1"), (None, None))
        ],
        [1, 2],
    ),
    ("list-cost-zero", "ListCost"): (
        [
            {"ListCost": listed, "BilledCost": cost, "ChargeCategory": category}
            for listed, cost, category in (
                ("0", "5", "Usage"),
                ("0.00", "0E-10", "Usage"),
                ("0", "-5", "Credit"),
                ("5", "5", "Usage"),
                (None, "5", "Usage"),
            )
        ],
        [0],
    ),
    ("duplicate-json-key", "Tags"): (
        [
            {"Tags": text}
            for text in (
                '{"a": "1", "a": "2"}',
                '{"a": "1", "b": "1"}',
                '{"a": "1", "a": "1"}',
                "a",
                None,
                '{"a": "1"}',
            )
        ],
        [0, 2],
    ),
    ("duplicate-json-key", "SkuPriceDetails"): (
        [{"SkuPriceDetails": text} for text in ('{"a": 1}', '{"a": 1, "b": 2, "a": 3}', "[1, 1]", None)],
        [1],
    ),
    ("tax-details", "ChargeCategory"): (
        [
            {"ChargeCategory": category, "SkuId": sku, "PricingQuantity": quantity}
            for category, sku, quantity in (
                ("Tax", None, None),
                ("tax", "sku", None),
                ("Tax", None, "1"),
                ("Usage", "sku", "1"),
                (None, "sku", "1"),
            )
        ],
        [1, 2],
    ),
    ("frequency-of-purchase", "ChargeFrequency"): (
        [
            {"ChargeCategory": "Purchase", "ChargeFrequency": "Usage-Based"},
            {"ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based"},
            {"ChargeCategory": "Purchase", "ChargeFrequency": "Recurring"},
        ],
        [0],
    ),
    ("negative-usage", "BilledCost"): (
        [
            {"BilledCost": cost, "ChargeCategory": category, "ChargeClass": kind}
            for cost, category, kind in (
                ("-5", "Usage", None),
                ("-5", None, None),
                ("-5", "Credit", None),
                ("-5", "Usage", "Correction"),
                ("-0.00", "Usage", None),
                ("5", "Usage", None),
            )
        ],
        [0, 1],
    ),
    ("effective-zero", "EffectiveCost"): (
        [
            {"EffectiveCost": effective, "BilledCost": billed, "ChargeCategory": category, "ChargeClass": kind}
            for effective, billed, category, kind in (
                ("0", "5", "Usage", None),
                ("0", "0", "Usage", None),
                ("0", "5", "Purchase", None),
                ("5", "5", "Usage", None),
                ("0", "5", "Usage", "Correction"),
                (None, "5", "Usage", None),
            )
        ],
        [0],
    ),
    ("sub-account-name", "SubAccountName"): (
        [
            {"SubAccountName": name, "SubAccountId": key}
            for name, key in (("n", "1"), (None, "1"), ("n", None), (None, None))
        ],
        [1, 2],
    ),
    ("service-in-categories", "ServiceCategory"): (
        [
            {"ServiceName": name, "ServiceCategory": category}
            for name, category in (
                ("EC2", "Compute"),
                ("EC2", "Networking"),
                ("S3", "Storage"),
                ("S3", "Storage"),
                ("S3", None),
                (None, "Compute"),
                (None, "Storage"),
            )
        ],
        [0, 1],
    ),
    ("mixed-currencies", "BillingCurrency"): (
        [{"BillingCurrency": text} for text in ("EUR", "USD", "usd", None)],
        [0],
    ),
    ("covered-usage-billed", "BilledCost"): (
        [
            {**COMMITMENT, "CommitmentDiscountStatus": status, "ChargeCategory": category, "BilledCost": cost}
            for status, category, cost in (
                ("Used", "Usage", "0"),
                ("Used", "Usage", "5"),
                ("Unused", "Usage", "5"),
                ("Used", "Purchase", "5"),
            )
        ],
        [1],
    ),
    ("commitment-purchase-effective", "EffectiveCost"): (
        [
            {**COMMITMENT, "ChargeCategory": category, "EffectiveCost": cost, "CommitmentDiscountId": commitment}
            for category, cost, commitment in (
                ("Purchase", "0.00", "c-1"),
                ("Purchase", "5", "c-1"),
                ("Purchase", "5", None),
                ("Usage", "5", "c-1"),
            )
        ],
        [1],
    ),
    ("commitment-purchase-billed", "BilledCost"): (
        [
            {**COMMITMENT, "ChargeCategory": category, "BilledCost": cost}
            for category, cost in (("Purchase", "5"), ("Purchase", "0"), ("Usage", "5"))
        ],
        [0],
    ),
    ("unused-commitment", "EffectiveCost"): (
        [
            {**COMMITMENT, "CommitmentDiscountStatus": status, "ChargeCategory": "Usage", "EffectiveCost": cost}
            for status, cost in (("Unused", "5"), ("Used", "5"), ("Unused", "0"))
        ],
        [0],
    ),
    ("unused-not-usage", "CommitmentDiscountStatus"): (
        [
            {**COMMITMENT, "CommitmentDiscountStatus": status, "ChargeCategory": category}
            for status, category in (("Unused", "Purchase"), ("Unused", "Usage"), ("Used", "Purchase"))
        ],
        [0],
    ),
    ("commitment-status", "CommitmentDiscountStatus"): (
        [
            {"CommitmentDiscountId": key, "CommitmentDiscountStatus": status, "ChargeCategory": category}
            for key, status, category in (
                ("c", "Used", "Usage"),
                (None, "Used", "Usage"),
                ("c", None, "Usage"),
                ("c", None, "Purchase"),
                (None, None, "Usage"),
            )
        ],
        [1, 2],
    ),
}


def test_every_code_has_its_case():
    assert {code for code, _ in CASES} == {rule.code for rule in all_rules()}


@pytest.mark.parametrize(("code", "column"), list(CASES))
def test_a_rule_fires_on_the_rows_that_break_it(code, column):
    rows, breaks = CASES[code, column]
    findings = found(rows, EFFECTIVE if code == "unused-commitment" else BILLED)
    (finding,) = [finding for finding in findings if (finding.code, finding.column) == (code, column)]
    assert (list(finding.rows), finding.count) == (breaks, len(breaks))
    assert finding.severity is (Severity.ERROR if code == "end-before-start" else Severity.WARNING)


@pytest.mark.parametrize(("code", "column"), list(CASES))
def test_a_rule_is_silent_on_the_other_rows(code, column):
    rows, breaks = CASES[code, column]
    clean = [row for index, row in enumerate(rows) if index not in breaks]
    findings = found(clean, EFFECTIVE if code == "unused-commitment" else BILLED)
    assert (code, column) not in tell(findings)


@pytest.mark.parametrize(("code", "column"), list(CASES))
def test_a_rule_is_not_run_without_its_columns(code, column):
    rows, _ = CASES[code, column]
    rule = next(
        rule for rule in all_rules() if rule.code == code and rule.column.replace("{cost}", "BilledCost") == column
    )
    source = EFFECTIVE if code == "unused-commitment" else BILLED
    for name in (column, *(name.replace("{cost}", "BilledCost") for name in rule.needs)):
        if len(rows[0]) > 1:
            assert (code, column) not in tell(found(rows, source, absent=(name,)))


@pytest.mark.parametrize("rule", all_rules(), ids=[f"{rule.code}-{rule.column}" for rule in all_rules()])
def test_a_rule_names_columns_of_focus_and_says_what_to_do(rule):
    names = {rule.column, *rule.needs, *rule.any_of} - {"{cost}"}
    assert names <= set(COLUMNS)
    assert rule.message
    assert rule.fix
    assert rule.clause == "ours" or rule.clause.startswith("FOCUS 1.")
    assert not rule.message.endswith(".")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("source", [BILLED, EFFECTIVE])
def test_every_placeholder_is_filled_in_for_a_file(dialect, source):
    rules = active_rules(columns_of(dialect), dialect, source)
    assert rules
    for rule in rules:
        texts = " ".join([rule.column, rule.where, rule.trigger, rule.message, rule.fix, *rule.needs])
        assert not re.search(r"\{[a-z_]+\}", texts.replace("{tag_texts}", "")), rule.code


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("source", [BILLED, EFFECTIVE])
def test_all_rules_together_run_on_all_columns_of_a_dialect(dialect, source):
    assert found([dict.fromkeys(columns_of(dialect))], source, dialect) == [
        finding
        for finding in found([dict.fromkeys(columns_of(dialect))], source, dialect)
        if finding.code == "null-value"
    ]


def test_a_file_with_only_a_header_breaks_nothing():
    assert found([], dialect="focus-1.3") == []


def test_the_first_rows_are_listed_and_all_are_counted():
    rows = [{"BillingCurrency": "usd" if index % 2 else "USD"} for index in range(100)]
    (finding,) = found(rows)
    assert finding.count == 50
    assert finding.rows == tuple(range(1, 2 * MAX_ROWS, 2))


def test_the_cost_that_counts_is_the_one_that_is_billed():
    rows = [{"BilledCost": "-5", "EffectiveCost": "-60", "ListCost": "0"}]
    assert set(tell(found(rows, BILLED))) == {
        ("negative-usage", "BilledCost"),
        ("list-cost-zero", "ListCost"),
    }
    assert set(tell(found(rows, EFFECTIVE))) == {("negative-usage", "EffectiveCost"), ("list-cost-zero", "ListCost")}


def test_the_last_day_counts_in_the_simple_dialect():
    rows = [{"ChargePeriodStart": "2025-01-05", "ChargePeriodEnd": "2025-01-06"}]
    assert tell(found(rows, dialect="simple")) == {}
    assert tell(found(rows, dialect="focus-1.0")) == {("date-only-end", "ChargePeriodEnd"): [0]}


def test_a_charge_period_outside_of_the_billing_period_is_fine():
    row = {
        "BillingPeriodStart": "2025-01-01T00:00:00Z",
        "BillingPeriodEnd": "2025-02-01T00:00:00Z",
        "ChargePeriodStart": "2024-01-01T00:00:00Z",
        "ChargePeriodEnd": "2027-01-01T00:00:00Z",
    }
    assert found([row]) == []


# The header.


def test_the_header_is_judged_once_for_all_its_columns():
    columns = [*columns_of("focus-1.2"), "Id", "ChargeSubcategory", "x_Own", "oci_Thing", "X_Loud"]
    there = [name for name in columns if name not in ("ServiceName", "BilledCost", "PublisherName")]
    unknown, missing = check_header(there, "focus-1.2", BILLED)
    assert (unknown.code, unknown.count, unknown.rows) == ("unknown-label", 2, ())
    assert unknown.message.endswith("ChargeSubcategory (now in ChargeClass and CommitmentDiscountStatus), Id")
    assert (missing.code, missing.count) == ("missing-label", 2)
    assert missing.message == "2 columns of FOCUS 1.2 are missing: PublisherName, ServiceName"


def test_a_complete_header_is_fine():
    assert check_header(columns_of("focus-1.4"), "focus-1.4", BILLED) == []
    assert check_header(["BillingPeriodStart", "BilledCost", "Tags"], "simple", BILLED) == []


# Severities of a source.


def test_a_source_may_weigh_a_rule_otherwise():
    rows, _ = CASES["negative-usage", "BilledCost"]
    weights = {"negative-usage": "error"}
    (finding,) = found(rows, Source("s", severity=weights))
    assert finding.severity is Severity.ERROR
    assert found(rows, Source("s", severity={"negative-usage": "off"})) == []
    rows, _ = CASES["end-before-start", "BillingPeriodEnd"]
    findings = found(rows, Source("s", severity={"end-before-start": "warning"}))
    assert Severity.ERROR not in {finding.severity for finding in findings}
    assert check_header(["BilledCost"], "focus-1.0", Source("s", severity={"missing-label": "off"})) == []


def test_what_billing_needs_stays_an_error():
    off = Source("s", severity={"type-error": "off", "constraint-error": "warning"})
    assert severity_for("type-error", Severity.ERROR, off) is Severity.ERROR
    assert severity_for("type-error", Severity.WARNING, off) is None
    assert severity_for("constraint-error", Severity.ERROR, off) is Severity.ERROR
    assert severity_for("extra-decimals", Severity.WARNING, off) is Severity.WARNING


def test_the_ledger_knows_the_codes_and_dialects_of_focus():
    assert set(SETTABLE) == {rule.code for rule in all_rules()} | {
        "missing-label",
        "unknown-label",
        "type-error",
        "constraint-error",
        "null-word",
        "number-spelling",
    }
    assert not set(SETTABLE) & set(FIXED)
    assert set(settings.DIALECTS) == {"azure", "focus", *DIALECTS}
    assert list(SETTABLE) == sorted(SETTABLE)


def test_every_code_stands_in_the_documentation():
    text = (Path(__file__).parents[2] / "docs" / "LEDGER.md").read_text(encoding="utf-8")
    assert [code for code in (*SETTABLE, *FIXED) if f"`{code}`" not in text] == []


def config(*lines: str):
    text = "\n".join(["organization: U", "sources:", "  aws:", *(f"    {line}" for line in lines)])
    read, problems = read_config(text.encode())
    return read.source("aws"), [(problem.code, problem.line, problem.message, problem.fix) for problem in problems]


def test_dialect_and_severity_in_the_config():
    source, problems = config("dialect: focus-1.2", "severity:", "  negative-usage: off", "  value-case: error")
    assert problems == []
    assert source.dialect == "focus-1.2"
    assert source.severity == {"negative-usage": "off", "value-case": "error"}
    assert config("dialect: simple")[0].severity == {}


@pytest.mark.parametrize(
    ("line", "code", "message", "fix"),
    [
        (
            "negative-usge: off",
            "unknown-key",
            "`negative-usge` is not a setting here",
            "did you mean `negative-usage`?",
        ),
        ("negative-usage: no", "wrong-value", "expected one of error, warning, off", "use one of error, off, warning"),
        (
            "duplicate-label: off",
            "fixed-severity",
            "duplicate-label protects money and stays an error",
            "remove this line",
        ),
    ],
)
def test_a_severity_that_cannot_be_is_a_problem(line, code, message, fix):
    source, problems = config("severity:", f"  {line}")
    assert problems == [(code, 5, message, fix)]
    assert source.severity == {}
