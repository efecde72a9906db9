"""GPFS (Storage Scale): `mmrepquota -Y` (IBM, mmrepquota command). KiB; fields by the HEADER line."""

from __future__ import annotations

from urllib.parse import unquote

from openchargeback.convert.documents import CUT_FIX, Source
from openchargeback.convert.storage.sheet import KIB, Format, Level, Sheet

_TYPES = {"fileset": "FILESET", "group": "GRP", "user": "USR"}
_NEEDED = ("filesystemName", "quotaType", "name", "blockUsage", "blockQuota", "blockLimit")


def fits(source: Source) -> bool:
    """Whether it has lines of mmrepquota."""
    return not source.is_json and any(line.startswith("mmrepquota:") for line in source.text.splitlines()[:50])


def read(sheet: Sheet) -> None:
    """Add the quotas of one type."""
    text = sheet.source.text
    wanted = _TYPES.get(sheet.own.quota_type or "fileset", "")
    if not wanted or (wanted == "USR" and not sheet.users):
        fix = "set `storage: quota_type` to fileset or group; for user, set `users: true` too, since names are kept"
        sheet.problem("usage-type", f"{sheet.own.quota_type} quotas of GPFS cannot be billed", fix)
        return
    if fault := sheet.source.unfinished:
        sheet.problems.append(fault)
        return
    names: list[str] = []
    for line, row in enumerate(text.splitlines(), 1):
        cells = row.split(":")
        if row.startswith("mmrepquota:") and "HEADER" in cells[:3]:
            names = cells
            lacking = [name for name in _NEEDED if name not in names]
            if lacking:
                sheet.problem(
                    "usage-columns", f"the header lacks {', '.join(lacking)}", "export with `mmrepquota -Y`", line
                )
                return
        elif row.startswith("mmrepquota: "):
            fix = "fix what it reports, write its errors to another file, and export again"
            sheet.problem("usage-failed", f"mmrepquota reports: {row[12:140]}", fix, line)
        elif row.startswith("mmrepquota:"):
            _add(sheet, line, names, cells, wanted)
        elif row.strip() and not row.startswith("***"):
            fix = "export with `mmrepquota -Y`, and write its errors to another file"
            sheet.problem("usage-cells", "the line is not from `mmrepquota -Y`", fix, line)
    sheet.last = True


def _add(sheet: Sheet, line: int, names: list[str], cells: list[str], wanted: str) -> None:
    if len(cells) != len(names):
        message = f"the line has {len(cells)} fields, but the header {len(names)}"
        sheet.problem("usage-cells", message, CUT_FIX, line)
        return
    row = dict(zip(names, cells, strict=True))
    if row["quotaType"] != wanted:
        sheet.left_out[f"{row['quotaType']} quota, which counts the same blocks again"] += 1
        return
    used = sheet.own.bills != "quota"
    column = "blockUsage" if used else "blockLimit" if sheet.own.limit == "hard" else "blockQuota"
    take = sheet.bytes if used else sheet.limit
    name = unquote(row["name"])
    # With quotas per fileset, a user or a group has a row in each.
    fileset = unquote(row.get("filesetname", "")) if wanted != "FILESET" else ""
    sheet.levels.append(
        Level(
            line,
            f"{fileset}/{name}" if fileset else name,
            take(row[column], column, line, KIB),
            owner=name,
            person=name if wanted == "USR" else "",
            system=unquote(row["filesystemName"]),
            own=True,
        )
    )


GPFS = Format("gpfs", ("physical",), fits, read)
