"""The values that the stages pass on, in the order in which they are made.

    charge files ─▶ BillingLine ─▶ Statement ─┬▶ pages, PDFs
                    └ ResourceLine            └▶ JournalLine ─▶ journal files
    flags ─▶ QueueItem ─▶ review queue

Amounts named `exact_…` are in the ledger's currency, exact to 18 decimals. All other amounts are also in the ledger's
currency, but in whole minor units (cents): a Decimal with exactly as many places as the currency has.
Periods are written `2025-01`. Nothing here reads files or does more with money than add it up.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from openchargeback import money
from openchargeback.money import ZERO


def field_values(record: Any, of: type | None = None) -> dict[str, Any]:
    """The fields of a dataclass by name, to build another one from; of: only those that this class has."""
    return {each.name: getattr(record, each.name) for each in fields(of or record)}


class State(enum.StrEnum):
    """The state of a period."""

    OPEN = "open"
    CLOSED = "closed"
    FINALIZED = "finalized"


class Kind(enum.StrEnum):
    """The kind of a charge on a statement, from ChargeCategory and ChargeClass (FOCUS 1.2)."""

    USAGE = "usage"
    PURCHASE = "purchase"
    TAX = "tax"
    CREDIT = "credit"
    ADJUSTMENT = "adjustment"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """List price, discount and amount billed. In cents, `list == discount + billed` always holds.

    `discount` is positive if the PI pays less than the list price. `covered` is the part of it that the institution
    covers (`sources.X.discount`); the rest is the vendor's.
    """

    list: Decimal = ZERO
    discount: Decimal = ZERO
    billed: Decimal = ZERO
    covered: Decimal = ZERO

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            list=self.list + other.list,
            discount=self.discount + other.discount,
            billed=self.billed + other.billed,
            covered=self.covered + other.covered,
        )

    def __sub__(self, other: Amounts) -> Amounts:
        # To negate, subtract from zero: the negative of zero would be written as -0.00.
        return Amounts(
            list=self.list - other.list,
            discount=self.discount - other.discount,
            billed=self.billed - other.billed,
            covered=self.covered - other.covered,
        )

    @staticmethod
    def total(parts: Iterable[Amounts]) -> Amounts:
        """The sum of any number of amounts."""
        listed = discount = billed = covered = ZERO
        for part in parts:
            listed += part.list
            discount += part.discount
            billed += part.billed
            covered += part.covered
        return Amounts(list=listed, discount=discount, billed=billed, covered=covered)


class PayerClass(enum.StrEnum):
    """How a PI pays: an internal payer's funds are journaled, any other payer is sent an invoice."""

    INTERNAL = "internal"
    EXTERNAL_ACADEMIC = "external-academic"
    COMMERCIAL = "commercial"


