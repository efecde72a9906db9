"""Proxmox VE: `pvesh get /cluster/resources --type vm --output-format json`. Bytes; tags are separated by `;`."""

from __future__ import annotations

from openchargeback.convert.documents import Source, text_of, whole
from openchargeback.convert.vm.report import AGAIN, Format, Machine, Report

_STATES = {"running": True, "paused": True, "stopped": False, "suspended": False}
_MIB = 1 << 20


def fits(source: Source) -> bool:
    """Whether its objects have the keys of Proxmox."""
    document = source.document
    return isinstance(document, list) and any(isinstance(each, dict) and "vmid" in each for each in document)


def read(report: Report) -> None:
    """Add every guest: qemu and lxc."""
    for number, place, guest in report.objects(report.source.document):
        report.read += 1
        id_, state = text_of(guest.get("vmid")), _STATES.get(text_of(guest.get("status")))
        sizes = [whole(guest.get(name, 0)) for name in ("maxcpu", "maxmem", "maxdisk")]
        if not id_ or state is None:
            report.problem("usage-state", f'{place}: "{guest.get("status")}" is not a state of Proxmox', AGAIN, number)
        elif None in sizes:
            report.problem("usage-number", f"{place}: maxcpu, maxmem or maxdisk is not a whole number", AGAIN, number)
        else:
            cores, memory, disk = (size or 0 for size in sizes)
            report.machines.append(
                Machine(
                    number,
                    id_,
                    text_of(guest.get("name")) or id_,
                    state,
                    template=whole(guest.get("template", 0)) == 1,
                    cores=cores,
                    memory=memory // _MIB,
                    disk=disk // _MIB,
                    pool=text_of(guest.get("pool")),
                    texts=tuple(text_of(guest.get("tags")).split(";")),
                )
            )


PROXMOX = Format("proxmox", True, fits, read)
