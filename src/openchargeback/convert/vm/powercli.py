"""VMware PowerCLI: `Get-VM | Select-Object Name, PowerState, NumCpu, MemoryGB, … | Export-Csv`. "GB" are GiB.

Export-Csv writes `;` between cells and a decimal comma where the locale does, and may begin with a line `#TYPE`.
"""

from __future__ import annotations

import csv
import io

from openchargeback.convert.documents import Source
from openchargeback.convert.vm.report import MIB, Format, Machine, Report

_STATES = {"poweredon": True, "poweredoff": False, "suspended": False}
_DELIMITERS = (",", ";", "\t")


def _header(text: str) -> tuple[int, str, list[str]]:
    """The line of the header, the delimiter, and the columns in small letters."""
    lines = text.splitlines()
    at = 1 if lines and lines[0].startswith("#TYPE") else 0
    first = lines[at] if at < len(lines) else ""
    delimiter = max(_DELIMITERS, key=first.count)
    return at + 1, delimiter, [name.strip().casefold() for name in next(csv.reader([first], delimiter=delimiter), [])]


def fits(source: Source) -> bool:
    """Whether its header is one of virtual machines."""
    return not source.is_json and {"name", "powerstate"} <= set(_header(source.text)[2])


def read(report: Report) -> None:
    """Add every VM; notes may run over several lines."""
    text = report.source.text
    start, delimiter, names = _header(text)
    if fault := report.source.unfinished:
        report.problems.append(fault)
        return
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    before = 0
    for cells in rows:
        line, before = before + 1, rows.line_num
        if line <= start or not cells:
            continue
        report.read += 1
        if len(cells) != len(names):
            message = f"the row has {len(cells)} cells, but the header {len(names)}"
            report.problem("usage-cells", message, "export with Export-Csv, which quotes cells", line)
        else:
            _add(report, line, dict(zip(names, cells, strict=True)))


def _add(report: Report, line: int, row: dict[str, str]) -> None:
    state = _STATES.get(row["powerstate"].casefold())
    if state is None or not row["name"]:
        message = f'"{row["powerstate"]}" is not a state of VMware'
        report.problem("usage-state", message, "check that the cells are in the right columns", line)
        return
    report.machines.append(
        Machine(
            line,
            row.get("id") or row["name"],
            row["name"],
            state,
            cores=_number(report, row, "numcpu", line, 1),
            memory=_number(report, row, "memorygb", line, MIB),
            disk=_floor(report, row, "provisionedspacegb", line),
            pool=row.get("resourcepool", ""),
            folder=row.get("folder", ""),
            texts=tuple((row.get("notes") or "").splitlines()) + tuple((row.get("tags") or "").split(";")),
        )
    )


def _number(report: Report, row: dict[str, str], name: str, line: int, scale: int) -> int | None:
    text = row.get(name, "")
    if report.own.decimal == ",":
        text = text.replace(".", "").replace(",", ".")
    return report.scaled(text, name, line, scale) if text else None


def _floor(report: Report, row: dict[str, str], name: str, line: int) -> int | None:
    """Whole MiB: PowerCLI divides bytes, so that a size in GiB has up to fifteen decimals."""
    scaled = _number(report, row, name, line, 10**18)
    return None if scaled is None else scaled * MIB // 10**18


POWERCLI = Format("powercli", True, fits, read)