@dataclass(frozen=True, slots=True)
class BillTo:
    """Whom an external payer's invoices are addressed to.

    taxable: whether the payer owes tax; None means as `external_payers` in the settings says for the payer's class.
    """

    organization: str = ""
    address: tuple[str, ...] = ()
    purchase_order: str = ""
    taxable: bool | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A principal investigator. Without a directory entry, the name is the email address."""

    email: str
    name: str
    department: str = ""
    payer_class: PayerClass = PayerClass.INTERNAL
    bill_to: BillTo = BillTo()

    @property
    def texts(self) -> tuple[str, ...]:
        """What documents may show of the person besides the email address."""
        bill_to = self.bill_to
        return self.name, self.department, bill_to.organization, *bill_to.address, bill_to.purchase_order

    @property
    def external(self) -> bool:
        """Whether the PI is sent invoices: no fund is journaled."""
        return self.payer_class is not PayerClass.INTERNAL


@dataclass(frozen=True, slots=True)
class Project:
    """A project. Without a directory entry, the title is the id.

    award: the number of the grant or contract, as written by the sponsor. start, end: the first and the last day on
    which it may spend, both inclusive; None means no limit.
    """

    id: str
    title: str
    award: str = ""
    start: dt.date | None = None
    end: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Fund:
    """An accounting string, and the days of usage that it may pay for, both inclusive; None means no limit."""

    id: str
    title: str = ""
    since: dt.date | None = None
    until: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTotals:
    """What one source delivered for one period, in one currency: imported = billed + held + rejected, exactly.

    days: how many days of the period its charges cover, in all currencies; first_day, last_day: the first and the last
    of these (UTC). All are None if its files lack dates; first_day and last_day also if no day is covered.
    """

    source: str
    currency: str
    files: int
    charges: int
    imported: Decimal
    billed: Decimal
    held: Decimal
    rejected: Decimal
    imported_list: Decimal
    charges_billed: int
    charges_held: int
    charges_rejected: int
    days: int | None = None
    first_day: dt.date | None = None
    last_day: dt.date | None = None


@dataclass(frozen=True, slots=True)
class ChargeRows:
    """Some charges of a file: their number, and the first few of their rows (the header is 1).

    lines: where these rows start; empty for a file without lines.
    """

    path: str
    charges: int
    rows: tuple[int, ...]
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSum:
    """The charges of a source that name the same invoice of its provider, in one currency, whatever became of them.

    invoice: their InvoiceId; empty for those that name none. billed: the exact sum of BilledCost, whichever column the
    source bills. tax: the part of it that is tax. unreadable: how many of the charges have no readable BilledCost.
    rows: where they are; not kept when a period is closed.
    """

    source: str
    invoice: str
    currency: str
    charges: int
    billed: Decimal
    tax: Decimal
    unreadable: int = 0
    rows: tuple[ChargeRows, ...] = ()


@dataclass(frozen=True, slots=True)
class Without:
    """A source that is expected monthly but that a period was closed without: why, and who decided it."""

    source: str
    reason: str
    by: str = ""


class Entry(enum.StrEnum):
    """How money got on a statement: by the period's own charges, or by a decision on charges of an earlier one.

    late: held when its period was closed, approved since. credit: reverses a billed charge. rebill: bills a credited
    charge to the right payer. rejected: held when its period was closed, rejected since; never a billing line.
    """

    OWN = "own"
    LATE = "late"
    CREDIT = "credit"
    REBILL = "rebill"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingLine:
    """The billed charges of one period, PI, project, fund, source and service: summed exactly, rounded once.

    Charges of an earlier period form separate lines: `original` is that period, `corrects` the number of the statement
    that a credit or re-billing corrects; both are empty for the period's own charges. A credit is negative.
    posted: whether the line is due; otherwise it is only shown.
    invoiced: whether a line that is due is on an invoice to an external payer, and not in the journal.
    """

    period: str
    pi: str
    project: str
    fund: str
    source: str
    service: str
    charges: int
    exact_list: Decimal
    exact_billed: Decimal
    amounts: Amounts
    entry: Entry = Entry.OWN
    original: str = ""
    corrects: str = ""
    posted: bool = True
    invoiced: bool = False

    @property
    def journaled(self) -> bool:
        """Whether the line goes to the journal."""
        return self.posted and not self.invoiced

    @property
    def key(self) -> tuple[str, ...]:
        """Orders lines, and breaks ties when cents are allocated."""
        payer = (self.pi, self.project, self.fund, self.source, self.service)
        return payer if self.entry is Entry.OWN else (*payer, str(self.entry), self.original, self.corrects)


class Various(enum.StrEnum):
    """What several charges do not share, so that one quantity and one unit price cannot stand for all of them."""

    NOTHING = ""
    PRICE = "price"
    UNIT = "unit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The days of one or more charges, and how much of what was used at which price.

    first_day, last_day: UTC; None if unknown. quantity: in `unit`; None if the charges have none, or various units.
    Unit prices: in the charges' currency; None if they have none, or not all the same. All exact.
    various: the unit, or else the price (the list price, or the contracted one if they have no list price).
    """

    first_day: dt.date | None = None
    last_day: dt.date | None = None
    quantity: Decimal | None = None
    unit: str = ""
    list_unit_price: Decimal | None = None
    contracted_unit_price: Decimal | None = None
    various: Various = Various.NOTHING

    @property
    def taken_back(self) -> Usage:
        """The usage that a credit takes back."""
        return self if self.quantity is None else replace(self, quantity=money.negative(self.quantity))

    @property
    def unit_price(self) -> Decimal | None:
        """The list price of a unit, or the contracted one if there is no list price; None if unknown or various."""
        priced = self.various is Various.NOTHING
        price = self.contracted_unit_price if self.list_unit_price is None else self.list_unit_price
        return price if priced else None

    @staticmethod
    def together(parts: Sequence[Usage]) -> Usage:
        """The usage of several resources or charges as one."""
        if len(parts) == 1:
            return parts[0]
        first = [each.first_day for each in parts if each.first_day]
        last = [each.last_day for each in parts if each.last_day]
        days = Usage(first_day=min(first, default=None), last_day=max(last, default=None))
        if all(each.quantity is None and each.various is not Various.UNIT for each in parts):
            return days
        amounts = [each.quantity for each in parts if each.quantity is not None]
        if len(amounts) < len(parts) or len({each.unit.casefold() for each in parts}) > 1:
            return replace(days, various=Various.UNIT)
        listed, contracted = (
            prices.pop() if len(prices) == 1 else None
            for prices in ({each.list_unit_price for each in parts}, {each.contracted_unit_price for each in parts})
        )
        is_priced = len({each.unit_price for each in parts}) == 1 and not any(each.various for each in parts)
        return replace(
            days,
            quantity=money.total(*amounts),
            unit=parts[0].unit,
            list_unit_price=listed,
            contracted_unit_price=contracted,
            various=Various.NOTHING if is_priced else Various.PRICE,
        )


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One charge of an earlier period that a decision of this period bills, credits, bills again or rejects.

    charge: its full id in the period `original`. amounts: its cents, and usage: what was
    used; negative for a credit. The amounts are zero if rejected.
    corrects: the number of the statement that billed it; empty if it was held. place: `path:line` of the decision.
    posted, invoiced: as for its line; a credit takes both from the charge it reverses. kind: that of the charge.
    """

    charge: str
    original: str
    entry: Entry
    pi: str
    project: str
    fund: str
    source: str
    service: str
    currency: str
    exact_list: Decimal
    exact_billed: Decimal
    amounts: Amounts
    corrects: str
    place: str
    posted: bool = True
    invoiced: bool = False
    kind: Kind = Kind.USAGE
    resource_id: str = ""
    resource_name: str = ""
    usage: Usage = NO_USAGE

    @property
    def line_key(self) -> tuple[str, ...]:
        """The key of the billing line that it is part of."""
        payer = (self.pi, self.project, self.fund, self.source, self.service)
        return (*payer, str(self.entry), self.original, self.corrects)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLine:
    """The share of one resource (and one kind of charge) in a billing line; the shares add up to the line."""

    fund: str
    source: str
    service: str
    kind: Kind
    resource_id: str
    resource_name: str
    charges: int
    amounts: Amounts
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class FlagNote:
    """Why a flag was raised on the charges of a queue item: the first few distinct reasons; may be empty."""

    flag: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCharge:
    """A held charge as a reviewer sees it.

    id: 16 digits. path, row: its location; the header is row 1. first_day, last_day: the days it covers (UTC).
    quantity, unit_price: exact, in `unit` and the row's currency; None if the file lacks them.
    """

    id: str
    path: str
    row: int
    first_day: dt.date | None
    last_day: dt.date | None
    sub_account: str
    resource_id: str
    resource_name: str
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    exact_list: Decimal
    exact_billed: Decimal
    tags: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDetails:
    """What a reviewer must see to decide on a queue item: why it is held, and what the charges are.

    sub_accounts, resources: the first few names. resource_count: how many there are. first_day, last_day: the days that
    the charges cover. quantity, unit: their sum if all share a unit. samples: the charges with the largest amounts.
    """

    notes: tuple[FlagNote, ...] = ()
    sub_accounts: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_count: int = 0
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    quantity: Decimal | None = None
    unit: str = ""
    samples: tuple[HeldCharge, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """Held charges that are decided as one (docs/ARCHITECTURE.md, "The review queue"): an item of the review queue.

    The charges share source, service, project, PI, currency and the flags as raised; if the project is missing, also
    the sub-account or, without one, the resource. Empty text means "has none".
    uncleared: the flags that no decision has cleared yet. named: whether decisions name the charges by id, so that only
    ids can decide them; then `ids` has all of them, else the first few, 16 digits each, sorted.
    exact_list, exact_billed: in `currency`. digest: SHA-256 of the sorted full ids, one id per line.
    """

    period: str
    source: str
    service: str
    project: str
    pi: str
    currency: str
    sub_account: str
    resource: str
    flags: tuple[str, ...]
    uncleared: tuple[str, ...]
    charges: int
    exact_list: Decimal
    exact_billed: Decimal
    digest: str = ""
    ids: tuple[str, ...] = ()
    named: bool = False
    details: ItemDetails = ItemDetails()

    @property
    def key(self) -> tuple[str, ...]:
        """Identifies the item in its period: the values of `ITEM_KEYS` in order, then the flags."""
        return tuple(getattr(self, name) for name in ITEM_KEYS) + self.flags

    @property
    def id(self) -> str:
        """A short name for commands and links: `q` and ten digits, derived from the item's key."""
        parts = [self.period, *self.key, *(self.uncleared if self.named else ())]
        return "q" + hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:10]


