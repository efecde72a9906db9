"""VAST: GET /api/quotas/ (vast-data/terraform-provider-vastdata docs/data-sources/quota.md). Bytes."""

from __future__ import annotations

from typing import Any

from openchargeback.convert.documents import Source, inside, text_of
from openchargeback.convert.storage.sheet import AGAIN, Format, Level, Sheet, objects

_NAMES = {"logical": "used_capacity", "effective": "used_effective_capacity"}


def _quotas(document: Any) -> Any:
    return document.get("results") if isinstance(document, dict) else document


def fits(source: Source) -> bool:
    """Whether its objects have the keys of VAST."""
    return any("path" in each and "used_capacity" in each for each in objects(_quotas(source.document)))


def read(sheet: Sheet) -> None:
    """Add the directory quotas."""
    document = sheet.source.document
    if inside(document, "next"):
        sheet.after.append(None)
    else:
        sheet.last = True
    sheet.firsts.append(None)
    for number, place, quota in sheet.records(_quotas(document), *(("results",) if isinstance(document, dict) else ())):
        _add(sheet, number, place, quota)


def _add(sheet: Sheet, number: int, place: str, quota: dict[str, Any]) -> None:
    path = text_of(quota.get("path"))
    if quota.get("is_user_quota") is True:
        sheet.left_out["user quota, whose bytes a directory quota has as well"] += 1
    elif not path:
        sheet.problem("usage-columns", f"{place} has no path", AGAIN, number)
    else:
        name = f"{sheet.own.limit}_limit" if sheet.own.bills == "quota" else _NAMES[sheet.own.metric]
        take = sheet.limit if sheet.own.bills == "quota" else sheet.bytes
        amount = take(quota.get(name), f"{place}.{name}", number)
        sheet.levels.append(Level(number, path, amount, system=text_of(quota.get("tenant_name"))))


VAST = Format("vast", tuple(_NAMES), fits, read)
