"""One way to write CSV, and one rule about what a spreadsheet would run."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openchargeback.csv_writing import csv_bytes, guarded, without_formula

RUN = [
    *("=1+1", "+1", "-1", "@x", " =1", "\N{NO-BREAK SPACE}=1", "\u200b=1"),
    *("\N{FULLWIDTH EQUALS SIGN}1", "\N{FULLWIDTH COMMERCIAL AT}x"),
]
KEPT = ["", "a=1", "EC2", "1-2", "(=1)", " a", "\u200ba", "ünï"]


@pytest.mark.parametrize("text", RUN)
def test_what_a_spreadsheet_would_run_is_guarded_or_taken_away(text):
    assert guarded(text) == f"'{text}"
    assert without_formula(text) in ("1+1", "1", "x")


@pytest.mark.parametrize("text", KEPT)
def test_any_other_text_stays_as_it_is(text):
    assert guarded(text) == text
    assert without_formula(text).strip() == text.strip(" \u200b")


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), max_size=4))
def test_what_is_written_is_read_back_by_a_csv_reader(rows):
    data = csv_bytes(["one", "two"], rows, "\r\n").decode()
    assert list(csv.reader(io.StringIO(data, newline=""), strict=True)) == [["one", "two"], *rows]
