"""Azure Local (Hyper-V): `Get-VM | Select-Object Name, VMId, State, Notes, … | ConvertTo-Json`. One VM is not a list.

Windows PowerShell writes the state as a number (Microsoft.HyperV.PowerShell.VMState), PowerShell 7 with -EnumsAsStrings
as a word. Memory and disks are bytes.
"""

from __future__ import annotations

import re
from typing import Any

from openchargeback.convert.documents import Source, text_of
from openchargeback.convert.vm.report import AGAIN, Format, Machine, Report

_ON = {"2", "Running", "6", "Saved", "9", "Paused"}
_OFF = {"3", "Off"}
_MIB = 1 << 20
_DATE = re.compile(r"/Date\((\d+)\)/", re.ASCII)


def _vms(document: Any) -> list[Any]:
    return [document] if isinstance(document, dict) else document if isinstance(document, list) else []


def fits(source: Source) -> bool:
    """Whether it is a list of VMs of Hyper-V."""
    return any(isinstance(each, dict) and "Name" in each and "Notes" in each for each in _vms(source.document))


def read(report: Report) -> None:
    """Add every VM."""
    for number, place, vm in report.objects(report.source.document):
        report.read += 1
        name, state = text_of(vm.get("Name")), text_of(vm.get("State"))
        if not name or state not in _ON | _OFF:
            problem = f'"{state}" is not a known state of Hyper-V' if name else "it has no Name"
            report.problem("usage-state" if name else "usage-columns", f"{place}: {problem}", AGAIN, number)
            continue
        memory = vm.get("MemoryStartup", vm.get("MemoryAssigned"))
        report.machines.append(
            Machine(
                number,
                text_of(vm.get("VMId") or vm.get("Id")) or name,
                name,
                state in _ON,
                cores=_whole(report, vm.get("ProcessorCount"), f"{place}.ProcessorCount", number),
                memory=None if (found := _whole(report, memory, f"{place}.Memory", number)) is None else found // _MIB,
                texts=(text_of(vm.get("Notes")),),
                created=_created(report, vm.get("CreationTime"), f"{place}.CreationTime", number),
            )
        )


def _created(report: Report, value: Any, what: str, line: int) -> int | None:
    """Seconds since 1970. Windows PowerShell writes `/Date(milliseconds)/`, alone or within an object."""
    found = value.get("value") if isinstance(value, dict) else value
    if found is None:
        return None
    milliseconds = _DATE.fullmatch(str(found))
    return int(milliseconds[1]) // 1000 if milliseconds else report.instant(found, what, line)


def _whole(report: Report, value: object, what: str, line: int) -> int | None:
    return None if value is None else report.scaled(value, what, line, 1)


AZURE_LOCAL = Format("azure-local", True, fits, read)
