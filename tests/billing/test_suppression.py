"""What the public table withholds: no cell about a single PI is published, and none can be computed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from openchargeback.billing.suppression import TOTAL, Place, PublishedTable, is_sensitive, published


def many(amount: int, pis: int = 6) -> dict[str, Decimal]:
    return {f"pi{i}": Decimal(amount) for i in range(pis)}


def test_a_cell_needs_five_pis_none_of_whom_has_more_than_four_fifths() -> None:
    assert is_sensitive(many(10, pis=4))
    assert not is_sensitive(many(10, pis=5))
    assert not is_sensitive({"big": Decimal(80), **many(5, pis=4)})
    assert is_sensitive({"big": Decimal("80.01"), **many(5, pis=4)})
    assert is_sensitive({"big": Decimal(-90), **many(5, pis=4)}), "a credit is as telling"
    assert not is_sensitive({}), "nothing is about nobody"
    assert is_sensitive({**many(0, pis=6), "only": Decimal(1)}), "who has nothing hides nobody"


def test_a_cell_alone_in_its_row_takes_others_with_it() -> None:
    """Else it would be the total of the row less the rest; the same goes for its column, and for those beside it."""
    cells = {(row, column): many(10 * i + j) for i, row in enumerate("abc", 1) for j, column in enumerate("xyz", 1)}
    cells["b", "y"] = {"only": Decimal(100)}
    table = published(cells, "abc", "xyz")
    withheld = {place for place, amount in table.cells.items() if amount is None}
    assert ("b", "y") in withheld
    assert computable(table) == set()
    assert len([place for place in withheld if TOTAL not in place]) == 4, "a rectangle is enough"
    assert all(table.cells[place] == sum(cells[place].values()) for place in cells if place not in withheld)


def test_everything_is_published_if_no_cell_tells_about_a_pi() -> None:
    cells = {(row, column): many(7) for row in "ab" for column in "xy"}
    table = published(cells, "ab", "xy")
    assert None not in table.cells.values()
    assert table.cells[TOTAL, TOTAL] == 4 * 42
    assert published({}, (), ()).cells == {}


def test_a_single_pi_appears_in_no_figure_at_all() -> None:
    cells = {(row, "x"): {"only": Decimal(5)} for row in "ab"}
    assert set(published(cells, "ab", "x").cells.values()) == {None}


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")),
        st.dictionaries(st.sampled_from([f"pi{i}" for i in range(8)]), st.integers(-50, 500).map(Decimal), max_size=8),
        max_size=16,
    )
)
def test_no_withheld_cell_follows_from_the_others(cells: dict[Place, dict[str, Decimal]]) -> None:
    """By the rank of the equations that rows and columns are."""
    table = published(cells, "abcd", "wxyz")
    assert computable(table) == set()
    for place, parts in cells.items():
        if is_sensitive(parts):
            assert table.cells[place] is None


def computable(table: PublishedTable) -> set[Place]:
    """The withheld cells that have a single value in every solution: a unit vector in the span of the equations."""
    unknown = sorted(place for place, amount in table.cells.items() if amount is None)
    lines = []
    for axis in (0, 1):
        for name in sorted({place[axis] for place in table.cells}):
            own = [place for place in table.cells if place[axis] == name]
            lines.append([Fraction(place in own) * (-1 if place[1 - axis] == TOTAL else 1) for place in unknown])
    reduced = rows_of(lines)
    return {unknown[row.index(Fraction(1))] for row in reduced if sum(value != 0 for value in row) == 1}


def rows_of(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """The reduced row echelon form, without rows of zeros."""
    rows, done = [row for row in matrix if any(row)], []
    while rows:
        lead = min(next(i for i, value in enumerate(row) if value) for row in rows)
        first = next(row for row in rows if row[lead])
        pivot = [value / first[lead] for value in first]
        rows.remove(first)

        def less(row: list[Fraction], pivot: list[Fraction] = pivot, lead: int = lead) -> list[Fraction]:
            return [value - row[lead] * each for value, each in zip(row, pivot, strict=True)]

        done = [*map(less, done), pivot]
        rows = [row for row in map(less, rows) if any(row)]
    return done
