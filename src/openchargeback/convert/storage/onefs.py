"""OneFS (PowerScale, Isilon): SmartQuotas as JSON of REST or the CLI, or as CSV. Bytes.

REST: GET /platform/N/quota/quotas, {"quotas": […], "resume": …}; CLI: isi quota quotas list --format json, a bare list
(dell/ansible-powerscale docs/modules/smartquota.rst; Dell, OneFS CLI administration guide).
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from openchargeback.convert.documents import Source, inside, text_of
from openchargeback.convert.storage.sheet import AGAIN, Format, Level, Sheet, objects

_FOOTER = re.compile(r"Total: (\d+)")
_MIXED = "quota with snapshots where there is one without, or the other way round"


def _is_quota(item: dict[str, Any]) -> bool:
    return "type" in item and isinstance(item.get("thresholds", item.get("usage")), dict)


def fits(source: Source) -> bool:
    """Whether it is a listing of quotas of OneFS."""
    document = source.document
    if isinstance(document, dict):
        found = document.get("quotas")
        return found == [] or any(_is_quota(each) for each in objects(found))
    if document is not None:
        return any(_is_quota(each) for each in objects(document))
    names = _names(source.text)
    return {"type", "path", "used"} <= set(names)


def _names(text: str) -> list[str]:
    return [cell.strip().casefold() for cell in next(csv.reader([text.partition("\n")[0].rstrip("\r")]), [])]


def read(sheet: Sheet) -> None:
    """Add the directory quotas."""
    document = sheet.source.document
    if document is None:
        _read_table(sheet)
        return
    found = document["quotas"] if isinstance(document, dict) else document
    resume = document.get("resume") if isinstance(document, dict) else None
    if resume:
        sheet.after.append(None)
    else:
        sheet.last = True
    sheet.firsts.append(None)
    seen: dict[str, tuple[bool, Level]] = {}
    for number, place, quota in sheet.records(found, *(("quotas",) if isinstance(document, dict) else ())):
        _add(sheet, number, place, quota, seen)
    sheet.levels += [level for _, level in seen.values()]


def _add(sheet: Sheet, number: int, place: str, quota: dict[str, Any], seen: dict[str, tuple[bool, Level]]) -> None:
    sort, path = text_of(quota.get("type")), text_of(quota.get("path"))
    if sort != "directory":
        sheet.left_out[_reason(sort)] += 1
        return
    if not path:
        sheet.problem("usage-columns", f"{place} has no path", AGAIN, number)
        return
    if sheet.own.bills == "quota":
        name = f"thresholds.{sheet.own.limit}"
        amount = sheet.limit(inside(quota, "thresholds", sheet.own.limit), f"{place}.{name}", number)
    else:
        amount = _used(sheet, number, place, quota)
    snapshots = quota.get("include_snapshots") is True
    level, before = Level(number, path, amount), seen.get(path)
    if before is None or before[0] == snapshots:
        # Two quotas of one sort on one path are for the common rules.
        if before is not None:
            sheet.levels.append(level)
        else:
            seen[path] = (snapshots, level)
        return
    sheet.left_out[_MIXED] += 1
    if snapshots == (sheet.own.snapshots == "include"):
        seen[path] = (snapshots, level)


def _reason(sort: str) -> str:
    if sort.startswith("default-"):
        return "default quota, which is a template"
    return f"{sort} quota, whose bytes a directory quota has as well" if sort else "quota without a type"


def _used(sheet: Sheet, number: int, place: str, quota: dict[str, Any]) -> int | None:
    """The bytes of the metric. A scan that is pending makes them wrong, so that is a fault."""
    usage = quota.get("usage")
    if not isinstance(usage, dict):
        sheet.problem("usage-columns", f"{place} has no usage", AGAIN, number)
        return None
    name = sheet.own.metric
    if name == "logical" and "logical" not in usage:
        if not sheet.own.logical_as:
            fix = "set `storage: logical_as` to fslogical or applogical, as agreed with those who pay"
            sheet.problem("usage-metric", f"{place}.usage has two logical figures", fix, number)
            return None
        name = sheet.own.logical_as
    if quota.get("ready") is False or usage.get(f"{name}_ready") is False:
        fix = "wait until QuotaScan has finished (`isi job status`), and export again"
        sheet.problem(
            "usage-unready", f"{place} ({quota.get('path')}) is not ready, so its usage is too low", fix, number
        )
        return None
    return sheet.bytes(usage.get(name), f"{place}.usage.{name}", number)


def _read_table(sheet: Sheet) -> None:
    """Add the rows of `isi quota quotas list --format csv`."""
    names, text = _names(sheet.source.text), sheet.source.text
    if fault := sheet.source.unfinished:
        sheet.problems.append(fault)
        return
    seen: dict[str, tuple[bool, Level]] = {}
    for line, cells in enumerate(csv.reader(io.StringIO(text)), 1):
        if line == 1 or not cells:
            continue
        if len(cells) == 1 and (footer := _FOOTER.fullmatch(cells[0].strip())):
            if int(footer[1]) != line - 2:
                message = f"the footer counts {footer[1]} quotas, but the table has {line - 2}"
                sheet.problem("usage-cut", message, AGAIN, line)
        elif len(cells) != len(names):
            message = f"the line has {len(cells)} cells, but the header {len(names)}"
            sheet.problem("usage-cells", message, "export as JSON: a path may contain a comma", line)
        else:
            _add_row(sheet, line, dict(zip(names, cells, strict=True)), seen)
    sheet.last = True
    sheet.levels += [level for _, level in seen.values()]


def _add_row(sheet: Sheet, line: int, row: dict[str, str], seen: dict[str, tuple[bool, Level]]) -> None:
    """A row as a quota of JSON, so that there is one set of rules."""
    limit = {"hard": row.get("hard", "-"), "soft": row.get("soft", "-")}
    snapshots = row.get("snap", row.get("snapshots", "")).strip().casefold() in ("yes", "true")
    quota = {
        "type": row["type"].strip(),
        "path": row["path"],
        "thresholds": limit,
        "usage": {"logical": row["used"].strip()},
        "include_snapshots": snapshots,
    }
    if sheet.own.metric != "logical" and sheet.own.bills == "used":
        sheet.problem("usage-metric", "the CSV has only logical usage", "export as JSON", line)
        return
    _add(sheet, line, f"line {line}", quota, seen)


ONEFS = Format("onefs", ("logical", "physical"), fits, read)
