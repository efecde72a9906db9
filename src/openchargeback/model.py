"""The values that the stages hand on, in the order in which they arise.

    charge files ─▶ BillingLine ─▶ Statement ─┬▶ pages, PDFs
                    └ ResourceLine            └▶ JournalLine ─▶ journal files
    flags ─▶ QueueItem ─▶ review queue

Amounts named `exact_…` are in the ledger's currency, exact to 18 decimals. All other amounts are in the ledger's
currency too, but whole minor units (cents): a Decimal with exactly as many places as the currency has.
Periods are written `2025-01`. Nothing here reads files or calculates money beyond adding up.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from openchargeback.money import ZERO


class State(enum.StrEnum):
    """The life of a period."""

    OPEN = "open"
    CLOSED = "closed"
    FINALIZED = "finalized"


class Kind(enum.StrEnum):
    """What a charge is on a statement, from ChargeCategory and ChargeClass (FOCUS 1.2)."""

    USAGE = "usage"
    PURCHASE = "purchase"
    TAX = "tax"
    CREDIT = "credit"
    ADJUSTMENT = "adjustment"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """List price, discount and amount billed. In cents `list == discount + billed` always holds.

    `discount` is positive where the PI pays less than the list price. `covered` is the part of it that the institution
    carries (`sources.X.discount`); the rest is the vendor's.
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
        # Subtracting from zero gives no -0.00, which the negative of zero would be written as.
        return Amounts(
            list=self.list - other.list,
            discount=self.discount - other.discount,
            billed=self.billed - other.billed,
            covered=self.covered - other.covered,
        )

    @staticmethod
    def total(parts: Iterable[Amounts]) -> Amounts:
        """The sum of any number of amounts."""
        result = Amounts()
        for part in parts:
            result += part
        return result


@dataclass(frozen=True, slots=True)
class Person:
    """A principal investigator. Without a directory entry the name is the e-mail address."""

    email: str
    name: str
    department: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """A project. Without a directory entry the title is the id."""

    id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTotals:
    """What one source delivered for one period, in one currency: imported = billed + held + rejected, exactly.

    days: how many days of the period its charges cover, in all currencies, with the first and the last one (UTC); None
    where its files do not tell. first_day and last_day are None too where no day is covered.
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
class Without:
    """A source that is expected monthly and that a period was closed without: why, and who said so."""

    source: str
    reason: str
    by: str = ""


class Entry(enum.StrEnum):
    """How money came onto a statement: by the period's own charges, or by a decision on charges of an earlier one.

    late: held when its period closed, approved since. credit: reverses a charge that was billed. rebill: bills what a
    credit reversed to its right payer. rejected: held when its period closed, rejected since; never a billing line.
    """

    OWN = "own"
    LATE = "late"
    CREDIT = "credit"
    REBILL = "rebill"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingLine:
    """The billed charges of one period, PI, project, fund, source and service: summed exactly, rounded once.

    Charges of an earlier period form lines of their own: `original` is that period, `corrects` the number of the
    statement that a credit or re-billing corrects; both empty for the period's own charges. A credit is negative.
    posted: whether the line goes to the journal; otherwise it is only shown, and never due.
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

    @property
    def key(self) -> tuple[str, ...]:
        """What orders lines and breaks ties when cents are handed out."""
        payer = (self.pi, self.project, self.fund, self.source, self.service)
        return payer if self.entry is Entry.OWN else (*payer, str(self.entry), self.original, self.corrects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One charge of an earlier period that a decision of this period bills, credits, bills again or rejects.

    charge: its full id in the period `original`. amounts: its cents; negative for a credit, zero where rejected.
    corrects: the number of the statement that billed it, empty where it was held. place: `path:line` of the decision.
    posted: as of its line; a credit is posted exactly where what it reverses was.
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


@dataclass(frozen=True, slots=True)
class FlagNote:
    """Why a flag was raised on the charges of a queue item: the different reasons, the first few; may be empty."""

    flag: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCharge:
    """A held charge as a reviewer sees it.

    id: 16 digits. path, row: where it stands; the header is row 1. first_day, last_day: the days it covers (UTC).
    quantity, unit_price: exact, in `unit` and the row's currency; None where the file does not say.
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
    """What a reviewer must see of a queue item to decide: why it is held, and what the charges are.

    sub_accounts, resources: the first few names. resource_count: how many there are. first_day, last_day: the days that
    the charges cover. quantity, unit: their sum where all share a unit. samples: the charges with most money.
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

    The charges share source, service, project, PI, currency and the flags as raised; where the project is missing
    also the sub-account, or else the resource. Empty text means "has none".
    uncleared: the flags that no decision has cleared yet. named: whether decisions name the charges by id, so that only
    ids can decide them; then `ids` holds all of them, else the first few, 16 digits each, sorted.
    exact_list, exact_billed: in `currency`. digest: SHA-256 of the sorted full ids, one id a line.
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
        """What identifies the item in its period, in the order of `ITEM_KEYS`, then the flags."""
        return tuple(getattr(self, name) for name in ITEM_KEYS) + self.flags

    @property
    def id(self) -> str:
        """A short name for commands and links, `q` and ten digits; the same while the item's key is."""
        parts = [self.period, *self.key, *(self.uncleared if self.named else ())]
        return "q" + hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:10]


