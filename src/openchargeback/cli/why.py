"""`focus-billing periods show PERIOD --why NUMBER`: a statement's lines, traced to their charges."""

from __future__ import annotations

from collections.abc import Sequence

import click

from openchargeback import money
from openchargeback.billing.statements import by_statement
from openchargeback.billing.tracing import Place, Share, TracedCharge, TracedLine, TracedResource, trace_statement
from openchargeback.cli.report import print_json, shown
from openchargeback.model import DecisionRecord, Entry, StatementLines, SummedPeriod
from openchargeback.problems import UsageFault
from openchargeback.publish.books import LedgerLines
from openchargeback.wording import counted

_LISTED = 20
_WIDTH = 100
_VIA = {"tag": "tag", "match": "account or resource in the directory", "project": "the project's entry"}


def print_trace(books: LedgerLines, billed: SummedPeriod, number: str, wanted: Sequence[int], *, json_: bool) -> None:
    """Print where the amounts of a statement come from. Raises UsageFault if the period has no such statement."""
    directory = books.ledger.as_recorded(billed.period).directory
    found = [each for each in by_statement(billed, directory) if each.number.startswith(number)]
    if len(found) != 1:
        known = "several statements" if found else "no statement"
        raise UsageFault(f"{billed.period} has {known} {number}; `periods show {billed.period} --json` lists them")
    statement = found[0]
    lines = trace_statement(books.ledger, billed, statement, wanted)
    if json_:
        print_json(_as_json(billed, statement, lines))
        return
    amounts = [f"{money.human(statement.amounts.billed, billed.currency)} {billed.currency}"]
    if any(not line.posted for line in statement.lines):
        apart = f"{money.human(statement.shown.billed, billed.currency)} {billed.currency} not charged"
        amounts = [apart] if statement.only_shown else [*amounts, apart]
    title = f"{shown(statement.pi.name)}, {shown(statement.project.title)}: {', '.join(amounts)}"
    click.secho(f"{statement.number}  {title}", bold=True)
    for line in lines:
        _print_line(line, billed)
    _print_decisions(_decisions(billed, lines))


def _print_line(traced: TracedLine, billed: SummedPeriod) -> None:
    line, currency = traced.line, billed.currency
    click.echo()
    fund = "invoiced" if line.invoiced else f"fund {line.fund or 'none'}" if line.posted else "not charged"
    title = f"Line {traced.number}: {line.source}, {line.service or 'other'}, {fund}"
    earlier = "" if line.entry is Entry.OWN else f", {line.entry} of {line.original}"
    corrects = f", corrects {line.corrects}" if line.corrects else ""
    click.secho(shown(title + earlier + corrects), bold=True)
    if traced.source is not None:
        source, count = traced.source, traced.source_lines
        click.echo(f"  source {shown(line.source)}: {_exact(source, currency)}, shared among {counted(count, 'line')}")
    click.echo(f"  this line: {_steps(Share(exact=line.exact_billed, cents=line.amounts.billed), currency)}")
    if not traced.faithful:
        click.echo("  this version computes this line differently from the period, so its cents")
        click.echo("  cannot be traced; use the version that closed the period")
    for resource in traced.resources:
        _print_resource(resource, currency)


def _print_resource(resource: TracedResource, currency: str) -> None:
    if resource.kind is not None:
        name = " ".join(dict.fromkeys(part for part in (resource.name, resource.id) if part)) or "no resource"
        kind = "" if resource.kind == "usage" else f" ({resource.kind})"
        steps = f"{kind}: {_steps(resource.billed, currency)}"
        click.echo(f"  {_cut(shown(name), _WIDTH - 2 - len(steps))}{steps}")
    for charge in resource.charges[:_LISTED]:
        click.echo(f"    {charge.charge[:16]}  {_where(charge.place)}")
        click.echo(f"      {_steps(charge.billed, currency)}")
        for text in (*_list(charge, currency), *_remarks(charge)):
            click.echo(f"      {shown(text)}")
    if len(resource.charges) > _LISTED:
        click.echo(f"    and {len(resource.charges) - _LISTED:,} more charges; --json lists all")


def _where(place: Place | None) -> str:
    if place is None:
        return "no longer in its charge file"
    at = f":{place.line}" if place.line else ""
    return shown(f"{place.file}{at}, row {place.row:,}")


def _list(charge: TracedCharge, currency: str) -> list[str]:
    if charge.list == charge.billed:
        return []
    return [f"list price {money.signed_exact(charge.list.exact)} → {money.human(charge.list.cents, currency)}"]


