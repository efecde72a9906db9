"""The page of a month for finance: one HTML file that works alone, without other files, a server or a network.

It links only to files of its own folder, and has no script. Its style and fonts are inside it.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from openchargeback import money
from openchargeback.billing.invoices import invoice_of
from openchargeback.billing.journal import SourceControl, posts_nothing, source_controls
from openchargeback.billing.postings import posted_month
from openchargeback.characters import one_line
from openchargeback.ledger.deliveries import Delivery, latest
from openchargeback.ledger.postings import Posting
from openchargeback.ledger.settings import Config
from openchargeback.model import Amounts, BilledPeriod, Journal, Provenance, State, Statement
from openchargeback.money import ZERO
from openchargeback.portal.shell import whom_to_ask
from openchargeback.portal.theme import theme_css
from openchargeback.portal.undelivered import Undelivered, undelivered
from openchargeback.portal.views.common import StateView, for_showback, state_view
from openchargeback.review.held_sums import in_total
from openchargeback.templating.environment import Templates
from openchargeback.templating.filters import date_human, period_human
from openchargeback.wording import counted, listed

TEMPLATE = "bundle.html"
_STYLE = "bundle.css"
_FONT = re.compile(r'url\("(page_fonts/[\w-]+\.woff2)"\)')
_WHOLE_FONT = re.compile(r'@font-face \{[^}]*(?:url\("fonts/|local\()[^}]*\}')
"""A font with more than Latin letters, too large to be part of a page, or of the system: that has the rest anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLink:
    """A statement in the list: its PI, project and funds, what is due, its state in words, and its PDF.

    invoice: its number, if it is the invoice of an external payer.
    """

    number: str
    pi: str
    email: str
    project: str
    title: str
    funds: tuple[str, ...]
    amounts: Amounts
    state: str
    pdf: str
    invoice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLink:
    """A journal file in the list, with its control totals; None for a total that the file does not have."""

    name: str
    path: str
    document: str = ""
    lines: int | None = None
    debits: Decimal | None = None
    credits: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFiles:
    """The other files of the folder, by their paths in it.

    pdfs: by statement's number. totals: the control totals. receivables: empty if nothing is invoiced.
    """

    pdfs: Mapping[str, str]
    journal: tuple[JournalLink, ...]
    totals: str
    receivables: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleView:
    """Everything the page shows. draft: the month is open. amounts: what is due; for a showback month, the value.

    held: what is held today, one pair of charges and amount per currency. steps: what finance should do, in order.
    controls: display name and totals of each source. balanced: whether the journal ties out with the statements.
    invoiced: what external payers owe; receivables: the path of its file, empty if nothing is invoiced.
    undelivered: the emails that did not arrive, or of which nobody knows.
    """

    period: str
    state: StateView
    draft: bool
    organization: str
    unit: str
    contact: str
    mail: str
    showback: bool
    amounts: Amounts
    held: tuple[str, ...]
    steps: tuple[str, ...]
    statements: tuple[StatementLink, ...]
    accounting_date: dt.date
    files: tuple[JournalLink, ...]
    totals: str
    journal: Journal
    controls: tuple[tuple[str, SourceControl], ...]
    balanced: bool
    invoiced: Decimal
    receivables: str
    undelivered: tuple[Undelivered, ...]
    digest: str
    provenance: Provenance


def bundle_page(view: BundleView, config: Config, env: Templates) -> bytes:
    """The bytes of `index.html`."""
    style = _style(config, env)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    text = env.render_page(
        TEMPLATE,
        view=view,
        currency=config.currency,
        style=Markup(style),  # noqa: S704 - a style element holds no markup, and `_style` keeps it open
        style_digest=digest,
    )
    return text.encode()


def bundle_view(
    period: BilledPeriod,
    config: Config,
    *,
    files: BundleFiles,
    postings: Sequence[Posting],
    deliveries: Sequence[Delivery] = (),
    provenance: Provenance,
) -> BundleView:
    """What the page of a month shows.

    postings: what the accounting system did with the journal. deliveries: what was emailed.
    """
    organization, showback = config.organization, for_showback((period,))
    contact, mail = whom_to_ask(config)
    controls = source_controls(period.journal)
    due = sum((each.amounts.billed for each in period.statements), ZERO)
    journal = period.journal
    return BundleView(
        period=period.period,
        state=state_view(period),
        draft=period.state is State.OPEN,
        organization=one_line(organization.name),
        unit=one_line(organization.unit),
        contact=one_line(contact),
        mail=mail if mail != contact else "",
        showback=showback,
        amounts=period.shown if showback else period.amounts,
        held=_held(period),
        steps=_steps(period, config, postings, one_line(contact)),
        statements=tuple(
            _link(each, period, config, files.pdfs[each.number], showback=showback) for each in period.statements
        ),
        accounting_date=period.accounting_date,
        files=files.journal,
        totals=files.totals,
        journal=journal,
        controls=tuple((one_line(config.source(each.source).label or each.source), each) for each in controls),
        balanced=journal.debits == journal.credits and journal.net + period.invoiced.billed == due + journal.again,
        invoiced=period.invoiced.billed,
        receivables=files.receivables,
        undelivered=undelivered(latest(deliveries)),
        digest=period.digest,
        provenance=provenance,
    )