ITEM_KEYS = ("source", "service", "project", "pi", "currency", "sub_account", "resource")
"""What the charges of a queue item share beside their flags; a decision names an item by these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """How PI, project and fund of some billed charges of a statement were found; together they are all its charges.

    pi, project, fund: `tag`, `match` (the directory claims the account or resource), `project` (the project's entry in
    the directory), `default` (of the source) or `decision`; a fund is empty where none is known and nothing is billed.
    by: who decided, sorted; empty where nothing was. billed: in cents; together they are the statement's totals.
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
    """What the tags of a statement's charges say under one of the configured references, such as grant numbers.

    values: distinct, sorted, the first of `count`.
    """

    name: str
    values: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodAmounts:
    """One bar of a history chart: what was charged, and apart from it what was only shown."""

    period: str
    amounts: Amounts
    shown: Amounts = Amounts()


@dataclass(frozen=True, slots=True)
class Statement:
    """The billing lines of one PI and one project in one period.

    number: unique in the ledger and never reused, such as `2025-01-3f9a1c22b7` (`…-r2` after a reopening).
    issued: the closing date; before closing the last day of the period, and `draft` is set.
    digest: SHA-256 of everything the statement's figures rest on.
    history: the earlier periods with data as they were when it was closed; None while the months of the ledger tell it.
    """

    number: str
    period: str
    revision: int
    draft: bool
    issued: dt.date
    pi: Person
    project: Project
    lines: tuple[BillingLine, ...]
    resources: tuple[ResourceLine, ...]
    held: tuple[QueueItem, ...]
    digest: str
    history: tuple[PeriodAmounts, ...] | None = None
    attributions: tuple[Attribution, ...] = ()
    references: tuple[Reference, ...] = ()

    @property
    def amounts(self) -> Amounts:
        """The statement's total: the sum of its lines that are posted. `billed` is the amount due."""
        return Amounts.total(line.amounts for line in self.lines if line.posted)

    @property
    def shown(self) -> Amounts:
        """The sum of the lines that are only shown; never part of an amount due."""
        return Amounts.total(line.amounts for line in self.lines if not line.posted)

    @property
    def only_shown(self) -> bool:
        """Whether nothing on it is charged, by its nature: it has lines, and none is posted."""
        return bool(self.lines) and not any(line.posted for line in self.lines)

    @property
    def credit_notes(self) -> dict[str, str]:
        """The numbers of the credit notes in this statement, by the number of the statement that each corrects."""
        corrected = sorted({line.corrects for line in self.lines if line.entry is Entry.CREDIT})
        return {original: f"{self.number}-c{place}" for place, original in enumerate(corrected, start=1)}

    @property
    def funds(self) -> tuple[str, ...]:
        """The accounting strings that pay, sorted; empty where nothing is charged or none is known."""
        return tuple(sorted({line.fund for line in self.lines if line.fund and line.posted}))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagTotal:
    """The charges of a period that carry a flag, in one currency, decided or not; amounts exact in that currency."""

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
    """One line of the canonical journal. `amount` is always positive; the side says which way.

    A refund is debit and credit swapped (2 × positive), since many systems refuse negative amounts.
    `payer` is true on the side of the PI's fund, false on the side of the source's credit fund.
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

    @property
    def signed(self) -> Decimal:
        """Debit positive, credit negative."""
        return self.amount if self.side is Side.DEBIT else -self.amount


@dataclass(frozen=True, slots=True)
class Journal:
    """Balanced lines of one period, in the order of the billing lines: payer, then its counterpart."""

    period: str
    lines: tuple[JournalLine, ...]

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
        """Debits less credits on the payers' side: what the statements say is due.

        A refund swaps sides, so it adds to `debits` and `credits` and takes from `net`.
        """
        return sum((line.signed for line in self.lines if line.payer), ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """A charge file as received: where it lies and what it is."""

    path: str
    source: str
    sha256: str
    size: int
    charges: int
    exact_billed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """A decision as the pages show it: what was decided on how many charges, by whom and why.

    void: why it no longer applies; empty where it does.
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
    """How well it is known who decided what a file says.

    A: the host recorded an approving review by somebody other than every author of the commits. B: the commit or merge
    that brought the file was signed by somebody other than its authors, with a key of the committed list. C: names in
    Git and YAML say so, and nothing vouches for them. Unknown: the history is not there.
    """

    A = "A"
    B = "B"
    C = "C"
    UNKNOWN = "unknown"


