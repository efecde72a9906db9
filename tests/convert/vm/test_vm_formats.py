"""Machines of each format, after its document: what they hold, and what becomes of their notes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stored import COMMON, SECONDS, Converted, amounts

from openchargeback.problems import Severity

HOUR = 3600
CONFIG: dict[str, Any] = {
    **COMMON,
    "service": "Northfield Cloud",
    "sku": "vm",
    "timezone": "UTC",
    "rates": [
        {"id": "hours", "resource": "running", "unit": "Hours", "price": "0.05"},
        {"id": "cpu", "resource": "vcpu", "unit": "Core-Hours", "price": "0.01"},
        {"id": "mem", "resource": "memory", "unit": "GiB-Hours", "price": "0.002"},
        {"id": "disk", "resource": "disk", "unit": "GiB-Hours", "price": "0.0001"},
    ],
    "vm": {"basis": "recurring", "tiers": {"small": {"annual_cost": "1000", "cores": 2, "memory_gib": "8.5"}}},
}


def notes(**keys: object) -> str:
    """Notes with the keys of FinOps."""
    base = {
        "FinOpsPiEmail": "zoe@example.edu",
        "FinOpsProjectId": "sky",
        "FinOpsFundOrg": "AST-1",
        "FinOpsVmTier": "small",
        "FinOpsSubsidyPercent": 40,
        "FinOpsActive": True,
        "Secret": "no one reads this",
    }
    return json.dumps({**base, **keys})


# Get-VM | Select-Object Name, VMId, State, Notes | ConvertTo-Json
AZURE: list[dict[str, Any]] = [
    {"Name": "web", "VMId": "a1", "State": 2, "Notes": notes()},
    {"Name": "db", "VMId": "a2", "State": 3, "Notes": notes()},
    {"Name": "old", "VMId": "a3", "State": "Off", "Notes": notes(FinOpsActive=False)},
]
# VMware PowerCLI: Get-VM | Select-Object … | Export-Csv
POWERCLI = """#TYPE Selected.VMware.VimAutomation.ViCore.Impl.V1.VM.UniversalVirtualMachineImpl
"Name","PowerState","NumCpu","MemoryGB","ProvisionedSpaceGB","UsedSpaceGB","Notes","Folder","ResourcePool"
"web","PoweredOn","4","8","40.123456789012345","12","a note
project: sky
tier: small","vm","Resources"
"db","PoweredOff","2","0.5","10","3","","vm","bio"
"""
# pvesh get /cluster/resources --type vm --output-format json
PROXMOX: list[dict[str, Any]] = [
    {
        "vmid": 100,
        "name": "web",
        "type": "qemu",
        "node": "n1",
        "status": "running",
        "pool": "bio",
        "tags": "project-sky;tier-small",
        "maxcpu": 4,
        "cpu": 0.013,
        "maxmem": 8 * 2**30,
        "maxdisk": 34359738368,
        "template": 0,
    },
    {"vmid": 101, "name": "db", "status": "stopped", "pool": "bio", "maxcpu": 2, "maxmem": 2**30, "maxdisk": 0},
    {"vmid": 900, "name": "tpl", "status": "stopped", "template": 1, "maxcpu": 2, "maxmem": 2**30, "maxdisk": 0},
]
# nova, doc/api_samples/os-simple-tenant-usage
SERVER: dict[str, Any] = {
    "instance_id": "1f1d",
    "name": "new-server-test",
    "tenant_id": "6f70",
    "flavor": "m1.tiny",
    "vcpus": 2,
    "memory_mb": 512,
    "local_gb": 1,
    "started_at": "2025-01-10T00:00:00.000000",
    "ended_at": "2025-01-12T00:00:00.000000",
    "hours": 48.0,
    "uptime": 172800,
    "state": "terminated",
}


def tenant(*servers: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """The usage of one project."""
    window = {"start": "2025-01-01T00:00:00.000000", "stop": "2025-02-01T00:00:00.000000"}
    return {"tenant_usages": [{"tenant_id": "6f70", **window, "server_usages": list(servers), **keys}]}


# python-openstackclient, compute/v2/usage.py
OPENSTACK_CSV = (
    '"Project","Servers","RAM MB-Hours","CPU Hours","Disk GB-Hours"\n"astro",3,1024.5,12.34,7.25\n"bio",1,0,1,0\n'
)
# openstack/cloudkitty, api-ref/source/v2/api_samples/summary
SUMMARY: dict[str, Any] = {
    "columns": ["begin", "end", "qty", "rate", "project_id", "type"],
    "results": [
        ["2025-01-01T01:00:00+01:00", "2025-02-01T01:00:00+01:00", 744.0, 12.34, "p1", "instance"],
        ["2025-01-01T00:00:00+00:00", "2025-02-01T00:00:00+00:00", 7440.5, 1.5, "p1", "volume.size"],
        ["2025-01-01T00:00:00+00:00", "2025-02-01T00:00:00+00:00", 24, 0.5, "p2", "ip.floating"],
    ],
    "total": 3,
}
# …/dataframes
FRAMES: dict[str, Any] = {
    "total": 2,
    "dataframes": [
        {
            "period": {"begin": "2025-01-01T00:00:00+00:00", "end": "2025-01-01T01:00:00+00:00"},
            "usage": {
                "instance": [
                    {
                        "vol": {"unit": "instance", "qty": 1.0},
                        "rating": {"price": 2.5},
                        "groupby": {"project_id": "p1", "id": "i"},
                    }
                ],
                "image.size": [
                    {
                        "vol": {"unit": "MiB", "qty": 13.5},
                        "rating": {"price": 0.1},
                        "groupby": {"project_id": "p1", "id": "j"},
                    }
                ],
            },
        }
    ],
}


@pytest.fixture
def case(tmp_path: Path) -> Converted:
    return Converted(tmp_path, "vm", CONFIG)


def meters(rows: list[dict[str, str]]) -> dict[tuple[str, str], int]:
    """Unit-seconds by account and SkuMeter."""
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["SubAccountId"], row["SkuMeter"])
        found[key] = found.get(key, 0) + int(row["x_UsageSeconds"])
    return found


def test_a_tier_is_bought_by_the_month_with_its_subsidy(case: Converted) -> None:
    """1000 a year is 83.333333333 a month; 40 percent off is 50 (49.9999999998, to nine decimals)."""
    (row,) = case.rows({"vms-2025-01-15.json": AZURE})
    assert (row["ChargeCategory"], row["ChargeFrequency"], row["ConsumedQuantity"]) == ("Purchase", "Recurring", "")
    assert (row["PricingQuantity"], row["PricingUnit"], row["ListCost"]) == ("2", "Months", "166.666666666")
    assert (row["ContractedUnitPrice"], row["BilledCost"], row["x_SubsidyPercent"]) == ("50", "100", "40")
    assert json.loads(row["SkuPriceDetails"]) == {"CoreCount": 2, "MemorySize": 8.5}
    assert list(json.loads(row["Tags"]).values()) == ["zoe@example.edu", "sky", "AST-1"]
    assert (row["SkuId"], row["SkuPriceId"]) == ("vm.small.vm", "vm.small.vm.month")
    assert "Secret" not in case.output.read_text()
    done, problems = case.run({"vms-2025-01-15.json": AZURE})
    assert done is not None
    assert (done.left_out, done.notes, problems) == ({"inactive, by its notes": 1}, ["1 file of azure-local"], [])


def test_machines_of_one_project_and_tier_may_have_a_subsidy_each(case: Converted) -> None:
    """One row per price; a machine whose notes have none is billed at the price of its tier."""
    machines = [
        AZURE[0],
        {**AZURE[0], "VMId": "9a", "Name": "sky9a", "Notes": notes(FinOpsSubsidyPercent=100)},
        {**AZURE[0], "VMId": "9b", "Name": "sky9b", "Notes": notes(FinOpsSubsidyPercent=None)},
    ]
    rows = case.rows({"vms-2025-01-15.json": machines})
    assert [(row["PricingQuantity"], row["BilledCost"], row["x_SubsidyPercent"]) for row in rows] == [
        ("1", "50", "40"),
        ("1", "0", "100"),
        ("1", "83.333333333", "0"),
    ]
    assert len({row["SkuPriceId"] for row in rows}) == 1


def test_one_machine_is_not_a_list_in_powershell(case: Converted) -> None:
    (row,) = case.rows({"vms-2025-01-15.json": AZURE[0]})
    assert row["PricingQuantity"] == "1"


def test_a_new_machine_is_billed_from_its_day_if_asked_for(case: Converted) -> None:
    """Created on 15 January: 17 of 31 days, whichever PowerShell wrote the time."""
    snake = json.dumps({"pi_email": "zoe@example.edu", "project_id": "sky", "vm_tier": "small", "subsidy_percent": "0"})
    for created in ("/Date(1736935200000)/", {"value": "/Date(1736935200000)/"}, "2025-01-15T05:00:00-05:00"):
        files = {"vms-2025-01-31.json": [{**AZURE[0], "Notes": snake, "CreationTime": created}]}
        (row,) = case.set(vm={"prorate": True}).rows(files)
        assert int(row["x_UsageSeconds"]) == 17 * 86_400
        (row,) = case.set(vm={"prorate": False}).rows(files)
        assert row["PricingQuantity"] == "1"
    late = [AZURE[1], {**AZURE[0], "CreationTime": "2025-02-01T00:00:00Z"}]
    (row,) = case.rows({"vms-2025-01-31.json": late})
    assert row["PricingQuantity"] == "1"


def test_machines_of_several_lists_are_bought_once(case: Converted) -> None:
    later = [AZURE[0], {**AZURE[1], "VMId": "new"}]
    (row,) = case.rows({"vms-2025-01-15.json": AZURE, "vms-2025-01-30.json": later, "vms-2025-02-01.json": AZURE})
    assert row["PricingQuantity"] == "3"


@pytest.mark.parametrize(("powered_off", "machines"), [("bill", 2), ("leave_out", 1)])
def test_what_is_off_is_billed_by_setting(case: Converted, powered_off: str, machines: int) -> None:
    (row,) = case.set(vm={"powered_off": powered_off}).rows({"vms-2025-01-15.json": AZURE})
    assert row["PricingQuantity"] == str(machines)


LISTED = {
    "powercli": (
        POWERCLI,
        "csv",
        {
            ("sky", "Running time"): SECONDS,
            ("sky", "CPU time"): 4 * SECONDS,
            ("sky", "Memory time"): 8192 * SECONDS,
            ("sky", "Disk time"): 41086 * SECONDS,
            ("bio", "Running time"): SECONDS,
            ("bio", "CPU time"): 2 * SECONDS,
            ("bio", "Memory time"): 512 * SECONDS,
            ("bio", "Disk time"): 10240 * SECONDS,
        },
    ),
    "proxmox": (
        PROXMOX,
        "json",
        {
            ("sky", "Running time"): SECONDS,
            ("sky", "CPU time"): 4 * SECONDS,
            ("sky", "Memory time"): 8192 * SECONDS,
            ("sky", "Disk time"): 32768 * SECONDS,
            ("bio", "Running time"): SECONDS,
            ("bio", "CPU time"): 2 * SECONDS,
            ("bio", "Memory time"): 1024 * SECONDS,
        },
    ),
}


@pytest.mark.parametrize("name", LISTED)
def test_lists_over_the_month_stand_until_the_next(case: Converted, name: str) -> None:
    content, suffix, wanted = LISTED[name]
    case.set(vm={"basis": "samples", "tiers": None, "meters": ["running", "vcpu", "memory", "disk"]})
    days = {f"vms-2025-01-{day:02}.{suffix}": content for day in range(1, 32)}
    assert meters(case.rows(days)) == wanted
    assert "a note" not in case.output.read_text()
    del days[f"vms-2025-01-07.{suffix}"]
    assert case.codes(days) == {"usage-missing-day"}
    assert meters(case.set(vm={"longest_gap": 48}).rows(days)) == wanted


def test_a_machine_is_billed_for_the_hours_of_its_lists(case: Converted) -> None:
    case.set(vm={"basis": "samples", "tiers": None, "longest_gap": 744, "powered_off": "leave_out"})
    stopped = [{**PROXMOX[0], "status": "stopped"}, PROXMOX[1]]
    files = {
        "vms-2025-01-01T0000.json": PROXMOX,
        "vms-2025-01-01T1200.json": stopped,
        "vms-2025-01-02T0030.json": PROXMOX,
    }
    rows = case.rows(files)
    assert amounts(rows) == {"sky": SECONDS - (12 * HOUR + 1800)}


def test_lists_of_two_systems_stand_beside_each_other(case: Converted) -> None:
    """The names up to the day tell them apart, and a machine that is in both for the same time is a problem."""
    case.set(vm={"basis": "samples", "tiers": None})
    ours = {f"a-2025-01-{day:02}T0100.json": PROXMOX[:1] for day in range(1, 32)}
    theirs = {f"b-2025-01-{day:02}T0105.json": PROXMOX[1:2] for day in range(1, 32)}
    assert amounts(case.rows(ours | theirs)) == {"sky": SECONDS, "bio": SECONDS}
    assert case.codes(ours | theirs | {"b-2025-01-01T0105.json": PROXMOX[:1]}) >= {"usage-conflict"}


def test_a_decimal_comma_needs_to_be_said(case: Converted) -> None:
    text = 'Name;PowerState;NumCpu;MemoryGB\n"web";"PoweredOn";"4";"8,5"\n'
    case.set(vm={"basis": "samples", "tiers": None, "meters": ["memory"], "longest_gap": 744})
    assert case.codes({"vms-2025-01-15.csv": text}) == {"usage-number"}
    (row,) = case.set(vm={"decimal": ","}).rows({"vms-2025-01-15.csv": text})
    assert int(row["x_UsageSeconds"]) == 8704 * SECONDS


def test_servers_of_openstack_are_billed_by_their_times(case: Converted) -> None:
    """Clipped to the month; a server that goes on is billed until the report ends."""
    case.set(vm={"basis": "measured", "tiers": None, "meters": ["running", "vcpu", "memory", "disk"]})
    going = {**SERVER, "instance_id": "2", "started_at": "2024-12-30T00:00:00", "ended_at": None}
    rows = case.rows({"usage.json": tenant(SERVER, going)})
    both = 2 * 86_400 + SECONDS
    assert meters(rows) == {
        ("6f70", "Running time"): both,
        ("6f70", "CPU time"): 2 * both,
        ("6f70", "Memory time"): 512 * both,
        ("6f70", "Disk time"): 1024 * both,
    }
    assert {row["SkuId"].partition(".run")[0] for row in rows if "running" in row["SkuId"]} == {"vm.m1.tiny"}


def test_sums_of_openstack_are_known_to_two_decimals(case: Converted) -> None:
    case.set(vm={"basis": "measured", "tiers": None, "meters": ["vcpu", "memory", "disk"]})
    rows = case.rows({"usage.csv": OPENSTACK_CSV})
    assert meters(rows) == {
        ("astro", "CPU time"): 44_424,
        ("astro", "Memory time"): 1024 * HOUR + 1800,
        ("astro", "Disk time"): 7424 * HOUR,
        ("bio", "CPU time"): HOUR,
    }
    _, problems = case.run({"usage.csv": OPENSTACK_CSV})
    assert [(each.code, each.severity) for each in problems] == [("usage-rounded", Severity.WARNING)]


KITTY = [
    {"id": "hours", "resource": "running", "unit": "Hours", "price": "0.05"},
    {"id": "volume", "resource": "size", "type": "volume.size", "unit": "GiB-Hours", "price": "0.0001"},
    {"id": "image", "resource": "size", "type": "image.size", "unit": "GiB-Hours", "price": "0.0001"},
    {"id": "ip", "resource": "items", "type": "ip.floating", "unit": "Unit-Hours", "price": "0.01"},
]


def test_quantities_of_cloudkitty_are_priced_by_our_rates(case: Converted) -> None:
    case.set(vm={"basis": "measured", "tiers": None}, rates=KITTY)
    rows = case.rows({"summary.json": SUMMARY})
    found = {row["SkuMeter"]: (row["PricingQuantity"], row["PricingUnit"], row["BilledCost"]) for row in rows}
    assert found == {
        "Running time": ("744", "Hours", "37.2"),
        "Size": ("7440.5", "GiB-Hours", "0.74405"),
        "Items": ("24", "Unit-Hours", "0.24"),
    }
    rows = case.rows({"frames.json": FRAMES})
    assert {row["SkuMeter"]: row["PricingQuantity"] for row in rows} == {"Running time": "1", "Size": "0.013183594"}


def test_points_of_one_thing_may_differ_in_their_metadata_only(case: Converted) -> None:
    """A server that was resized within the hour has two points."""
    point = FRAMES["dataframes"][0]["usage"]["instance"][0]
    points = [{**point, "vol": {"qty": 0.5}, "metadata": {"flavor_name": name}} for name in ("small", "large")]
    frame = {**FRAMES["dataframes"][0], "usage": {"instance": points}}
    case.set(vm={"basis": "measured", "tiers": None}, rates=KITTY)
    rows = case.rows({"frames.json": {"total": 2, "dataframes": [frame]}})
    assert {row["SkuId"]: row["PricingQuantity"] for row in rows} == {
        "vm.small.running": "0.5",
        "vm.large.running": "0.5",
    }
    again = {
        "total": 2,
        "dataframes": [{**frame, "usage": {"instance": [points[0], {**points[0], "vol": {"qty": 1}}]}}],
    }
    assert case.codes({"frames.json": again}) == {"usage-conflict"}


def test_a_summary_of_cloudkitty_may_have_objects(case: Converted) -> None:
    """`response_format=object`."""
    case.set(vm={"basis": "measured", "tiers": None}, rates=KITTY)
    lists = case.rows({"summary.json": SUMMARY})
    objects = [dict(zip(SUMMARY["columns"], row, strict=True)) for row in SUMMARY["results"]]
    assert case.rows({"summary.json": {"results": objects, "total": len(objects)}}) == lists


@pytest.mark.parametrize(
    "document",
    [
        {"summary": [{"begin": "2025-01-01T00:00:00", "rate": "37.2", "res_type": "ALL", "tenant_id": "ALL"}]},
        {"dataframes": [{"tenant_id": "p1", "resources": [{"service": "compute", "volume": "1", "rating": "0.05"}]}]},
    ],
)
def test_the_first_version_of_cloudkitty_is_refused_by_name(case: Converted, document: dict[str, object]) -> None:
    done, (problem,) = case.set(vm={"basis": "measured", "tiers": None}, rates=KITTY).run({"x.json": document})
    assert (done, problem.code) == (None, "usage-header")
    assert "version 1 of CloudKitty's API" in problem.message


def test_prices_of_cloudkitty_need_their_currency(case: Converted) -> None:
    case.set(vm={"basis": "measured", "tiers": None, "price": "theirs"}, rates=[])
    assert case.codes({"summary.json": SUMMARY}) == {"usage-currency"}
    assert case.set(vm={"their_currency": "EUR"}).codes({"summary.json": SUMMARY}) == {"rate-currency"}
    rows = case.set(vm={"their_currency": "USD"}).rows({"summary.json": SUMMARY})
    costs = {row["SkuId"]: row["BilledCost"] for row in rows}
    assert costs == {
        "vm.rated.instance": "12.34",
        "vm.rated.volume.size": "1.5",
        "vm.rated.ip.floating": "0.5",
    }


def changed(document: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {**document, **keys}


MEASURED: dict[str, Any] = {"basis": "measured", "tiers": None}
SAMPLES: dict[str, Any] = {"basis": "samples", "tiers": None, "longest_gap": 744}
BAD: dict[str, tuple[Any, dict[str, Any], set[str]]] = {
    "empty": ("", {}, {"usage-empty"}),
    "empty list": ([], {}, {"usage-empty"}),
    "cut": ('[{"Name": "web"', {}, {"usage-cut"}),
    "something else": ({"jobs": 1}, {}, {"usage-header"}),
    "error": ({"badRequest": {"code": 400, "message": "no"}}, MEASURED, {"usage-failed"}),
    "basis": (tenant(SERVER), {}, {"usage-metric"}),
    "broken notes": ([{**AZURE[0], "Notes": '{"FinOps'}], {}, {"usage-notes"}),
    "subsidy": ([{**AZURE[0], "Notes": notes(FinOpsSubsidyPercent=140)}], {}, {"usage-notes"}),
    "active": ([{**AZURE[0], "Notes": notes(FinOpsActive="maybe")}], {}, {"usage-notes"}),
    "address": ([{**AZURE[0], "Notes": notes(FinOpsPiEmail="zoe")}], {}, {"usage-notes"}),
    "two funds": ([AZURE[0], {**AZURE[1], "Notes": notes(FinOpsFundOrg="X")}], {}, {"usage-notes"}),
    "unknown tier": ([{**AZURE[0], "Notes": notes(FinOpsVmTier="huge")}], {}, {"no-rate"}),
    "twice": ([AZURE[0], AZURE[0]], {}, {"usage-conflict"}),
    "state": ([{**AZURE[0], "State": 99}], {}, {"usage-state"}),
    "proxmox state": ([{**PROXMOX[0], "status": "unknown"}], SAMPLES, {"usage-state"}),
    "powercli cells": (POWERCLI.replace('"vm","bio"', '"vm"'), SAMPLES, {"usage-cells"}),
    "powercli cut": (POWERCLI[:-9], SAMPLES, {"usage-cut"}),
    "not detailed": ({"tenant_usages": [{"start": "2025-01-01", "stop": "2025-02-01"}]}, MEASURED, {"usage-columns"}),
    "another page": (
        changed(tenant(SERVER), tenant_usages_links=[{"rel": "next", "href": "x"}]),
        MEASURED,
        {"usage-page"},
    ),
    "early report": (tenant(SERVER, stop="2025-01-20T00:00:00"), MEASURED, {"usage-window"}),
    "negative": (tenant({**SERVER, "ended_at": "2025-01-01T00:00:00"}), MEASURED, {"usage-clock"}),
    "time": (tenant({**SERVER, "started_at": "Jan 10"}), MEASURED, {"usage-time"}),
    "cpus": (tenant({**SERVER, "vcpus": None}), {**MEASURED, "meters": ["vcpu"]}, {"usage-number"}),
    "conflict": (tenant(SERVER, {**SERVER, "ended_at": "2025-01-13T00:00:00"}), MEASURED, {"usage-conflict"}),
    "csv comma": (OPENSTACK_CSV.replace("12.34", '"12,34"'), {**MEASURED, "meters": ["vcpu"]}, {"usage-number"}),
    "csv running": (OPENSTACK_CSV, MEASURED, {"usage-columns"}),
    "kitty page": (changed(SUMMARY, total=4), MEASURED, {"usage-page"}),
    "kitty columns": (changed(SUMMARY, columns=["begin", "end", "qty", "cost", "p", "t"]), MEASURED, {"usage-columns"}),
    "kitty cells": (changed(SUMMARY, results=[[1, 2]], total=1), MEASURED, {"usage-cells"}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_export_is_refused(case: Converted, name: str) -> None:
    content, keys, codes = BAD[name]
    rates = [] if name == "unknown tier" else CONFIG["rates"]
    assert case.set(vm=keys, rates=rates).codes({"vms-2025-01-15.txt": content}) == codes


PLACED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "azure": ([AZURE[0], {**AZURE[1], "State": 99}], {}, '"VMId": "a2"'),
    "one azure": ({**AZURE[0], "State": 99}, {}, '"VMId": "a1"'),
    "proxmox": ([PROXMOX[0], {**PROXMOX[1], "status": "gone"}], SAMPLES, '"vmid": 101'),
    "openstack": (tenant(SERVER, {**SERVER, "started_at": "Jan 10"}), MEASURED, '"started_at": "Jan 10"'),
    "one project": (
        {"tenant_usage": tenant(SERVER, {**SERVER, "started_at": "Jan 10"})["tenant_usages"][0]},
        MEASURED,
        '"started_at": "Jan 10"',
    ),
    "kitty summary": (
        changed(SUMMARY, results=[*SUMMARY["results"][:1], ["Jan 10", *SUMMARY["results"][1][1:]]], total=2),
        MEASURED,
        '"Jan 10"',
    ),
}


@pytest.mark.parametrize("name", PLACED)
def test_a_fault_in_json_has_the_line_at_which_its_record_begins(case: Converted, name: str) -> None:
    content, keys, sign = PLACED[name]
    text = json.dumps(content, indent=1)
    _, problems = case.set(vm=keys).run({"vms-2025-01-15.json": text})
    found = next(each for each in problems if each.code in ("usage-state", "usage-time"))
    before = text[: text.index(sign)]
    assert found.line == before.count("\n", 0, _last(before)) + 1


def _last(before: str) -> int:
    """Where the innermost object or list that is still open begins."""
    depth = 0
    for at in range(len(before) - 1, -1, -1):
        depth += {"}": 1, "]": 1, "{": -1, "[": -1}.get(before[at], 0)
        if depth < 0:
            return at
    return 0


def test_records_on_one_line_are_records_of_their_own(case: Converted) -> None:
    """JSON without line breaks, as APIs answer."""
    servers = [{**SERVER, "instance_id": str(number)} for number in range(3)]
    done, problems = case.set(vm=MEASURED).run({"a.json": json.dumps(tenant(*servers))})
    assert done is not None, problems
    assert (done.read, done.used) == (3, 3)


def test_a_list_needs_a_day(case: Converted) -> None:
    assert case.codes({"vms.json": AZURE}) == {"usage-date"}
    assert case.set(vm={"at": "2025-01-31"}).rows({"vms.json": AZURE})


def test_a_page_may_be_there_twice(case: Converted) -> None:
    case.set(vm=MEASURED)
    done, problems = case.run({"a.json": tenant(SERVER), "b.json": tenant(SERVER)})
    assert done is not None
    assert [each.code for each in problems] == ["usage-repeated"]
    assert [each.amount_in for each in done.meters] == [2 * 86_400]
    assert done.left_out == {"identical to another record": 1}