ITEM_KEYS = ("source", "service", "project", "pi", "currency", "sub_account", "resource")
"""What the charges of a queue item share besides their flags; a decision names an item by these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """How PI, project and fund of some billed charges of a statement were found; each charge has one attribution.

    pi, project, fund: `tag`, `match` (the directory claims the account or resource), `project` (the project's entry in
    the directory), `default` (of the source) or `decision`; fund is empty if none is known and nothing is billed.
    by: who decided, sorted; empty without decisions. billed: in cents; they sum to the statement's totals.
    posted: whether these charges go to the journal, or are only shown.
    """

    pi: str
    project: str
    fund: str
    by: tuple[str, ...]
    charges: int
    exact_billed: Decimal
    billed: Decimal
    posted: bool = True


@dataclass(frozen=True, slots=True)
class Reference:
    """The values of a configured reference, such as grant numbers, in the tags of a statement's charges.

    values: distinct and sorted; the first ones of `count`.
    """

    name: str
    values: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodAmounts:
    """One bar of a history chart: what was charged and, separately, what was only shown."""

    period: str
    amounts: Amounts
    shown: Amounts = Amounts()


class _Line(Protocol):
    @property
    def amounts(self) -> Amounts: ...
    @property
    def posted(self) -> bool: ...


class LineTotals:
    """The totals of lines, those that are charged and those that are only shown apart."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def lines(self) -> Sequence[_Line]: ...

    @property
    def amounts(self) -> Amounts:
        """The sum of the posted lines; `billed` is the amount due."""
        return Amounts.total(line.amounts for line in self.lines if line.posted)

    @property
    def shown(self) -> Amounts:
        """The sum of the lines that are only shown; never part of an amount due."""
        return Amounts.total(line.amounts for line in self.lines if not line.posted)

    @property
    def posted(self) -> int:
        """How many lines are posted."""
        return sum(1 for line in self.lines if line.posted)

    @property
    def unposted(self) -> int:
        """How many lines are only shown."""
        return len(self.lines) - self.posted