def _remarks(charge: TracedCharge) -> list[str]:
    remarks = []
    if charge.entry is not Entry.OWN:
        remarks.append(f"{charge.entry} of {charge.original}" + (f", {charge.corrects}" if charge.corrects else ""))
    if charge.flags:
        remarks.append(f"flags: {', '.join(charge.flags)}")
    if charge.decisions:
        remarks.append(f"decided at {', '.join(charge.decisions)}")
    others = [
        f"{field} by {_VIA.get(via, via)}"
        for field, via in zip(("PI", "project", "fund"), charge.via, strict=False)
        if via and via != "tag"
    ]
    return [*remarks, *([", ".join(others)] if others else [])]


def _exact(share: Share, currency: str) -> str:
    return f"{money.signed_exact(share.exact)} exactly, {money.human(share.cents, currency)} rounded"


def _steps(share: Share, currency: str) -> str:
    """An exact amount, its cents, and how they were rounded."""
    cents = money.human(share.cents, currency)
    given = share.remainder_unit(currency)
    if not given:
        return f"{money.signed_exact(share.exact)} → {cents}"
    floor = money.human(share.floor(currency), currency)
    return f"{money.signed_exact(share.exact)} → {cents} ({floor} + {money.human(given, currency)} by its remainder)"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _decisions(billed: SummedPeriod, lines: Sequence[TracedLine]) -> list[DecisionRecord]:
    """The decisions on the traced charges, in order."""
    places = {place for line in lines for charge in line.charges for place in charge.decisions}
    return [each for each in billed.decisions if f"{each.path}:{each.line}" in places]


def _print_decisions(decisions: Sequence[DecisionRecord]) -> None:
    if not decisions:
        return
    click.echo()
    click.secho("Decisions", bold=True)
    for each in decisions:
        click.echo(f"  {each.path}:{each.line}")
        when = f" on {each.on}" if each.on else ""
        click.echo(f"    {each.decision} by {shown(each.by)}{when}: {_cut(shown(each.reason), 60)}")


def _as_json(billed: SummedPeriod, statement: StatementLines, lines: Sequence[TracedLine]) -> dict[str, object]:
    currency = billed.currency
    return {
        "statement": statement.number,
        "period": billed.period,
        "state": billed.state,
        "pi": statement.pi.email,
        "project": statement.project.id,
        "currency": currency,
        "billed": money.plain(statement.amounts.billed, currency),
        "shown": money.plain(statement.shown.billed, currency),
        "lines": [_line_json(each, currency) for each in lines],
        "decisions": [
            {
                "place": f"{each.path}:{each.line}",
                "decision": each.decision,
                "by": each.by,
                "on": each.on,
                "reason": each.reason,
            }
            for each in _decisions(billed, lines)
        ],
    }


def _line_json(traced: TracedLine, currency: str) -> dict[str, object]:
    line = traced.line
    source = traced.source
    return {
        "line": traced.number,
        "entry": str(line.entry),
        "original": line.original,
        "corrects": line.corrects,
        "posted": line.posted,
        "invoiced": line.invoiced,
        "fund": line.fund,
        "source": line.source,
        "service": line.service,
        "source_total": {**_share_json(source, currency), "lines": traced.source_lines} if source else None,
        **_share_json(Share(exact=line.exact_billed, cents=line.amounts.billed), currency),
        "traced": traced.faithful,
        "resources": [
            {
                "name": each.name,
                "id": each.id,
                "kind": each.kind and str(each.kind),
                **_share_json(each.billed, currency),
                "charges": [_charge_json(charge, currency) for charge in each.charges],
            }
            for each in traced.resources
        ],
    }


def _charge_json(charge: TracedCharge, currency: str) -> dict[str, object]:
    return {
        "charge": charge.charge[:16],
        "file": charge.place.file if charge.place else None,
        "row": charge.place.row if charge.place else None,
        "line": (charge.place.line or None) if charge.place else None,
        **_share_json(charge.billed, currency),
        "list": _share_json(charge.list, currency),
        "via": dict(zip(("pi", "project", "fund"), charge.via, strict=False)),
        "flags": list(charge.flags),
        "decisions": list(charge.decisions),
        "entry": str(charge.entry),
        "original": charge.original,
        "corrects": charge.corrects,
    }


def _share_json(share: Share, currency: str) -> dict[str, object]:
    return {
        "exact": money.exact(share.exact),
        "cents": money.plain(share.cents, currency),
        "floor": money.plain(share.floor(currency), currency),
        "by_remainder": money.plain(share.remainder_unit(currency), currency),
    }
