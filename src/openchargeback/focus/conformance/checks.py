"""The check functions of the requirements model as SQL, over the texts of a file's cells.

In a requirement, a check is true where it holds, false where it is broken, and NULL where there is nothing to check,
such as no value. In a condition, only true counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib import resources

import duckdb

from openchargeback.focus.columns import COLUMNS
from openchargeback.focus.conformance.model import Check, Model
from openchargeback.focus.database import literal, literals, sql

BY_TEXT = {
    "CheckNationalCurrency": "national_currency",
    "FormatCurrency": "currency_format",
    "FormatKeyValue": "key_value_format",
    "FormatUnit": "unit_format",
}
"""Checks of columns with few distinct texts, each of which is checked once, and the macros that check them."""

NUMBER, TIME = "number_{column}", "time_{column}"
"""Columns that say whether a cell is written as FOCUS writes numbers and times; several checks need that."""


def make_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Create the macros of `checks.sql`; those of `macros.sql` and `rules.sql` must exist."""
    con.execute(sql(__package__, "checks.sql", currencies=literals(national_currencies())))


def national_currencies() -> list[str]:
    """The codes of ISO 4217 for national currencies and their funds."""
    return resources.files(__package__).joinpath("currencies.txt").read_text(encoding="utf-8").split()


def reads(check: Check, model: Model) -> Iterator[str]:
    """The names of the columns that a check reads."""
    yield from (value for key, value in check.items() if key.endswith("ColumnName") or key.startswith("Column"))
    for item in check.get("Items", ()):
        yield from reads(item, model)
    if "ModelRuleId" in check:
        name = check["ModelRuleId"]
        yield from reads(model.requirement(name), model)
        yield from reads(model.condition(name), model)


