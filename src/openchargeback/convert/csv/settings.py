"""The section `csv:` of a conversion's settings: how a table maps to usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from openchargeback.convert.csv.formula import Formula, formula
from openchargeback.convert.csv.presets import NAMES, preset_values
from openchargeback.convert.csv.units import MONTHS, parts_of
from openchargeback.ledger.declared import Key
from openchargeback.ledger.shape import Choice, Integer, ListOf, MapOf, Number, RegularExpression, Text
from openchargeback.ledger.yaml_tree import Node, Reader
from openchargeback.money import ZERO

_LANGUAGE = "name a column, or write a formula such as `=quantity * 1000`; docs/CONVERT.md has all of them"
_CATEGORIES = (
    *("AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases", "Developer Tools"),
    *("Identity", "Integration", "Internet of Things", "Management and Governance", "Media", "Migration", "Mobile"),
    *("Multicloud", "Networking", "Security", "Storage", "Web", "Other"),
)
"""Of FOCUS 1.2, ServiceCategory."""

_HALF_A_CENT = Decimal("0.005")
_TIME_FIX = "give `start` with `end` or `last_day`, or one of `day` and `month`"
_NAME = r"[a-z][a-z0-9-]{0,39}"


@dataclass(frozen=True, slots=True)
class Value:
    """A column, or a formula that starts with `=`."""

    help: str = ""

    def read(self, node: Node, reader: Reader) -> Formula | None:
        """The formula; None with a problem if it is none."""
        text = Text(what="a column or a formula").read(node, reader)
        if text is None:
            return None
        try:
            return formula(text)
        except ValueError as error:
            reader.fault(node, "wrong-value", f"not a formula: {error}", _LANGUAGE)
            return None

    def schema(self) -> dict[str, Any]:
        """As for any text."""
        return Text(help=self.help).schema()


_Optional = Formula | None


def _value(help_: str) -> Key:
    return Key(shape=Value(help_))


def _conditions(help_: str) -> MapOf:
    return MapOf(ListOf(RegularExpression(), single=True), help=help_)


def _tags(help_: str) -> MapOf:
    return MapOf(Value(), help=help_)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that are not billed, with the reason, under which they are counted."""

    reason: Annotated[str, Text(filled=True, help="Why; the control totals count rows by it.")]
    where: Annotated[
        Mapping[str, tuple[str, ...]],
        _conditions("Columns with expressions (RE2), one of which matches the whole cell; all of them must."),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterMapping:
    """Something that a row measures: one row may have several, such as input and output tokens."""

    name: Annotated[
        str, Text(_NAME, "lower-case letters, digits and -", "Its name in `rates: resource`, and in SkuId.")
    ]
    quantity: Annotated[Formula, Value("How much; not negative.")]
    unit: Annotated[
        str, Text(filled=True, help="The unit of the quantity, as FOCUS spells it: Tokens, GB-Hours, Hours, Units.")
    ]
    title: Annotated[str, "What it is, in words (SkuMeter); the name unless set."] = ""
    type: Annotated[_Optional, _value("The sort, such as the model, by which rates differ.")] = None
    cost: Annotated[_Optional, _value("What the row costs, if the table says it; then no rate is needed.")] = None
    list: Annotated[_Optional, _value("The same at list prices; `cost` unless set.")] = None
    price: Annotated[_Optional, _value("The table's price of one unit, to compare quantity × price with the cost.")] = (
        None
    )
    where: Annotated[
        Mapping[str, tuple[str, ...]],
        _conditions("The rows that have it: columns with expressions that match the whole cell; all rows unless set."),
    ] = field(default_factory=dict)
    category: Annotated[str, Choice(_CATEGORIES, "ServiceCategory of FOCUS.")] = "Other"
    subcategory: Annotated[str, "ServiceSubcategory of FOCUS."] = "Other (Other)"

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> MeterMapping | None:
        """The meter; None with a problem if its unit or its prices cannot be."""
        unit = parts_of(values["unit"])
        if unit is None or (unit[1] == MONTHS and "cost" not in values):
            fix = "write Tokens, GB-Hours, Hours or the like; months only for quantities that come with their cost"
            reader.fault(node, "wrong-value", f"`{values['unit'][:60]}` is not a unit of a quantity", fix)
            return None
        if "cost" not in values and ("list" in values or "price" in values):
            fix = "map `cost` too, or leave the prices to `rates`"
            reader.fault(node, "wrong-value", "`list` and `price` compare with a `cost`, and there is none", fix)
            return None
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvSettings:
    """How a table maps to usage. A value is a column, or a formula that starts with `=`."""

    preset: Annotated[str, Choice(NAMES, "A mapping that ships with the program; keys here replace its own.")] = ""
    meters: Annotated[tuple[MeterMapping, ...], "What is billed of a row; required without a preset."] = ()
    format: Annotated[
        str,
        Choice(
            ("auto", "table", "json"),
            "table: delimited text; json: one document, or one per line; auto: by how the file starts.",
        ),
    ] = "auto"
    items: Annotated[
        str, "In JSON, the path of the list whose items are rows, such as data.results; the document itself unless set."
    ] = ""
    more: Annotated[str, "In JSON, the key that is true if another page follows, such as has_more."] = ""
    delimiter: Annotated[str, Text(max_length=1, help="What separates cells; found in the header unless set.")] = ""
    quote: Annotated[str, Text(r"\S", "one character", "What encloses cells.")] = '"'
    encoding: Annotated[str, Choice(("utf-8", "latin-1", "windows-1252", "utf-16"), "The encoding of a table.")] = (
        "utf-8"
    )
    skip: Annotated[int, Integer(0, 1000, "Lines before the header.")] = 0
    columns: Annotated[tuple[str, ...], "The columns of a table without a header, in order."] = ()
    final_newline: Annotated[
        bool,
        "Whether the last line must have an end; without one, a table may be cut. false if a program writes none.",
    ] = True
    decimal: Annotated[str, Choice((".", ","), "The decimal sign.")] = "."
    thousands: Annotated[
        str, Text("[.,' ]?", "one of . , ' or a blank", "What separates thousands; nothing unless set.")
    ] = ""
    dates: Annotated[
        str,
        Text(
            r"iso|us|day-first|unix|unix-ms|[^%]*%[^zZ]*",
            "iso, us, day-first, unix, unix-ms, or a pattern such as %d-%b-%Y",
            "How times are written: iso (2026-01-05, 2026-01-05T10:00:00Z), us (1/5/2026), day-first (5.1.2026),"
            " unix (seconds), unix-ms, or a pattern such as %d-%b-%Y.",
        ),
    ] = "iso"
    start: Annotated[_Optional, _value("When the usage began.")] = None
    end: Annotated[_Optional, _value("When it ended; exclusive. Unless set, a second after it began.")] = None
    last_day: Annotated[_Optional, _value("The last day of the usage, inclusive, in place of `end`.")] = None
    day: Annotated[_Optional, _value("The day of the usage, in place of start and end.")] = None
    month: Annotated[_Optional, _value("The month of the usage, in place of start and end: 2026-01, or any day.")] = (
        None
    )
    id: Annotated[
        tuple[Formula, ...],
        ListOf(Value(), single=True, help="What identifies a row in every export; the whole row unless set."),
    ] = ()
    repeated: Annotated[
        str,
        Choice(
            ("problem", "once", "each"),
            "Rows that are identical: a problem, counted once with a notice, or billed each (only without `id`).",
        ),
    ] = "problem"
    account: Annotated[_Optional, _value("The account (SubAccountId), by which owners are found.")] = None
    user: Annotated[_Optional, _value("The user.")] = None
    project: Annotated[_Optional, _value("The project's id, if the table names it.")] = None
    pi: Annotated[_Optional, _value("The PI's email address, if the table names it.")] = None
    fund: Annotated[_Optional, _value("The fund, if the table names it.")] = None
    cluster: Annotated[_Optional, _value("The cluster or site, for rates.")] = None
    partition: Annotated[_Optional, _value("The part of a cluster, for rates and SkuId.")] = None
    qos: Annotated[_Optional, _value("The quality of service, for rates.")] = None
    tier: Annotated[_Optional, _value("The tier, for rates and SkuId.")] = None
    resource: Annotated[_Optional, _value("The resource (ResourceId).")] = None
    resource_name: Annotated[_Optional, _value("Its name (ResourceName); the id unless set.")] = None
    resource_type: Annotated[str, "What the resources are (ResourceType)."] = "Resource"
    tags: Annotated[Mapping[str, Formula], _tags("Further tags, by name.")] = field(default_factory=dict)
    currency: Annotated[_Optional, _value("The currency of the costs; that of the settings unless set.")] = None
    required: Annotated[
        tuple[Formula, ...], ListOf(Value(), single=True, help="What no billed row may lack, such as the model.")
    ] = ()
    left_out: Annotated[tuple[LeftOut, ...], "Rows that are not billed; the first that fits."] = ()
    mismatch: Annotated[
        str, Choice(("error", "warning", "notice"), "How a cost is reported that is not quantity × price.")
    ] = "error"
    tolerance: Annotated[Decimal, Number(ZERO, "How far a cost may be from quantity × price, in the currency.")] = (
        _HALF_A_CENT
    )

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "meters": [
            {"name": "hours", "quantity": "Hours", "unit": "Hours", "type": "Instrument", "title": "Instrument time"}
        ],
        "day": "Date",
        "id": ["Booking"],
        "account": "Lab",
        "resource": "Instrument",
        "left_out": [{"reason": "canceled", "where": {"Status": ["canceled"]}}],
    }

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> CsvSettings | None:
        """The settings, with those of the preset; None with a problem if they are no mapping."""
        if values.get("preset"):
            values = {**preset_values(values["preset"]), **values}
        faults = [fault for fault in _faults(values) if fault]
        for message, fix in faults:
            reader.fault(node, "missing-key" if "missing" in message else "wrong-value", message, fix)
        return None if faults else cls(**values)


def _faults(values: Mapping[str, Any]) -> list[tuple[str, str] | None]:
    """What is wrong with the keys together: message and fix."""
    whens = [name for name in ("start", "day", "month") if name in values]
    ends = [name for name in ("end", "last_day") if name in values]
    names = [meter.name for meter in values.get("meters", ())]
    return [
        None if names else ("meters is missing", "add `meters:`, or a `preset`"),
        None if len(set(names)) == len(names) else ("two meters have the same name", "give each its own name"),
        None
        if len(whens) == 1 and len(ends) <= 1 and (not ends or whens == ["start"])
        else (
            "the time is missing or given twice",
            "give `start` with `end` or `last_day`, or one of `day` and `month`",
        ),
        ("`repeated: each` and `id` exclude each other", "remove one of them")
        if values.get("repeated") == "each" and values.get("id")
        else None,
        ("`decimal` and `thousands` are the same character", "change one of them")
        if values.get("thousands") and values["thousands"] == values.get("decimal", ".")
        else None,
    ]
