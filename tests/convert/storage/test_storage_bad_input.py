"""Listings that cannot be billed: nothing is written, and every fault is named at once."""

from __future__ import annotations

import gzip
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from stored import STORAGE, Converted, daily
from test_storage_formats import GPFS, LUSTRE, ONEFS, ONEFS_CSV, ONTAP, QUMULO, RGW, VAST, XDMOD

DU = {"metric": "physical", "du_unit": "KiB"}
ZFS = {"metric": "physical", "columns": ["name", "used"]}
PHYSICAL = {"metric": "physical"}
FS = {"logical_as": "fslogical"}


def changed(document: Any, *place: Any, to: Any) -> Any:
    """A copy of a document with another value somewhere in it."""
    copy = deepcopy(document)
    inner = copy
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = to
    return copy


FIRST = ("quotas", 0)
CASES: dict[str, tuple[Any, dict[str, Any], set[str]]] = {
    "empty": ("", {}, {"usage-empty"}),
    "blank": (" \n", {}, {"usage-empty"}),
    "no records": ({"quotas": [], "paging": {"next": ""}}, {}, {"usage-empty"}),
    "empty list": ([], {}, {"usage-empty"}),
    "not text": (b"\xff\xfe\x00", {}, {"usage-cells"}),
    "compressed": (gzip.compress(json.dumps(QUMULO).encode()), {}, {"usage-header"}),
    "cut JSON": ('{"quotas": [{"id": "1"', {}, {"usage-cut"}),
    "something else": ({"jobs": []}, {}, {"usage-header"}),
    "a page of HTML": ("<html>Log in</html>\n", {}, {"usage-header"}),
    "another format than set": (QUMULO, {"format": "onefs"}, {"usage-header"}),
    "errors": ({"errors": [{"code": "AEC_FORBIDDEN"}]}, {}, {"usage-failed"}),
    "an error of qumulo": ({"error_class": "http_unauthorized_error", "description": "Log in"}, {}, {"usage-failed"}),
    "pages one after another": (f"{json.dumps(QUMULO)}\n{json.dumps(QUMULO)}\n", {}, {"usage-cells"}),
    "qumulo without paging": ({"quotas": QUMULO["quotas"]}, {}, {"usage-page"}),
    "a message of mmrepquota": ("mmrepquota: File system fs0 does not have filesets.\n", PHYSICAL, {"usage-failed"}),
    "only quotas of users": (
        LUSTRE.replace("for prj 200020 (pid", "for usr ada (uid"),
        {**PHYSICAL, "quota_type": "group"},
        {"usage-empty"},
    ),
    "lustre by OST": (
        f"{LUSTRE}lustre-OST0000_UUID\n 1044480 - 0 - - - - -\n",
        PHYSICAL,
        {"usage-cells"},
    ),
    "another metric": (QUMULO, PHYSICAL, {"usage-metric"}),
    "another metric of du": ("1\t/a\n", {"du_unit": "KiB"}, {"usage-metric"}),
    "du without its unit": ("1\t/a\n", {}, {"usage-metric"}),
    "qumulo without usage": (
        {"quotas": [{"id": "1", "limit": "9"}], "paging": {"next": ""}},
        {},
        {"usage-columns"},
    ),
    "qumulo next page": (
        changed(QUMULO, "paging", to={"next": "/v1/files/quotas/status/?after=3"}),
        {},
        {"usage-page"},
    ),
    "decimal comma": (changed(QUMULO, *FIRST, "capacity_usage", to="512,5"), {}, {"usage-number"}),
    "rounded": (changed(QUMULO, *FIRST, "capacity_usage", to="1.5T"), {}, {"usage-rounded"}),
    "half a character": (changed(QUMULO, *FIRST, "path", to="/\ud800"), {}, {"usage-cells"}),
    "no year": ([{**XDMOD[0], "dt": "0001-01-01T00:00:00+23:00"}], {}, {"usage-time"}),
    "lustre cut number": (LUSTRE.rstrip(), PHYSICAL, {"usage-cut"}),
    "negative": (changed(QUMULO, *FIRST, "capacity_usage", to="-5"), {}, {"usage-number"}),
    "a float": (changed(QUMULO, *FIRST, "capacity_usage", to=5.5), {}, {"usage-number"}),
    "null": (changed(QUMULO, *FIRST, "capacity_usage", to=None), {}, {"usage-number"}),
    "not an object": (changed(QUMULO, *FIRST, to="x"), {}, {"usage-cells"}),
    "onefs resume": (changed(ONEFS, "resume", to="1-abc"), FS, {"usage-page"}),
    "onefs unready": (changed(ONEFS, *FIRST, "ready", to=False), FS, {"usage-unready"}),
    "onefs figure unready": (changed(ONEFS, *FIRST, "usage", "fslogical_ready", to=False), FS, {"usage-unready"}),
    "onefs which logical": (ONEFS, {}, {"usage-metric"}),
    "onefs csv cut": (ONEFS_CSV[:-20], {}, {"usage-cut"}),
    "onefs csv lacks rows": (ONEFS_CSV.replace("Total: 3", "Total: 4"), {}, {"usage-cut"}),
    "onefs csv comma": (ONEFS_CSV.replace("/ifs/astro", "/ifs/astro,old", 1), {}, {"usage-cells"}),
    "onefs csv rounded": (ONEFS_CSV.replace(",120\n", ",1.50T\n", 1), {}, {"usage-rounded"}),
    "onefs csv physical": (ONEFS_CSV, PHYSICAL, {"usage-metric"}),
    "gpfs cut": (GPFS[:-10], PHYSICAL, {"usage-cut"}),
    "gpfs fields": (GPFS.replace(":astro:", ":as:tro:"), PHYSICAL, {"usage-cells"}),
    "gpfs header": (GPFS.replace("blockUsage", "usage"), PHYSICAL, {"usage-columns"}),
    "gpfs error": (GPFS + "mmrepquota.sh: failed\n", PHYSICAL, {"usage-cells"}),
    "lustre -h": (LUSTRE.replace(" kbytes ", " used "), PHYSICAL, {"usage-rounded"}),
    "lustre rounded": (LUSTRE.replace(" 7 ", " 7.5G "), PHYSICAL, {"usage-rounded"}),
    "lustre inexact": (LUSTRE.replace(" 7 ", " [7] "), PHYSICAL, {"usage-inexact"}),
    "lustre devices": (
        LUSTRE + 'Some errors happened when getting quota info. The data in "[]" is inaccurate.\n',
        PHYSICAL,
        {"usage-inexact"},
    ),
    "lustre cut": (LUSTRE[: LUSTRE.rindex("        /hpc")], PHYSICAL, {"usage-cut"}),
    "lustre cut line": (LUSTRE[:-20], PHYSICAL, {"usage-cut"}),
    "du -h": ("1.5G\t/a\n", DU, {"usage-rounded"}),
    "du comma": ("1,5\t/a\n", DU, {"usage-number"}),
    "du error": ("1\t/a\ndu: cannot read directory '/b': Permission denied\n", DU, {"usage-failed"}),
    "du cut": ("1\t/a\n22\t/b", DU, {"usage-cut"}),
    "zfs without -p": ("tank\t1.5T\n", ZFS, {"usage-rounded"}),
    "zfs columns": ("tank\t5\t6\n", ZFS, {"usage-cells"}),
    "zfs no columns": ("tank\t5\n", PHYSICAL, {"usage-columns"}),
    "xdmod lacks physical": (
        [{k: v for k, v in XDMOD[0].items() if k != "physical_usage"}],
        PHYSICAL,
        {"usage-number"},
    ),
    "xdmod time": ([{**XDMOD[0], "dt": "01/02/2025"}], {}, {"usage-time"}),
    "rgw usage": ([{**RGW[0], "usage": {"rgw.main": {"size": "x"}}}], {}, {"usage-number"}),
    "ontap next": ({**ONTAP, "_links": {"next": {"href": "/api/…"}}}, {}, {"usage-page"}),
    "ontap used": (changed(ONTAP, "records", 0, "space", to={}), {}, {"usage-number"}),
    "vast next": ({"results": VAST, "next": "/api/quotas/?page=2"}, {}, {"usage-page"}),
    "no limit": (changed(QUMULO, *FIRST, "limit", to="0"), {"bills": "quota"}, {"usage-quota"}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_listing_is_refused(tmp_path: Path, name: str) -> None:
    """One bad day among good ones is enough."""
    content, keys, codes = CASES[name]
    rates = [
        {"id": "std", "resource": each, "unit": "TB-Months", "price": "8.50"}
        for each in ("capacity", "quota", "objects")
    ]
    case = Converted(tmp_path, "storage", STORAGE).set(storage={"missing_days": "carry", **keys}, rates=rates)
    found = case.codes({"x-2025-01-07.txt": content})
    # Without any sample, every day is missing too.
    assert found - {"usage-missing-day"} == codes


def test_all_faults_of_all_files_are_named_at_once_with_their_places(tmp_path: Path) -> None:
    case = Converted(tmp_path, "storage", STORAGE).set(storage=DU)
    files = {"a-2025-01-01.txt": "1\t/a\nx\n1.5G\t/b\n", "b-2025-01-02.txt": "", "c.txt": "1\t/a\n"}
    done, problems = case.run(files)
    assert done is None
    assert [(each.path, each.line, each.code) for each in problems] == [
        ("a-2025-01-01.txt", 2, "usage-cells"),
        ("a-2025-01-01.txt", 3, "usage-rounded"),
        ("b-2025-01-02.txt", 0, "usage-empty"),
        ("c.txt", 0, "usage-date"),
    ]
    assert all(each.fix for each in problems)


# A fault in a record, the keys that read it, a text on its line, and how far records are within the document.
PLACED: dict[str, tuple[Any, dict[str, Any], str, int]] = {
    "qumulo": (changed(QUMULO, "quotas", 1, "capacity_usage", to="wrong"), {}, '"id": "3"', 2),
    "qumulo pages": (
        [QUMULO, changed(QUMULO, "quotas", 1, "capacity_usage", to="wrong")],
        {},
        '"capacity_usage": "wr',
        3,
    ),
    "onefs": (changed(ONEFS, "quotas", 3, "usage", "fslogical", to="wrong"), FS, '"fslogical": "wrong"', 2),
    "onefs cli": (
        changed(ONEFS, "quotas", 3, "usage", "fslogical", to="wrong")["quotas"],
        FS,
        '"fslogical": "wrong"',
        1,
    ),
    "xdmod": (changed(XDMOD, 1, "logical_usage", to="wrong"), {}, '"logical_usage": "wrong"', 1),
    "rgw": (changed(RGW, 1, "usage", "rgw.main", "size_kb", to="wrong"), {}, '"size_kb": "wrong"', 1),
    "ontap": (changed(ONTAP, "records", 0, "space", "used", "total", to="wrong"), {}, '"total": "wrong"', 2),
    "vast": ({"results": changed(VAST, 0, "used_capacity", to="wrong")}, {}, '"used_capacity": "wrong"', 2),
}


@pytest.mark.parametrize("name", PLACED)
def test_a_fault_in_json_has_the_line_at_which_its_record_begins(tmp_path: Path, name: str) -> None:
    content, keys, sign, depth = PLACED[name]
    text = json.dumps(content, indent=1)
    case = Converted(tmp_path, "storage", STORAGE).set(storage=keys)
    _, problems = case.run({"x-2025-01-07.json": text})
    (problem,) = [each for each in problems if each.code == "usage-number"]
    before = text[: text.index(sign)].splitlines()
    assert problem.line == len(before) - before[::-1].index(f"{' ' * depth}{{")


def test_the_source_of_a_row_is_its_line(tmp_path: Path) -> None:
    case = Converted(tmp_path, "storage", STORAGE).set(rows="job", storage={"basis": "month_end"})
    for indent in (2, None):
        text = json.dumps(QUMULO, indent=indent)
        rows = case.rows({"q-2025-01-31.json": text})
        begins = [text.count("\n", 0, text.index(f'"{path}"')) for path in ("/projects/astro/", "/projects/bio/")]
        assert [int(row["x_SourceLine"]) for row in rows] == ([line - 1 for line in begins] if indent else [1, 1])


def test_pages_may_be_in_one_list_or_in_several_files(tmp_path: Path) -> None:
    case = Converted(tmp_path, "storage", STORAGE).set(storage={"basis": "month_end"})
    one = {"quotas": QUMULO["quotas"][:1], "paging": {"next": "/v1/files/quotas/status/?after=2&limit=1"}}
    two = {"quotas": QUMULO["quotas"][1:], "paging": {"next": ""}}
    for files in ({"q-2025-01-31.json": [one, two]}, {"q-2025-01-31-1.json": two, "q-2025-01-31-2.json": one}):
        done, problems = case.run(files)
        assert (problems, done and done.read) == ([], 2)
    assert case.codes({"q-2025-01-31.json": one, "q-2025-01-30.json": two}) == {"usage-page"}
    again = {"quotas": QUMULO["quotas"][1:], "paging": {"next": "/v1/files/quotas/status/?after=3&limit=1"}}
    assert case.codes({"q-2025-01-31.json": [one, again]}) == {"usage-page"}
    last = {"quotas": [], "paging": {"next": "/v1/files/quotas/status/?after=3&limit=1"}}
    done, problems = case.run({"q-2025-01-31.json": [one, again, last]})
    assert (problems, done and done.read) == ([], 2)


def test_pages_of_onefs_are_all_needed(tmp_path: Path) -> None:
    case = Converted(tmp_path, "storage", STORAGE).set(storage={"basis": "month_end", **FS})
    one, two = {**ONEFS, "quotas": ONEFS["quotas"][:2], "resume": "1-x"}, {**ONEFS, "quotas": ONEFS["quotas"][2:]}
    done, problems = case.run({"q-2025-01-31-1.json": one, "q-2025-01-31-2.json": two})
    assert (problems, done and done.read) == ([], 4)
    assert case.codes({"q-2025-01-31-1.json": one, "q-2025-01-31-2.json": {**two, "resume": "2-x"}}) == {"usage-page"}


@pytest.mark.parametrize(("snapshots", "level"), [("exclude", 120), ("include", 150)])
def test_a_directory_with_and_without_snapshots_counts_once(tmp_path: Path, snapshots: str, level: int) -> None:
    other = changed(ONEFS["quotas"][0], "usage", "fslogical", to=150) | {"include_snapshots": True}
    for quotas in ([ONEFS["quotas"][0], other], [other, ONEFS["quotas"][0]]):
        case = Converted(tmp_path, "storage", STORAGE).set(storage={"snapshots": snapshots, **FS})
        done, problems = case.run(daily({"quotas": quotas, "resume": None}))
        assert problems == []
        assert done is not None
        assert [each.amount_in for each in done.meters] == [level * 31 * 86_400]
        assert sum(done.left_out.values()) == 31


def test_an_empty_month_can_be_right(tmp_path: Path) -> None:
    case = Converted(tmp_path, "storage", STORAGE)
    done, problems = case.run({"q-2025-01-31.json": []}, allow_empty=True)
    assert (problems, done and done.rows) == ([], 0)
