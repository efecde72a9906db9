"""A listing of each format, after its document: what it holds, over a whole month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stored import SECONDS, STORAGE, TB, Converted, amounts, daily

GIB = 2**30

# Qumulo, REST API guide, Directory quotas: all values are text.
QUMULO: dict[str, Any] = {
    "quotas": [
        {"id": "2", "path": "/projects/astro/", "limit": "8000000000000", "capacity_usage": "512000000"},
        {"id": "3", "path": "/projects/bio/", "limit": "1000000000000", "capacity_usage": "1024"},
    ],
    "paging": {"next": ""},
}
# dell/ansible-powerscale docs/modules/smartquota.rst; /platform/N/quota/quotas
ONEFS: dict[str, Any] = {
    "quotas": [
        {
            "type": sort,
            "path": path,
            "include_snapshots": False,
            "ready": True,
            "thresholds": {"hard": 5 * TB, "soft": 4 * TB, "advisory": None},
            "usage": {
                "applogical": 100,
                "applogical_ready": True,
                "fslogical": 120,
                "fslogical_ready": True,
                "physical": 200,
                "physical_ready": True,
                "inodes": 4,
            },
        }
        for sort, path in (
            ("directory", "/ifs/astro"),
            ("default-directory", "/ifs/home"),
            ("user", "/ifs/astro"),
            ("directory", "/ifs/bio"),
        )
    ],
    "resume": None,
}
# Dell, OneFS CLI administration guide: isi quota quotas list --format csv
ONEFS_CSV = """Type,AppliesTo,Path,Snap,Hard,Soft,Adv,Used
directory,DEFAULT,/ifs/astro,No,5000000000000,-,-,120
user,ada,/ifs/astro,No,-,-,-,60
directory,DEFAULT,/ifs/bio,No,-,-,-,120
Total: 3
"""
# A public exporter of mmrepquota -Y (IBM, mmrepquota command): KiB.
GPFS = """*** Report for FILESET quotas on project
mmrepquota::HEADER:version:reserved:reserved:filesystemName:quotaType:id:name:blockUsage:blockQuota:blockLimit:blockInDoubt:blockGrace:filesUsage:filesQuota:filesLimit:filesInDoubt:filesGrace:remarks:quota:defQuota:fid:filesetname:
mmrepquota::0:1:::project:FILESET:0:root:10:0:0:0:none:1:0:0:0:none:i:on:off:::
mmrepquota::0:1:::project:FILESET:1:astro:341467872:2147483648:2147483648:0:none:1395:2000000:2000000:400:none:e:on:off:::
mmrepquota::0:1:::project:FILESET:2:bio%3Alab:8:2097152:2097152:0:none:1:0:0:0:none:e:on:off:::
mmrepquota::0:1:::project:USR:501:ada:341467872:0:0:0:none:1395:0:0:0:none:i:on:off:::
"""
# lfs-quota.1: a long mount point wraps; * is above the limit.
LUSTRE = """Disk quotas for prj 200020 (pid 200020):
      Filesystem  kbytes   quota   limit   grace   files   quota   limit   grace
      /hpc/projects/group.royer
                    5000*   4000    6000       -      10       0       0       -
pid 200020 is using default file quota setting
Disk quotas for prj 200021 (pid 200021):
      Filesystem  kbytes   quota   limit   grace   files   quota   limit   grace
        /hpc           7       0       0       -       1       0       0       -
