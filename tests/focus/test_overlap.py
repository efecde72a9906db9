"""An export that restates days which are there already is not added unseen: its rows are named."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from openchargeback.cli.main import main
from openchargeback.focus.ingest import Request, ingest
from openchargeback.focus.overlap import SameRow, in_words
from openchargeback.ledger.reading import read_ledger
from openchargeback.publish.books import open_books

CASES = Path(__file__).parents[1] / "cases"
COLUMNS = ("BillingPeriodStart", "ChargePeriodStart", "BilledCost", "ListCost", "ResourceId", "Tags")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "ledger"
    (folder / "charges").mkdir(parents=True)
    (folder / "config.yaml").write_text("organization: A\nsources: {aws: {credit_fund: C-1}}\n")
    return folder


def day(number, cost="1", resource="r", **cells):
    return {
        "BillingPeriodStart": "2025-01-01",
        "ChargePeriodStart": f"2025-01-{number:02}",
        "BilledCost": cost,
        "ListCost": cost,
        "ResourceId": resource,
        **cells,
    }


def write(path, rows, columns=COLUMNS):
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = out.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def added(root, first, second, columns=COLUMNS, name="second.csv"):
    """What the second file has in common with the first."""
    folder = root.parent
    ingest(read_ledger(root)[0], [write(folder / "first.csv", first)], Request("aws"))
    (done,) = ingest(read_ledger(root)[0], [write(folder / name, second, columns)], Request("aws", mode="add"))
    return done.overlaps


def run(capsys, root, *arguments):
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--ledger", str(root)])
    assert end.value.code == 0
    return capsys.readouterr()


def test_a_restated_export_is_told_by_row(root, capsys):
    """Days 1 to 6 after days 1 to 3, of which day 2 was 10.00 and is 10.01 now."""
    run(capsys, root, "ingest", str(CASES / "days-1-3.csv"), "--source", "aws")
    add = ("ingest", str(CASES / "days-1-6.csv"), "--source", "aws", "--add")
    said = run(capsys, root, *add, "--dry-run", "--json")
    (file,) = json.loads(said.out)["files"]
    assert file["overlaps"] == [
        {
            "path": "charges/2025-01/aws.csv",
            "days": ["2025-01-01", "2025-01-02", "2025-01-03"],
            "twice": 2,
            "rows_twice": [{"row": 2, "there": 2}, {"row": 4, "there": 4}],
            "changed": 1,
            "rows_changed": [{"row": 3, "there": 3, "column": "BilledCost", "before": "10.00", "after": "10.01"}],
        }
    ]
    said = run(capsys, root, *add)
    assert said.err == (
        "warning: 2 rows of days-1-6.csv are already in charges/2025-01/aws.csv, 1 row changed: both files cover "
        "January 1–3\n"
        "  row 2 is row 2 there\n"
        "  row 4 is row 4 there\n"
        "  row 3 is row 3 there, changed: 10.00 → 10.01\n"
        "  if the export restates these days, use `--replace` instead of `--add`; with `--add`, rows that already "
        "exist are flagged possible-duplicate, and changed rows are billed twice\n"
    )
    (source,) = open_books(root).periods[0].sources
    assert (source.imported, source.billed, source.held) == (Decimal("90.01"), Decimal("70.01"), 20)
    run(capsys, root, "ingest", str(CASES / "days-1-6.csv"), "--source", "aws", "--replace")
    (source,) = open_books(root).periods[0].sources
    assert (source.imported, source.billed, source.held) == (Decimal("60.01"), Decimal("60.01"), 0)


def test_other_days_have_nothing_in_common(root):
    assert added(root, [day(1), day(2)], [day(3), day(4)]) == ()


def test_the_same_days_of_other_resources_are_told_without_rows(root, capsys):
    (found,) = added(root, [day(1), day(2)], [day(2, resource="s"), day(9, resource="s")])
    assert (found.days, found.twice, found.changed) == ((dt.date(2025, 1, 2),), 0, 0)
    path = write(root.parent / "third.csv", [day(1, resource="t"), day(2, resource="t")])
    said = run(capsys, root, "ingest", str(path), "--source", "aws", "--add")
    assert said.err.splitlines()[-1] == (
        "note: third.csv and 2 existing files both cover January 1–2; no row is duplicated or changed"
    )


def test_equal_rows_are_counted_as_often_as_both_have_them(root):
    (found,) = added(root, [day(1)] * 3 + [day(2)], [day(1)] * 2 + [day(2)] * 2, name="second.csv.gz")
    assert (found.twice, found.changed) == (3, 0)
    assert [(each.row, each.there) for each in found.rows_twice] == [(2, 2), (3, 3), (4, 5)]


def test_only_the_first_rows_are_named_and_all_are_counted(root):
    rows = [day(1, resource=f"r{number}") for number in range(9)]
    (found,) = added(root, rows, [*rows[:6], *(each | {"BilledCost": "2"} for each in rows[6:])])
    assert (found.twice, len(found.rows_twice), found.changed, len(found.rows_changed)) == (6, 5, 3, 3)


def test_a_changed_list_price_is_named(root):
    (found,) = added(root, [day(1)], [day(1, ListCost="3")])
    assert found.rows_changed == (SameRow(2, 2, "ListCost", "1", "3"),)


def test_columns_that_one_file_lacks_do_not_tell_rows_apart(root):
    columns = ("BilledCost", "ChargePeriodStart", "BillingPeriodStart", "ResourceId", "Tags", "x_New")
    (found,) = added(root, [day(1), day(2)], [day(1, x_New="a"), day(2, "5", x_New="b")], columns)
    assert (found.twice, found.changed) == (1, 1)


def test_an_amount_in_a_column_of_the_provider_may_change_with_the_cost(root):
    ingest_columns = (*COLUMNS, "x_Cost", "x_Kind")
    folder = root.parent
    first = [day(1, x_Cost="1", x_Kind="a"), day(2, x_Cost="1", x_Kind="a")]
    ingest(read_ledger(root)[0], [write(folder / "first.csv", first, ingest_columns)], Request("aws"))
    second = [day(1, "2", x_Cost="2", x_Kind="a"), day(2, "2", x_Cost="2", x_Kind="b")]
    again = write(folder / "second.csv", second, ingest_columns)
    ((found,),) = [e.overlaps for e in ingest(read_ledger(root)[0], [again], Request("aws", mode="add"))]
    assert [(each.row, each.before, each.after) for each in found.rows_changed] == [(2, "1", "2")]


def test_without_days_only_equal_rows_are_told(root):
    columns = ("BillingPeriodStart", "BilledCost", "ResourceId", "Tags")
    (found,) = added(root, [day(1), day(2, "2")], [day(1), day(3, "4")], columns)
    assert (found.days, found.twice, found.changed) == ((), 1, 0)


def test_a_file_that_cannot_be_read_says_nothing_of_rows(root):
    (root / "charges/2025-01/aws").mkdir(parents=True)
    (root / "charges/2025-01/aws/a.csv").write_text("BillingPeriodStart,BilledCost,Tags\n2025-01-01,five,\n")
    (done,) = ingest(read_ledger(root)[0], [write(root.parent / "b.csv", [day(1)])], Request("aws", mode="add"))
    assert (done.action, done.overlaps) == ("added", ())


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (["2025-01-01"], "January 1"),
        (["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-07"], "January 1–3, 7"),
        (["2025-01-31", "2025-02-01", "2025-02-03"], "January 31–February 1, 3"),
        (["2024-12-31", "2025-02-01"], "December 31, February 1"),
        ([], ""),
    ],
)
def test_days_in_words(days, words):
    assert in_words([dt.date.fromisoformat(each) for each in days]) == words
