"""`focus-billing review approve`, `reject` and `reassign`: one approval file for any number of items."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from openchargeback import money
from openchargeback.billing.period_review import Review, is_open, open_review, original_of, refuse_faulty
from openchargeback.cli.batches import amount_of, describe, ledger_of, who_and_when, write_batch
from openchargeback.cli.options import PERIOD, F, root_of, with_ledger
from openchargeback.cli.report import shown
from openchargeback.ledger.approval_text import Proposal
from openchargeback.ledger.approvals import ID_PATTERN, Answer, Verb
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.lock import locked
from openchargeback.ledger.settings import Config, Payer
from openchargeback.ledger.shape import nearest
from openchargeback.model import HeldCharge, QueueItem, State
from openchargeback.problems import UsageFault
from openchargeback.review.asks import FIELDS, UNPAYABLE, lacking
from openchargeback.review.decisions import unusable_values
from openchargeback.review.proposals import by_money, cleared_by, fund_needed, needed_fields, still_holding
from openchargeback.wording import counted, shortened


class ChargeType(click.ParamType[str]):
    """A charge id or the start of one."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(ID_PATTERN, str(value)):
            self.fail(f"{value} is not a charge id; write it like 7f3a9c21d0b41e66", param, ctx)
        return str(value)


class AmountType(click.ParamType[Decimal]):
    """An amount of money."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        amount = money.parse(str(value))
        if amount is None:
            self.fail(f"{value} is not an amount; write it like 50 or 49.99", param, ctx)
        return amount


CHARGE = ChargeType()

writing: list[Callable[[Any], Any]] = [
    click.option("--reason", required=True, help="Why, for reviewers and auditors."),
    click.option("--by", help="Who decides; Git's user.email by default."),
    click.option("--on", help="The date; today by default.", type=click.DateTime(["%Y-%m-%d"])),
    click.option("--name", help="The name of the approval file."),
    with_ledger,
]
_selecting: list[Callable[[Any], Any]] = [
    click.option("--period", required=True, type=PERIOD, help="The open period to write the decision to."),
    click.option("--of", type=PERIOD, help="A closed period whose charges are still held."),
    click.option("--item", "items", multiple=True, help="Only this queue item, by id; repeatable."),
    click.option("--flag", "flags", multiple=True, help="Only items held by this flag; clears it; repeatable."),
    click.option("--all-flags", is_flag=True, help="Clear all flags of the items, after printing them."),
    click.option("--source", "sources", multiple=True, help="Only this source; repeatable."),
    click.option("--project", "projects", multiple=True, help='Only this project; "" for none; repeatable.'),
    click.option("--service", "services", multiple=True, help="Only this service; repeatable."),
    click.option("--sub-account", "sub_accounts", multiple=True, help="Only charges of this SubAccountId; repeatable."),
    click.option("--resource", "resources", multiple=True, help="Only charges of this resource; repeatable."),
    click.option("--charge", "charges", multiple=True, type=CHARGE, help="Only this charge, by id; repeatable."),
    click.option("--below", type=AmountType(), help="Only items below this amount, regardless of sign."),
    click.option("--except", "excepted", multiple=True, help="Leave out this item or charge, by id; repeatable."),
    click.option("--all", "everything", is_flag=True, help="Everything held in the period."),
    *writing,
]
setting: list[Callable[[Any], Any]] = [
    click.option("--set-pi", default="", help="The PI who is responsible."),
    click.option("--set-project", default="", help="The project; the directory adds its PI and fund."),
    click.option("--set-fund", default="", help="The fund that pays."),
]


def with_options(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Add several options, in this order."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_answering = click.option(
    "--answer",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE.eml",
    help="The email that answers `review ask`; it names item, fund and reason.",
)
# An answer says for which period and why, so these are asked for only without one.
_optional = {
    "period": click.option("--period", type=PERIOD, help="The open period to write the decision to."),
    "reason": click.option("--reason", help="Why, for reviewers and auditors."),
}
_answered = [_optional["period"], *_selecting[1 : -len(writing)], _optional["reason"], *writing[1:]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The values of a command's options, by name."""

    period: str
    of: str | None
    items: tuple[str, ...]
    flags: tuple[str, ...]
    all_flags: bool
    sources: tuple[str, ...]
    projects: tuple[str, ...]
    services: tuple[str, ...]
    sub_accounts: tuple[str, ...]
    resources: tuple[str, ...]
    charges: tuple[str, ...]
    below: Decimal | None
    excepted: tuple[str, ...]
    everything: bool
    reason: str
    by: str | None
    on: dt.datetime | None
    name: str | None
    named: str | None

    @property
    def narrows(self) -> bool:
        """Whether any option selects items."""
        return bool(
            self.items or self.flags or self.sources or self.projects or self.services or self.sub_accounts
            or self.resources or self.charges or self.below is not None
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Chosen:
    """An item to decide, with the charges selected from it; `whole` if that is all of them."""

    item: QueueItem
    charges: tuple[HeldCharge, ...]
    whole: bool


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What will be written: decisions as text, a summary for people, and what could not be decided."""

    entries: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    items: int = 0
    charges: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)


@click.command()
@with_options(*_selecting)
def approve(**values: Any) -> None:
    """Bill held charges as they are.

    \b
    Example: focus-billing review approve --period 2025-01 --flag pattern:gpu --reason "agreed, REQ-142"
             focus-billing review approve --period 2025-01 --all --below 50 --all-flags --reason "below 50"
    """
    _decide(Verb.APPROVE, _Options(**values), Payer())


@click.command()
@with_options(*_selecting)
def reject(**values: Any) -> None:
    """Reject held charges: no one is billed for them.

    \b
    Example: focus-billing review reject --period 2025-01 --flag possible-duplicate --reason "sent twice"
    """
    _decide(Verb.REJECT, _Options(**values), Payer())


@click.command()
@with_options(*setting, _answering, *_answered)
def reassign(set_pi: str, set_project: str, set_fund: str, answer: Path | None, **values: Any) -> None:
    """Bill held charges to another PI, project or fund.

    With --answer, to the fund that a PI chose in answer to `review ask`; the answer becomes part of the decision.

    \b
    Example: focus-billing review reassign --period 2025-01 --sub-account 914477205836 --set-project sky-survey
             --reason "the survey's account"
             focus-billing review reassign --answer answer.eml
    """
    payer = Payer(set_pi.strip(), set_project.strip(), set_fund.strip())
    if answer is not None:
        _decide_by(answer, payer, values)
        return
    for name in ("period", "reason"):
        if values[name] is None:
            raise click.UsageError(f"Missing option '--{name}'.")
    if payer == Payer():
        raise UsageFault("no payer given: use --set-pi, --set-project or --set-fund")
    _decide(Verb.REASSIGN, _Options(**values), payer)


def _decide_by(file: Path, payer: Payer, values: dict[str, Any]) -> None:
    """Decide the item of a question as its answer says; options given win over the answer."""
    from openchargeback.deliver.questions import read_answer

    root = root_of(values["named"])
    ledger = ledger_of(root)
    read = read_answer(file, ledger.deliveries)
    chosen = read.payer or Payer()
    if payer != Payer():
        chosen = replace(chosen, **{name: getattr(payer, name) for name in FIELDS if getattr(payer, name)})
    elif read.payer is None:
        raise UsageFault(
            f"{file} names none of the funds that were offered; read it, and add --set-fund, or ask again. It says: "
            f"{shown(read.reason.partition(': ')[2])[:200]}"
        )
    values["items"] = values["items"] or (read.question.item,)
    values["all_flags"] = values["all_flags"] or not values["flags"]
    values["reason"] = "; ".join(filter(None, (values["reason"], read.reason)))
    if values["period"] is None:
        is_closed = ledger.period_file(read.period).state is not State.OPEN
        values["period"] = (
            next((each for each in ledger.periods if each > read.period and is_open(ledger, each)), "")
            if is_closed
            else read.period
        )
        values["of"] = values["of"] or (read.period if is_closed else None)
        if not values["period"]:
            raise UsageFault(f"{read.period} is closed, and no later period is open; open one to decide late")
    _decide(Verb.REASSIGN, _Options(**values), chosen, read.evidence)


def _decide(verb: Verb, wanted: _Options, payer: Payer, answer: Answer | None = None) -> None:
    """Write an approval file for the items that the options select."""
    if not wanted.narrows and not wanted.everything:
        raise UsageFault("no charges selected: use --item, --flag, --project, …, or --all for everything held")
    root = root_of(wanted.named)
    with locked(root):
        ledger = ledger_of(root)
        of = original_of(ledger, wanted.period, wanted.of)
        who, when = who_and_when(root, wanted.by, wanted.on)
        proposal = Proposal(verb, payer, wanted.reason, who, when, of, answer)
        with open_review(ledger, wanted.period, of) as review:
            chosen = _select(review, wanted)
            if fault := unusable_values(payer, ledger.config, ledger.directory):
                raise UsageFault(f"{fault.message}, so nothing was written; {fault.fix}")
            batch = _Batch()
            for each in chosen:
                _add(batch, each, proposal, review, wanted)
            _refuse_empty(batch)
            if of and batch.left:
                flags = ", ".join(sorted(batch.left))
                raise UsageFault(
                    f"a late decision must clear all flags of its charges, but {flags} would remain; add --all-flags"
                )
            refuse_faulty(review.errors_with(batch.entries))
        _print_summary(verb, batch)
        name = wanted.name or "-".join([verb.value, *(wanted.flags or wanted.projects or wanted.items)[:1]])
        path = write_batch(root, wanted.period, name, batch.entries)
    click.echo(f"Wrote {path}. The decision takes effect once you commit it.")


def _select(review: Review, wanted: _Options) -> list[_Chosen]:
    """The items that the options select, largest amounts first. Raises UsageFault if there are none."""
    items = [item for item in by_money(review.items) if _matches(item, wanted)]
    chosen = []
    for item in items:
        charges = review.charges_of(item)
        kept = tuple(each for each in charges if _is_meant(each, wanted))
        if kept:
            chosen.append(_Chosen(item, kept, whole=len(kept) == len(charges)))
    ids = [charge.id for charges in review.charges.values() for charge in charges]
    unknown = [
        each
        for each in (*wanted.excepted, *wanted.items)
        if not any(item.id == each for item in review.items)
        and not (len(each) >= 8 and any(id_.startswith(each) for id_ in ids))
    ]
    if unknown:
        raise UsageFault(f"{unknown[0]} is not in the queue of {review.period}; see `focus-billing review list`")
    missing = [
        each for each in wanted.charges
        if not any(id_.startswith(each[:16]) for id_ in ids)
    ]  # fmt: skip
    if missing:
        raise UsageFault(f"{missing[0]} is not a held charge of {review.period}; see `focus-billing review show`")
    if not chosen:
        raise UsageFault(_nothing(review, wanted, found=bool(items)))
    return chosen


def _matches(item: QueueItem, wanted: _Options) -> bool:
    return (
        (not wanted.items or item.id in wanted.items)
        and (not wanted.flags or any(flag in item.uncleared for flag in wanted.flags))
        and (not wanted.sources or item.source in {each.strip().lower() for each in wanted.sources})
        and (not wanted.projects or item.project in wanted.projects)
        and (not wanted.services or item.service in wanted.services)
        and (wanted.below is None or abs(item.exact_billed) < wanted.below)
        and item.id not in wanted.excepted
    )


def _is_meant(charge: HeldCharge, wanted: _Options) -> bool:
    return (
        (not wanted.sub_accounts or charge.sub_account in wanted.sub_accounts)
        and (not wanted.resources or bool({charge.resource_id, charge.resource_name} & set(wanted.resources)))
        and (not wanted.charges or any(charge.id.startswith(each[:16]) for each in wanted.charges))
        and not any(charge.id.startswith(each) for each in wanted.excepted if len(each) >= 8)
    )


def _nothing(review: Review, wanted: _Options, *, found: bool) -> str:
    """Why nothing is selected, suggesting the closest value in the queue."""
    if not review.items:
        return f"nothing is held in {review.period}"
    if found and wanted.excepted:
        return "--except leaves nothing to decide"
    for option, given, known in (
        ("--flag", wanted.flags, {flag for item in review.items for flag in item.uncleared}),
        ("--project", wanted.projects, {item.project for item in review.items}),
        ("--service", wanted.services, {item.service for item in review.items}),
        ("--source", wanted.sources, {item.source for item in review.items}),
    ):
        for value in given:
            if value not in known:
                near = nearest(value, known)
                hint = f"; did you mean {near}?" if near else ""
                return f"nothing held in {review.period} has {option} {value or chr(34) * 2}{hint}"
    return f"nothing held in {review.period} matches all of these options; see `focus-billing review list`"


def _add(batch: _Batch, chosen: _Chosen, proposal: Proposal, review: Review, wanted: _Options) -> None:
    """Add the decisions on an item to the batch, or why it cannot be decided this way."""
    item, config, external = chosen.item, review.ledger.config, review.directory.external
    parts = _by_entry(chosen.charges, proposal.set, review.directory)
    cleared = {
        payer: cleared_by(item, proposal.verb, wanted.flags, payer, config, external, all_flags=wanted.all_flags)
        for payer in parts
    }
    refusal = next(
        filter(None, (_refusal(item, proposal.verb, cleared[each], each, config, external) for each in parts)), ""
    )
    if refusal:
        batch.refused.append(f"{amount_of(item)}  {describe(item)}: {refusal}")
        return
    left: set[str] = set()
    for each, charges in parts.items():
        clears, one = cleared[each], replace(proposal, set=each)
        ids = [charge.id for charge in charges]
        whole = chosen.whole and len(parts) == 1
        left |= set(still_holding(item, clears) if proposal.verb is not Verb.REJECT else ())
        batch.entries.append(one.on_item(item, clears) if whole else one.on_charges(ids, clears))
        if each != proposal.set:
            words = {"pi": "PI", "fund": "fund"}
            added = {word: getattr(each, name) for name, word in words.items() if not getattr(proposal.set, name)}
            given = ", ".join(f"{word} {value}" for word, value in added.items() if value)
            batch.notes.append(f"From the directory, for {proposal.set.project}: {given}")
    billed = money.total(*(charge.exact_billed for charge in chosen.charges))
    settles = f", clears {', '.join(clears)}" if proposal.verb is not Verb.REJECT else ""
    still = f"; still held by {', '.join(sorted(left))}" if left else ""
    batch.lines.append(
        f"{money.human(billed, item.currency)} {item.currency}  {describe(item)}, "
        f"{counted(len(chosen.charges), 'charge')}{settles}{still}"
    )
    batch.items += 1
    batch.charges += len(chosen.charges)
    batch.amounts[item.currency] = money.total(batch.amounts.get(item.currency, money.ZERO), billed)
    batch.left |= left


def _by_entry(charges: Sequence[HeldCharge], payer: Payer, directory: Directory) -> dict[Payer, list[HeldCharge]]:
    """Charges by payer: the directory adds PI and fund of a known project as of each charge's date."""
    project = directory.projects.get(payer.project)
    if project is None:
        return {payer: list(charges)}
    parts: dict[Payer, list[HeldCharge]] = {}
    for charge in charges:
        entry = (
            project.entry_on(charge.first_day) if charge.first_day else project.entries[0] if project.entries else None
        )
        pi, fund = (entry.pi, entry.fund) if entry else ("", "")
        parts.setdefault(Payer(payer.pi or pi, payer.project, payer.fund or fund), []).append(charge)
    return parts


def _refusal(
    item: QueueItem, verb: Verb, clears: Sequence[str], payer: Payer, config: Config, external: Collection[str]
) -> str:
    """Why an item cannot be decided this way, and which option to use; empty if it can."""
    if verb is Verb.REJECT:
        return ""
    if "foreign-currency" in item.flags:
        return f"charges in {item.currency} can only be rejected: use `review reject`"
    fields = [name for name in FIELDS if not getattr(payer, name)]
    fund = fund_needed(item, config, external, payer.pi)
    needed = [name for name in lacking(clears, fund_needed=fund) if name in fields]
    # Approving never clears a flag that needs a payer, whichever flags are added.
    if not needed and (not still_holding(item, clears) or (verb is Verb.APPROVE and not clears)):
        needed = [name for name in needed_fields(item, config, external, pi=payer.pi) if name in fields]
    if needed:
        options = " ".join(f"--set-{name}" for name in needed)
        command = "use `review reassign` with" if verb is Verb.APPROVE else "add"
        return (
            f"no one would pay ({', '.join(flag for flag in item.uncleared if flag in UNPAYABLE)}): {command} {options}"
        )
    if not clears:
        flags = " ".join(f"--flag {flag}" for flag in item.uncleared)
        return f"held by other flags: add {flags}, or --all-flags"
    return ""


def _refuse_empty(batch: _Batch) -> None:
    if not batch.entries:
        refused = shortened(batch.refused)
        raise UsageFault("\n".join(["nothing can be decided this way, so nothing was written", *refused]))


def _print_summary(verb: Verb, batch: _Batch) -> None:
    """Print what is about to be written."""
    sums = ", ".join(f"{money.human(amount, unit)} {unit}" for unit, amount in sorted(batch.amounts.items()))
    click.echo(f"{verb.capitalize()} {counted(batch.items, 'item')}, {counted(batch.charges, 'charge')}, {sums}:")
    for line in shortened(batch.lines):
        click.echo(shown(line))
    for note in dict.fromkeys(batch.notes):
        click.echo(shown(note))
    if batch.refused:
        click.echo(f"Not decided, {counted(len(batch.refused), 'item')}:", err=True)
        for line in shortened(batch.refused):
            click.echo(shown(line), err=True)
