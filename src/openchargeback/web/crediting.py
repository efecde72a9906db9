"""Credits by form: charges of a closed month, taken back in an open one with the file of `review credit`, as drafts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from openchargeback import money
from openchargeback.billing.crediting import Selection, credit_entry, sums_by_statement
from openchargeback.billing.credits import Billed, BilledFilter
from openchargeback.files.branches import Identity
from openchargeback.files.changes import change_files
from openchargeback.ledger.approval_text import Proposal, approval_file
from openchargeback.ledger.approvals import ID_PATTERN, Verb
from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.settings import Payer
from openchargeback.model import State
from openchargeback.problems import UsageFault
from openchargeback.templating.filters import period_human
from openchargeback.web.access import Action
from openchargeback.web.addresses import Address
from openchargeback.web.decided import Waiting, added_by, gathered
from openchargeback.web.pages import page
from openchargeback.web.program import program_of, signed_in
from openchargeback.web.workspace import Change
from openchargeback.wording import counted, shortened

_MOST_KEPT = 8000
"""The longest address in characters that fills the form in again; servers and proxies refuse much longer ones."""
_LISTS = ("charge", "resource", "statement", "project", "source")
_TEXTS = ("period", "of", "set_pi", "set_project", "set_fund", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """The form. on: the date of the decision. waiting: the branches that may credit the same charges."""

    period: str
    of: str
    charge: tuple[str, ...]
    resource: tuple[str, ...]
    statement: tuple[str, ...]
    project: tuple[str, ...]
    source: tuple[str, ...]
    set_pi: str
    set_project: str
    set_fund: str
    reason: str
    on: str
    waiting: tuple[Waiting, ...]


def credit(root: Path, form: Credit, who: Identity) -> Change:
    """Write the approval file of a credit, as `review credit` does."""
    wanted = BilledFilter(
        resources=form.resource,
        statements=form.statement,
        projects=form.project,
        sources=tuple(each.lower() for each in form.source),
    )
    if not form.charge and wanted == BilledFilter():
        raise UsageFault("no charges selected: name charges, resources, statements, projects or sources")
    for each in form.charge:
        if not re.fullmatch(ID_PATTERN, each):
            raise UsageFault(f"{each[:80]} is not a charge id; write it like 7f3a9c21d0b41e66")
    if not form.of or not form.period:
        raise UsageFault("choose the month of the charges, and the open month whose statement carries the credit")
    ledger = gathered(root)
    payer = Payer(form.set_pi, form.set_project, form.set_fund)
    proposal = Proposal(Verb.CREDIT, payer, form.reason, who.email, form.on, form.of)
    entry, billed = credit_entry(ledger, Selection(form.period, form.of, form.charge, wanted), proposal)
    _refuse_waiting(root, form, billed)
    path, content = approval_file(root, form.period, f"credit-{form.of}", [entry])
    relative = path.relative_to(root).as_posix()
    change_files(root, {relative: content})
    subject = f"Credit {counted(len(billed), 'charge')} of {period_human(form.of)}"
    name = f"review/{form.period}-{path.stem}"
    return Change(subject, name, (relative,), notes=tuple(_notes(billed, ledger.config.currency)))


def _refuse_waiting(root: Path, form: Credit, billed: Sequence[Billed]) -> None:
    """Raise UsageFault for a charge that a branch credits already: merging both would be an error."""
    for branch in form.waiting:
        for each in added_by(root, branch):
            if each.verb is not Verb.CREDIT or each.period != form.of:
                continue
            twice = next((one.charge for one in billed if any(map(one.charge.startswith, each.charges))), "")
            if twice:
                raise UsageFault(f"{twice[:16]}: {each.by} credits it on the branch {branch[0]} ({each.reason})")


def _notes(billed: Sequence[Billed], currency: str) -> list[str]:
    """What is credited, a sentence for each statement."""
    return shortened(
        [
            f"{currency} {money.human(amount, currency)} of {first.corrects} ({first.pi}, "
            f"{first.project or 'no project'}): {counted(number, 'charge')}."
            for first, number, amount in sums_by_statement(billed)
        ],
        indent="",
        more="more.",
    )


def closed_months(ledger: Ledger) -> list[str]:
    """The months whose charges can be credited, the latest first."""
    return [each for each in reversed(ledger.periods) if ledger.period_file(each).state is not State.OPEN]


async def show(request: Request) -> Response:
    """The form, filled in with what the address says."""
    ledger = program_of(request).ledger
    given = {name: "\n".join(request.query_params.getlist(name)) for name in (*_LISTS, *_TEXTS)}
    open_ = [each for each in ledger.periods if ledger.period_file(each).state is State.OPEN]
    values = {"given": given, "closed": closed_months(ledger), "open": open_}
    return page(request, "credit.html", "Credit charges", values)


async def propose(request: Request) -> Response:
    """Make a draft of what the form says."""
    program = program_of(request)
    sent = await request.form(max_files=0, max_fields=50)
    lists = {name: tuple(filter(None, map(str.strip, str(sent.get(name, "")).splitlines()))) for name in _LISTS}
    texts = {name: str(sent.get(name, "")).strip() for name in _TEXTS}
    waiting = tuple((each.name, each.base, each.commit) for each in await program.waiting.now())
    form = Credit(
        period=texts["period"],
        of=texts["of"],
        charge=lists["charge"],
        resource=lists["resource"],
        statement=lists["statement"],
        project=lists["project"],
        source=lists["source"],
        set_pi=texts["set_pi"],
        set_project=texts["set_project"],
        set_fund=texts["set_fund"],
        reason=texts["reason"],
        on=dt.datetime.now(dt.UTC).date().isoformat(),
        waiting=waiting,
    )
    back = f"web/credit?{urlencode({**lists, **texts}, doseq=True)}"
    if len(back) > _MOST_KEPT:
        back = "web/credit"
    draft = program.drafts.start(signed_in(request), Action.REVIEW, "Credit charges", back, credit, form)
    return RedirectResponse(f"/web/drafts/{draft.id}", 303)


ADDRESSES = (Address("/web/credit", {"GET": (Action.REVIEW, show), "POST": (Action.REVIEW, propose)}),)
