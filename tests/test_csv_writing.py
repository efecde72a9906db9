"""One way to write CSV, and one rule about what a spreadsheet would run."""

import csv
import io
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openchargeback.characters import MISLEADING
from openchargeback.csv_writing import csv_bytes, guarded, unguarded, without_formula
from openchargeback.focus.csv_copy import copy_csv, guarded_sql, unguarded_sql
from openchargeback.focus.database import database

RUN = [
    *(
        "=1+1",
        "+1",
        "-1+1",
        "@x",
        " =1",
        "\N{NO-BREAK SPACE}=1",
        "\u200b=1",
        "\t=1",
        "\n=1",
        "\ttext",
        "\rtext",
        "-",
        "\0=1",
    ),
    *("\N{FULLWIDTH EQUALS SIGN}1", "\N{FULLWIDTH COMMERCIAL AT}x", "'=1", "''@x", "-1e5x", "--1", "-1,5"),
]
KEPT = ["", "a=1", "EC2", "1-2", "(=1)", " a", "\u200ba", "ünï", "'t Hooft", "'", "-1", "-12.50", "-.5", "-1.2E-7", "1"]


@pytest.mark.parametrize("text", RUN)
def test_what_a_spreadsheet_would_run_is_guarded(text):
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", KEPT)
def test_any_other_text_stays_as_it_is(text):
    assert guarded(text) == text
    assert unguarded(text) == text


@pytest.mark.parametrize(
    ("text", "rest"), [("=1+1", "1+1"), (" \u200b\uff20x", "x"), ("+-@=a", "a"), (" a", "a"), ("a=1", "a=1"), ("", "")]
)
def test_or_its_start_is_taken_away(text, rest):
    assert without_formula(text) == rest


ASSIGNED = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x30000), *range(0xE0000, 0xE0200))]
"""Every character outside of planes that have none."""


@pytest.fixture(scope="module")
def con():
    with database() as connection:
        yield connection


def in_duckdb(con, texts):
    query = f"SELECT text, {guarded_sql('text')}, {unguarded_sql('text')} FROM (SELECT unnest(?) AS text)"
    return con.execute(query, [texts]).fetchall()


def test_every_character_that_a_spreadsheet_takes_for_a_mark_or_a_blank_is_known():
    """By Unicode as this Python has it."""
    for char in ASSIGNED:
        mark = unicodedata.normalize("NFKC", char)[:1] in "=+-@"
        blank = char.isspace() or char in MISLEADING or unicodedata.category(char) == "Cf"
        assert (guarded(f"{char}x") != f"{char}x") == (mark or char in "\t\r\n"), ascii(char)
        if mark or blank:
            assert guarded(f"{char}=x") == f"'{char}=x", ascii(char)
            assert without_formula(f"{char}x") == "x", ascii(char)


TEXTS = st.text(
    st.one_of(st.sampled_from("'=+-@\uff1d\t \u200b1e.5a"), st.characters(exclude_categories=["Cs"])), max_size=8
)


@given(TEXTS)
def test_the_text_comes_back(text):
    assert unguarded(guarded(text)) == text
    assert guarded(text) == text or not re.match(r"[\s=+\-@\w]", guarded(text))


@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_duckdb_guards_the_same(con, texts):
    assert in_duckdb(con, texts) == [(text, guarded(text), unguarded(text)) for text in texts]


def test_and_knows_the_same_characters(con):
    around = {char for place, char in enumerate(ASSIGNED) if any(map(_counts, ASSIGNED[max(place - 1, 0) : place + 2]))}
    assert len(around) > 200
    texts = [f"{start}{char}{end}" for char in sorted(around) for start in ("", "'") for end in ("x", "=x")]
    assert in_duckdb(con, texts) == [(text, guarded(text), unguarded(text)) for text in texts]


def _counts(char):
    return without_formula(f"{char}x") == "x"


def test_duckdb_writes_text_guarded_and_everything_else_as_it_is(con, tmp_path: Path):
    rows = "('=1', -5, -0.50, NULL, '-0.5'), ('x', 1, 2, '@', '')"
    query = f'SELECT * FROM (VALUES {rows}) AS row ("a,b", number, amount, nothing, text)'
    assert copy_csv(con, query, tmp_path / "out.csv") == 2
    assert (
        tmp_path / "out.csv"
    ).read_text() == '"a,b",number,amount,nothing,text\n\'=1,-5,-0.50,,-0.5\nx,1,2.00,\'@,""\n'


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), max_size=4))
def test_what_is_written_is_read_back_by_a_csv_reader(rows):
    data = csv_bytes(["one", "two"], rows, "\r\n").decode()
    found = list(csv.reader(io.StringIO(data, newline=""), strict=True))
    assert [[unguarded(cell) for cell in row] for row in found] == [["one", "two"], *rows]
