"""OpenStack: GET /os-simple-tenant-usage?start=…&end=…&detailed=1 (nova, doc/api_samples). Times are UTC.

It counts how long a server exists, stopped or not. memory_mb is MiB, local_gb GiB.
"""

from __future__ import annotations

from typing import Any

from openchargeback.convert.documents import Source, inside, text_of
from openchargeback.convert.json_places import Key
from openchargeback.convert.vm.report import AGAIN, MIB, Format, Piece, Report

_LEVELS = {"vcpu": ("vcpus", 1), "memory": ("memory_mb", 1), "disk": ("local_gb", MIB)}


def _tenants(document: Any) -> tuple[str, Any]:
    """The key below which the usage of projects is, and what is there; None if there is none."""
    one, several = inside(document, "tenant_usage"), inside(document, "tenant_usages")
    if isinstance(one, dict):
        return "tenant_usage", one
    return "tenant_usages", several if isinstance(several, list) else None


def fits(source: Source) -> bool:
    """Whether it is the usage of projects."""
    return _tenants(source.document)[1] is not None


def read(report: Report) -> None:
    """Add every server."""
    document = report.source.document
    links = document.get("tenant_usages_links") or document.get("tenant_usage_links") or []
    if any(inside(link, "rel") == "next" for link in links):
        fix = "follow the link and convert all pages together, or export fewer projects at a time"
        report.problem("usage-page", "the document says that another page follows", fix)
    key, found = _tenants(document)
    for index, (number, place, tenant) in enumerate(report.source.items(found, (key,))):
        servers = inside(tenant, "server_usages")
        if not isinstance(servers, list):
            fix = "export with `detailed=1`"
            report.problem("usage-columns", f"{place} has no server_usages", fix, number)
        elif window := _window(report, place, tenant, number):
            keys: tuple[Key, ...] = (key, index) if isinstance(found, list) else (key,)
            for own, inner, server in report.objects(servers, *keys, "server_usages"):
                report.read += 1
                _add(report, own, inner, server, window)


def _window(report: Report, place: str, tenant: dict[str, Any], number: int) -> tuple[int, int] | None:
    """What the report covers; a fault if that is less than the month."""
    start = report.instant(tenant.get("start"), f"{place}.start", number)
    stop = report.instant(tenant.get("stop"), f"{place}.stop", number)
    if start is None or stop is None:
        return None
    if report.month and (start > report.month[0] or stop < report.month[1]):
        fix = "export the whole month, after its end"
        message = f"{place} covers {tenant['start']} to {tenant['stop']}, which is not the whole month"
        report.problem("usage-window", message, fix, number)
        return None
    return start, stop


def _add(report: Report, number: int, place: str, server: dict[str, Any], window: tuple[int, int]) -> None:
    id_, project = text_of(server.get("instance_id")), text_of(server.get("tenant_id"))
    if not id_ or not project:
        report.problem("usage-columns", f"{place} has no instance_id or no tenant_id", AGAIN, number)
        return
    starts = report.instant(server.get("started_at"), f"{place}.started_at", number)
    ended = server.get("ended_at")
    ends = window[1] if ended is None else report.instant(ended, f"{place}.ended_at", number)
    if starts is None or ends is None:
        return
    if ends < starts:
        report.problem("usage-clock", f"{place} ended before it started", AGAIN, number)
        return
    if ends == starts:
        report.left_out["used no time"] += 1
        return
    for meter in report.own.meters:
        name, unit = _LEVELS.get(meter, ("", 1))
        level = report.scaled(server.get(name), f"{place}.{name}", number, unit) if name else 1
        report.pieces.append(
            Piece(
                place=number,
                identity=id_,
                resource=id_,
                account=project,
                tier=text_of(server.get("flavor")) or report.own.tier,
                meter=meter,
                starts=starts,
                ends=ends,
                amount=(level or 0) * (ends - starts),
            )
        )


TENANT_USAGE = Format("openstack", False, fits, read)
