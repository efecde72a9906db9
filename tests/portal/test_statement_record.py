"""The data in a statement's PDF: complete, exact, and as its published schema says."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from decimal import Decimal
from typing import Any

import pytest
import statement_cases as cases
from jsonschema import Draft202012Validator

from openchargeback.model import Statement
from openchargeback.portal.record_schema import schema_text, shipped_schema
from openchargeback.portal.statement_data import charges_csv, data_files, lines_csv
from openchargeback.portal.statement_record import STATEMENT, statement_json

AMOUNTS = ("list", "discount", "covered", "billed")


def record(of: Statement) -> dict[str, Any]:
    return json.loads(statement_json(of, cases.config()))


def strict(schema: Any) -> Any:
    """The schema, with no other keys allowed."""
    if isinstance(schema, dict):
        closed = {"additionalProperties": False} if "properties" in schema else {}
        return {key: strict(value) for key, value in schema.items()} | closed
    return [strict(each) for each in schema] if isinstance(schema, list) else schema


def test_the_shipped_schema_is_current() -> None:
    assert shipped_schema() == schema_text()


@pytest.mark.parametrize("name", cases.CASES)
def test_every_record_is_as_the_schema_says(name: str) -> None:
    schema = json.loads(schema_text())
    Draft202012Validator.check_schema(schema)
    faults = list(Draft202012Validator(strict(schema)).iter_errors(record(cases.CASES[name]())))
    assert faults == []


@pytest.mark.parametrize("name", cases.CASES)
def test_amounts_and_discounts_by_cause_add_up(name: str) -> None:
    of = cases.CASES[name]()
    found = record(of)
    for key in AMOUNTS:
        lines = [Decimal(line[key]) for line in found["lines"]]
        assert sum(lines) == Decimal(found["total"][key]) + Decimal(found["shown"][key])
        parts = sum(Decimal(each[key]) for group in ("resources", "corrections") for each in found[group])
        assert parts == sum(lines) or not found["resources"]
    for total in (found["total"], found["shown"], *found["lines"]):
        discounts = sum(Decimal(each["amount"]) for each in total["discounts"])
        assert Decimal(total["list"]) - discounts == Decimal(total["billed"])
    invoiced = Decimal(found["invoice"]["amount"]) if found["invoice"] else Decimal(0)
    assert sum(Decimal(fund["billed"]) for fund in found["funds"]) + invoiced == Decimal(found["total"]["billed"])


def test_who_grants_a_discount() -> None:
    assert record(cases.normal())["total"]["discounts"] == [
        {"cause": "vendor", "source": "aws", "amount": "159.07"},
        {"cause": "institution", "source": "hpc", "amount": "5854.38"},
        {"cause": "institution", "source": "storage", "amount": "312.50"},
    ]


def test_kind_span_and_subject_are_values() -> None:
    found = record(cases.two_funds())
    assert (found["format"], found["version"], found["kind"]) == ("openchargeback-statement", 1, "monthly")
    assert found["span"] == {"from": "2025-01-01", "until": "2025-01-31"}
    assert found["periods"] == ["2025-01"]
    assert found["project"]["award"] == "MATH-2400123"
    assert (found["project"]["start"], found["project"]["end"]) == ("2023-09-01", "2026-08-31")
    assert (found["first_charge"], found["last_charge"]) == ("2025-01-01", "2025-01-31")
    assert [(fund["fund"], fund["until"]) for fund in found["funds"]] == [
        ("MATH-2024-017", None),
        ("PHYS-2023-9", "2025-08-31"),
    ]
    external = record(cases.external())
    assert external["pi"]["payer_class"] == "external-academic"
    assert external["funds"] == []
    assert external["invoice"] == {
        "number": "INV-2025-01-3f9a1c22b7",
        "issued": "2025-02-03",
        "due": "2025-03-05",
        "terms": "Net 30 days",
        "organization": "University of Göttingen",
        "address": ["Wilhelmsplatz 1", "37073 Göttingen", "Germany"],
        "purchase_order": "PO-1801",
        "taxable": False,
        "tax_text": "No sales tax: sponsored research of a public university.",
        "pay_to": ["Accounts Receivable", "100 Library Walk", "Springfield, EX 01234"],
        "amount": "4679.10",
    }


def test_quantities_and_prices_are_exact() -> None:
    (first, *_) = record(cases.large())["resources"]
    assert {key: first[key] for key in ("quantity", "unit", "list_unit_price", "various")} == {
        "quantity": "495.8456",
        "unit": "Hours",
        "list_unit_price": "0.816",
        "various": "",
    }


def test_the_record_is_canonical() -> None:
    content = statement_json(cases.normal(), cases.config())
    found = json.loads(content)
    assert content == (json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode()
    assert list(found) == [field.name for field in STATEMENT.fields]
    assert (found["number"], found["digest"]) == ("2025-01-3f9a1c22b7", cases.normal().digest)
    assert found["lines"][0]["exact_billed"] == "1086.400012"


def test_spreadsheets_take_no_name_for_a_formula() -> None:
    line = dataclasses.replace(cases.normal_lines()[0], service='=HYPERLINK("http://example.edu")')
    assert "\"'=HYPERLINK(" in lines_csv(cases.statement([line], []), cases.config()).decode()


def test_corrections_follow_the_month_s_own_charges() -> None:
    of = cases.earlier()
    rows = list(csv.DictReader(io.StringIO(charges_csv(of, cases.config(), cases.rows_of(of)).decode(), newline="")))
    assert [row["entry"] for row in rows[-4:]] == ["late", "late", "credit", "rebill"]
    assert sum(Decimal(row["billed"]) for row in rows) == of.amounts.billed
    assert (rows[-2]["quantity"], rows[-2]["unit"], rows[-2]["corrects"]) == (
        "-226.6667",
        "Hours",
        "2024-12-3f9a1c22b7",
    )


def test_without_the_month_s_charges_there_is_no_file_of_charges() -> None:
    assert [file.name for file in data_files(cases.normal(), cases.config(), None)] == ["lines.csv", "statement.json"]
    names = [file.name for file in data_files(cases.normal(), cases.config(), "")]
    assert names == ["charges.csv", "lines.csv", "statement.json"]
