"""Ceph RGW: `radosgw-admin bucket stats` (docs.ceph.com). Bytes; old versions have KiB only."""

from __future__ import annotations

from typing import Any

from openchargeback.convert.documents import Source, inside, text_of
from openchargeback.convert.storage.sheet import AGAIN, KIB, Format, Level, Sheet, objects

_NAMES = {"logical": "size", "physical": "size_actual", "effective": "size_utilized"}


def _buckets(document: Any) -> list[dict[str, Any]]:
    return objects([document] if isinstance(document, dict) else document)


def fits(source: Source) -> bool:
    """Whether it is the statistics of buckets."""
    return any("bucket" in each and "usage" in each for each in _buckets(source.document))


def read(sheet: Sheet) -> None:
    """Add every bucket."""
    document = sheet.source.document
    for number, place, bucket in sheet.records(document):
        name = text_of(bucket.get("bucket"))
        if not name or not isinstance(bucket.get("usage"), dict):
            sheet.problem("usage-columns", f"{place} has no bucket or no usage", AGAIN, number)
            continue
        tenant = text_of(bucket.get("tenant"))
        amount = (
            _quota(sheet, number, place, bucket) if sheet.own.bills == "quota" else _used(sheet, number, place, bucket)
        )
        path = f"{tenant}/{name}" if tenant else name
        sheet.levels.append(Level(number, path, amount, text_of(bucket.get("owner")), own=True))
    sheet.last = True


def _used(sheet: Sheet, number: int, place: str, bucket: dict[str, Any]) -> int | None:
    """The sum over the sections of usage; an empty bucket has none, and `rgw.none` has no size that counts."""
    name, total = _NAMES[sheet.own.metric], 0
    for section, figures in bucket["usage"].items():
        if section == "rgw.none":
            continue
        key, unit = (name, 1) if inside(figures, name) is not None else (name.replace("size", "size_kb", 1), KIB)
        amount = sheet.bytes(inside(figures, key), f"{place}.usage.{section}.{key}", number, unit)
        if amount is None:
            return None
        total += amount
    return total


def _quota(sheet: Sheet, number: int, place: str, bucket: dict[str, Any]) -> int | None:
    quota = bucket.get("bucket_quota")
    if inside(quota, "enabled") is not True:
        return None
    return sheet.limit(inside(quota, "max_size"), f"{place}.bucket_quota.max_size", number)


RGW = Format("rgw", tuple(_NAMES), fits, read)