class _Lines(LineTotals):
    """The totals of billing lines."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def lines(self) -> Sequence[BillingLine]: ...

    @property
    def invoiced(self) -> Amounts:
        """The sum of the lines on invoices; what else is due is journaled."""
        return Amounts.total(line.amounts for line in self.lines if line.invoiced)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLines(_Lines):
    """The billing lines of one PI and one project in one period.

    number: unique in the ledger and never reused, such as `2025-01-3f9a1c22b7` (`…-r2` after a reopening).
    """

    number: str
    period: str
    pi: Person
    project: Project
    lines: tuple[BillingLine, ...]

    @property
    def only_shown(self) -> bool:
        """Whether the statement is for information only: it has lines, and none is posted."""
        return not self.posted and bool(self.unposted)

    @property
    def credit_notes(self) -> dict[str, str]:
        """The numbers of the credit notes in this statement, by the number of the statement that each corrects."""
        corrected = sorted({line.corrects for line in self.lines if line.entry is Entry.CREDIT})
        return {original: f"{self.number}-c{place}" for place, original in enumerate(corrected, start=1)}

    @property
    def funds(self) -> tuple[str, ...]:
        """The accounting strings that pay, sorted; empty if nothing is journaled or none is known."""
        return tuple(sorted({line.fund for line in self.lines if line.fund and line.journaled}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement(StatementLines):
    """A statement with everything that it shows.

    issued: the closing date; before closing, the last day of the period, and `draft` is set. accounting_date: that of
    its journal lines.
    digest: SHA-256 of all inputs of the statement's figures.
    corrections: the charges of earlier periods in its lines. paying: what the directory says about its funds.
    history: the earlier periods with data, as of its closing; None before that: use the months of the ledger.
    """

    revision: int
    draft: bool
    issued: dt.date
    accounting_date: dt.date
    resources: Sequence[ResourceLine]
    held: tuple[QueueItem, ...]
    digest: str
    corrections: tuple[Correction, ...] = ()
    paying: tuple[Fund, ...] = ()
    history: tuple[PeriodAmounts, ...] | None = None
    attributions: tuple[Attribution, ...] = ()
    references: tuple[Reference, ...] = ()

    @property
    def days(self) -> tuple[dt.date, dt.date] | None:
        """The first and the last day of the charges that it bills; those that it credits are on another statement."""
        usages = [each.usage for each in self.resources]
        usages += [each.usage for each in self.corrections if each.entry in (Entry.LATE, Entry.REBILL)]
        first = [each.first_day for each in usages if each.first_day]
        last = [each.last_day for each in usages if each.last_day]
        return (min(first), max(last)) if first and last else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagTotal:
    """The charges of a period that have a flag, in one currency, decided or not; amounts exact in that currency."""

    flag: str
    currency: str
    charges: int
    exact_billed: Decimal


@dataclass(frozen=True, slots=True)
class Unusual:
    """A source, project and service whose charges are unusual together (docs/LEDGER.md, "Flags"), and why."""

    source: str
    project: str
    service: str
    why: str


class Side(enum.StrEnum):
    """The side of a journal line."""

    DEBIT = "debit"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One line of the canonical journal. `amount` is always positive; `side` gives the direction.

    A refund swaps debit and credit (2 × positive), since many systems refuse negative amounts.
    `payer` is true on the side of the PI's fund, false on the side of the source's credit fund.
    again: the document whose rejected line this one repeats, such as `RC250101`; empty for all others.
    """

    period: str
    date: dt.date
    side: Side
    payer: bool
    fund: str
    account: str
    amount: Decimal
    source: str
    service: str
    pi: str
    project: str
    statement: str
    description: str
    again: str = ""

    @property
    def signed(self) -> Decimal:
        """Debit positive, credit negative."""
        return self.amount if self.side is Side.DEBIT else -self.amount


