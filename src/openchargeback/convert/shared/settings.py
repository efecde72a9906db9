"""The section `shared:` of a conversion's settings: which costs are shared, and by what use they are split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from openchargeback.convert.shared.formats import FORMATS, unfit
from openchargeback.focus.columns import TABLE
from openchargeback.ledger.declared import Key
from openchargeback.ledger.shape import Choice, ListOf, MapOf, Number, RegularExpression, Text
from openchargeback.ledger.yaml_tree import Node, Reader
from openchargeback.money import ZERO

_HUNDRED = Decimal(100)
_ID = Text(
    r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", "letters, digits, -, _ and .", "Names the pool, also in AllocatedMethodId."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """A column by which costs are split."""

    column: Annotated[str, Text(filled=True, help="The column, with numbers.")]
    times: Annotated[str, "A column to multiply it by, such as hours; both are then rounded to nine decimals."] = ""
    share: Annotated[Decimal, Number(ZERO, "Percent of the cost that is split by it; together 100.")] = _HUNDRED
    unit: Annotated[str, "What it counts, in AllocatedMethodDetails: Core-Hours; the column's name unless set."] = ""
    capacity: Annotated[
        Decimal | None, Number(ZERO, "How much there was in the month; what no one used of it is idle.")
    ] = None

    @property
    def label(self) -> str:
        """UsageUnit (FOCUS 1.3)."""
        return self.unit or self.column


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A cost of the month that is in no charge file, such as a license."""

    name: Annotated[str, Text(filled=True, help="What was paid for: ResourceId and ResourceName.")]
    amount: Annotated[Decimal, Number(ZERO, "The cost of the month, in the currency of the settings.")]
    list: Annotated[Decimal | None, Number(ZERO, "Its list price; `amount` unless set.")] = None
    category: Annotated[str, Choice(TABLE["ServiceCategory"].values, "ServiceCategory.")] = "Other"
    line: int = 0

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, _reader: Reader) -> Cost:
        """The cost with its place."""
        return cls(**values, line=node.line)


@dataclass(frozen=True, slots=True)
class Pool:
    """Costs that are shared by the same people, and the use by which they are split."""

    id: Annotated[str, _ID]
    usage: Annotated[
        tuple[str, ...], ListOf(Text(filled=True), single=True, help="Names of the inputs with the use: a* is any a….")
    ]
    format: Annotated[str, Choice(tuple(FORMATS), "opencost, nerc (its CSV of pods), or table: any columns.")] = "table"
    match: Annotated[
        dict[str, str],
        Key(
            shape=MapOf(
                RegularExpression(),
                help="The rows to split: regular expressions by column, matched whole; all must fit.",
            )
        ),
    ] = field(default_factory=dict)
    costs: Annotated[tuple[Cost, ...], "Costs to split that are in no charge file."] = ()
    resource: Annotated[
        tuple[str, ...],
        ListOf(Text(filled=True), single=True, help="Columns that name who got a share (AllocatedResourceId)."),
    ] = ()
    account: Annotated[str, "The column by which owners are found; the first of `resource` unless set."] = ""
    date: Annotated[str, "The column with the day of use (UTC); of a table without one, all is of the month."] = ""
    weights: Annotated[tuple[Weight, ...], "By what costs are split; of opencost TotalCost, of nerc SU-Hours."] = ()
    by: Annotated[
        str, Choice(("month", "day"), "month: by the use of the month; day: each row by the use of its own days.")
    ] = "month"
    idle: Annotated[
        str,
        Choice(
            ("spread", "owner", "keep"),
            "The idle share. spread: on all, in proportion; owner: to the one that `owners` names; keep: a row of its "
            "own without AllocatedTags, so that the tags of the shared resource apply.",
        ),
    ] = "keep"
    idle_keys: Annotated[
        tuple[str, ...], ListOf(Text(filled=True), single=True, help="Values of the account column that mean idle.")
    ] = ("__idle__", "__unallocated__", "__unmounted__")
    line: int = 0

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> Pool | None:
        """The pool with the columns of its format; None with a problem if it cannot be split."""
        known = FORMATS[values.get("format", "table")]
        for name, given in (("resource", known.resource), ("date", known.date), ("account", known.account)):
            values[name] = values.get(name) or given
        values["account"] = values["account"] or next(iter(values["resource"]), "")
        values["weights"] = values.get("weights") or tuple(
            Weight(column=column, times=times, unit=unit) for column, times, unit in known.weights
        )
        pool = cls(**values, line=node.line)
        if fault := _fault(pool):
            reader.fault(node, "shared-setting", *fault)
            return None
        return pool

    @property
    def method(self) -> str:
        """AllocatedMethodId (FOCUS 1.3): the same method has the same id."""
        return f"{self.id}/{'+'.join(each.label for each in self.weights)}/idle-{self.idle}/{self.by}"


def _fault(pool: Pool) -> tuple[str, str] | None:
    """Why a pool cannot be split, with the fix."""
    if not pool.match and not pool.costs:
        return f"the pool {pool.id} has no costs", "set `match` to select rows of a charge file, or `costs`"
    if not pool.resource or not pool.weights:
        return f"the pool {pool.id} does not say who used what", "set `resource` and `weights`"
    if sum((each.share for each in pool.weights), ZERO) != _HUNDRED:
        return f"the shares of the weights of {pool.id} do not add up to 100", "correct `share` of each weight"
    if any(each.share == ZERO for each in pool.weights):
        return f"a weight of {pool.id} has no share", "remove it"
    if len({each.label for each in pool.weights}) < len(pool.weights):
        return f"two weights of {pool.id} have the same name", "give each its `unit`"
    if pool.by == "day" and (not pool.date or any(each.capacity is not None for each in pool.weights)):
        return f"{pool.id} cannot be split by day", "set `date` and no `capacity`, or split it by month"
    if pool.format == "opencost" and (bad := unfit(each.column for each in pool.weights)):
        fix = "split by CPUCost, RAMCost, GPUCost, PVCost, NetworkCost or TotalCost, which add up"
        return f"{bad} is an average over the run time of a container, which cannot be added up", fix
    return None


@dataclass(frozen=True, slots=True)
class SharedSettings:
    """Which costs are shared by whom."""

    pools: Annotated[tuple[Pool, ...], "What is split. A row belongs to at most one of them."]
    other_rows: Annotated[
        str,
        Choice(("keep", "drop"), "Rows that no pool selects. keep: written as they are; drop: counted and left out."),
    ] = "keep"

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "pools": [
            {
                "id": "research-cluster",
                "match": {"ResourceId": "i-0b1c.*"},
                "usage": "opencost*.csv",
                "format": "opencost",
                "weights": [{"column": "CPUCost", "share": "50"}, {"column": "RAMCost", "share": "50"}],
                "idle": "keep",
            },
            {
                "id": "statistics-license",
                "costs": [{"name": "Statistics license", "amount": "1200.00"}],
                "usage": "license.csv",
                "resource": "group",
                "weights": [{"column": "hours", "unit": "Hours"}],
            },
        ],
    }
