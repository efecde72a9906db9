"""The section `vm:` of a conversion's settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from openchargeback.convert.storage.settings import DATE_IN_NAME
from openchargeback.ledger.shape import Choice, Integer, ListOf, MapOf, Number, RegularExpression, Text
from openchargeback.money import ZERO

METERS = ("running", "vcpu", "memory", "disk")
FORMATS = ("powercli", "proxmox", "azure-local", "openstack", "openstack-csv", "cloudkitty")
TAG = r"project[-=:](?P<project>.+)|tier[-=:](?P<tier>.+)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What a tier of machines is and costs."""

    annual_cost: Annotated[
        Decimal | None, Number(ZERO, "List price of a year; a twelfth of it, to nine decimals, is that of a month.")
    ] = None
    cores: Annotated[int | None, Integer(1, 100_000, "Cores, for SkuPriceDetails.")] = None
    memory_gib: Annotated[Decimal | None, Number(ZERO, "Memory in GiB, for SkuPriceDetails.")] = None
    disk_gib: Annotated[Decimal | None, Number(ZERO, "Disk in GiB, for SkuPriceDetails.")] = None
    gpus: Annotated[int | None, Integer(1, 1000, "GPUs, for SkuPriceDetails.")] = None
    operating_system: Annotated[str, "Operating system, for SkuPriceDetails."] = ""


@dataclass(frozen=True, slots=True)
class VmSettings:
    """What is billed of virtual machines, and how they were listed."""

    basis: Annotated[
        str,
        Choice(
            ("recurring", "samples", "measured"),
            "recurring: a machine in a list is bought for the whole month (Months); samples: lists over the month, each"
            " of which stands until the next; measured: OpenStack and CloudKitty say how long.",
        ),
    ]
    format: Annotated[str, Choice(FORMATS, "The format; recognized by content unless set.")] = ""
    meters: Annotated[
        tuple[str, ...],
        ListOf(
            Choice(METERS),
            single=True,
            help="What is billed by time: running (Hours), vcpu (Core-Hours), memory and disk (GiB-Hours).",
        ),
    ] = ("running",)
    prorate: Annotated[
        bool, "recurring: bill a machine that was created in the month from that UTC day on, if the list says when."
    ] = False
    powered_off: Annotated[str, Choice(("bill", "leave_out"), "Machines that are off: they hold their disks.")] = "bill"
    templates: Annotated[bool, "Bill templates too."] = False
    tiers: Annotated[dict[str, Tier] | None, "Tiers by name, with their yearly list price and what they have."] = None
    tier: Annotated[str, "The tier of machines that nothing gives one."] = ""
    tag: Annotated[
        str,
        RegularExpression(
            "What a tag or a line of the notes says: groups `project` and `tier`. Notes may be JSON with FinOps… keys."
        ),
    ] = TAG
    account: Annotated[
        str, Choice(("pool", "folder", "name"), "The account of machines whose tags and notes give no project.")
    ] = "pool"
    decimal: Annotated[str, Choice((".", ","), "powercli: the decimal mark of its locale.")] = "."
    at: Annotated[dt.date | None, "The day of all lists, if their names do not say it."] = None
    date_in_name: Annotated[
        str, RegularExpression("Where the name of a file has the day and the time of a list: groups `date` and `time`.")
    ] = DATE_IN_NAME
    longest_gap: Annotated[int, Integer(1, 744, "samples: the most hours between lists; more is a problem.")] = 24
    price: Annotated[
        str,
        Choice(
            ("ours", "theirs"), "cloudkitty: prices of `rates`, or the prices that it has computed (`their_currency`)."
        ),
    ] = "ours"
    their_currency: Annotated[
        str,
        Text("[A-Z]{3}|", "a currency such as USD", "cloudkitty: the currency of its prices, which it does not state."),
    ] = ""
    collect_seconds: Annotated[
        int, Integer(1, 86_400, "cloudkitty: the seconds that one unit of qty stands for (`[collect] period`).")
    ] = 3600
    units: Annotated[
        dict[str, str] | None,
        MapOf(Choice(("MiB", "GiB", "Unit")), help="cloudkitty: the units of metrics in a summary, which has none."),
    ] = None
    cluster: Annotated[str, "The name of the system."] = ""

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "basis": "recurring",
        "tiers": {"small": {"annual_cost": "600", "cores": 2, "memory_gib": "8"}},
    }