@dataclass(frozen=True, slots=True)
class Journal:
    """Balanced lines of one period: payer, then its counterpart. First those of the billing lines, in their order, then
    those that are journaled again.

    described: the same lines with whole descriptions, made when they are first looked at; None if `lines` have them.
    """

    period: str
    lines: Sequence[JournalLine]
    described: Sequence[JournalLine] | None = field(default=None, compare=False)

    @property
    def whole(self) -> Journal:
        """The journal with whole descriptions. Looking at its lines raises LedgerFault if the template is faulty."""
        return self if self.described is None else Journal(self.period, self.described)

    @property
    def debits(self) -> Decimal:
        """Sum of the debit side."""
        return sum((line.amount for line in self.lines if line.side is Side.DEBIT), ZERO)

    @property
    def credits(self) -> Decimal:
        """Sum of the credit side; equal to `debits`."""
        return sum((line.amount for line in self.lines if line.side is Side.CREDIT), ZERO)

    @property
    def net(self) -> Decimal:
        """Debits less credits on the payers' side: what statements say is due, without what is invoiced, and what is
        journaled again.

        A refund swaps sides, so it increases `debits` and `credits` and decreases `net`.
        """
        return sum((line.signed for line in self.lines if line.payer), ZERO)

    @property
    def again(self) -> Decimal:
        """The part of `net` that is journaled again: billed earlier, and then rejected by the accounting system."""
        return sum((line.signed for line in self.lines if line.payer and line.again), ZERO)


