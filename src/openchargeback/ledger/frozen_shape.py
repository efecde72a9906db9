"""The form of what closing a month records: the keys of `P.frozen.yaml`, and the columns of the tables beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from openchargeback import money
from openchargeback.ledger import shape, table
from openchargeback.ledger.config import CONFIG, config_of
from openchargeback.ledger.directory import FUNDS, PEOPLE, PROJECTS
from openchargeback.ledger.frozen import LINES, RESOURCES
from openchargeback.ledger.line_table import AMOUNT_COLUMNS, COLUMNS
from openchargeback.ledger.periods import PERIOD
from openchargeback.model import ITEM_KEYS, Entry, Kind, Level

_ANY = shape.Verbatim()
_SHA = shape.Text(pattern=r"[0-9a-f]{64}", what="a SHA-256 digest")
_COUNT = shape.Integer(0, 999_999_999)
_SIZE = shape.Integer(0, 999_999_999_999_999)
_EXACT = shape.Number(digits=money.SUM_DIGITS)


# What keys mean wherever they stand in the record; for editors.
_WORDS = {
    "approvals": "SHA-256 of each approval file, by its path.",
    "approvers": "Who approved, by the host's record or by signature.",
    "attributions": "How PI, project and fund were found.",
    "authors": "Who wrote it.",
    "billed": "What is billed.",
    "by": "Who decided.",
    "charges": "How many charges, or which charge files.",
    "charges_billed": "How many of them are billed.",
    "charges_held": "How many of them are held.",
    "charges_rejected": "How many of them are rejected.",
    "commit": "The commit that holds it.",
    "content": "Digest of what was approved.",
    "count": "How many there are.",
    "currency": "Currency of the amounts.",
    "days": "How many days of the month its charges cover.",
    "decision": "What was decided.",
    "decisions": "Decisions that the month rests on.",
    "digest": "SHA-256 of what it rests on.",
    "directory": "The directory entries that were used.",
    "evidence": "Who decided what, as far as it was known.",
    "exact": "Exact amount billed.",
    "files": "How many charge files.",
    "first_day": "The first of these days.",
    "flag": "The flag.",
    "flags": "The flags.",
    "fund": "The accounting string, or how it was found.",
    "held": "What is held.",
    "history": "List price and amount due of each earlier month with data; then both of what was only shown, if any.",
    "ids": "The first charge ids of the group.",
    "imported": "Exact sum of what was imported.",
    "imported_list": "Exact list price of what was imported.",
    "inputs": "The files that the month rests on.",
    "last_day": "The last of these days.",
    "level": "The level of evidence.",
    "line": "The line of the file.",
    "list": "Exact list price.",
    "name": "The name of the reference.",
    "named": "Whether decisions name the charges by id.",
    "named_as_deciding": "Whom the file itself names as deciding; anybody can write any name there.",
    "number": "The number of the statement.",
    "on": "The day of the decision.",
    "path": "The file, by its path in the ledger.",
    "people": "PIs.",
    "period": "The month.",
    "pi": "The PI, or how the PI was found.",
    "project": "The project, or how it was found.",
    "projects": "Projects.",
    "queue": "What stayed held, as it is decided.",
    "reason": "Why it was decided.",
    "references": "Grant numbers and the like that tags name.",
    "rejected": "Exact sum of what was rejected.",
    "resource": "The resource, where project and sub-account are missing.",
    "service": "The service.",
    "settings": "The settings that were used.",
    "sha256": "SHA-256 of the bytes.",
    "size": "Size in bytes.",
    "source": "The source.",
    "sources": "Totals of each source.",
    "spending": "What each project spent on each service.",
    "statements": "The statements as issued.",
    "sub_account": "The sub-account, where the project is missing.",
    "uncleared": "The flags that no decision cleared.",
    "unusual": "Amounts that were unusual.",
    "values": "The values.",
    "what": "On what.",
    "why": "What made it so.",
}


def _described(fields: dict[str, shape.Shape]) -> dict[str, shape.Shape]:
    """The fields with the meaning of their keys, where they do not say it themselves."""
    said: Any = [(name, field, _WORDS.get(name, "")) for name, field in fields.items()]
    return {name: replace(field, help=field.help or words) for name, field, words in said}


def _rows(fields: dict[str, shape.Shape], optional: Sequence[str] = ()) -> shape.ListOf:
    required = tuple(name for name in fields if name not in optional)
    return shape.ListOf(shape.Record(_described(fields), required=required))


_SOURCES = _rows(
    {
        "source": _ANY,
        "currency": _ANY,
        "files": _COUNT,
        "charges": _COUNT,
        "imported": _EXACT,
        "billed": _EXACT,
        "held": _EXACT,
        "rejected": _EXACT,
        "imported_list": _EXACT,
        "charges_billed": _COUNT,
        "charges_held": _COUNT,
        "charges_rejected": _COUNT,
        "days": _COUNT,
        "first_day": shape.Date(),
        "last_day": shape.Date(),
    },
    optional=("days", "first_day", "last_day"),
)
_QUEUE = _rows(
    {
        **dict.fromkeys(ITEM_KEYS, _ANY),
        "flags": shape.ListOf(_ANY),
        "uncleared": shape.ListOf(_ANY),
        "charges": _COUNT,
        "list": _EXACT,
        "billed": _EXACT,
        "digest": _ANY,
        "ids": shape.ListOf(_ANY),
        "named": shape.Boolean(),
    },
    optional=("sub_account", "resource", "named"),
)
_FLAGS = _rows({"flag": _ANY, "currency": _ANY, "charges": _COUNT, "billed": _EXACT})
_DECISIONS = _rows(
    {
        "path": _ANY,
        "line": _COUNT,
        "decision": _ANY,
        "what": _ANY,
        "charges": _COUNT,
        "billed": _EXACT,
        "reason": _ANY,
        "by": _ANY,
        "on": _ANY,
    }
)
_ATTRIBUTIONS = _rows(
    {"pi": _ANY, "project": _ANY, "fund": _ANY, "by": shape.ListOf(_ANY), "charges": _COUNT, "exact": _EXACT,
     "billed": _EXACT, "posted": shape.Boolean(help="false: only shown.")},
    optional=("by", "posted"),
)  # fmt: skip
_REFERENCES = _rows({"name": _ANY, "values": shape.ListOf(_ANY), "count": _COUNT})
_STATEMENTS = _rows(
    {
        "number": _ANY,
        "pi": _ANY,
        "project": _ANY,
        "digest": _SHA,
        "history": shape.MapOf(shape.ListOf(_EXACT)),
        "attributions": _ATTRIBUTIONS,
        "references": _REFERENCES,
    },
    optional=("history", "attributions", "references"),
)
_EVIDENCE = _rows(
    {
        "path": _ANY,
        "level": shape.Choice(tuple(level.value for level in Level)),
        "named_as_deciding": shape.ListOf(_ANY),
        "approvers": shape.ListOf(_ANY),
        "authors": shape.ListOf(_ANY),
        "commit": _ANY,
        "content": _ANY,
        "why": _ANY,
    },
    optional=("named_as_deciding", "approvers", "authors", "commit", "content", "why"),
)
FROZEN_FILE = shape.Record(
    _described({
        "period": shape.Text(pattern=shape.PERIOD_PATTERN, what="a period"),
        "version": shape.Text(help="The version of the tool that closed the period."),
        "libraries": shape.MapOf(
            _ANY, help="The versions of what made PDFs where it was closed: the same versions give the same bytes."
        ),
        "revision": PERIOD.fields["revision"],
        "closed": PERIOD.fields["closed"],
        "accounting_date": PERIOD.fields["accounting_date"],
        "without": PERIOD.fields["without"],
        "files": shape.MapOf(_SHA, help="Digests of the other files that closing wrote."),
        "inputs": shape.Record(
            _described({
                "charges": _rows({"path": _ANY, "source": _ANY, "sha256": _SHA, "size": _SIZE, "charges": _COUNT,
                                  "billed": _EXACT}),
                "approvals": shape.MapOf(_SHA),
            }),
            required=("charges", "approvals"),
        ),
        "sources": _SOURCES,
        "spending": _rows({"source": _ANY, "project": _ANY, "service": _ANY, "billed": _EXACT}),
        "statements": _STATEMENTS,
        "queue": _QUEUE,
        "flags": _FLAGS,
        "unusual": _rows({"source": _ANY, "project": _ANY, "service": _ANY, "why": _ANY}),
        "decisions": _DECISIONS,
        "evidence": _EVIDENCE,
        "settings": shape.Record(CONFIG.fields, required=CONFIG.required, make=lambda v, _n, _r: config_of(v)),
        "directory": shape.Record(
            {**PEOPLE.fields, **PROJECTS.fields, **FUNDS.fields}
        ),
    }),
    required=("period", "version", "libraries", "revision", "closed", "files", "inputs", "sources", "spending",
              "statements", "queue", "flags", "decisions", "settings", "directory"),
    help="What closing a month recorded; written by the program, never by hand.",
)  # fmt: skip


def columns_of(name: str, period: str, currency: str) -> tuple[table.Column, ...]:
    """The columns of a table that closing a period writes: LINES, RESOURCES or CORRECTIONS."""
    if name == LINES:
        return tuple(column.shape(column.name, period, currency) for column in COLUMNS)
    text, exact = table.text, table.exact
    cents = tuple(table.cents(each, currency) for each in AMOUNT_COLUMNS)
    payer = (text("pi"), text("project"), text("fund"), text("source"), text("service"))
    if name == RESOURCES:
        resource = (table.word("kind", Kind), text("resource_id"), text("resource_name"))
        return (*payer, *resource, table.count("charges"), *cents)
    entry = (text("charge"), text("original"), table.word("entry", (e for e in Entry if e is not Entry.OWN)))
    exacts = (text("currency"), exact("exact_list"), exact("exact_billed"))
    return (*entry, *payer, table.boolean("posted"), *exacts, *cents, text("corrects"), text("decision"))
