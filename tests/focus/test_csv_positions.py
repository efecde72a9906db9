"""Places of cells: the line and column that an editor shows, in whatever way the lines end."""

import io
import time

import pytest

from openchargeback.focus.csv_positions import MAX_EXCERPT, Place, physical_lines
from openchargeback.focus.csv_text import Unclosed, records


def read(text):
    return list(records(io.StringIO(text, newline="")))


def places(text):
    """Line and column of every cell, record by record."""
    found = [[record.place(index) for index in range(len(record.cells))] for record in read(text)]
    return [[(place.line, place.column) for place in row] for row in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\nc,d\n", [[(1, 1), (1, 3)], [(2, 1), (2, 3)]]),
        ('5" disk,x,"y"",""z",w', [[(1, 1), (1, 9), (1, 11), (1, 21)]]),
        ('"a,b" , "c,d",e', [[(1, 1), (1, 8), (1, 15)]]),
        (',,\n,"",x', [[(1, 1), (1, 2), (1, 3)], [(2, 1), (2, 2), (2, 5)]]),
        ('h\r\n"a\r\nb",c\r\nd\r\n', [[(1, 1)], [(2, 1), (3, 4)], [(4, 1)]]),
        # Only where the first record ends in one, a carriage return by itself ends a line.
        ('h\r"a\rb",c\rd\r', [[(1, 1)], [(2, 1), (3, 4)], [(4, 1)]]),
        ('h\n"a\rb",c\nd\n', [[(1, 1)], [(2, 1), (2, 7)], [(3, 1)]]),
        ('"h\ri",j\n"a\rb",c\n', [[(1, 1), (1, 7)], [(2, 1), (2, 7)]]),
        # It ends a record for the csv module all the same.
        ("h,i\na,b\rc,d\ne,f\n", [[(1, 1), (1, 3)], [(2, 1), (2, 3)], [(2, 5), (2, 7)], [(3, 1), (3, 3)]]),
        ("a\x0bb,c\u2028d,e\x85f,g\n", [[(1, 1), (1, 5), (1, 9), (1, 13)]]),
    ],
)
def test_a_cell_stands_where_an_editor_shows_it(text, expected):
    assert places(text) == expected


def test_a_cell_that_is_not_there_stands_behind_the_last_one():
    record = read('h\na,"b\nc"\n')[1]
    assert record.place(2) == record.place(99) == Place(3, 3, 'c"')


@pytest.mark.parametrize("strange", ["\u2028", "\x0b", "\x0c", "\x85", "\r"])
def test_the_excerpt_is_the_line_of_an_editor(strange):
    record = read(f"h,i\na{strange}b,c\n" if strange != "\r" else 'h,i\n"a\rb",c\n')[1]
    assert record.place(1).excerpt == (f"a{strange}b,c" if strange != "\r" else '"a\rb",c')


def test_the_excerpt_of_a_record_amid_a_line_begins_with_that_line():
    place = read("h,i\na,b\rc,d\n")[2].place(1)
    assert place == Place(2, 7, "a,b\rc,d")


def test_a_long_line_is_kept_in_part():
    assert len(read("x" * 5_000 + ",y")[0].place(1).excerpt) == MAX_EXCERPT


@pytest.mark.parametrize("text", ["a" * 3_000_000 + ",", '"' + 'a""' * 1_000_000 + '",', "a\rb" * 100_000, "x,"])
def test_all_places_of_a_large_record_take_one_walk(text):
    found = read(text + "y," * 60_000)
    begun = time.process_time()
    assert sum(record.place(index).column for record in found for index in range(len(record.cells))) > 0
    assert time.process_time() - begun < 5


def test_an_open_quote_is_told_at_its_record():
    with pytest.raises(Unclosed) as caught:
        read('a,b\nc\rd,"e\n')
    assert (caught.value.start.line, caught.value.start.column) == (2, 3)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\rb\nc", ["a\r", "b\n", "c"]),
        ("a\nb\rc\r\nd", ["a\n", "b\rc\r\n", "d"]),
        ("a\u2028b\r\nc", ["a\u2028b\r\n", "c"]),
    ],
)
def test_physical_lines(text, lines):
    assert list(physical_lines(io.StringIO(text, newline=""))) == lines
