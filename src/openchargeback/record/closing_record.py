"""The closing record of a month: what it has, and how it is read. A closed month is always shown from these files.

periods/P.lines.csv        the billing lines as billed
periods/P.statements.csv   the statements as issued
periods/P.resources.csv    the resources that statements list below their lines
periods/P.corrections.csv  charges of earlier months that P billed late, credited or re-billed; only if any
periods/P.held.csv         charges that stayed held, so that they can be decided later; only if any
periods/P.logo.svg         the logo of the letterhead (or .png); only if there is one
periods/P.frozen.yaml      digests of the files above and of all inputs, the settings and directory entries that were
                           used, totals, flags, decisions; declared by ClosingRecord

The tables are read only when asked for: most commands need little of most months.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from openchargeback import money
from openchargeback.ledger.declared import Key, declare, shape_of
from openchargeback.ledger.directory import FUNDS, PEOPLE, PROJECTS, Directory, directory_of, directory_values
from openchargeback.ledger.periods import PERIOD, Event
from openchargeback.ledger.settings import Config
from openchargeback.ledger.shape import PERIOD_PATTERN, Integer, ListOf, MapOf, Number, Record, Shape, Text
from openchargeback.ledger.yaml_tree import Node, Reader
from openchargeback.model import (
    Amounts,
    Attribution,
    BillingLine,
    Correction,
    DecisionRecord,
    Entry,
    Evidence,
    FileRecord,
    FlagTotal,
    InvoiceSum,
    JournalDocument,
    JournaledAgain,
    PeriodAmounts,
    QueueItem,
    Reference,
    ResourceLine,
    SourceTotals,
    Unusual,
    Without,
)

_Row = TypeVar("_Row", JournalDocument, JournaledAgain)

_SHA = Text(r"[0-9a-f]{64}", "a SHA-256 digest")
_EXACT = Number(digits=money.SUM_DIGITS)
_SIZE = Integer(0, 999_999_999_999_999, "Size in bytes.")
_WORDS = {
    "account": "The account that pays.",
    "approvers": "Who approved, by the host's record or by signature.",
    "authors": "Who wrote it.",
    "billed": "Amount billed.",
    "by": "Who decided.",
    "charges": "Number of charges.",
    "charges_billed": "How many of them are billed.",
    "charges_held": "How many of them are held.",
    "charges_rejected": "How many of them are rejected.",
    "commit": "The commit that brought it.",
    "content": "Git id of the approved content.",
    "count": "Number of values.",
    "credit_account": "The account that is credited.",
    "credit_fund": "The fund that is credited.",
    "currency": "Currency of the amounts.",
    "days": "How many days of the month its charges cover.",
    "decision": "What was decided.",
    "digest": "SHA-256 of its inputs.",
    "document": "The document with the rejected line.",
    "exact_billed": "Exact amount billed.",
    "exact_list": "Exact list price.",
    "files": "Number of charge files.",
    "first": "The first of its lines in the month's journal.",
    "first_day": "The first of these days.",
    "flag": "The flag.",
    "flags": "The flags.",
    "format": "The journal format.",
    "fund": "The accounting string, or how it was found.",
    "held": "Exact amount held.",
    "ids": "The first charge ids of the item.",
    "imported": "Exact amount imported.",
    "imported_list": "Exact list price of the imported charges.",
    "last": "The last of its lines in the month's journal.",
    "last_day": "The last of these days.",
    "level": "The level of evidence.",
    "line": "The line in the file.",
    "name": "The name of the reference.",
    "named": "Whether decisions name the charges by id.",
    "number": "The payer's line in the journal of the earlier month.",
    "on": "The day of the decision.",
    "original": "The earlier month.",
    "part": "Counts the documents of a format.",
    "path": "The path of the file in the ledger.",
    "pi": "The PI, or how the PI was found.",
    "posted": "false: only shown, not charged.",
    "project": "The project, or how it was found.",
    "reason": "The reason for the decision.",
    "rejected": "Exact amount rejected.",
    "resource": "The resource, if project and sub-account are missing.",
    "service": "The service.",
    "rows": "What its lines are.",
    "source": "The source.",
    "statement": "The number of the statement.",
    "sub_account": "The sub-account, if the project is missing.",
    "uncleared": "The flags that no decision cleared.",
    "values": "The values.",
    "what": "What the decision is on.",
    "why": "The reason.",
}


def _rows(cls: type, leave_out: Collection[str] = (), **special: Key) -> None:
    """Declare a model class as a row: each field under its own name, values exactly as written."""
    words = {each.name: Key(_WORDS.get(each.name, "")) for each in fields(cls) if each.name not in leave_out}
    declare(cls, exact=True, **{**words, **special})


def _billed(name: str = "billed") -> Key:
    return Key(_WORDS["exact_billed"], name=name)


def _day(words: str) -> Key:
    return Key(words, write=lambda day: day)


_rows(
    FileRecord,
    sha256=Key(shape=replace(_SHA, help="SHA-256 of the bytes.")),
    size=Key(shape=_SIZE),
    exact_billed=_billed(),
)
_rows(SourceTotals, first_day=_day(_WORDS["first_day"]), last_day=_day(_WORDS["last_day"]))
_rows(
    InvoiceSum,
    leave_out=("rows",),
    invoice=Key("The InvoiceId; empty for charges without one."),
    billed=_billed(),
    tax=Key("The part of it that is tax, exact."),
    unreadable=Key("How many of the charges have no readable BilledCost.", default=0),
)
_rows(Unusual)
_rows(FlagTotal, exact_billed=_billed())
_rows(DecisionRecord, leave_out=("void",), exact_billed=_billed())
_rows(Reference)
_rows(
    Attribution,
    by=Key(_WORDS["by"], default=()),
    exact_billed=_billed("exact"),
    billed=Key(_WORDS["billed"], write=lambda cents: f"{cents:f}"),
)
_rows(
    QueueItem,
    leave_out=("period", "details"),
    sub_account=Key(_WORDS["sub_account"], default=""),
    resource=Key(_WORDS["resource"], default=""),
    exact_list=Key(_WORDS["exact_list"], name="list"),
    exact_billed=_billed(),
    digest=Key(_WORDS["digest"], default=MISSING),
    ids=Key(_WORDS["ids"], default=MISSING),
)
_rows(
    JournalDocument,
    number=Key("The document number."),
    lines=Key("Number of lines."),
    debits=Key("Sum of its debits.", write=lambda cents: f"{cents:f}"),
    credits=Key("Sum of its credits.", write=lambda cents: f"{cents:f}"),
    files=Key(shape=MapOf(_SHA, help="SHA-256 of each of its files, by name.")),
)
_rows(
    JournaledAgain,
    line=Key("The rejected line in it."),
    billed=Key(_WORDS["billed"], write=lambda cents: f"{cents:f}"),
)
_rows(
    Evidence,
    named=Key("The people named in the file itself; anyone can write any name there.", name="named_as_deciding"),
)


def _amounts(listed: Decimal = money.ZERO, billed: Decimal = money.ZERO) -> Amounts:
    return Amounts(list=listed, discount=listed - billed, billed=billed)


@dataclass(frozen=True, slots=True)
class _History:
    """Months to amounts in cents: list price and amount due; then both of charges that were only shown, if any."""

    _of_months = MapOf(
        ListOf(_EXACT),
        help="List price and amount due of each earlier month with data; then both of charges only shown, if any.",
    )

    def read(self, node: Node, reader: Reader) -> tuple[PeriodAmounts, ...] | None:
        """The readable months; None with a problem if the node is not a mapping."""
        found = self._of_months.read(node, reader)
        if not isinstance(found, dict):
            return None
        return tuple(
            PeriodAmounts(period=month, amounts=_amounts(*cents[:2]), shown=_amounts(*cents[2:]))
            for month, cents in found.items()
            if len(cents) in (2, 4)
        )

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of lists of amounts by month."""
        return self._of_months.schema()


