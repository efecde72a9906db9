"""Tables that must not be converted: a problem with its line, and no output."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from mapped import HOURS, RATE, Tables

from openchargeback.convert.config import read_config
from openchargeback.convert.conversion import Request, convert
from openchargeback.convert.kinds import kind_of

HEAD = "Date,Lab,Hours\n"
GOOD = "2025-01-06,astro,1.5\n"
EXPORTS = Path(__file__).parent / "exports"
INVOICE = {"preset": "invoice"}
LINES = "Date,Account,Item,Quantity,Unit Price,Amount,Currency\n"


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


@pytest.mark.parametrize(
    ("table", "faults"),
    [
        ("", [("usage-empty", 0)]),
        (HEAD, [("usage-empty", 0)]),
        (gzip.compress((HEAD + GOOD).encode()), [("usage-header", 0)]),
        (HEAD + GOOD[:-1], [("usage-cut", 2)]),
        (HEAD + '2025-01-06,"astro', [("usage-cells", 2)]),
        (HEAD + "2025-01-06,astro\n", [("usage-cells", 2)]),
        (HEAD + "2025-01-06,as,tro,1\n", [("usage-cells", 2)]),
        (HEAD + GOOD + "\n", [("usage-cells", 3)]),
        ("Date~Lab~Hours\n2025-01-06~astro~1.5\n", [("usage-columns", 1)] * 3),
        ("Date,Lab,Hour\n2025-01-06,astro,1.5\n", [("usage-columns", 1)]),
        ("Date,Lab,Hours,Hours\n2025-01-06,astro,1.5,2\n", [("usage-header", 1)]),
        (b"Date,Lab,Hours\n2025-01-06,M\xfcller,1.5\n", [("usage-cells", 2)]),
        (HEAD.encode() + b"2025-01-06,a\x00b,1.5\n", [("usage-cells", 2)]),
        ((HEAD + GOOD).encode("utf-16"), [("usage-cells", 1)]),
        (HEAD + GOOD + '2025-01-06,astro,"1,5"\n', [("usage-number", 3)]),
        (HEAD + GOOD + "2025-01-06,bio,\n", [("usage-number", 3)]),
        (HEAD + GOOD + "2025-01-06,bio,NaN\n", [("usage-number", 3)]),
        (HEAD + GOOD + "2025-01-06,bio,1_000\n", [("usage-number", 3)]),
        (HEAD + GOOD + "2025-01-06,bio,-1\n", [("usage-number", 3)]),
        (HEAD + GOOD + "2025-01-06,bio,99999999999999999999\n", [("usage-number", 3)]),
        (HEAD + GOOD + "1/6/2025,bio,1\n", [("usage-time", 3)]),
        (HEAD + GOOD + "2025-13-06,bio,1\n", [("usage-time", 3)]),
        (HEAD + GOOD + "9999-01-06,bio,1\n", [("usage-time", 3)]),
        (HEAD + GOOD + ",bio,1\n", [("usage-time", 3)]),
        (HEAD + GOOD + "2025-01-06,bi\u202eo,1\n", [("usage-characters", 3)]),
        (HEAD + GOOD + '2025-01-06,"bi\no",1\n', [("usage-characters", 3)]),
        (HEAD + GOOD + GOOD, [("usage-doubled", 3)]),
        # Every fault, not only the first.
        (HEAD + "x,a,1\n2025-01-06,b,x\n", [("usage-time", 2), ("usage-number", 3)]),
    ],
)
def test_a_table_that_is_not_whole_or_not_right(
    tables: Tables, table: str | bytes, faults: list[tuple[str, int]]
) -> None:
    assert tables.faults(HOURS, table, rates=[RATE]) == faults


def test_a_good_table_has_no_fault(tables: Tables) -> None:
    """So that the table above can fail."""
    assert len(tables.rows(HOURS, HEAD + GOOD, rates=[RATE])) == 1


def test_the_same_export_twice(tables: Tables) -> None:
    table = HEAD + GOOD
    assert tables.faults(HOURS, table, table, rates=[RATE]) == [("usage-doubled", 2)]
    done, problems = tables.run({**HOURS, "repeated": "once"}, table, table, rates=[RATE])
    assert done is not None
    assert [each.code for each in problems] == ["usage-repeated"]
    assert (done.rows, done.left_out) == (1, {"identical to another row": 1})
    done, _ = tables.run({**HOURS, "repeated": "each"}, table, table, rates=[RATE])
    assert done is not None
    assert done.rows == 2


def test_one_id_with_two_contents(tables: Tables) -> None:
    mapping = {**HOURS, "id": ["Lab"]}
    assert (
        tables.faults(mapping, HEAD + GOOD, HEAD + GOOD.replace("1.5", "2.5"), rates=[RATE])[0][0] == "usage-conflict"
    )
    other_day = HEAD + GOOD.replace("01-06", "01-07")
    assert len(tables.rows(mapping, HEAD + GOOD, other_day, rates=[RATE])) == 2


def test_times_without_a_zone(tables: Tables) -> None:
    assert tables.faults(HOURS, HEAD + GOOD, rates=[RATE], timezone="") == [("usage-zone", 0)]


def test_an_unknown_model_has_no_rate(tables: Tables) -> None:
    """Never 0."""
    export = (EXPORTS / "openai-usage.json").read_bytes()
    rates = [
        {"id": name, "resource": name, "type": "gpt-4o-mini.*", "unit": "1000000 Tokens", "price": "1"}
        for name in ("input", "cached", "output")
    ]
    done, problems = tables.run({"preset": "openai-usage"}, export, rates=rates)
    assert done is None
    assert [each.message for each in problems if each.code == "no-rate"] == [
        "no rate for input:gpt-4o-2024-08-06, tier batch on 2025-01-07",
        "no rate for output:gpt-4o-2024-08-06, tier batch on 2025-01-07",
    ]


def test_tokens_without_their_model(tables: Tables) -> None:
    """The report was not grouped by model: a rate for all models must not price them."""
    export = (EXPORTS / "openai-usage.json").read_text().replace('"model": "gpt-4o-mini-2024-07-18"', '"model": null')
    rates = [
        {"id": name, "resource": name, "unit": "1000000 Tokens", "price": "1"} for name in ("input", "cached", "output")
    ]
    assert tables.faults({"preset": "openai-usage"}, export, rates=rates) == [("usage-blank", 4)]


def test_more_cached_than_input_tokens(tables: Tables) -> None:
    export = (
        (EXPORTS / "openai-usage.json").read_text().replace('"input_cached_tokens": 800', '"input_cached_tokens": 1001')
    )
    assert tables.faults({"preset": "openai-usage"}, export) == [("usage-number", 4)]


@pytest.mark.parametrize(
    ("old", "new", "faults"),
    [
        ('"has_more": false', '"has_more": true', [("usage-cut", 19)]),
        ('  "has_more": false,\n  "next_page": null\n}\n', "", [("usage-cut", 30)]),
        ('"data"', '"buckets"', [("usage-header", 2), ("usage-header", 19)]),
        ('"results"', '"items"', [("usage-header", 4)]),
        ('"object": "page",\n', '"error": {"message": "Invalid key"},\n', [("usage-failed", 2), ("usage-failed", 19)]),
        ('"start_time"', '"start"', [("usage-columns", 1)]),
    ],
)
def test_pages_that_are_not_whole(tables: Tables, old: str, new: str, faults: list[tuple[str, int]]) -> None:
    export = (EXPORTS / "openai-usage.json").read_text()
    assert old in export
    assert tables.faults({"preset": "openai-usage"}, export.replace(old, new)) == faults


def test_an_empty_report_is_a_problem(tables: Tables) -> None:
    """A failed export looks the same as a month without usage."""
    page = '{"data": [{"start_time": 1, "end_time": 2, "results": []}], "has_more": false}\n'
    assert tables.faults({"preset": "openai-usage"}, page) == [("usage-empty", 0)]
    assert tables.faults({"preset": "openai-usage"}, "[]\n") == [("usage-empty", 0)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("2025-01-06,astro,Lane,3,2.00,7.00,USD", "usage-cost"),
        ("2025-01-06,astro,Lane,3,2.00,6.006,USD", "usage-cost"),
        ("2025-01-06,astro,Lane,3,2.00,6.00,CAD", "usage-currency"),
        ("2025-01-06,astro,Lane,3,2.00,6.00,", "usage-currency"),
        ("2025-01-06,astro,Lane,3,2.00,,USD", "usage-number"),
        ("2025-01-06,astro,Lane,3,x,6.00,USD", "usage-number"),
        ('2025-01-06,astro,Fee,0,,"6,00",USD', "usage-number"),
        ("2025-01-06,astro,,3,2.00,6.00,USD", "usage-blank"),
        ('2025-01-06,astro,Lane,3,"2,00","6,00",USD', "usage-number"),
    ],
)
def test_lines_of_an_invoice(tables: Tables, line: str, code: str) -> None:
    good = "2025-01-06,astro,Other,1,2.00,2.00,USD"
    found = tables.faults(INVOICE, f"{LINES}{good}\n{line}\n")
    assert set(found) == {(code, 3)}


def test_a_mismatch_may_be_a_warning(tables: Tables) -> None:
    """The cost is billed as it is, and no unit price is claimed."""
    table = f"{LINES}2025-01-06,astro,Lane,3,2.00,7.00,USD\n"
    (row,) = tables.rows({**INVOICE, "mismatch": "warning"}, table)
    assert (row["BilledCost"], row["ContractedUnitPrice"], row["ListUnitPrice"]) == ("7", "", "")
    (row,) = tables.rows({**INVOICE, "tolerance": "1"}, table)
    assert row["ContractedUnitPrice"] == ""


def test_a_row_that_no_meter_is_for(tables: Tables) -> None:
    meters = [{"name": "lanes", "quantity": "Hours", "unit": "Hours", "where": {"Lab": ["astro"]}}]
    rate = {**RATE, "resource": "lanes"}
    assert tables.faults({**HOURS, "meters": meters}, HEAD + GOOD + "2025-01-06,bio,1\n", rates=[rate]) == [
        ("usage-unmapped", 3)
    ]


@pytest.mark.parametrize(
    "mapping",
    [
        {"meters": []},
        {"day": None, "start": None},
        {"start": "Date"},
        {"end": "Date"},
        {"day": "=Date +"},
        {"day": "=nothing(Date)"},
        {"day": "=part(Date, '(')"},
        {"day": "=" + "+".join("1" for _ in range(50))},
        {"account": "=convert(Hours, 'MiB', 'Hours')"},
        {"id": ["Lab"], "repeated": "each"},
        {"thousands": "."},
        {"dates": "%Y %z"},
        {"left_out": [{"reason": "x", "where": {"Lab": ["("]}}]},
        {"meters": [{"name": "h", "quantity": "Hours", "unit": "hours"}]},
        {"meters": [{"name": "h", "quantity": "Hours", "unit": "TB-Months"}]},
        {"meters": [{"name": "h", "quantity": "Hours", "unit": "Hours", "price": "Hours"}]},
        {"meters": [{"name": "h", "quantity": "Hours", "unit": "Hours"}] * 2},
        {"preset": "nothing"},
        {"meters": [{"name": "h", "quantity": "Hours", "unit": "Hours", "category": "Nonsense"}]},
    ],
)
def test_a_mapping_that_cannot_be(tables: Tables, mapping: dict[str, Any]) -> None:
    done, problems = tables.run({**HOURS, **mapping}, HEAD + GOOD, rates=[RATE])
    assert done is None
    assert problems
    assert all(each.path == "config.yaml" and each.line for each in problems)


def test_a_failed_request_may_lack_its_model(tables: Tables) -> None:
    """It used nothing and cost nothing."""
    export = (EXPORTS / "litellm-spend.csv").read_text().replace("11:00:00,gpt-4o,gpt-4o", "11:00:00,,")
    done, problems = tables.run({"preset": "litellm-spend"}, export)
    assert done is not None, problems
    assert done.left_out == {"used nothing": 1}


def test_an_empty_month_may_be_right(tables: Tables) -> None:
    assert tables.faults(HOURS, HEAD, rates=[RATE]) == [("usage-empty", 0)]
    config, _ = read_config(kind_of("csv"), tables.folder / "config.yaml")
    assert config is not None
    request = Request(kind_of("csv"), [tables.folder / "1.csv"], config, "2025-01", allow_empty=True)
    done, problems = convert(request, tables.output)
    assert done is not None, problems
    assert (done.rows, done.read) == (0, 0)


def test_json_that_is_not_utf_8(tables: Tables) -> None:
    page = b'{"Date": "2025-01-06", "Lab": "M\xfcller", "Hours": 1}\n'
    assert tables.faults(HOURS, page, rates=[RATE]) == [("usage-cells", 1)]


def test_json_with_half_of_a_character(tables: Tables) -> None:
    lines = '{"Date": "2025-01-06", "Lab": "astro", "Hours": 1}\n{"Date": "2025-01-06", "Lab": "\\ud800", "Hours": 1}\n'
    assert tables.faults(HOURS, lines, rates=[RATE]) == [("usage-cells", 2)]
