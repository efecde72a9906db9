"""XDMoD storage JSON: per resource, mount point and user (ubccr/xdmod, docs/storage.md). Bytes; dt in RFC 3339."""

from __future__ import annotations

from typing import Any

from openchargeback.convert.documents import Source, text_of
from openchargeback.convert.storage.sheet import AGAIN, Format, Level, Sheet, objects


def fits(source: Source) -> bool:
    """Whether its objects have the keys of XDMoD."""
    return any("mountpoint" in each and "dt" in each for each in objects(source.document))


def read(sheet: Sheet) -> None:
    """Add every record; users are told apart even where their names are dropped."""
    for number, place, record in sheet.records(sheet.source.document):
        _add(sheet, number, place, record)
    sheet.last = True


def _add(sheet: Sheet, number: int, place: str, record: dict[str, Any]) -> None:
    mount, at = text_of(record.get("mountpoint")), text_of(record.get("dt"))
    if not mount or not at:
        sheet.problem("usage-columns", f"{place} has no mountpoint or no dt", AGAIN, number)
        return
    if sheet.own.bills == "quota":
        name = f"{sheet.own.limit}_threshold"
        amount = sheet.limit(record.get(name), f"{place}.{name}", number)
    else:
        name = f"{sheet.own.metric}_usage"
        amount = sheet.bytes(record.get(name), f"{place}.{name}", number)
    owner, person = text_of(record.get("pi")), text_of(record.get("user"))
    resource = text_of(record.get("resource"))
    sheet.levels.append(Level(number, mount, amount, owner, person, resource, at, own=True))


XDMOD = Format("xdmod", ("logical", "physical"), fits, read)
