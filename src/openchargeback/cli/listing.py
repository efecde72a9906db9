"""Lists that commands print: one list of columns for the table on the terminal and for --json."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar

from openchargeback import money
from openchargeback.cli.report import print_table
from openchargeback.ledger.line_table import AMOUNT_COLUMNS, amount_values
from openchargeback.model import Amounts

Row_contra = TypeVar("Row_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Column(Generic[Row_contra]):
    """A column of a list.

    key: in JSON; empty if only the table has the column. head: in the table; empty if only JSON has it.
    value: what JSON has. text: what the table has, if that is not simply the value; counts get separators.
    """

    key: str
    head: str
    value: Callable[[Row_contra], object]
    text: Callable[[Row_contra], str] | None = None
    right: bool = False

    def cell(self, row: Row_contra) -> str:
        """The cell of the table."""
        if self.text is not None:
            return self.text(row)
        value = self.value(row)
        return f"{value:,}" if isinstance(value, int) else str(value)


def json_rows(columns: Sequence[Column[Row_contra]], rows: Iterable[Row_contra]) -> list[dict[str, object]]:
    """The rows as JSON objects."""
    return [{column.key: column.value(row) for column in columns if column.key} for row in rows]


def print_rows(columns: Sequence[Column[Row_contra]], rows: Iterable[Row_contra]) -> None:
    """Print the rows as a table."""
    visible = [column for column in columns if column.head]
    print_table(
        [column.head for column in visible],
        [[column.cell(row) for column in visible] for row in rows],
        right=[number for number, column in enumerate(visible) if column.right],
    )


def json_only(*names: str) -> tuple[Column[Any], ...]:
    """Columns that only JSON has: attributes of the rows under their own names."""
    return tuple(Column(name, "", attrgetter(name)) for name in names)


def count(key: str, head: str, value: Callable[[Row_contra], int]) -> Column[Row_contra]:
    """A column of counts."""
    return Column(key, head, value, right=True)


def amount(key: str, head: str, of: Callable[[Row_contra], tuple[Decimal, str]]) -> Column[Row_contra]:
    """A column of amounts with their currency: exact in JSON, formatted in the table."""
    return Column(
        key,
        head,
        lambda row: money.exact(of(row)[0]),
        lambda row: f"{money.human(*of(row))} {of(row)[1]}",
        right=True,
    )


class Billed(Protocol):
    """A period or a statement: its posted amounts, those that are only shown, and how many lines each has."""

    @property
    def amounts(self) -> Amounts: ...
    @property
    def shown(self) -> Amounts: ...
    @property
    def posted(self) -> int: ...
    @property
    def unposted(self) -> int: ...


def cents(rows: Sequence[Billed], currency: str) -> tuple[Column[Billed], ...]:
    """The amounts of periods or statements: list price, discount and amount due.

    Amounts that are only shown have their own column. If nothing at all is charged, the table has the amounts shown
    instead.
    """
    some_shown = any(row.unposted for row in rows)
    nothing_due = some_shown and not any(row.posted for row in rows)

    def figure(key: str, head: str, of: Callable[[Amounts], Decimal]) -> Column[Billed]:
        return Column(
            key,
            head,
            lambda row: amount_values(row.amounts, currency)[key],
            lambda row: money.human(of(row.shown if nothing_due else row.amounts), currency),
            right=True,
        )

    heads = {
        "list": figure("list", "List", lambda amounts: amounts.list),
        "discount": figure("discount", "Discount", lambda amounts: -amounts.discount),
        "covered": figure("covered", "", lambda amounts: amounts.covered),
        "billed": figure("billed", f"{'Value' if nothing_due else 'Due'} {currency}", lambda amounts: amounts.billed),
    }
    apart: Column[Billed] = Column(
        "shown",
        "Not charged" if some_shown and not nothing_due else "",
        lambda row: money.plain(row.shown.billed, currency),
        lambda row: money.human(row.shown.billed, currency),
        right=True,
    )
    return (*(heads[name] for name in AMOUNT_COLUMNS), apart)
