"""The section `storage:` of a conversion's settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from openchargeback.ledger.declared import Key
from openchargeback.ledger.shape import Choice, ListOf, Number, RegularExpression, Text
from openchargeback.ledger.yaml_tree import Node, Reader
from openchargeback.money import ZERO

UNITS = {"GB": 10**9, "GiB": 2**30, "TB": 10**12, "TiB": 2**40}
"""Bytes in a data unit."""

FORMATS = ("qumulo", "onefs", "gpfs", "lustre", "xdmod", "du", "zfs", "rgw", "ontap", "vast")

DATE_IN_NAME = r".*?(?P<date>\d{4}-\d{2}-\d{2}|\d{8})(?:[T_-](?P<time>\d{2}[:-]?\d{2}))?.*"


@dataclass(frozen=True, slots=True)
class PathRule:
    """What the path or name of a quota says about it."""

    pattern: Annotated[
        str,
        RegularExpression(
            "An expression for the path, the bucket or the name of the quota, matched whole. Its groups"
            " `(?P<project>…)` and `(?P<tier>…)` give the account and the tier."
        ),
    ]
    tier: Annotated[str, "The tier, if the pattern has no such group."] = ""
    skip: Annotated[bool, "Leave it out. What lies below it counts on its own."] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Free:
    """What each project may use without a charge, as rows at a price of 0."""

    amount: Annotated[Decimal, Number(ZERO, "How much, in `unit`.")]
    per: Annotated[
        str,
        Choice(
            ("month", "day"),
            "month: compared with the mean of the month; day: with each day on its own, so that a day below it does not"
            " make up for a day above it (needs `rows: day`).",
        ),
    ]
    tiers: Annotated[
        tuple[str, ...], ListOf(RegularExpression(), single=True, help="The tiers that it is for; all unless set.")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchased:
    """Capacity that was bought for a path, from one day to another."""

    path: Annotated[str, Text(filled=True, help="The path or the name of the quota.")]
    amount: Annotated[Decimal, Number(ZERO, "How much, in `unit`.")]
    since: Annotated[dt.date | None, Key("First day.", name="from")] = None
    until: Annotated[dt.date | None, "Last day, inclusive."] = None
    line: int = 0

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> Purchased | None:
        """The purchase with its place."""
        if values.get("since") and values.get("until") and values["until"] < values["since"]:
            reader.fault(node, "date-order", "`until` is before `from`", "swap the dates")
            return None
        return cls(**values, line=node.line)


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """What is billed of a storage system, and how it was sampled."""

    metric: Annotated[
        str,
        Choice(
            ("logical", "physical", "effective"),
            "logical: what users see; physical: what it takes on the disks, with copies and parity; effective: after"
            " reduction of data.",
        ),
    ]
    bills: Annotated[
        str,
        Choice(
            ("used", "quota", "purchased"),
            "used: what is stored (Usage); quota: the limit, used or not; purchased: the list `purchased` (both are"
            " Purchases that recur).",
        ),
    ]
    unit: Annotated[
        str, Choice(tuple(UNITS), "The data unit of prices and amounts: GB, TB (decimal), GiB, TiB (binary).")
    ]
    basis: Annotated[
        str,
        Choice(
            ("mean", "month_end", "peak"),
            "mean: the mean of the days of the month; month_end: its last day; peak: each path's highest day.",
        ),
    ]
    format: Annotated[str, Choice(FORMATS, "The format; recognized by content unless set.")] = ""
    missing_days: Annotated[
        str,
        Choice(
            ("error", "carry"),
            "error: a day without a sample is an error; carry: a warning, and the sample before counts for it too (at"
            " the start of the month, the one after).",
        ),
    ] = "error"
    at: Annotated[dt.date | None, "The day of all samples, if neither the files nor their names say it."] = None
    date_in_name: Annotated[
        str,
        RegularExpression(
            "Where the name of a file has the day of the sample: groups `date` and `time` (to order those of one day)."
        ),
    ] = DATE_IN_NAME
    tier: Annotated[str, "The tier of paths that no entry of `paths` gives one; part of SkuId."] = ""
    account: Annotated[
        str,
        Choice(
            ("path", "owner"),
            "What is the account in `owners`: the path (or name), or the owner that is listed, as XDMoD's unless set.",
        ),
    ] = ""
    paths: Annotated[tuple[PathRule, ...], "What paths say about project and tier; the first that fits."] = ()
    free: Annotated[Free | None, "What each project may use without a charge."] = None
    purchased: Annotated[tuple[Purchased, ...], "What was bought, for `bills: purchased`."] = ()
    limit: Annotated[str, Choice(("hard", "soft"), "Which limit of a quota is billed.")] = "hard"
    snapshots: Annotated[str, Choice(("exclude", "include"), "OneFS: which of two quotas on one directory counts.")] = (
        "exclude"
    )
    logical_as: Annotated[
        str,
        Choice(("fslogical", "applogical"), "OneFS from 8.2: which figure is the logical one; needed for `logical`."),
    ] = ""
    quota_type: Annotated[
        str, Choice(("fileset", "project", "group", "user"), "GPFS and Lustre: the quotas that count.")
    ] = ""
    du_unit: Annotated[str, Choice(("KiB", "bytes"), "du: KiB for `du -k`, bytes for `du -b`.")] = ""
    columns: Annotated[tuple[str, ...], "zfs: the columns of `zfs list -Hp -o …`, in order."] = ()
    cluster: Annotated[str, "The name of the system, where the listing has none."] = ""

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "metric": "logical",
        "bills": "used",
        "unit": "TB",
        "basis": "mean",
        "tier": "projects",
        "paths": [{"pattern": "/projects/(?P<project>[^/]+)"}],
        "free": {"amount": "0.5", "per": "month"},
    }
