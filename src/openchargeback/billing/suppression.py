"""Which cells of a published table are withheld, so that no PI's amount can be read from it or computed.

Primary: a cell is withheld if fewer than `FEWEST` PIs are in it, or if one PI has more than `MOST_SHARE` of it, since
then it tells about what that PI uses. Secondary: totals are published, so a cell that is withheld alone in its row or
column is the total less the others; then another is withheld beside it. The table with its totals is a system of
equations, one for each row and column. Its withheld cells are the edges of a graph between rows and columns, and a cell
can be computed if and only if its edge is a bridge. Cells are added until there is none, and until what is withheld
together in a row or column tells about no single PI either.

Rules after the Handbook on Statistical Disclosure Control (minimum frequency, dominance, complementary suppression).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from openchargeback.money import ZERO

FEWEST = 5
"""A cell with fewer PIs is withheld."""

MOST_SHARE = Decimal("0.8")
"""A cell of which one PI has more is withheld."""

Parts = Mapping[str, Decimal]
"""PI → amount in a cell."""

Place = tuple[str, str]
"""Row and column; `TOTAL` in place of one for a total."""

TOTAL = ""

Cost = tuple[int, Decimal]

Lines = dict[tuple[int, str], list[Place]]
"""A row (0 and its name) or a column (1 and its name) → its cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """A table with its totals. cells: place → amount, None if it is withheld; a place without charges is left out."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[Place, Decimal | None]


def published(cells: Mapping[Place, Parts], rows: Iterable[str], columns: Iterable[str]) -> PublishedTable:
    """The table of these cells with its totals, without what would tell about a PI.

    cells: place → the amounts of the PIs in it, in cents; no totals. Names of rows and columns must not be empty.
    """
    rows, columns = tuple(rows), tuple(columns)
    table = _with_totals(cells)
    withheld = {place for place, parts in table.items() if is_sensitive(parts)}
    lines: Lines = {}
    for place in table:
        for axis in (0, 1):
            lines.setdefault((axis, place[axis]), []).append(place)
    while more := _needed(table, lines, withheld):
        withheld |= more
    amounts = {place: sum(parts.values(), ZERO) for place, parts in table.items()}
    shown = {place: None if place in withheld else amounts[place] for place in table}
    return PublishedTable(rows=rows, columns=columns, cells=shown)


def is_sensitive(parts: Parts) -> bool:
    """Whether a sum of these amounts, by PI, tells about one of them."""
    sizes = [abs(amount) for amount in parts.values() if amount]
    if not sizes:
        return False
    return len(sizes) < FEWEST or max(sizes) > MOST_SHARE * sum(sizes)


def _with_totals(cells: Mapping[Place, Parts]) -> dict[Place, dict[str, Decimal]]:
    table: dict[Place, dict[str, Decimal]] = {}
    for (row, column), parts in cells.items():
        for place in ((row, column), (row, TOTAL), (TOTAL, column), (TOTAL, TOTAL)):
            own = table.setdefault(place, {})
            for pi, amount in parts.items():
                own[pi] = own.get(pi, ZERO) + amount
    return table


def _needed(table: Mapping[Place, Parts], lines: Lines, withheld: set[Place]) -> set[Place]:
    """Further cells to withhold; none if nothing can be computed from what is left."""
    for place in sorted(withheld):
        path = _path(table, lines, withheld, place)
        if path - withheld:
            return path - withheld
    for (axis, _), line in sorted(lines.items()):
        own = [place for place in line if place in withheld]
        # If their total is published, the withheld cells of a row add up to it less the others.
        if all(place[1 - axis] != TOTAL for place in own) and is_sensitive(_together(table, own)):
            return {min(set(line) - withheld, key=lambda place: (_cost(table, place), place))}
    return set()


def _together(table: Mapping[Place, Parts], places: Iterable[Place]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for place in places:
        for pi, amount in table[place].items():
            found[pi] = found.get(pi, ZERO) + abs(amount)
    return found


def _cost(table: Mapping[Place, Parts], place: Place) -> Cost:
    """What is lost if a cell is withheld: totals are worth more than any cell."""
    return place.count(TOTAL), sum(map(abs, table[place].values()), ZERO)


def _path(table: Mapping[Place, Parts], lines: Lines, withheld: set[Place], place: Place) -> set[Place]:
    """The cheapest cells that connect a cell's row and column without it, which costs nothing over withheld ones.

    Through the totals there always is such a path. Dijkstra's algorithm.
    """
    start, goal = (0, place[0]), (1, place[1])
    done: set[tuple[int, str]] = set()
    open_: list[tuple[Cost, tuple[int, str], tuple[Place, ...]]] = [((0, ZERO), start, ())]
    while open_:
        (totals, amount), node, path = heapq.heappop(open_)
        if node == goal:
            return set(path)
        if node in done:
            continue
        done.add(node)
        axis, _ = node
        for edge in lines[node]:
            if edge != place:
                more = (0, ZERO) if edge in withheld else _cost(table, edge)
                cost = totals + more[0], amount + more[1]
                heapq.heappush(open_, (cost, (1 - axis, edge[1 - axis]), (*path, edge)))
    return set()