class RowKind(enum.StrEnum):
    """What a line of a journal file is: a line of the journal, or the net of several."""

    LINES = "lines"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalDocument:
    """A document of the accounting system, with the number that closing assigned; a long journal has several.

    format: the profile. part: counts the documents of a format from 1. rows: what its lines are.
    first, last: its lines of the month's journal, from 1. lines: how many lines it has.
    files: SHA-256 of each of its files by name, as written at closing.
    """

    format: str
    number: str
    part: int
    rows: RowKind
    first: int
    last: int
    lines: int
    debits: Decimal
    credits: Decimal
    files: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournaledAgain:
    """A billing line whose journal lines the accounting system rejected, journaled again in a later period.

    original: the period whose journal was rejected. document, line: the rejected line as finance knows it.
    number: the payer's line in the journal of `original`, from 1.
    billed: in cents; negative for a refund. fund: the one that pays now; credit_fund: the one credited.
    """

    original: str
    document: str
    line: int
    number: int
    fund: str
    account: str
    credit_fund: str
    credit_account: str
    billed: Decimal
    source: str
    service: str
    pi: str
    project: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """A charge file as received: its location and content."""

    path: str
    source: str
    sha256: str
    size: int
    charges: int
    exact_billed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """A decision as shown on pages: what was decided on how many charges, by whom and why.

    void: why it no longer applies; empty if it does.
    """

    path: str
    line: int
    decision: str
    what: str
    charges: int
    exact_billed: Decimal
    reason: str
    by: str
    on: str
    void: str = ""


class Level(enum.StrEnum):
    """How strong the evidence is for who approved a file.

    A: the host recorded an approving review by someone other than the authors of the commits. B: the commit or merge
    that brought the file was signed by someone other than its authors, with a key in the committed list. W: someone
    other than the authors approved and merged it in the web program, as its unsigned merge commit says; its login and
    audit log vouch for that. C: names in Git and YAML, which nothing vouches for. Unknown: the history is missing.
    """

    A = "A"
    B = "B"
    W = "W"
    C = "C"
    UNKNOWN = "unknown"


