"""ZFS: `zfs list -Hp -o COLUMNS` (openzfs, zfs-list.8): tabs, no header, bytes. `columns` names the columns."""

from __future__ import annotations

from collections.abc import Mapping

from openchargeback.convert.documents import Source
from openchargeback.convert.storage.sheet import Format, Level, Sheet

_LONG = {"usedds": "usedbydataset", "usedsnap": "usedbysnapshots", "lused": "logicalused"}
_OWN = ("usedbydataset", "usedbysnapshots")
"""What a dataset takes without its children."""


def fits(source: Source) -> bool:
    """Whether its first line is a dataset and figures, with tabs."""
    first = source.text.partition("\n")[0].split("\t")
    return (
        not source.is_json and len(first) > 1 and not first[0][:1].isdigit() and any(c[:1].isdigit() for c in first[1:])
    )


def read(sheet: Sheet) -> None:
    """Add every dataset: `used` with what is below it, or `usedds` and `usedsnap` without."""
    names = [_LONG.get(name.casefold(), name.casefold()) for name in sheet.own.columns]
    columns, own = _columns(sheet, names)
    if "name" not in names or not columns or any(name not in names for name in columns):
        fix = "set `storage: columns` to those of the command, such as `zfs list -Hp -o name,usedds,usedsnap,quota`"
        sheet.problem("usage-columns", "the columns lack the name or what is billed", fix, 1)
        return
    text = sheet.source.text
    if fault := sheet.source.unfinished:
        sheet.problems.append(fault)
        return
    for line, row in enumerate(text.splitlines(), 1):
        cells = row.split("\t")
        if len(cells) != len(names):
            message = f"the line has {len(cells)} cells, but `columns` lists {len(names)}"
            sheet.problem("usage-cells", message, "correct `storage: columns`", line)
        elif any(sign in cells[names.index("name")] for sign in "@#"):
            sheet.left_out["snapshot or bookmark, whose bytes its dataset has"] += 1
        else:
            amount = _amount(sheet, dict(zip(names, cells, strict=True)), columns, line)
            sheet.levels.append(Level(line, cells[names.index("name")], amount, own=own))
    sheet.last = True


def _columns(sheet: Sheet, names: list[str]) -> tuple[tuple[str, ...], bool]:
    """The columns whose sum is billed, and whether it is without children."""
    if sheet.own.bills == "quota":
        return ("quota" if sheet.own.limit == "hard" else "refquota",), False
    if sheet.own.metric == "logical":
        return ("logicalused",), False
    return (_OWN, True) if set(_OWN) <= set(names) else (("used",), False)


def _amount(sheet: Sheet, row: Mapping[str, str], columns: tuple[str, ...], line: int) -> int | None:
    take = sheet.limit if sheet.own.bills == "quota" else sheet.bytes
    found = [take(row[name], name, line) for name in columns]
    known = [each for each in found if each is not None]
    return sum(known) if len(known) == len(found) else None


ZFS = Format("zfs", ("logical", "physical"), fits, read)
