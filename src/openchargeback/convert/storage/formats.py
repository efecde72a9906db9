"""The formats of listings, and which of them a file is."""

from __future__ import annotations

from collections.abc import Mapping

from openchargeback.convert.documents import Source, inside
from openchargeback.convert.storage.du import DU
from openchargeback.convert.storage.gpfs import GPFS
from openchargeback.convert.storage.lustre import LUSTRE
from openchargeback.convert.storage.onefs import ONEFS
from openchargeback.convert.storage.ontap import ONTAP
from openchargeback.convert.storage.qumulo import QUMULO
from openchargeback.convert.storage.rgw import RGW
from openchargeback.convert.storage.settings import StorageSettings
from openchargeback.convert.storage.sheet import Format, Sheet
from openchargeback.convert.storage.vast import VAST
from openchargeback.convert.storage.xdmod import XDMOD
from openchargeback.convert.storage.zfs import ZFS

ALL: Mapping[str, Format] = {
    each.name: each for each in (QUMULO, ONEFS, GPFS, LUSTRE, XDMOD, RGW, ONTAP, VAST, DU, ZFS)
}
"""By name, in the order in which they are tried."""


_ERRORS = ("errors", "error", "error_class")
"""Keys under which systems say what went wrong, in place of an answer."""


def format_of(source: Source, own: StorageSettings) -> Format | None:
    """The format of a file; None if it is none, or not the one that the settings name."""
    for each in ALL.values():
        if own.format in ("", each.name) and each.fits(source):
            return each
    # A header and no figures, or figures that du would not print, are for the reader to report.
    return ALL[own.format] if own.format in ("du", "zfs") and not source.is_json else None


def read_sheet(source: Source, own: StorageSettings, *, users: bool) -> tuple[str, Sheet]:
    """The format of a file, empty if there is none, and what it holds."""
    sheet = Sheet(source, own, users)
    if errors := next(filter(None, (inside(source.document, name) for name in _ERRORS)), None):
        sheet.problem(
            "usage-failed", f"the system reports an error: {str(errors)[:160]}", "fix it there, and export again"
        )
        return "", sheet
    if source.document == []:
        return own.format, sheet
    found = format_of(source, own)
    if found is None:
        wanted = own.format or f"one of {', '.join(ALL)}"
        fix = "check the command; docs/CONVERTERS.md has one for each system"
        sheet.problem("usage-header", f"the export has an unknown format: expected {wanted}", fix, 1)
        return "", sheet
    if own.bills != "quota" and own.metric not in found.metrics:
        fix = f"set `storage: metric` to {' or '.join(found.metrics)}"
        sheet.problem("usage-metric", f"{found.name} does not report {own.metric} usage", fix)
        return found.name, sheet
    found.read(sheet)
    return found.name, sheet