LEVELS = (
    "A: the host's record of an approving review by someone other than the authors. B: signed by someone other than "
    "the authors, with a known key. W: approved in the web program by someone other than the authors, as far as its "
    "login and audit log can be trusted. C: named in the file, where anyone can write any name. Unknown: the history "
    "is missing."
)
"""The levels of evidence, explained in one line."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Who approved a file of the ledger, as far as that can be known.

    content: the Git id of the approved content. commit: the one that brought that content to the branch.
    named: the people named in the file itself; anyone can write any name there. approvers: at level A names on the
    host, at B names in the list of signers, at W the one who merged; else none. authors: the email addresses of
    everyone who wrote the file. why: the reason for the level, or what is missing.
    """

    path: str
    level: Level
    named: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    commit: str = ""
    content: str = ""
    why: str = ""

    @property
    def who(self) -> str:
        """Who approved, in words that claim no more than the level does."""
        names = ", ".join(self.approvers or self.named) or "no one"
        match self.level:
            case Level.A:
                return f"approved by {names}"
            case Level.B:
                return f"signed by {names}"
            case Level.W:
                return f"approved in the web program by {names}"
        return f"named in the file: {names}"

    def as_json(self) -> dict[str, object]:
        """All of it, as in JSON documents and the record of a closed month."""
        return {
            "path": self.path,
            "level": str(self.level),
            "named_as_deciding": list(self.named),
            "approvers": list(self.approvers),
            "authors": list(self.authors),
            "commit": self.commit,
            "content": self.content,
            "why": self.why,
        }


class _Held:
    """What is held of a period: at its closing once it is closed, and what is left of it today."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def queue(self) -> tuple[QueueItem, ...]: ...
        @property
        def still_queued(self) -> tuple[QueueItem, ...] | None: ...

    @property
    def undecided(self) -> tuple[QueueItem, ...]:
        """What is held today and needs a decision."""
        return self.queue if self.still_queued is None else self.still_queued


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodTotals(_Held):
    """The totals of a period.

    statements: their number. amounts, shown: sums of the posted billing lines, and of those that are only shown.
    posted: how many lines are posted; unposted: how many are only shown. queue, still_queued, invoices: as in
    SummedPeriod.
    """

    period: str
    state: State
    currency: str
    sources: tuple[SourceTotals, ...]
    statements: int
    amounts: Amounts
    shown: Amounts
    posted: int
    unposted: int
    queue: tuple[QueueItem, ...]
    still_queued: tuple[QueueItem, ...] | None = None
    invoices: tuple[InvoiceSum, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SummedPeriod(_Lines, _Held):
    """A period with its billing lines, but without statements and journal.

    closed_on, finalized_on: None before that. closed_by: the name of the person.
    accounting_date: the date of every journal line; for an open period, its last day.
    without: the sources that are expected monthly but that it was closed without.
    corrections: the charges of earlier periods in its lines, and those that it rejects.
    flags: every flag as raised. queue: the held charges; those at its closing, once closed. still_queued: what is left
    of them today, with details; None for an open period. unusual: the findings of the rule for unusual amounts.
    evidence: who approved its decisions, as recorded at closing. invoices: its own charges by invoice of the provider.
    documents: those of its journal, as assigned at closing. again: the rejected journal lines of earlier periods that
    its journal repeats.
    """

    period: str
    state: State
    revision: int
    closed_on: dt.date | None
    closed_by: str
    finalized_on: dt.date | None
    accounting_date: dt.date
    currency: str
    sources: tuple[SourceTotals, ...]
    files: tuple[FileRecord, ...]
    lines: Sequence[BillingLine]
    queue: tuple[QueueItem, ...]
    flags: tuple[FlagTotal, ...]
    decisions: tuple[DecisionRecord, ...]
    digest: str = ""
    corrections: Sequence[Correction] = ()
    still_queued: tuple[QueueItem, ...] | None = None
    unusual: tuple[Unusual, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    without: tuple[Without, ...] = ()
    invoices: tuple[InvoiceSum, ...] = ()
    documents: tuple[JournalDocument, ...] = ()
    again: tuple[JournaledAgain, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledPeriod(SummedPeriod):
    """Everything that billing computes for one period: the content of pages, PDFs and journals."""

    statements: Sequence[Statement]
    journal: Journal


@dataclass(frozen=True, slots=True)
class Page:
    """A Markdown page of the institution, `pages/rates.md`: `name` is `rates`."""

    name: str
    title: str
    markdown: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an output came from: ledger commit (empty outside Git) with its date, and the program's version.

    uncommitted: whether the ledger had changes that are not in this commit.
    """

    commit: str
    commit_date: str
    version: str
    uncommitted: bool = False
