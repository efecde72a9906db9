"""What exporters write that is no FOCUS CSV: the fault is called by its name, with what to set in the exporter."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))

from small_ledger import bill, charge, csv_text

from openchargeback.focus.header import names_of
from openchargeback.focus.other_reports import other_reports
from openchargeback.problems import Problem, Severity

CASES = Path(__file__).parents[1] / "cases"
HEADER = "BillingPeriodStart,BilledCost,Tags"


def problems_of(root: Path, content: str | bytes, name: str = "aws.csv") -> list[Problem]:
    """What is told of a charge file, but for missing columns."""
    _, problems = bill(root, {name: content}, warnings=True)
    return [each for each in problems if each.code != "missing-label"]


def test_quotes_escaped_with_backslashes_are_named_with_their_place(tmp_path: Path) -> None:
    """As Spark and Databricks write them unless told otherwise."""
    content = (CASES / "spark-backslash.csv").read_text(encoding="utf-8")
    (problem,) = problems_of(tmp_path, content)
    assert (problem.code, problem.line) == ("source-error", 2)
    line = content.splitlines()[1]
    assert line[problem.column - 1 :].startswith('\\"pi_email')
    assert "escaped with backslashes" in problem.message
    assert """option("escape", '"')""" in problem.fix


@pytest.mark.parametrize(
    ("cell", "column"), [(r'"a \"b\" c"', 15), (r'"\"b\""', 13), (r' "a\"b"', 15), (r'"a","x\"y"', 18)]
)
def test_the_place_of_the_first_backslash_before_a_quote(tmp_path: Path, cell: str, column: int) -> None:
    (problem,) = problems_of(tmp_path, f"{HEADER}\n2025-01-01,5,\n2025-01-01,{cell},x,5\n")
    assert (problem.line, problem.column) == (3, column)
    assert "backslashes" in problem.message


@pytest.mark.parametrize("cell", [r'"a\\b" c', r'"C:\dir', '"open'])
def test_other_broken_quotes_are_not_called_backslashes(tmp_path: Path, cell: str) -> None:
    (problem,) = problems_of(tmp_path, f"{HEADER}\n2025-01-01,5,{cell}\n")
    assert problem.code == "source-error"
    assert "backslash" not in problem.message


def test_a_backslash_at_the_end_of_a_cell_is_text(tmp_path: Path) -> None:
    """A Windows path is fine as long as quotes are doubled."""
    assert problems_of(tmp_path, HEADER + '\n2025-01-01,5,"{""path"": ""C:\\\\""}"\n') == []


@pytest.mark.parametrize("word", ["NULL", "null"])
@pytest.mark.parametrize("quoted", [False, True])
def test_the_word_null_is_told_once_a_column_with_its_count(tmp_path: Path, word: str, quoted: bool) -> None:
    cell = f'"{word}"' if quoted else word
    rows = "".join(f"2025-01-01,{n},{cell},{cell},{cell},x\n" for n in range(1, 2_001))
    found = problems_of(tmp_path, f"BillingPeriodStart,BilledCost,ListUnitPrice,Tags,ResourceName,x_a\n{rows}")
    assert [(each.field, each.count, each.line, each.more[:2]) for each in found if each.code == "null-word"] == [
        (name, 2_000, 2, (3, 4)) for name in ("ListUnitPrice", "Tags", "ResourceName")
    ]
    assert {each.message for each in found if each.field == "Tags"} == {
        f"Tags contains the word {word}, which is read as no value"
    }


@pytest.mark.parametrize(
    "row", ["NULL,2025-01-01,5,x", "x,2025-01-01,5,(null)", '"NULL",2025-01-01,5,x', 'x,2025-01-01,5,"#N/A"']
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_word_for_nothing_is_found_at_both_ends_of_a_line(tmp_path: Path, row: str, end: str) -> None:
    header = "ServiceName,BillingPeriodStart,BilledCost,ResourceName"
    found = problems_of(tmp_path, f"{header}{end or chr(10)}{row}{end}")
    assert [each.code for each in found if each.code == "null-word"] == ["null-word"]


@pytest.mark.parametrize("row", ["NULLABLE,2025-01-01,5,x", "x,2025-01-01,5,is NULL", "x NaN,2025-01-01,5,nanny"])
def test_a_word_for_nothing_within_a_text_is_not_one(tmp_path: Path, row: str) -> None:
    header = "ServiceName,BillingPeriodStart,BilledCost,ResourceName"
    assert problems_of(tmp_path, f"{header}\n{row}\n") == []


@pytest.mark.parametrize("word", ["None", "N/A", "\\N", "NaN", "<NA>"])
def test_other_words_for_nothing_are_text_in_columns_of_text(tmp_path: Path, word: str) -> None:
    content = f"BillingPeriodStart,BilledCost,Tags,ResourceName\n2025-01-01,5,,{word}\n2025-01-01,6,,db\n"
    (problem,) = problems_of(tmp_path, content)
    assert (problem.code, problem.severity, problem.line, problem.column) == ("null-word", Severity.WARNING, 2, 15)
    assert problem.message == f"ResourceName contains the word {word}, which is read as text"
    assert problem.fix == "export an empty cell for a missing value"


@pytest.mark.parametrize("word", ["None", "N/A", "\\N", "NaN"])
@pytest.mark.parametrize(
    ("column", "kind", "severity"),
    [
        ("BilledCost", "a number", Severity.ERROR),
        ("BillingPeriodStart", "a date-time", Severity.ERROR),
        ("ListCost", "a number", Severity.ERROR),
        ("ChargePeriodStart", "a date-time", Severity.WARNING),
        ("ListUnitPrice", "a number", Severity.WARNING),
    ],
)
def test_in_numbers_and_dates_such_a_word_is_called_so(
    tmp_path: Path, word: str, column: str, kind: str, severity: Severity
) -> None:
    row = {"BillingPeriodStart": "2025-01-01", "BilledCost": "5", "Tags": "", column: word}
    (problem,) = problems_of(tmp_path, csv_text([row], list(row)))
    assert problem.message == f"{column} is not {kind}: the export wrote the word {word} for no value"
    assert problem.fix == "export an empty cell for a missing value"
    assert problem.severity is severity


def test_a_cost_that_is_the_word_null_says_so(tmp_path: Path) -> None:
    found = problems_of(tmp_path, f"{HEADER}\n2025-01-01,NULL,\n2025-01-01,,\n")
    errors = [(each.line, each.message) for each in found if each.severity is Severity.ERROR]
    assert errors == [
        (2, "BilledCost has no value: the export wrote the word NULL"),
        (3, "BilledCost is empty"),
    ]


def test_null_within_tags_is_json_and_no_word_of_an_export(tmp_path: Path) -> None:
    assert problems_of(tmp_path, HEADER + '\n2025-01-01,5,"{""a"": null, ""b"":null}"\n') == []


def test_the_words_can_be_switched_off_where_one_is_a_name(tmp_path: Path) -> None:
    config = "organization: A\nsources: {aws: {severity: {null-word: off, missing-label: off}}}\n"
    rows = "BillingPeriodStart,BilledCost,Tags,ResourceName\n2025-01-01,5,,None\n"
    _, problems = bill(tmp_path, {"aws.csv": rows}, warnings=True, config=config)
    assert problems == []


def parquet(root: Path, columns: str, rows: int) -> bytes:
    """A Parquet file of DuckDB; `i` is the number of a row from 0."""
    path = root / "made.parquet"
    select = f"SELECT '2025-01-01' AS BillingPeriodStart, '1' AS BilledCost, {columns} FROM range({rows}) AS t(i)"
    with duckdb.connect() as con:
        con.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE 2048)")
    return path.read_bytes()


@pytest.mark.parametrize("name", ["'node' || i", "'node'"], ids=["plain", "dictionary"])
def test_text_of_a_parquet_file_that_is_not_utf_8_is_named_by_column_and_row(tmp_path: Path, name: str) -> None:
    good = f"CASE WHEN i IN (2500, 4000) THEN 'QXXXXQ' ELSE {name} END"
    content = parquet(tmp_path, f"{good} AS ResourceName, 'x' || i AS ResourceId", 5_000)
    (problem,) = problems_of(tmp_path, content.replace(b"QXXXXQ", b"Q\xe9XXXQ"), "hpc.parquet")
    assert (problem.code, problem.field, problem.row, problem.count) == ("encoding-error", "ResourceName", 2502, 2)
    assert problem.message == "ResourceName is not UTF-8 text in row 2,502 and in 1 more"
    assert "UTF-8" in problem.fix


def test_bytes_of_a_parquet_file_that_are_no_text_are_named_too(tmp_path: Path) -> None:
    content = parquet(tmp_path, r"CASE WHEN i = 7 THEN '\xE9a'::BLOB ELSE 'ok'::BLOB END AS ResourceName", 20)
    (problem,) = problems_of(tmp_path, content, "hpc.parquet")
    assert (problem.code, problem.field, problem.row) == ("encoding-error", "ResourceName", 9)


def test_words_for_nothing_are_found_in_parquet(tmp_path: Path) -> None:
    content = parquet(tmp_path, "CASE WHEN i % 2 = 0 THEN 'NULL' ELSE 'a' END AS ResourceName", 10)
    (problem,) = problems_of(tmp_path, content, "hpc.parquet")
    assert (problem.code, problem.field, problem.count, problem.row) == ("null-word", "ResourceName", 5, 2)


HEADERS = {
    "an AWS Cost and Usage Report (CUR)": "identity/LineItemId,identity/TimeInterval,bill/InvoiceId,"
    "bill/PayerAccountId,lineItem/UsageAccountId,lineItem/UnblendedCost,resourceTags/user:Name",
    "an AWS Cost and Usage Report 2.0 (CUR 2.0)": "bill_bill_type,bill_billing_period_start_date,bill_payer_account_id,"
    "line_item_usage_account_id,line_item_unblended_cost,resource_tags",
    "an AWS detailed billing report": "InvoiceID,PayerAccountId,LinkedAccountId,RecordType,RecordId,ProductName,RateId,"
    "UsageType,UsageQuantity,BlendedRate,BlendedCost,UnBlendedRate,UnBlendedCost",
    "an Azure cost and usage export (actual or amortized cost)": "InvoiceSectionName,AccountName,SubscriptionId,"
    "SubscriptionName,ResourceGroup,Date,MeterCategory,MeterId,Quantity,EffectivePrice,CostInBillingCurrency,Tags",
    "an OCI cost report": "lineItem/referenceNo,lineItem/tenantId,lineItem/intervalUsageStart,product/service,"
    "product/compartmentId,usage/billedQuantity,cost/unitPrice,cost/myCost,cost/currencyCode,tags/orcl-cloud.free",
    "a Google Cloud billing export": "billing_account_id,service.id,service.description,sku.id,usage_start_time,"
    "usage_end_time,project.id,labels,cost,currency,usage.amount,credits,invoice.month,cost_type",
    "an export of Databricks' system.billing.usage": "record_id,account_id,workspace_id,sku_name,cloud,"
    "usage_start_time,usage_end_time,usage_date,custom_tags,usage_unit,usage_quantity,usage_metadata",
}


def test_every_report_that_is_known_has_a_header_here() -> None:
    assert {report.name for report in other_reports()} == set(HEADERS)


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("change", [str, str.upper], ids=["as-written", "capitals"])
def test_a_cost_report_of_another_product_is_named_with_the_focus_export_to_use(name: str, change: type[str]) -> None:
    _, (problem,) = names_of(change(HEADERS[name]).split(","), "x.csv", None, "BilledCost")
    assert (problem.code, problem.message) == ("not-focus", f"this is {name}, not a FOCUS file")
    assert "FOCUS" in problem.fix


def test_german_headers_of_azure_are_recognized() -> None:
    labels = ["Abonnement-GUID (SubscriptionGuid)", "Datum (Date)", "Kosten (Cost)", "Verbrauchsmesser-ID (MeterId)"]
    _, (problem,) = names_of(labels, "x.csv", None, "BilledCost")
    assert "Azure" in problem.message


def test_a_focus_file_with_columns_of_the_provider_is_a_focus_file() -> None:
    labels = ["BillingPeriodStart", "BilledCost", "MeterId", "CostCenter", "x_MeterId"]
    assert [each.code for each in names_of(labels, "x.csv", None, "BilledCost")[1]] == []
    _, problems = names_of(["Date", "Amount"], "x.csv", None, "BilledCost")
    assert [each.code for each in problems] == ["missing-label", "missing-label"]


def test_a_header_among_the_rows_is_named_as_such_and_nothing_else_of_it(tmp_path: Path) -> None:
    """One problem for each; the rows around it are checked all the same."""
    whole = csv_text([charge("1"), charge("2")])
    (header, *rows) = whole.splitlines()
    joined = "\n".join([header, *rows, header, *rows, f" {header}", rows[0].replace(",1,", ",$1,"), ""])
    found = [each for each in problems_of(tmp_path, joined) if each.severity is Severity.ERROR]
    assert [(each.code, each.line) for each in found if each.code == "repeated-header"] == [
        ("repeated-header", 4),
        ("repeated-header", 7),
    ]
    assert {each.line for each in found if each.code != "repeated-header"} <= {8}
    assert [each.code for each in found if each.line == 8]


def test_a_header_among_the_rows_of_a_whole_focus_file_is_told_once(tmp_path: Path) -> None:
    """No warning is told of its cells, whatever columns there are."""
    text = (CASES / "tax-list-zero.csv").read_text(encoding="utf-8")
    before = {(each.code, each.field) for each in problems_of(tmp_path / "a", text)}
    after = problems_of(tmp_path / "b", text + text.splitlines()[0] + "\n")
    assert {(each.code, each.field) for each in after if each.code != "repeated-header"} <= before
    assert [each.code for each in after].count("repeated-header") == 1