def _link(statement: Statement, period: BilledPeriod, config: Config, pdf: str, *, showback: bool) -> StatementLink:
    invoice = invoice_of(statement, config)
    email, title = one_line(statement.pi.email), one_line(statement.project.title)
    name, project = one_line(statement.pi.name), one_line(statement.project.id)
    return StatementLink(
        number=statement.number,
        pi=name or email or "Unknown PI",
        email=email if email != name else "",
        project=project or "Without project",
        title=title if title != project else "",
        funds=tuple(one_line(fund) for fund in statement.funds),
        amounts=statement.shown if showback else statement.amounts,
        state=_state(statement, period),
        pdf=pdf,
        invoice=invoice.number if invoice else "",
    )


def _state(statement: Statement, period: BilledPeriod) -> str:
    """The state of a statement in words."""
    if statement.draft:
        return "Draft"
    word = {State.CLOSED: "Issued", State.FINALIZED: "Final", State.OPEN: "Draft"}[period.state]
    revised = f", revision {statement.revision}" if statement.revision > 1 else ""
    return f"{word}{revised}" + (", for information" if statement.only_shown else "")


def _held(period: BilledPeriod) -> tuple[str, ...]:
    """What is held today, in words, for each currency."""
    found = []
    for each in in_total(period.undecided, period.currency):
        if each.charges:
            amount = money.human(money.to_cents(each.exact_billed, each.currency), each.currency)
            found.append(f"{counted(each.charges, 'charge')}, {each.currency} {amount}")
    return tuple(found)


def _steps(period: BilledPeriod, config: Config, postings: Sequence[Posting], contact: str) -> tuple[str, ...]:
    """What finance should do, from the state of the month alone."""
    month, held = period_human(period.period), _held(period)
    waiting = [f"Held for review, and on no statement: {'; '.join(held)}."] if held else []
    if period.invoiced.billed:
        waiting.append("Book the receivables below: external payers get an invoice and are not in the journal.")
    if posts_nothing(period, config):
        return ("Post nothing: no source of this month is charged. Its statements are for information.", *waiting)
    if not period.journal.lines:
        return ("Post no journal: nothing of this month is paid by internal funds.", *waiting)
    if period.state is State.OPEN:
        return (
            f"Post nothing yet: {month} is open, and its figures change until it is closed.",
            *waiting,
            "Prepare the import with the drafts below. The files to import come when the month is closed.",
        )
    kept = "Keep this folder with the posting. Corrections come as new entries in a later month."
    if postings:
        return (*_posted(period, postings), *waiting, kept)
    if period.state is State.FINALIZED:
        final = f" since {date_human(period.finalized_on)}" if period.finalized_on else ""
        return (
            f"Keep this folder: {month} is final{final}, and nothing in it changes.",
            f"If its journal has not been posted, import it, compare the totals, and tell {contact} its number.",
            *waiting,
        )
    return (
        "Import one of the journal files below: the one in the format that your accounting system reads.",
        "Compare the totals that it reports with the control totals below.",
        f"Tell {contact} the document number and date of the posting, and each line that was rejected or suspended.",
        *waiting,
        kept,
    )


def _posted(period: BilledPeriod, postings: Sequence[Posting]) -> list[str]:
    """What became of the journal, and what is left to do about it."""
    posted = posted_month(period.journal, period.documents, postings)
    numbers = listed([each.reference or each.document for each in postings], 3)
    steps = [f"Post nothing: the journal was posted on {date_human(max(each.on for each in postings))} as {numbers}."]
    if posted.not_posted.lines:
        steps[0] = f"Post the rest of the journal: {counted(posted.not_posted.lines, 'line')} not posted yet."
    if posted.suspense.lines:
        steps.append(f"Clear {counted(posted.suspense.lines, 'line')} in suspense.")
    if posted.rejected.lines:
        steps.append(f"{counted(posted.rejected.lines, 'line')} rejected: the journal of a later month repeats them.")
    return steps


def _style(config: Config, env: Templates) -> str:
    """The style of the page, with its fonts inside; nothing in it can end the element that it stands in."""
    files = env.files()
    tokens, own = (files[name].read_text("utf-8", "replace") for name in ("assets/tokens.css", _STYLE))

    def inside(match: re.Match[str]) -> str:
        # A ledger's own style sheet may name a font that does not exist.
        font = files.get(f"assets/{match[1]}")
        data = base64.b64encode(font.read_bytes() if font else b"").decode()
        return f'url("data:font/woff2;base64,{data}")'

    sheets = "\n".join((_WHOLE_FONT.sub("", tokens), theme_css(config.portal.accent), own))
    return _FONT.sub(inside, sheets).replace("</", "<\\/")
