"""A kind of usage records: what a converter is. Built-in kinds, and those of installed packages.

A kind reads its inputs into two tables (`tables.sql`); everything after that is common (`conversion.py`). A package
adds a kind with an entry point of the group `openchargeback.converters` that names a `Kind`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from openchargeback.convert.settings import Owner, Rate, Settings
from openchargeback.ledger.declared import shape_of
from openchargeback.problems import Problem, UsageFault

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from openchargeback.convert.conversion import Conversion, Request

GROUP = "openchargeback.converters"

# name → module and attribute; pyproject.toml registers the same, but a checkout need not be installed.
BUILT_IN = {
    "csv": "openchargeback.convert.csv.kind:CSV",
    "shared": "openchargeback.convert.shared.kind:SHARED",
    "slurm": "openchargeback.convert.slurm.kind:SLURM",
    "storage": "openchargeback.convert.storage.kind:STORAGE",
    "vm": "openchargeback.convert.vm.kind:VM",
}


@dataclass(frozen=True, slots=True)
class Meter:
    """Something that is measured and priced, such as CPU time.

    name: in `usage.meter` and in `rates: resource`. sku: its part of SkuId. title: SkuMeter (FOCUS 1.2).
    nouns: what a unit may count, with how many base units of `usage.amount` (per second) make one: for memory measured
    in MiB-seconds, `{"MiB": 1, "GiB": 1024}`; `{"": 1}` for time alone (`Hours`). timed: whether amounts are levels
    times seconds; otherwise they are counts, and units have no time (`1000000 Tokens`).
    category, subcategory: ServiceCategory and ServiceSubcategory. recurring: whether it is bought for the month and not
    consumed: ChargeCategory Purchase, ChargeFrequency Recurring, no ConsumedQuantity. service: a word that is added to
    ServiceName, since a service has one category. unit: set if the records give costs (`given`) and no rate is needed:
    the unit of their quantities, with base, how many units of `usage.amount` make one.
    """

    name: str
    sku: str
    title: str
    nouns: Mapping[str, int]
    category: str = "Compute"
    subcategory: str = "Other (Compute)"
    timed: bool = True
    recurring: bool = False
    service: str = ""
    unit: str = ""
    base: int = 1


@dataclass(frozen=True, slots=True)
class Input:
    """A file to convert: its number (`usage.file`), its path as given, and where it is."""

    number: int
    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Allowance:
    """What each project may use without a charge: a level, in base units of the meter.

    monthly: whether it is compared with the mean of the month, or with each UTC day on its own.
    tiers: expressions for the tiers that it is for; all if empty.
    """

    level: int
    monthly: bool
    tiers: tuple[str, ...] = ()


@dataclass(slots=True)
class Found:
    """What a kind found in its inputs.

    read: how many records. left_out: how many of them have no row in `usage`, by reason. problems: their faults; with
    an error nothing is written. allowance: what is free. notes: what the control totals should say about the inputs.
    rates, owners: those that the inputs or the kind's own settings give, after those of the common settings.
    held: whether the kind has created what is otherwise made of `usage` (`held.sql`).
    """

    read: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    allowance: Allowance | None = None
    notes: list[str] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    owners: list[Owner] = field(default_factory=list)
    held: bool = False

    def leave_out(self, reason: str, records: int) -> None:
        """Count records that are not used."""
        if records:
            self.left_out[reason] = self.left_out.get(reason, 0) + records


@dataclass(frozen=True, slots=True)
class Reading:
    """What a kind gets: the database with the empty tables, the inputs, the settings, its own section of them.

    period: the month to bill, as `2025-01`; empty if it is still to be found in the records. config: the path of the
    settings, for problems.
    """

    con: duckdb.DuckDBPyConnection
    inputs: Sequence[Input]
    settings: Settings
    own: Any
    period: str = ""
    config: str = ""


def _nothing(_reading: Reading) -> Found:
    return Found()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of usage records.

    settings: the declared dataclass of its section in the config (`ledger/declared.py`), which has the kind's name.
    rates: example rates for `--example-config`. resource_type: ResourceType of its rows (FOCUS 1.2). read: fills
    `label` and `usage`. example: common settings that `--example-config` shows for the kind; samples: inputs for that
    config, by file name; sample_period: their month, if they do not show it. adapt: makes, of its section of the
    config, the kind with the meters named there. priced: makes of it the rates that it gives. convert: does it all
    instead of `read` and what is common, for rows that are not usage times a price; as `conversion.convert`. common:
    the common keys of its config, and whether each is required; None for all as declared. decimals: `usage.amount`
    counts units of 10 to the power of -decimals; unless it is 0, the output has the amount as x_UsageAmount.
    record_columns: columns of the output, if rows are records, and what they are in `record`.
    """

    name: str
    title: str
    settings: type
    meters: tuple[Meter, ...]
    resource_type: str
    rates: tuple[Mapping[str, Any], ...]
    read: Callable[[Reading], Found] = _nothing
    example: Mapping[str, Any] = field(default_factory=dict)
    samples: Mapping[str, str] = field(default_factory=dict)
    sample_period: str = ""
    adapt: Callable[[Any], Kind] | None = None
    priced: Callable[[Any], Sequence[Rate]] | None = None
    convert: Callable[[Request, Path | None, Path | None], tuple[Conversion | None, list[Problem]]] | None = None
    common: Mapping[str, bool] | None = None
    decimals: int = 0
    record_columns: Mapping[str, str] = field(default_factory=lambda: {"x_JobId": "resource", "x_JobState": "state"})

    def meter(self, name: str) -> Meter | None:
        """The meter of that name."""
        return next((each for each in self.meters if each.name == name), None)


def keeps_users(settings: Settings) -> bool:
    """Whether a kind fills `label.person`: for x_user, or because owners are found by user."""
    return settings.users or any(owner.user for owner in settings.owners)


def names() -> list[str]:
    """The names of all kinds, sorted."""
    return sorted({*BUILT_IN, *(each.name for each in _points())})


def _points() -> Iterable[EntryPoint]:
    # Most conversions are of built-in kinds, and the import takes as long as all kinds together.
    from importlib import metadata

    return metadata.entry_points(group=GROUP)


def kind_of(name: str) -> Kind:
    """The kind of that name. Raises UsageFault if there is none, or if its package does not provide one."""
    if place := BUILT_IN.get(name):
        module, _, attribute = place.partition(":")
        found: object = getattr(import_module(module), attribute)
    else:
        points = [each for each in _points() if each.name == name]
        if not points:
            raise UsageFault(f"{name!r} is not a kind of usage records: use one of {', '.join(names())}")
        if len(points) > 1:
            raise UsageFault(f"several installed packages provide the kind {name!r}: keep one of them")
        found = points[0].load()
    if not isinstance(found, Kind):
        raise UsageFault(f"the entry point {name} of {GROUP} is not a Kind: fix the package that declares it")
    return found


def section_of(kind: Kind) -> Any:
    """The shape of the kind's own section of the config."""
    return shape_of(kind.settings)
