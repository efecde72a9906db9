"""The Table Schemas of the dialects: what stands in them, and what Frictionless says with them on its own."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from openchargeback.focus.columns import COLUMNS, OLDER_NAMES, SIMPLE_COLUMNS, TABLE, VERSIONS, WITHDRAWN
from openchargeback.focus.database import sql
from openchargeback.focus.schema import DIALECTS, columns_of, detect, schema_bytes, schema_for, severity_of
from openchargeback.problems import Severity

ROOT = Path(__file__).parents[2]
ROW_1_2 = {
    "BilledCost": "1.5",
    "BillingAccountId": "a",
    "BillingCurrency": "USD",
    "BillingPeriodEnd": "2025-02-01T00:00Z",
    "BillingPeriodStart": "2025-01-01T00:00:00.000Z",
    "ChargeCategory": "Usage",
    "ChargePeriodEnd": "2025-01-02",
    "ChargePeriodStart": "2025-01-01 00:00:00",
    "ContractedCost": "6.123E-7",
    "EffectiveCost": "-0",
    "InvoiceIssuerName": "i",
    "ListCost": "2",
    "ProviderName": "p",
    "PublisherName": "u",
    "ServiceCategory": "Compute",
    "ServiceName": "s",
}
REQUIRED_1_2 = list(ROW_1_2)


def test_the_files_are_what_the_table_of_columns_says():
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "schemas.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stale_file_is_named(tmp_path):
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "schemas.py", tmp_path / "tools")
    folder = tmp_path / "src" / "openchargeback" / "focus" / "schemas"
    shutil.copytree(ROOT / "src" / "openchargeback" / "focus" / "schemas", folder)
    (folder / "focus-1.2.json").write_text((folder / "focus-1.2.json").read_text().replace('"Usage"', '"Use"'))
    done = subprocess.run(
        [sys.executable, str(tmp_path / "tools" / "schemas.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if "focus-1.2.json" in line]
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(("version", "count"), [("1.0", 43), ("1.1", 50), ("1.2", 57), ("1.3", 65), ("1.4", 65)])
def test_each_version_has_as_many_columns_as_the_standard(version, count):
    schema = schema_for(f"focus-{version}")
    assert len(schema["fields"]) == count
    assert [field["name"] for field in schema["fields"]] == sorted(field["name"] for field in schema["fields"])
    assert all(field["description"].endswith(".") for field in schema["fields"])


def test_what_1_2_requires_and_allows():
    fields = {field["name"]: field for field in schema_for("focus-1.2")["fields"]}
    assert sorted(name for name, field in fields.items() if "required" in field.get("constraints", {})) == REQUIRED_1_2
    assert fields["ChargeClass"]["constraints"] == {"enum": ["Correction"]}
    assert len(fields["ServiceCategory"]["constraints"]["enum"]) == 19
    assert fields["Tags"]["type"] == "string"
    assert fields["SkuPriceDetails"]["type"] == "object"
    assert {field["type"] for field in fields.values()} == {"string", "number", "object"}


def test_providers_are_gone_from_1_4():
    assert set(columns_of("focus-1.3")) - set(columns_of("focus-1.4")) == {"ProviderName", "PublisherName"}
    assert set(columns_of("focus-1.4")) - set(columns_of("focus-1.3")) == {
        "InvoiceDetailId",
        "CommitmentProgramEligibilityDetails",
    }


def test_the_simple_dialect_has_its_twelve_columns():
    schema = schema_for("simple")
    assert [field["name"] for field in schema["fields"]] == list(SIMPLE_COLUMNS)
    required = [field["name"] for field in schema["fields"] if field.get("constraints", {}).get("required")]
    assert required == ["BillingPeriodStart", "BilledCost", "Tags"]


def test_a_schema_is_the_callers_own():
    schema_for("simple")["fields"].clear()
    assert schema_for("simple")["fields"]
    with pytest.raises(ValueError, match=r"no schema focus-9"):
        schema_bytes("focus-9")


def test_older_names_stand_for_columns_of_today_and_collide_with_none():
    assert set(OLDER_NAMES.values()) <= set(COLUMNS)
    assert not set(OLDER_NAMES) & set(COLUMNS)
    assert not set(WITHDRAWN) & (set(COLUMNS) | set(OLDER_NAMES))
    assert all(column.until in {"", *VERSIONS} for column in TABLE.values())


# What Frictionless says, run as a user would run it.


def problems(tmp_path: Path, dialect: str, header: list[str], *rows: list[str]) -> list[tuple[str, str]]:
    """Type and field of each error that `frictionless validate FILE --schema SCHEMA` reports."""
    (tmp_path / f"{dialect}.json").write_bytes(schema_bytes(dialect))
    lines = [",".join(f'"{cell}"' if cell else "" for cell in cells) for cells in (header, *rows)]
    (tmp_path / "charges.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "frictionless", "validate", "charges.csv", "--schema", f"{dialect}.json", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    errors = [*report["errors"], *(error for task in report["tasks"] for error in task["errors"])]
    assert report["valid"] is (not errors)
    return [(error["type"], error.get("fieldName", error["message"])) for error in errors]


def test_a_file_in_another_order_with_further_columns_is_valid(tmp_path):
    row = {"x_Own": "1", **dict(reversed(ROW_1_2.items())), "Tags": "not JSON", "Id": "7", "PricingUnit": ""}
    assert problems(tmp_path, "focus-1.2", list(row), list(row.values())) == []


def test_missing_required_columns_are_named_and_missing_optional_ones_are_not(tmp_path):
    row = {name: cell for name, cell in ROW_1_2.items() if name not in {"ServiceName", "BillingCurrency"}}
    assert problems(tmp_path, "focus-1.2", list(row), list(row.values())) == [
        ("missing-label", "BillingCurrency"),
        ("missing-label", "ServiceName"),
    ]


def test_labels_count_case_and_may_not_repeat(tmp_path):
    row = {("billedcost" if name == "BilledCost" else name): cell for name, cell in ROW_1_2.items()}
    assert problems(tmp_path, "focus-1.2", list(row), list(row.values())) == [("missing-label", "BilledCost")]
    header = [*ROW_1_2, "BilledCost"]
    (fault,) = problems(tmp_path, "focus-1.2", header, [*ROW_1_2.values(), "1"])
    assert "unique labels" in fault[1]


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("BillingPeriodStart", "5/1/25", "constraint-error"),
        ("BillingPeriodStart", "2025-13-01", "constraint-error"),
        ("BillingPeriodStart", "", "constraint-error"),
        ("BilledCost", "$5", "type-error"),
        ("BilledCost", "NULL", "constraint-error"),
        ("ChargeCategory", "usage", "constraint-error"),
        ("ServiceCategory", "Cloud", "constraint-error"),
    ],
)
def test_a_faulty_cell_is_one_error(tmp_path, column, cell, code):
    row = {**ROW_1_2, column: cell}
    assert problems(tmp_path, "focus-1.2", list(row), list(row.values())) == [(code, column)]


def test_a_file_of_the_simple_dialect_is_valid_with_days(tmp_path):
    header = ["BillingPeriodStart", "BillingPeriodEnd", "BilledCost", "Tags"]
    assert problems(tmp_path, "simple", header, ["2025-01-01", "2025-01-31", "0", "{}"]) == []


# Date-times: Python, RE2 and the reader's own macro agree.

MOMENTS = {
    "2025-01-01T00:00:00Z": True,
    "2025-01-01T00:00:00.000Z": True,
    "2025-01-01T00:00Z": True,
    "2025-01-01T00:00:00+00:00": True,
    "2025-01-01T00:00:00-0530": True,
    "2025-01-01 00:00:00": True,
    "2025-01-01 00:00:00 UTC": True,
    "2025-01-01T23:59:59.123456789Z": True,
    "2025-01-31": True,
    "2025-1-1": False,
    "5/1/25": False,
    "20250101": False,
    "2025-13-01": False,
    "2025-00-01": False,
    "2025-01-32": False,
    "2025-01-01T24:00:00Z": False,
    "2025-01-01T00:60:00Z": False,
    "2025-01-01T00:00:00": True,
    "2025-01-01T": False,
    "2025-01-01Z": False,
    " 2025-01-01": False,
    "\uff12\uff10\uff12\uff15-01-01": False,
    "2025-01-01T00:00:00ZZ": False,
    "2025-01-01T00:00:00Z or so": False,
}


@pytest.mark.parametrize(("text", "expected"), list(MOMENTS.items()))
def test_both_engines_read_the_pattern_alike(text, expected):
    pattern = schema_for("focus-1.2")["fields"][list(columns_of("focus-1.2")).index("BillingPeriodStart")][
        "constraints"
    ]["pattern"]
    con = duckdb.connect()
    con.execute(sql("openchargeback.focus", "macros.sql"))
    as_frictionless = re.match(f"^{pattern}$", text) is not None
    re2, moment = con.execute(
        "SELECT regexp_full_match($t, $p), utc($t) IS NOT NULL", {"t": text, "p": pattern}
    ).fetchone()
    assert as_frictionless is re2 is expected
    assert moment or not expected


# Which dialect a file follows.


@pytest.mark.parametrize(
    ("columns", "setting", "dialect"),
    [
        (SIMPLE_COLUMNS, "", "simple"),
        (["BillingPeriodStart", "BilledCost"], "", "simple"),
        (["BillingPeriodStart", "BilledCost"], "focus", "focus-1.0"),
        (["BillingPeriodStart", "BilledCost"], "focus-1.3", "focus-1.3"),
        (REQUIRED_1_2, "simple", "simple"),
        (REQUIRED_1_2, "", "focus-1.0"),
        ([*REQUIRED_1_2, "x_Own", "Id"], "", "focus-1.0"),
        ([*REQUIRED_1_2, "SkuMeter"], "", "focus-1.1"),
        ([*REQUIRED_1_2, "SkuMeter", "InvoiceId"], "", "focus-1.2"),
        ([*REQUIRED_1_2, "ServiceProviderName"], "", "focus-1.3"),
        (["BilledCost", "ServiceProviderName", "InvoiceDetailId"], "", "focus-1.4"),
        (["BilledCost", "ProviderName", "InvoiceDetailId"], "", "focus-1.0"),
        (["BilledCost", "ProviderName", "InvoiceDetailId", "SkuMeter", "InvoiceId"], "", "focus-1.2"),
    ],
)
def test_the_lowest_version_that_explains_the_columns(columns, setting, dialect):
    assert detect(columns, setting) == dialect
    assert dialect in DIALECTS


# What a violation weighs.


@pytest.mark.parametrize(
    ("code", "column", "text", "severity"),
    [
        ("missing-label", "BilledCost", None, "error"),
        ("missing-label", "EffectiveCost", None, "warning"),
        ("missing-label", "ChargeCategory", None, "warning"),
        ("constraint-error", "BillingPeriodStart", None, "error"),
        ("constraint-error", "ChargeCategory", None, "warning"),
        ("constraint-error", "ChargeCategory", "usage", "warning"),
        ("constraint-error", "ChargeCategory", "Fee", "error"),
        ("type-error", "ListCost", "$5", "error"),
        ("constraint-error", "ListCost", None, "warning"),
        ("type-error", "EffectiveCost", "$5", "warning"),
        ("constraint-error", "ServiceCategory", "Cloud", "warning"),
    ],
)
def test_what_billing_would_have_to_guess_is_an_error(code, column, text, severity):
    assert severity_of(code, column, text, "BilledCost") is Severity(severity)


def test_the_cost_that_a_source_bills_is_needed():
    assert severity_of("type-error", "EffectiveCost", "$5", "EffectiveCost") is Severity.ERROR
    assert severity_of("type-error", "BilledCost", "$5", "EffectiveCost") is Severity.WARNING
