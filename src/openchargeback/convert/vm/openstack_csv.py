"""`openstack usage list -f csv` (python-openstackclient, compute/v2/usage.py): sums of a month, to two decimals.

RAM is in MiB-hours, disks in GiB-hours, whatever the header says.
"""

from __future__ import annotations

import csv
import io

from openchargeback.convert.documents import CUT_FIX, Source
from openchargeback.convert.vm.report import MIB, Format, Piece, Report
from openchargeback.problems import Severity, UsageFault

_COLUMNS = {"vcpu": ("CPU Hours", 1), "memory": ("RAM MB-Hours", 1), "disk": ("Disk GB-Hours", MIB)}
_HOUR = 3600


def _names(text: str) -> list[str]:
    return next(csv.reader([text.partition("\n")[0]]), [])


def fits(source: Source) -> bool:
    """Whether its header is the one of the command."""
    return not source.is_json and {"Project", "CPU Hours"} <= set(_names(source.text))


def read(report: Report) -> None:
    """Add every project. Raises UsageFault without a month, which the export does not say."""
    if report.month is None:
        raise UsageFault("the export does not name its month: give --period")
    text, names = report.source.text, _names(report.source.text)
    if fault := report.source.unfinished:
        report.problems.append(fault)
        return
    lacking = [column for meter, (column, _) in _COLUMNS.items() if meter in report.own.meters and column not in names]
    if lacking or "running" in report.own.meters:
        fix = "set `vm: meters` to what the command prints: vcpu, memory, disk"
        report.problem("usage-columns", f"the export has no {lacking[0] if lacking else 'running time'}", fix, 1)
        return
    for line, cells in enumerate(csv.reader(io.StringIO(text)), 1):
        if line == 1 or not cells:
            continue
        report.read += 1
        if len(cells) != len(names):
            message = f"the row has {len(cells)} cells, but the header {len(names)}"
            report.problem("usage-cells", message, CUT_FIX, line)
        else:
            _add(report, line, dict(zip(names, cells, strict=True)), report.month)
    message = "the command rounds hours to two decimals, so each sum may be off by 18 seconds"
    fix = "nothing to fix if that is enough; for exact times, export os-simple-tenant-usage with detailed=1"
    report.problem("usage-rounded", message, fix, 1, Severity.WARNING)


def _add(report: Report, line: int, row: dict[str, str], month: tuple[int, int]) -> None:
    project = row["Project"]
    for meter in report.own.meters:
        column, unit = _COLUMNS[meter]
        amount = report.scaled(row[column], column, line, _HOUR * unit)
        report.pieces.append(
            Piece(
                place=line,
                identity=project,
                resource=project,
                account=project,
                tier=report.own.tier,
                meter=meter,
                starts=month[0],
                ends=month[1],
                amount=amount or 0,
            )
        )


OPENSTACK_CSV = Format("openstack-csv", False, fits, read)
