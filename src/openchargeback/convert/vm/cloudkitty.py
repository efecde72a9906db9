"""CloudKitty, API v2: GET /v2/summary and /v2/dataframes (openstack/cloudkitty, api-ref/source/v2/api_samples).

qty counts a level once in each period of collection: an instance for a day is 24 with periods of an hour. `rate` of a
summary and `rating.price` are prices, without a currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openchargeback.convert.documents import Source, inside, text_of
from openchargeback.convert.storage.sheet import objects
from openchargeback.convert.vm.report import AGAIN, MIB, Format, Piece, Report

MICRO = 1_000_000
"""Base units in an item or a MiB, so that a quantity with decimals stays whole; price: in a unit of the currency."""

PRICE = 10**12

_UNITS = {"image.size": "MiB", "volume.size": "GiB"}
_SIZES = {"MiB": 1, "GiB": MIB}


def fits(source: Source) -> bool:
    """Whether it is a summary or dataframes, of version 1 too, which is refused."""
    document = source.document
    return any(isinstance(inside(document, name), list) for name in ("results", "dataframes", "summary"))


def read(report: Report) -> None:
    """Add every row; all pages together must have as many as `total` says."""
    document = report.source.document
    if "summary" in document or any("resources" in each for each in objects(document.get("dataframes"))):
        fix = "export `/v2/summary` or `/v2/dataframes`"
        report.problem("usage-header", "the export is from version 1 of CloudKitty's API", fix)
        return
    if report.own.price == "theirs" and not report.own.their_currency:
        fix = "set `vm: their_currency` to the currency of CloudKitty's prices"
        report.problem("usage-currency", "CloudKitty does not state the currency of its prices", fix)
        return
    total = document.get("total")
    report.total = total if isinstance(total, int) and not isinstance(total, bool) else 0
    if "dataframes" in document:
        _read_frames(report, document["dataframes"])
    else:
        _read_summary(report, document.get("columns"), document["results"])


def _read_summary(report: Report, names: Any, results: list[Any]) -> None:
    """Rows are lists, in the order of the columns, or with `response_format=object` objects."""
    if names is None and results:
        names = list(results[0]) if isinstance(results[0], dict) else []
    columns = [text_of(each) for each in names or ()]
    if not results:
        return
    lacking = [name for name in ("begin", "end", "qty", "rate") if name not in columns]
    if lacking:
        report.problem("usage-columns", f"the summary has no {', '.join(lacking)}", AGAIN)
        return
    for number, place, found in report.source.items(results, ("results",)):
        report.read += 1
        cells = [found.get(name) for name in columns] if isinstance(found, dict) else found
        if not isinstance(cells, list) or len(cells) != len(columns):
            report.problem("usage-cells", f"{place} does not have {len(columns)} cells", AGAIN, number)
            continue
        row = dict(zip(columns, cells, strict=True))
        metric = text_of(row.get("type"))
        if not metric and report.own.price == "ours":
            fix = "export with `groupby=type`, so that each metric can have its own price"
            report.problem("usage-columns", f"{place} does not name its metric", fix, number)
            continue
        unit = (report.own.units or {}).get(metric) or _UNITS.get(metric, "Unit")
        _add(report, number, place, row, metric, unit)


def _read_frames(report: Report, frames: list[Any]) -> None:
    for index, (number, place, frame) in enumerate(report.source.items(frames, ("dataframes",))):
        usage = inside(frame, "usage")
        if not isinstance(usage, dict):
            report.problem("usage-columns", f"{place} has no usage", AGAIN, number)
            continue
        times = {"begin": inside(frame, "period", "begin"), "end": inside(frame, "period", "end")}
        for metric, points in usage.items():
            for point_number, inner, point in report.objects(points, "dataframes", index, "usage", metric):
                report.read += 1
                figures = {"qty": inside(point, "vol", "qty"), "rate": inside(point, "rating", "price")}
                groups = point.get("groupby")
                # Points that differ in their metadata only, such as the flavor, are different points.
                details = point.get("metadata")
                known = details if isinstance(details, dict) else {}
                row = {**known, **(groups if isinstance(groups, dict) else {}), **times, **figures}
                unit = text_of(inside(point, "vol", "unit"))
                _add(report, point_number, inner, row, metric, unit if unit in _SIZES else "Unit")


def _add(report: Report, number: int, place: str, row: Mapping[str, Any], metric: str, unit: str) -> None:
    """A row as usage: its quantity as a level over the period of collection, or its price."""
    own = report.own
    starts = report.instant(row["begin"], f"{place}.begin", number)
    ends = report.instant(row["end"], f"{place}.end", number)
    if starts is None or ends is None:
        return
    if ends <= starts:
        report.problem("usage-clock", f"{place} ends before it begins", AGAIN, number)
        return
    if own.price == "theirs":
        meter, name, scale = "price", "rate", PRICE
    elif metric == "instance":
        meter, name, scale = "running", "qty", own.collect_seconds
    else:
        meter, name = ("size" if unit in _SIZES else "items"), "qty"
        scale = own.collect_seconds * MICRO * _SIZES.get(unit, 1)
    amount = report.scaled(row[name], f"{place}.{name}", number, scale)
    account = text_of(row.get("project_id")) or text_of(row.get("tenant_id"))
    id_ = text_of(row.get("id"))
    report.pieces.append(
        Piece(
            place=number,
            identity="|".join(
                (account, metric, id_, *(text_of(row[key]) for key in sorted(row) if key not in _FIGURES))
            ),
            resource=id_ or metric,
            account=account,
            tier=text_of(row.get("flavor_name")) or own.tier,
            person=text_of(row.get("user_id")),
            meter=meter,
            variant="" if meter == "running" else metric,
            starts=starts,
            ends=ends,
            amount=amount or 0,
        )
    )


_FIGURES = ("begin", "end", "qty", "rate")

CLOUDKITTY = Format("cloudkitty", False, fits, read)
