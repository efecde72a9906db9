"""Qumulo: pages of GET /v1/files/quotas/status/ (docs.qumulo.com, REST API guide, Directory quotas). Bytes, as text."""

from __future__ import annotations

import re
from typing import Any

from openchargeback.convert.documents import Source, text_of, whole
from openchargeback.convert.json_places import Key
from openchargeback.convert.storage.sheet import Format, Level, Sheet, objects

_AFTER = re.compile(r"[?&]after=(\d+)")


def _is_page(each: Any) -> bool:
    return isinstance(each, dict) and isinstance(each.get("quotas"), list) and ("paging" in each or _is_ours(each))


def _is_ours(page: dict[str, Any]) -> bool:
    return any("capacity_usage" in each for each in objects(page["quotas"]))


def fits(source: Source) -> bool:
    """Whether it is a page, or a list of pages."""
    document = source.document
    return any(map(_is_page, document if isinstance(document, list) else [document]))


def read(sheet: Sheet) -> None:
    """Add the quotas of all pages."""
    document = sheet.source.document
    several = isinstance(document, list)
    for index, page in enumerate(document if several else [document]):
        if not _is_page(page):
            sheet.problem("usage-failed", "an item of the list is not a page of quotas", "export all pages again")
            continue
        keys: tuple[Key, ...] = (index, "quotas") if several else ("quotas",)
        ids = [whole(each.get("id")) for each in objects(page["quotas"])]
        sheet.firsts.append(min((id_ for id_ in ids if id_ is not None), default=None))
        _follow(sheet, page)
        for number, place, quota in sheet.records(page["quotas"], *keys):
            _add(sheet, number, place, quota)


def _follow(sheet: Sheet, page: dict[str, Any]) -> None:
    """Note what the next page starts after; an empty page has none."""
    paging = page.get("paging")
    if paging is None:
        fix = "export the whole answer, with `paging`, which says whether another page follows"
        sheet.problem("usage-page", "the page has no `paging`, so pages may be missing", fix)
    following = paging.get("next") if isinstance(paging, dict) else None
    if not following or not page["quotas"]:
        sheet.last = True
    else:
        found = _AFTER.search(str(following))
        sheet.after.append(int(found[1]) if found else None)


def _add(sheet: Sheet, number: int, place: str, quota: dict[str, Any]) -> None:
    path = text_of(quota.get("path"))
    if not path or "capacity_usage" not in quota:
        fix = "export `/v1/files/quotas/status/`, which has both"
        sheet.problem("usage-columns", f"{place} has no path or no capacity_usage", fix, number)
        return
    # Qumulo has one limit.
    used = sheet.own.bills != "quota"
    name = "capacity_usage" if used else "limit"
    take = sheet.bytes if used else sheet.limit
    sheet.levels.append(Level(number, path, take(quota.get(name), f"{place}.{name}", number)))


QUMULO = Format("qumulo", ("logical",), fits, read)