LEVELS = (
    "A: approved, by the host's record of a review by somebody other than every author. B: signed by another, with a "
    "known key. C: named as deciding, in a file where anybody can write any name. Unknown: the history is not there."
)
"""What the levels of evidence mean, in one line."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Who decided what a file of the ledger says, as far as that can be known.

    content: the Git id of the file's content that it is about. commit: the one that brought that content to the branch.
    named: whom the file itself names as deciding; anybody can write any name there. approvers: at level A names on the
    host, at B names in the list of signers; else none. authors: the e-mail addresses of everybody who wrote the file.
    why: what the level rests on, or what is missing.
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
        """Who decided, in words that claim no more than the level does."""
        names = ", ".join(self.approvers or self.named) or "nobody"
        match self.level:
            case Level.A:
                return f"approved by {names}"
            case Level.B:
                return f"signed by {names}"
        return f"named as deciding: {names}"

    def as_json(self) -> dict[str, object]:
        """All of it, as JSON documents and the record of a closed month have it."""
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


@dataclass(frozen=True, slots=True)
class BilledPeriod:
    """Everything that billing found out about one period: what pages, PDFs, journals and commands show.

    closed_on, finalized_on: None before that happened. closed_by names the person.
    accounting_date: the date of every journal line; of an open period its last day.
    without: the sources that are expected monthly and that it was closed without.
    corrections: the charges of earlier periods among its lines, and those rejected in it.
    flags: every flag as raised. queue: the held charges, as of its closing once closed. still_queued: what of them is
    left today, with details; None for an open period. unusual: what the rule of unusual amounts found.
    evidence: who approved its decisions, as closing recorded it.
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
    lines: tuple[BillingLine, ...]
    statements: tuple[Statement, ...]
    queue: tuple[QueueItem, ...]
    flags: tuple[FlagTotal, ...]
    decisions: tuple[DecisionRecord, ...]
    journal: Journal
    digest: str = ""
    corrections: tuple[Correction, ...] = ()
    still_queued: tuple[QueueItem, ...] | None = None
    unusual: tuple[Unusual, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    without: tuple[Without, ...] = ()

    @property
    def undecided(self) -> tuple[QueueItem, ...]:
        """What is held today and waits for a decision."""
        return self.queue if self.still_queued is None else self.still_queued

    @property
    def amounts(self) -> Amounts:
        """The total of the billing lines that are posted."""
        return Amounts.total(line.amounts for line in self.lines if line.posted)

    @property
    def shown(self) -> Amounts:
        """The total of the billing lines that are only shown."""
        return Amounts.total(line.amounts for line in self.lines if not line.posted)


@dataclass(frozen=True, slots=True)
class Page:
    """A Markdown page of the institution, `pages/rates.md`: `name` is `rates`."""

    name: str
    title: str
    markdown: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an output came from: ledger commit (empty outside Git) with its date, and the tool's version.

    uncommitted: the ledger held changes that this commit does not.
    """

    commit: str
    commit_date: str
    version: str
    uncommitted: bool = False
