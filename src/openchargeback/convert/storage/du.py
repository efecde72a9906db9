"""`du -k` or `du -b` (GNU coreutils): a figure, a tab, a path. What du prints does not say its unit: `du_unit` does."""

from __future__ import annotations

import re

from openchargeback.convert.documents import CUT_FIX, Source
from openchargeback.convert.storage.sheet import KIB, Format, Level, Sheet

_LINE = re.compile(r"([\d.,]+[KMGTPEkmgtpe]?i?B?)\t(.+)", re.ASCII)
_UNITS = {"KiB": (KIB, "physical"), "bytes": (1, "logical")}


def fits(source: Source) -> bool:
    """Whether its first line is one of du."""
    return not source.is_json and _LINE.fullmatch(source.text.lstrip().partition("\n")[0].rstrip("\r")) is not None


def read(sheet: Sheet) -> None:
    """Add every path."""
    text = sheet.source.text
    unit, metric = _UNITS.get(sheet.own.du_unit, (0, ""))
    if sheet.own.bills == "quota":
        sheet.problem("usage-metric", "du does not list quotas", "set `storage: bills` to used or purchased")
        return
    if not unit:
        fix = "set `storage: du_unit` to KiB for `du -k`, to bytes for `du -b`"
        sheet.problem("usage-metric", "du does not print its unit", fix)
        return
    if metric != sheet.own.metric:
        fix = f"set `storage: metric` to {metric}, or export with `du {'-b' if unit > 1 else '-k'}`"
        sheet.problem("usage-metric", f"`du_unit: {sheet.own.du_unit}` is {metric} usage", fix)
        return
    if fault := sheet.source.unfinished:
        sheet.problems.append(fault)
        return
    for line, row in enumerate(text.splitlines(), 1):
        if found := _LINE.fullmatch(row):
            sheet.levels.append(Level(line, found[2], sheet.bytes(found[1], "the figure", line, unit)))
        elif row.startswith("du: "):
            fix = "run du as a user who may read everything, and write its errors to another file"
            sheet.problem("usage-failed", f"du reports: {row[4:120]}", fix, line)
        else:
            sheet.problem("usage-cells", "the line is not a number, a tab and a path", CUT_FIX, line)
    sheet.last = True


DU = Format("du", ("logical", "physical"), fits, read)