"""
# ubccr/xdmod docs/storage.md
XDMOD: list[dict[str, Any]] = [
    {
        "resource": "north",
        "mountpoint": "/home",
        "user": user,
        "pi": "pi1",
        "dt": "2025-01-01T05:30:00Z",
        "soft_threshold": 1000000,
        "hard_threshold": 1200000,
        "file_count": 10000,
        "logical_usage": 100,
        "physical_usage": 150,
    }
    for user in ("ada", "bob")
]
# docs.ceph.com: radosgw-admin bucket stats
RGW: list[dict[str, Any]] = [
    {
        "bucket": "sky",
        "tenant": "",
        "owner": "astro",
        "usage": {
            "rgw.none": {"size": 0, "size_actual": 0, "num_objects": 18446744073709551613},
            "rgw.main": {"size": 100, "size_actual": 4096, "size_utilized": 80, "size_kb": 1},
            "rgw.multimeta": {"size": 7, "size_actual": 4096, "size_utilized": 7},
        },
        "bucket_quota": {"enabled": True, "max_size": 5 * TB, "max_size_kb": 4882812500},
    },
    {"bucket": "old", "owner": "bio", "usage": {"rgw.main": {"size_kb": 3, "size_kb_actual": 4}}},
    {"bucket": "empty", "owner": "bio", "usage": {}},
]
# docs.netapp.com, get-storage-quota-reports
ONTAP = {
    "records": [
        {
            "svm": {"name": "svm1"},
            "volume": {"name": "vol1"},
            "qtree": {"name": name},
            "type": sort,
            "space": {"used": {"total": 4096, "soft_limit_percent": 4}, "hard_limit": 5 * TB},
        }
        for sort, name in (("tree", "astro"), ("tree", "*"), ("user", "astro"))
    ],
    "num_records": 3,
}
# vast-data/terraform-provider-vastdata docs/data-sources/quota.md
VAST = [
    {"path": "/astro", "tenant_name": "t", "used_capacity": 900, "used_effective_capacity": 300, "hard_limit": 5 * TB},
    {"path": "/astro/ada", "tenant_name": "t", "used_capacity": 1, "is_user_quota": True},
]

CASES: dict[str, tuple[Any, dict[str, Any], dict[str, int]]] = {
    "qumulo": (QUMULO, {}, {"/projects/astro/": 512000000, "/projects/bio/": 1024}),
    "qumulo pages": ([QUMULO], {}, {"/projects/astro/": 512000000, "/projects/bio/": 1024}),
    "onefs": (ONEFS, {"logical_as": "fslogical"}, {"/ifs/astro": 120, "/ifs/bio": 120}),
    "onefs applogical": (ONEFS, {"logical_as": "applogical"}, {"/ifs/astro": 100, "/ifs/bio": 100}),
    "onefs physical": (ONEFS, {"metric": "physical"}, {"/ifs/astro": 200, "/ifs/bio": 200}),
    "onefs cli": (ONEFS["quotas"], {"metric": "physical"}, {"/ifs/astro": 200, "/ifs/bio": 200}),
    "onefs csv": (ONEFS_CSV, {}, {"/ifs/astro": 120, "/ifs/bio": 120}),
    "onefs csv in quotation marks": (
        ",".join(f'"{name}"' for name in ONEFS_CSV.partition("\n")[0].split(",")) + "\n" + ONEFS_CSV.partition("\n")[2],
        {},
        {"/ifs/astro": 120, "/ifs/bio": 120},
    ),
    "gpfs": (GPFS, {"metric": "physical"}, {"root": 10240, "astro": 341467872 * 1024, "bio:lab": 8192}),
    "lustre": (LUSTRE, {"metric": "physical"}, {"200020": 5000 * 1024, "200021": 7 * 1024}),
    "lustre, old": (
        LUSTRE.replace("prj", "project"),
        {"metric": "physical"},
        {"200020": 5000 * 1024, "200021": 7 * 1024},
    ),
    "lustre, new": (
        LUSTRE.replace("quota   limit   grace", "bquota  blimit  bgrace", 1),
        {"metric": "physical"},
        {"200020": 5000 * 1024, "200021": 7 * 1024},
    ),
    "gpfs as PowerShell writes it": (
        GPFS.encode("utf-16"),
        {"metric": "physical"},
        {"root": 10240, "astro": 341467872 * 1024, "bio:lab": 8192},
    ),
    "du -k": ("8\t/a b\n3\t/c\n", {"metric": "physical", "du_unit": "KiB"}, {"/a b": 8192, "/c": 3072}),
    "du -b": ("8\t/a\n3\t/c\n", {"du_unit": "bytes"}, {"/a": 8, "/c": 3}),
    "zfs own": (
        "tank\t900\t100\t0\t-\ntank/astro\t700\t600\t100\t5000000000000\n",
        {"metric": "physical", "columns": ["name", "used", "usedds", "usedsnap", "quota"]},
        {"tank": 100, "tank/astro": 700},
    ),
    "zfs used": (
        "tank\t900\ntank/astro\t700\ntank/astro@daily\t50\n",
        {"metric": "physical", "columns": ["name", "used"]},
        {"tank": 200, "tank/astro": 700},
    ),
    "rgw": (RGW, {"metric": "logical"}, {"sky": 107, "old": 3072}),
    "rgw physical": (RGW, {"metric": "physical"}, {"sky": 8192, "old": 4096}),
    "rgw effective": (RGW[:1], {"metric": "effective"}, {"sky": 87}),
    "rgw owner": (RGW, {"metric": "logical", "account": "owner"}, {"astro": 107, "bio": 3072}),
    "ontap": (ONTAP, {}, {"vol1/astro": 4096}),
    "vast": (VAST, {}, {"/astro": 900}),
    "vast effective": (VAST, {"metric": "effective"}, {"/astro": 300}),
}
RATES = [{"id": "std", "resource": name, "unit": "TB-Months", "price": "8.50"} for name in ("capacity", "objects")]


@pytest.mark.parametrize("name", CASES)
def test_a_format_is_recognized_and_its_bytes_are_kept(tmp_path: Path, name: str) -> None:
    """The same listing each day: bytes times the seconds of the month; the totals name the format."""
    content, keys, wanted = CASES[name]
    case = Converted(tmp_path, "storage", STORAGE).set(storage=keys, rates=RATES)
    rows = case.rows(daily(content))
    assert amounts(rows) == {path: level * SECONDS for path, level in wanted.items()}
    done, problems = case.run(daily(content))
    assert done is not None
    assert problems == []
    assert done.notes == [f"31 files of {name.partition(' ')[0].rstrip(',')}"]
    assert done.read == done.used + sum(done.left_out.values())
    sort = "Object Storage" if name.startswith("rgw") else "File Storage"
    assert {row["ServiceSubcategory"] for row in rows} == {sort}


def test_xdmod_has_its_own_times_and_adds_up_users_of_a_pi(tmp_path: Path) -> None:
    """In New York, 05:30 UTC is the same day; 04:30 is the day before."""
    case = Converted(tmp_path, "storage", STORAGE)
    records = [{**each, "dt": f"2025-01-{day:02}T05:30:00Z"} for day in range(1, 32) for each in XDMOD]
    assert amounts(case.rows({"all.json": records})) == {"pi1": 200 * SECONDS}
    assert "ada" not in case.output.read_text()
    assert amounts(case.set(storage={"metric": "physical"}).rows({"all.json": records})) == {"pi1": 300 * SECONDS}
    early = [{**each, "dt": each["dt"].replace("T05", "T04")} for each in records]
    done, problems = case.run({"all.json": early})
    assert done is None
    assert ["January 31" in each.message for each in problems if each.code == "usage-missing-day"] == [True]


def test_user_names_are_kept_only_if_asked_for(tmp_path: Path) -> None:
    case = Converted(tmp_path, "storage", STORAGE).set(users=True)
    records = [{**each, "dt": f"2025-01-{day:02}T12:00:00Z"} for day in range(1, 32) for each in XDMOD]
    assert amounts(case.rows({"all.json": records}), "x_user") == {"ada": 100 * SECONDS, "bob": 100 * SECONDS}
    rates = [{"id": "std", "resource": "capacity", "unit": "TB-Months", "price": "8.50"}]
    by_user = Converted(tmp_path, "storage", STORAGE).set(
        storage={"metric": "physical", "quota_type": "user"}, rates=rates
    )
    assert by_user.codes(daily(GPFS)) == {"usage-type"}
    assert amounts(by_user.set(users=True).rows(daily(GPFS)), "x_user") == {"ada": 341467872 * 1024 * SECONDS}


LIMITS: dict[str, tuple[Any, dict[str, Any], dict[str, int]]] = {
    "qumulo": (QUMULO, {}, {"/projects/astro/": 8 * TB, "/projects/bio/": TB}),
    "onefs": (ONEFS, {}, {"/ifs/astro": 5 * TB, "/ifs/bio": 5 * TB}),
    "onefs soft": (ONEFS, {"limit": "soft"}, {"/ifs/astro": 4 * TB, "/ifs/bio": 4 * TB}),
    "gpfs": (GPFS, {"paths": [{"pattern": "root", "skip": True}]}, {"astro": 2**41, "bio:lab": 2**31}),
    "lustre": (LUSTRE, {"limit": "soft", "paths": [{"pattern": "200021", "skip": True}]}, {"200020": 4096000}),
    "rgw": (RGW[:1], {}, {"sky": 5 * TB}),
    "ontap": (ONTAP, {}, {"vol1/astro": 5 * TB}),
    "vast": (VAST, {}, {"/astro": 5 * TB}),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_quota_that_is_sold_is_a_purchase_that_recurs(tmp_path: Path, name: str) -> None:
    """FOCUS 1.2, ConsumedQuantity: null unless the charge is usage."""
    content, keys, wanted = LIMITS[name]
    rates = [{"id": "std", "resource": each, "unit": "TB-Months", "price": "2"} for each in ("quota", "object-quota")]
    case = Converted(tmp_path, "storage", STORAGE).set(storage={"bills": "quota", **keys}, rates=rates, rows="day")
    rows = case.rows(daily(content))
    assert amounts(rows) == {path: level * SECONDS for path, level in wanted.items()}
    for row in rows:
        assert (row["ChargeCategory"], row["ChargeFrequency"]) == ("Purchase", "Recurring")
        assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == ("", "")
        assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == ("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z")
