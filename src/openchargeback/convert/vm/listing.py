"""Lists of machines: what their tags and notes say of them, and for how long each list stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from openchargeback import money
from openchargeback.convert.documents import text_of
from openchargeback.convert.settings import Owner
from openchargeback.convert.vm.report import Machine, Piece, Report
from openchargeback.convert.vm.settings import VmSettings
from openchargeback.ledger.directory import EMAIL_PATTERN
from openchargeback.ledger.patterns import expression
from openchargeback.problems import Problem

_HUNDRED = Decimal(100)
_HOUR = 3600
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What notes and tags say of a machine; empty if they do not. subsidy: percent of the list price, if it has one."""

    project: str = ""
    tier: str = ""
    pi: str = ""
    fund: str = ""
    active: bool = True
    subsidy: Decimal | None = None


@dataclass(slots=True, kw_only=True)
class Lists:
    """All lists of a conversion. owners: by project."""

    owners: dict[str, Owner] = field(default_factory=dict)


def said_of(report: Report, machine: Machine) -> Said | None:
    """What notes and tags say; None with a fault if they cannot be read."""
    project, tier = "", ""
    pattern = expression(report.own.tag)
    for text in machine.texts:
        if text.lstrip().startswith("{"):
            return _from_notes(report, machine, text)
        groups = pattern.groups(text.strip())
        project = project or groups.get("project", "").strip()
        tier = tier or groups.get("tier", "").strip()
    return Said(project=project, tier=tier)


def _from_notes(report: Report, machine: Machine, text: str) -> Said | None:
    """What notes in JSON say of billing; `FinOpsPiEmail` and `pi_email` are the same key. The rest goes no further."""

    def refuse(message: str) -> None:
        """Record that the notes cannot be used."""
        fix = "correct the notes of the machine, and export again"
        report.problem("usage-notes", f"{machine.name}: {message}", fix, machine.place)

    try:
        items: Mapping[str, Any] = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError:
        refuse("the notes are not valid JSON")
        return None
    notes = {key.casefold().replace("_", "").removeprefix("finops"): value for key, value in items.items()}
    pi, active = text_of(notes.get("piemail")), notes.get("active", True)
    share = notes.get("subsidypercent")
    subsidy = None if share is None else money.parse(str(share).strip())
    if pi and not expression(EMAIL_PATTERN).matches(pi):
        refuse("the PI's address is not an email address")
        return None
    if str(active).lower() not in ("true", "false"):
        refuse(f"`active` is neither true nor false: {str(active)[:20]}")
        return None
    if share is not None and (subsidy is None or not 0 <= subsidy <= _HUNDRED):
        refuse(f"the subsidy is not a number from 0 to 100: {str(share)[:20]}")
        return None
    return Said(
        project=text_of(notes.get("projectid")),
        tier=text_of(notes.get("vmtier")),
        pi=pi,
        fund=text_of(notes.get("fundorg")),
        active=str(active).lower() == "true",
        subsidy=subsidy,
    )


def add_machines(report: Report, slot: tuple[int, int], lists: Lists) -> None:
    """Turn the machines of a list into pieces for the time that it stands for."""
    seen: dict[str, Machine] = {}
    own = report.own
    for machine in report.machines:
        before = seen.setdefault(machine.id, machine)
        said = said_of(report, machine)
        if before is not machine:
            report.problem("usage-conflict", f"{machine.name} occurs twice", "list each machine once", machine.place)
        elif said is None:
            continue
        elif machine.created is not None and machine.created >= slot[1]:
            report.left_out["created after the month"] += 1
        elif machine.template and not own.templates:
            report.left_out["template"] += 1
        elif not said.active:
            report.left_out["inactive, by its notes"] += 1
        elif not machine.running and own.powered_off == "leave_out":
            report.left_out["powered off"] += 1
        else:
            account = (
                said.project or {"pool": machine.pool, "folder": machine.folder, "name": machine.name}[own.account]
            )
            tier = said.tier or own.tier
            _note_owner(report, machine, said, lists)
            whose = {"account": account, "tier": tier, "subsidy": said.subsidy}
            report.pieces += _pieces(report, machine, whose, (_start(machine, slot, own), slot[1]))


def _start(machine: Machine, slot: tuple[int, int], own: VmSettings) -> int:
    """When a machine's part of a slot begins: with the slot, or with the day on which it was created."""
    if not own.prorate or machine.created is None or not slot[0] < machine.created < slot[1]:
        return slot[0]
    return machine.created - machine.created % _DAY


def _note_owner(report: Report, machine: Machine, said: Said, lists: Lists) -> None:
    if not said.project or not (said.pi or said.fund):
        return
    owner = Owner(account=said.project, project=said.project, pi=said.pi, fund=said.fund)
    if lists.owners.setdefault(said.project.casefold(), owner) != owner:
        message = (
            f"the notes of {machine.name} name another PI or fund for {said.project} than those of another machine"
        )
        report.problem("usage-notes", message, "name the same in all machines of a project", machine.place)


def _pieces(report: Report, machine: Machine, whose: Mapping[str, Any], slot: tuple[int, int]) -> Iterator[Piece]:
    levels = {"running": 1, "vm": 1, "vcpu": machine.cores, "memory": machine.memory, "disk": machine.disk}
    for meter in ("vm",) if report.own.basis == "recurring" else report.own.meters:
        level = levels[meter]
        if level is None:
            message = f"the list does not give the {meter} of {machine.name}"
            report.problem("usage-columns", message, "add it to the list, or bill `running`", machine.place)
            continue
        yield Piece(
            place=machine.place,
            identity=machine.id,
            resource=machine.name,
            **whose,
            meter=meter,
            starts=slot[0],
            ends=slot[1],
            amount=level * (slot[1] - slot[0]),
        )


def slots(
    moments: Sequence[int], month: tuple[int, int], own: VmSettings, path: str
) -> Iterator[tuple[int, int] | Problem]:
    """What each list of a month stands for, by its moment, ascending; gaps that are too long are problems."""
    edges = [month[0], *moments[1:], month[1]]
    for index, moment in enumerate(moments):
        before, after = moment - (moments[index - 1] if index else month[0]), edges[index + 1] - moment
        gap = max(before if not index else 0, after) / _HOUR
        if gap > own.longest_gap:
            fix = "add the missing lists, or raise `vm: longest_gap`"
            message = f"there is no list for {int(gap):,} hours"
            yield Problem(path, "usage-missing-day", message, fix)
        yield edges[index], edges[index + 1]