def _history(months: tuple[PeriodAmounts, ...]) -> dict[str, list[str]]:
    return {
        month.period: [
            f"{cents:f}"
            for part in (month.amounts, *([month.shown] if month.shown != Amounts() else []))
            for cents in (part.list, part.billed)
        ]
        for month in months
    }


@dataclass(frozen=True, slots=True)
class StatementDetails:
    """What a statement shows besides its lines and resources.

    history: the amounts of its chart, for those of the eleven previous calendar months that had data.
    """

    history: Annotated[tuple[PeriodAmounts, ...], Key(shape=_History(), write=_history)] = ()
    attributions: Annotated[tuple[Attribution, ...], "How PI, project and fund were found."] = ()
    references: Annotated[tuple[Reference, ...], "Grant numbers and other references found in tags."] = ()


DETAILS = shape_of(StatementDetails)
"""The shape of the details of a statement, a JSON object in `P.statements.csv`."""


@dataclass(frozen=True, slots=True)
class RecordedStatement:
    """A statement as issued. digest: SHA-256 of its inputs."""

    number: str
    pi: str
    project: str
    digest: str
    details: StatementDetails = StatementDetails()


@dataclass(frozen=True, slots=True)
class RecordedResource:
    """A resource as listed on the statement of a PI and a project."""

    pi: str
    project: str
    line: ResourceLine


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that the month was billed from."""

    charges: Annotated[tuple[FileRecord, ...], "The charge files."]
    approvals: Annotated[dict[str, str], MapOf(_SHA, help="SHA-256 of each approval file, by its path.")]


_PERIOD_KEYS = PERIOD.fields
_DIRECTORY = Record({**PEOPLE.fields, **PROJECTS.fields, **FUNDS.fields}, help="The directory entries that were used.")


def _settings(config: Config) -> dict[str, Any]:
    return config.of_month(config.sources)


def _libraries() -> Shape:
    return MapOf(
        Text(), help="The versions of the PDF libraries where it was closed; the same versions give the same bytes."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingRecord:
    """The closing record of a month; written by the program, never by hand.

    digest: SHA-256 of `P.frozen.yaml`. lines, statements, resources, corrections: the tables next to it, read when
    first looked at, which raises LedgerFault if the table is faulty.
    revision, closed, accounting_date, without: as in the period file since closing.
    files: digest by name in PARTS. queue: what stayed held, without details (`P.held.csv` has them).
    evidence: who approved its decisions, as known when the period was closed.
    documents, again: as in SummedPeriod; amounts in cents.
    """

    period: Annotated[str, Text(PERIOD_PATTERN, "a period", "The month.")]
    version: Annotated[str, "The version of the program that closed the period."]
    libraries: Annotated[dict[str, str], Key(shape=_libraries())]
    revision: Annotated[int, _PERIOD_KEYS["revision"]]
    closed: Annotated[Event, _PERIOD_KEYS["closed"]]
    accounting_date: Annotated[dt.date, _PERIOD_KEYS["accounting_date"]]
    without: Annotated[tuple[Without, ...], _PERIOD_KEYS["without"]] = ()
    files: Annotated[dict[str, str], MapOf(_SHA, help="Digests of the other files written by closing.")]
    inputs: Annotated[Inputs, ""]
    sources: Annotated[tuple[SourceTotals, ...], "Totals of each source."]
    invoices: Annotated[tuple[InvoiceSum, ...], Key("Charges by invoice of the provider.", always=True)] = ()
    queue: Annotated[
        tuple[QueueItem, ...],
        ListOf(shape_of(QueueItem, "Charges decided as one.", whole=False), help="The items that stayed held."),
    ]
    flags: Annotated[tuple[FlagTotal, ...], "Every flag as raised."]
    unusual: Annotated[tuple[Unusual, ...], Key("Amounts that were unusual.", always=True)] = ()
    documents: Annotated[tuple[JournalDocument, ...], "The documents of the journal, with their numbers."] = ()
    again: Annotated[
        tuple[JournaledAgain, ...], "Journal lines of earlier months that accounting rejected and this journal repeats."
    ] = ()
    decisions: Annotated[tuple[DecisionRecord, ...], "The decisions that applied to the month."]
    evidence: Annotated[tuple[Evidence, ...], Key("Who decided what, as far as is known.", always=True)] = ()
    config: Annotated[
        Config,
        Key(
            name="settings",
            shape=shape_of(Config, "The settings that were used."),
            write=_settings,
        ),
    ]
    directory: Annotated[Directory, Key(shape=_DIRECTORY, write=directory_values)]
    digest: str = ""
    lines: Sequence[BillingLine] = ()
    statements: Sequence[RecordedStatement] = ()
    resources: Sequence[RecordedResource] = ()
    corrections: Sequence[Correction] = ()

    @classmethod
    def from_yaml(cls, values: dict[str, Any], _node: Node, reader: Reader) -> ClosingRecord:
        """The record without its tables."""
        queue = tuple(QueueItem(period=values["period"], **item) for item in values["queue"])
        currency = values["config"].currency
        cents = {
            "documents": tuple(_in_cents(each, currency, "debits", "credits") for each in values.get("documents", ())),
            "again": tuple(_in_cents(each, currency, "billed") for each in values.get("again", ())),
        }
        return cls(**{**values, **cents, "queue": queue, "directory": directory_of(values["directory"], reader)})


def _in_cents(row: _Row, currency: str, *names: str) -> _Row:
    """The row with its amounts as cents."""
    cents: dict[str, Any] = {name: money.to_cents(getattr(row, name), currency) for name in names}
    return replace(row, **cents)


def spending_of(lines: Iterable[BillingLine]) -> dict[tuple[str, str, str], Decimal]:
    """Exact amounts by source, project and service. Own charges only: corrections belong to other months."""
    exact: dict[tuple[str, str, str], Decimal] = {}
    for line in lines:
        if line.entry is Entry.OWN:
            key = (line.source, line.project, line.service)
            exact[key] = money.total(exact.get(key, money.ZERO), line.exact_billed)
    return exact


FROZEN_FILE = shape_of(ClosingRecord)
"""The shape of `P.frozen.yaml`."""

HELD_COLUMNS = (
    *("charge", "source", "service", "kind", "pi", "project", "fund", "pi_via", "project_via", "fund_via", "flags"),
    *("currency", "list", "billed", "path", "row", "first_day", "last_day", "sub_account"),
    *("sub_account_name", "resource_id", "resource_name", "quantity", "unit", "list_unit_price"),
    *("contracted_unit_price", "tags", "follows"),
)
"""One row per held charge, amounts exact. `…_via`: tag, match, project or default. flags: a JSON object, flag → reason.
follows: the id of the charge that a correction refers to."""
