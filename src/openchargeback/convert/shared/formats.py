"""The usage tables that are known by name: their columns, and by what costs are split unless the config says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A known table. weights: column, column to multiply it by, unit. identity: what no two rows have in common.

    until: the column with the end of use. merged: whether a blank cell is a sign of rows of an older release.
    """

    resource: tuple[str, ...] = ()
    account: str = ""
    date: str = ""
    until: str = ""
    weights: tuple[tuple[str, str, str], ...] = ()
    identity: tuple[str, ...] = ()
    merged: bool = False


FORMATS = {
    "table": Format(),
    # pkg/costmodel/csv_export.go of OpenCost; days are UTC.
    "opencost": Format(
        resource=("Namespace",),
        account="Namespace",
        date="Date",
        weights=(("TotalCost", "", "TotalCost"),),
        identity=("Date", "Namespace", "ControllerKind", "ControllerName", "Pod", "Container"),
        merged=True,
    ),
    # CCI-MOC/openshift-usage-scripts, the report of pods; times are UTC.
    "nerc": Format(
        resource=("Namespace",),
        account="Namespace",
        date="Pod Start Time",
        until="Pod End Time",
        weights=(("SU Count", "Duration (Hours)", "SU-Hours"),),
        identity=("Namespace", "Pod Name", "Pod Start Time", "Pod End Time", "Node"),
    ),
}

_NO_SUMS = frozenset(
    {
        *("CPUCoreUsageAverage", "CPUCoreRequestAverage", "RAMBytesUsageAverage", "RAMBytesRequestAverage"),
        *("GPUs", "PVBytes"),
    }
)


def unfit(columns: Iterable[str]) -> str:
    """The first column of OpenCost's table that must not be added up; empty if there is none."""
    return next((each for each in columns if each in _NO_SUMS), "")
