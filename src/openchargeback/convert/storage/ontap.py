"""NetApp ONTAP: GET /storage/quota/reports with fields=* (docs.netapp.com, get-storage-quota-reports). Bytes."""

from __future__ import annotations

from typing import Any

from openchargeback.convert.documents import Source, inside, text_of
from openchargeback.convert.storage.sheet import AGAIN, Format, Level, Sheet


def fits(source: Source) -> bool:
    """Whether it is a page of a collection of ONTAP."""
    return isinstance(inside(source.document, "records"), list)


def read(sheet: Sheet) -> None:
    """Add the tree quotas: those of users and groups count the same bytes again."""
    document = sheet.source.document
    if inside(document, "_links", "next"):
        sheet.after.append(None)
    else:
        sheet.last = True
    sheet.firsts.append(None)
    for number, place, record in sheet.records(document["records"], "records"):
        _add(sheet, number, place, record)


def _add(sheet: Sheet, number: int, place: str, record: dict[str, Any]) -> None:
    sort = text_of(record.get("type"))
    names = [text_of(inside(record, key, "name")) for key in ("svm", "volume", "qtree")]
    if sort != "tree":
        sheet.left_out[f"{sort or 'unknown'} quota, whose bytes a tree quota has as well"] += 1
        return
    if "*" in names:
        sheet.left_out["default quota, which is a template"] += 1
        return
    if not names[1]:
        sheet.problem("usage-columns", f"{place} has no volume", AGAIN, number)
        return
    if sheet.own.bills == "quota":
        name = f"{sheet.own.limit}_limit"
        amount = sheet.limit(inside(record, "space", name), f"{place}.space.{name}", number)
    else:
        amount = sheet.bytes(inside(record, "space", "used", "total"), f"{place}.space.used.total", number)
    sheet.levels.append(Level(number, "/".join(filter(None, names[1:])), amount, system=names[0], own=True))


ONTAP = Format("ontap", ("logical",), fits, read)