class Checks:
    """Check functions for a file.

    columns: the column of each FOCUS column that the file has. typed: those that a Parquet file stores as something
    other than text, which have a type of their own and no format, with what they are stored as: decimal, datetime or
    the name of another type.
    """

    def __init__(self, model: Model, columns: Mapping[str, str], typed: Mapping[str, str]) -> None:
        self.model = model
        self.columns = columns
        self.typed = typed

    def broken(self, subject: str, requirement: Check) -> str:
        """SQL that is true where a requirement is broken. subject: the column that it is about.

        A cell without a value breaks only rules about null, which are those that the model calls nullability.
        """
        broken = f"({self.holds(requirement)}) IS FALSE"
        if requirement["CheckFunction"] in {"CheckValue", "CheckNotValue"} and requirement.get("Value") is None:
            return broken
        return f"{self._cell(subject)} IS NOT NULL AND {broken}"

    def met(self, conditions: tuple[tuple[Check, ...], ...]) -> str:
        """SQL that is true where all conditions of any list are met; `true` if there are none."""
        lists = (" AND ".join(f"({self.holds(each)}) IS TRUE" for each in every) for every in conditions)
        return " OR ".join(f"({each})" for each in lists) or "true"

    def holds(self, check: Check) -> str:
        """SQL for a check."""
        function = check["CheckFunction"]
        if function == "OR" and (words := _allowed(check)):
            (name,) = {item["ColumnName"] for item in check["Items"]}
            return f"{self._cell(name)} IN ({literals(words)})"
        if function in {"AND", "OR"}:
            return f" {function} ".join(f"({self.holds(item)})" for item in check["Items"])
        if function in {"CheckModelRule", "BreaksModelRule"}:
            return self._rule(check["ModelRuleId"], breaks=function == "BreaksModelRule")
        if "ColumnAName" in check:
            return self._between(function, check)
        return self._of_cell(function, check["ColumnName"], check)

    def _rule(self, name: str, *, breaks: bool) -> str:
        requirement, condition = self.model.requirement(name), self.model.condition(name)
        subject = self.model.rules[name]["Reference"]
        broken = self.broken(subject, requirement)
        if condition:
            broken = f"({self.holds(condition)}) IS TRUE AND {broken}"
        return broken if breaks else f"NOT ({broken})"

    def _cell(self, name: str) -> str:
        """A column; one that the file does not have is null in every row."""
        return self.columns.get(name, "NULL::VARCHAR")

    def _between(self, function: str, check: Check) -> str:
        """A check of two or three columns."""
        one, other = self._cell(check["ColumnAName"]), self._cell(check["ColumnBName"])
        if function == "CheckSameValue":
            return f"{one} = {other}"
        if function == "CheckNotSameValue":
            return f"{one} <> {other}"
        if function == "ColumnByColumnEqualsColumnValue":
            # FOCUS defines no tolerance; ours is that of rules.sql.
            return f"NOT not_product({self._cell(check['ResultColumnName'])}, {one}, {other})"
        if function == "CheckDistinctCount":
            return f"{one} NOT IN ({self.odd_values(check)})"
        raise ValueError(f"unknown check function {function}")

    def odd_values(self, check: Check) -> str:
        """SQL for the values, out of `file`, with which a check is broken; empty for a check of single rows."""
        function = check["CheckFunction"]
        if function == "CheckDistinctCount":
            # Where the other column has no value, other rules say so.
            one, other = self._cell(check["ColumnAName"]), self._cell(check["ColumnBName"])
            return (
                f"SELECT {one} FROM file WHERE {one} IS NOT NULL AND {other} IS NOT NULL "
                f"GROUP BY {one} HAVING count(DISTINCT {other}) <> {int(check['ExpectedCount'])}"
            )
        if function in BY_TEXT:
            cell = self._cell(check["ColumnName"])
            # any_value, since DuckDB would check the group's own text in every row before it groups them.
            odd = f"NOT {BY_TEXT[function]}(any_value({cell}))"
            return f"SELECT {cell} FROM file WHERE {cell} IS NOT NULL GROUP BY {cell} HAVING {odd}"
        return ""

    def _of_cell(self, function: str, name: str, check: Check) -> str:
        """A check of one column."""
        cell = self._cell(name)
        if function in {"CheckValue", "CheckNotValue"}:
            return self._value(cell, name, check.get("Value"), equal=function == "CheckValue")
        if function == "CheckGreaterOrEqualThanValue":
            least = Decimal(str(check["Value"]))
            return f"NOT negative({cell})" if least == 0 else f"amount({cell}) >= {least}"
        if function in BY_TEXT:
            return f"{cell} NOT IN ({self.odd_values(check)})"
        return self._form(function, name, cell)

    @staticmethod
    def _value(cell: str, name: str, value: object, *, equal: bool) -> str:
        if value is None:
            return f"{cell} IS {'' if equal else 'NOT '}NULL"
        if COLUMNS.get(name) == "decimal":
            number = Decimal(str(value))
            same = f"zero({cell})" if number == 0 else f"amount({cell}) = {number}"
        else:
            same = f"{cell} = {literal(str(value))}"
        # Null is not the value, whatever that is.
        return same if equal else f"({same}) IS NOT TRUE"

    def _form(self, function: str, name: str, cell: str) -> str:
        """A check of the type or format of a cell. A cell that is not of the type has no format to check."""
        if stored := self.typed.get(name):
            types = {"TypeDecimal": "decimal", "TypeDateTime": "datetime", "TypeString": "string"}
            if types.get(function, stored) != stored:
                return f"{cell} IS NULL"
            return f"any_number({cell})" if function == "CheckDecimalValue" else "true"
        # CASE, since OR computes both of its operands for every row.
        number = f"CASE WHEN {NUMBER.format(column=cell)} THEN true ELSE {{other}} END"
        time = f"CASE WHEN {TIME.format(column=cell)} THEN true ELSE {{other}} END"
        forms = {
            "TypeString": "true",
            "FormatString": f"sound_text({cell})",
            "TypeDecimal": number.format(other=f"any_number({cell})"),
            "CheckDecimalValue": number.format(other=f"any_number({cell})"),
            "FormatNumeric": number.format(other=f"NOT any_number({cell})"),
            "TypeDateTime": time.format(other=f"utc({cell}) IS NOT NULL"),
            "FormatDateTime": time.format(other=f"utc({cell}) IS NULL"),
        }
        if function not in forms:
            raise ValueError(f"unknown check function {function}")
        return forms[function]


def _allowed(check: Check) -> list[str]:
    """The values of a check that a text column has one of them; empty for any other check."""
    items = check["Items"]
    names = {item.get("ColumnName") for item in items if item["CheckFunction"] == "CheckValue"}
    values = [item.get("Value") for item in items]
    simple = len(names) == 1 and all(item["CheckFunction"] == "CheckValue" for item in items)
    is_text = all(isinstance(value, str) for value in values) and COLUMNS.get(next(iter(names), "")) != "decimal"
    return values if simple and is_text else []
