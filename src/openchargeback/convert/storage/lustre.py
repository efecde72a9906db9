"""Lustre: `lfs quota -p ID MOUNT`, one or several after one another (lfs-quota(1)). KiB.

A long mount point stands alone on its line, with the figures on the next. `*` marks a figure above its limit, brackets
one that is not exact because some OST did not answer.
"""

from __future__ import annotations

import re

from openchargeback.convert.documents import CUT_FIX, Source
from openchargeback.convert.storage.sheet import KIB, Format, Level, Sheet

_TITLE = re.compile(r"Disk quotas for (prj|usr|grp|user|group|project) (\S+) \(([pug])id (\d+)\):")
_TYPES = {"project": "prj", "group": "grp", "user": "usr"}
_SORTS = {"p": "prj", "g": "grp", "u": "usr"}
"""By the first letter of the id's name; old versions write the sort in full."""

_FIGURES = 8
"""Figures after the mount point: kbytes, quota, limit, grace, and the same of files."""

_EXACT = "export again when all OSTs answer (`lfs df`)"


def fits(source: Source) -> bool:
    """Whether it has titles of lfs quota."""
    return not source.is_json and any(_TITLE.match(line.strip()) for line in source.text.splitlines()[:50])


def read(sheet: Sheet) -> None:
    """Add the quotas of one type."""
    wanted = _TYPES.get(sheet.own.quota_type or "project", "")
    if not wanted or (wanted == "usr" and not sheet.users):
        fix = "set `storage: quota_type` to project or group; for user, set `users: true` too, since names are kept"
        sheet.problem("usage-type", f"{sheet.own.quota_type} quotas of Lustre cannot be billed", fix)
        return
    if fault := sheet.source.unfinished:
        sheet.problems.append(fault)
        return
    title: re.Match[str] | None = None
    titled, mount = 0, ""
    for line, row in enumerate(sheet.source.text.splitlines(), 1):
        cells = row.split()
        if found := _TITLE.match(row.strip()):
            _unfinished(sheet, title, titled)
            title, titled, mount = found, line, ""
        elif not cells or "is using default" in row:
            continue
        elif cells[0] == "Filesystem":
            if cells[1:2] != ["kbytes"]:
                fix = "export without `-h`"
                sheet.problem("usage-rounded", "the figures are rounded", fix, line)
                return
        elif "inaccurate" in row or "errors happened" in row.casefold():
            sheet.problem("usage-inexact", "Lustre reports inexact figures", _EXACT, line)
        elif title is None:
            sheet.problem(
                "usage-cells",
                "the line does not belong to a quota",
                "export with `lfs quota`, without `-v`, and only its output",
                line,
            )
        elif len(cells) == 1:
            mount = cells[0]
        else:
            mount, figures = (mount, cells) if mount else (cells[0], cells[1:])
            _add(sheet, line, title, mount, figures, wanted)
            title, mount = None, ""
    _unfinished(sheet, title, titled)
    sheet.last = True


def _unfinished(sheet: Sheet, title: re.Match[str] | None, line: int) -> None:
    if title is not None:
        sheet.problem("usage-cut", f"the quota of {title[2]} has no figures", CUT_FIX, line)


def _add(sheet: Sheet, line: int, title: re.Match[str], mount: str, figures: list[str], wanted: str) -> None:
    if len(figures) < _FIGURES:
        sheet.problem("usage-cut", f"the line has {len(figures)} figures instead of {_FIGURES}", CUT_FIX, line)
        return
    if (sort := _SORTS[title[3]]) != wanted:
        sheet.left_out[f"{sort} quota, which counts the same blocks again"] += 1
        return
    names = ("kbytes", "quota", "limit")
    name = "kbytes" if sheet.own.bills != "quota" else "limit" if sheet.own.limit == "hard" else "quota"
    text = figures[names.index(name)].rstrip("*")
    if text.startswith("["):
        sheet.problem("usage-inexact", f"{name} is not exact: {text}", _EXACT, line)
        return
    take = sheet.limit if sheet.own.bills == "quota" else sheet.bytes
    person = title[2] if wanted == "usr" else ""
    amount = take(text, name, line, KIB)
    sheet.levels.append(Level(line, title[2], amount, owner=title[2], person=person, system=mount, own=True))


LUSTRE = Format("lustre", ("physical",), fits, read)
