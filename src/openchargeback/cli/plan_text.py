"""A plan in the terminal, in 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from decimal import Decimal

import click

from openchargeback import money
from openchargeback.cli.report import shown
from openchargeback.model import LEVELS, Evidence
from openchargeback.plan import words
from openchargeback.plan.values import DecisionChange, PeriodChange, Plan
from openchargeback.wording import counted

_WIDTH = 80
_LABEL, _AMOUNT = 32, 15


def print_plan(plan: Plan) -> None:
    """Print the plan on stdout, with a one-line summary last; only that line if nothing changes."""
    if not (plan.periods or plan.settings):
        _wrapped("", words.summary(plan))
        return
    click.echo(_cut(f"{words.revision(plan.base)} → {words.revision(plan.head)}", _WIDTH))
    for period in plan.periods:
        _period(period, plan.currency)
    _settings(plan)
    _evidence(plan.evidence)
    click.echo()
    click.echo(f"Inputs {plan.base.digest[:16]} → {plan.head.digest[:16]}")
    _wrapped("", words.summary(plan))


def _period(period: PeriodChange, currency: str) -> None:
    click.echo()
    title = f"{period.period}  {words.state(period)}"
    if period.lines or period.old_invoiced != period.new_invoiced or not period.reconciles_as_before:
        _line(title, ("Before", "After", f"Change {currency}"), bold=True)
        _totals(period, currency)
    else:
        click.secho(title, bold=True)
    _largest(period, currency)
    _decisions(period.decisions, currency)
    for flags, unit, charges, amount in words.undecided(period):
        _wrapped("Still held: ", f"{counted(charges, 'charge')}, {money.human(amount, unit)} {unit} ({flags})")
    _sources(period, currency)
    _invoices(period)


def _invoices(period: PeriodChange) -> None:
    found = (*period.invoices_to_check, *period.invoices_gone)
    if not found:
        return
    click.echo()
    click.secho(words.INVOICES, bold=True)
    for each in found[: words.LARGEST]:
        _wrapped(f"{each.status}: ", words.invoice(each, period))
    _more(len(found))


def _sources(period: PeriodChange, currency: str) -> None:
    notable = [row for row in period.sources if row.needs_attention]
    if not notable and not period.without:
        return
    click.echo()
    click.secho("Sources to check", bold=True)
    for row in notable:
        _wrapped(f"{row.source}: ", words.source(row, currency))
    for each in period.without:
        _wrapped(f"{each.source}: ", f"closed without it: {words.without(each)}")


def _totals(period: PeriodChange, currency: str) -> None:
    _amounts("Billed to PIs", period.old, period.new, currency)
    share = words.percent(period.difference, period.old)
    if share:
        _line("", ("", "", share))
    if period.invoices_any:
        _amounts(words.INVOICED, period.old_invoiced, period.new_invoiced, currency)
    if period.shows:
        _amounts(words.SHOWN, period.old_shown, period.new_shown, currency)
    for unit, old, new in words.control(period):
        suffix = "" if unit == currency else f" {unit}"
        _amounts(f"Imported{suffix}", old.exact_imported, new.exact_imported, unit)
        _amounts(f"= billed{suffix}", old.exact_billed, new.exact_billed, unit)
        _amounts(f"+ held{suffix}", old.exact_held, new.exact_held, unit)
        _amounts(f"+ rejected{suffix}", old.exact_rejected, new.exact_rejected, unit)
    click.echo(f"PIs: {words.people(period)}")
    if period.causes:
        _wrapped("Causes: ", words.causes(period.causes, currency))


def _largest(period: PeriodChange, currency: str) -> None:
    if not period.projects:
        return
    click.echo()
    many = len(period.projects) > words.LARGEST
    title = f"Largest of {len(period.projects):,} changes" if many else "Changes"
    _line(title, ("Before", "After", f"Change {currency}"), bold=True)
    for each in period.projects[: words.LARGEST]:
        click.echo(_cut(f"{each.pi}  {words.project(each)}", _WIDTH))
        _amounts("", each.old, each.new, currency)
        if each.causes:
            _wrapped("    ", words.causes(each.causes, currency))
        if each.funds:
            _wrapped("    funds: ", words.funds(each, currency))
    _more(len(period.projects))


def _decisions(decisions: Sequence[DecisionChange], currency: str) -> None:
    if not decisions:
        return
    click.echo()
    click.secho("Decisions", bold=True)
    for each in decisions[: words.LARGEST]:
        amount = f"{counted(each.charges, 'charge')}, {money.human(each.exact_billed, currency)} {currency}"
        void = f"; void: {each.void}" if each.void else ""
        _wrapped(f"{each.change} ", f"{each.decision} {each.what} ({amount}): {each.reason} ({each.by}){void}")
    _more(len(decisions))


def _settings(plan: Plan) -> None:
    if not plan.settings:
        return
    click.echo()
    click.secho("Settings", bold=True)
    for each in plan.settings[: words.LARGEST]:
        _wrapped("", f"{each.path} {each.key}: {each.old or 'none'} → {each.new or 'none'}")
    _more(len(plan.settings))
    for line in words.effects(plan):
        _wrapped("", line)


def _evidence(found: Sequence[Evidence]) -> None:
    if not found:
        return
    click.echo()
    click.secho(words.EVIDENCE, bold=True)
    for each in found[: words.LARGEST]:
        _wrapped(f"{each.path}: ", f"level {each.level}, {each.who} ({each.why})")
    _more(len(found))
    _wrapped("", LEVELS)


def _more(count: int) -> None:
    if count > words.LARGEST:
        click.echo(f"and {count - words.LARGEST:,} more")


def _amounts(label: str, old: Decimal, new: Decimal, currency: str) -> None:
    _line(label, (money.human(old, currency), money.human(new, currency), words.step(old, new, currency)))


def _line(label: str, cells: Sequence[str], *, bold: bool = False) -> None:
    text = _cut(label, _LABEL).ljust(_LABEL) + "".join(cell.rjust(_AMOUNT + 1) for cell in cells)
    click.secho(text.rstrip(), bold=bold)


def _wrapped(lead: str, text: str) -> None:
    """Print text from data, wrapped to the width, continuation lines indented."""
    whole = textwrap.wrap(
        _safe(text), _WIDTH, initial_indent=lead, subsequent_indent="    ", break_on_hyphens=False, max_lines=6
    )
    click.echo("\n".join(whole))


def _cut(text: str, width: int) -> str:
    safe = _safe(text)
    return safe if len(safe) <= width else safe[: width - 1] + "…"


def _safe(text: str) -> str:
    return shown(text).encode("utf-8", "replace").decode()
