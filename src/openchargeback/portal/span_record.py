"""The record of a statement over a span: `statement.json`, embedded in its PDF, with `lines.csv` for a spreadsheet."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import Any

from openchargeback.billing.span_statements import (
    MonthState,
    SpanLine,
    SpanRequest,
    SpanStatement,
    Subject,
    SubjectKind,
)
from openchargeback.billing.statement_charges import LINE_END
from openchargeback.csv_writing import csv_bytes
from openchargeback.ledger.line_table import AMOUNT_COLUMNS, ENTRIES, amount_values
from openchargeback.ledger.settings import Config
from openchargeback.ledger.table import yes_no
from openchargeback.model import State
from openchargeback.portal.record_shape import (
    COUNT,
    DAY,
    FLAG,
    MAYBE_DAY,
    MONTH,
    TEXT,
    Field,
    Shape,
    inside,
    key,
    plain,
    shape,
    word,
)
from openchargeback.portal.statement_record import AMOUNTS, FORMAT, HELD, TOTALS, VERSION

_SUBJECT: Shape[SpanStatement] = shape(
    Field("kind", word(SubjectKind), "What it is for.", lambda of, _: str(of.request.subject.kind)),
    Field("id", TEXT, "Id of the project or fund, email address, or department.", lambda of, _: of.request.subject.id),
)
_SPAN: Shape[SpanStatement] = shape(
    Field("from", DAY, "First day.", lambda of, _: plain(of.request.first)),
    Field("until", DAY, "Last day.", lambda of, _: plain(of.request.last)),
    Field(
        "billing_month",
        FLAG,
        "true: what this month billed, whenever the charges arose; false: the charges that arose on these days.",
        lambda of, _: bool(of.request.period),
    ),
)
_LINE: Shape[SpanLine] = shape(
    key("period", MONTH, "The month that billed these charges."),
    key("statement", TEXT, "The monthly statement that they are on."),
    key("month", MONTH, "The month in which they arose."),
    key("entry", word(ENTRIES), "own: of the billing month itself; late, credit, rebill: of an earlier one."),
    key("posted", FLAG, "Whether they are charged; otherwise they are only shown."),
    key("pi", TEXT, "Email address of the principal investigator."),
    key("project", TEXT, "Id of the project."),
    key("fund", TEXT, "The accounting string that pays."),
    key("source", TEXT, "Where the charges come from."),
    key("service", TEXT, "The service."),
    key("person", TEXT, "Who used it; empty unless the statement is by person."),
    key("charges", COUNT, "How many charges."),
    *inside("amounts", AMOUNTS),
)
_STATE: Shape[MonthState] = shape(
    key("period", MONTH, "A billing month."),
    key("state", word(State), "Whether it is open, closed or finalized."),
    key("revision", {"type": "integer", "minimum": 1}, "Grows when it is opened and closed again."),
    key("closed_on", MAYBE_DAY, "When it was closed; null while it is open."),
)


SPAN_STATEMENT: Shape[SpanStatement] = shape(
    Field("format", {"const": FORMAT}, "What this file is.", lambda *_: FORMAT),
    Field("version", {"const": VERSION}, "The version of the format.", lambda *_: VERSION),
    Field(
        "kind", {"const": "span"}, "What it sums up: the charges of a subject over a span of days.", lambda *_: "span"
    ),
    key("number", TEXT, "Its number, unique in the ledger and never used again."),
    key("revision", {"type": "integer", "minimum": 1}, "Grows when what was issued for the span may have changed."),
    key("draft", FLAG, "Whether a month of the span is open or not billed yet, so that amounts may change."),
    Field("subject", _SUBJECT.schema, "Whom or what it is for.", _SUBJECT.values),
    Field("span", _SPAN.schema, "The days that it is for.", _SPAN.values),
    Field("by_person", FLAG, "Whether its lines are by person.", lambda of, _: of.request.by_person),
    key("issued", DAY, "The last closing date of its months; the last day of the span, for a draft."),
    Field("currency", TEXT, "ISO 4217 code of the currency of all amounts.", lambda of, _: of.currency),
    key("digest", TEXT, "SHA-256 of everything that its figures rest on."),
    Field("institution", TEXT, "Who issues it.", lambda _, config: config.organization.name),
    *TOTALS,
    Field("months", _STATE.list, "The billing months that it rests on.", lambda of, c: _STATE.each(of.states, c)),
    Field(
        "lines", _LINE.list, "What it sums up; the lines add up to both totals.", lambda of, c: _LINE.each(of.lines, c)
    ),
    Field(
        "held",
        HELD.list,
        "Charges under review in these months, which are not included.",
        lambda of, config: HELD.each(of.held, config),
    ),
)
"""The record of a statement over a span."""

_TEXTS = (
    *("period", "statement", "month", "entry", "pi", "project", "fund", "source", "service", "person"),
    "charges",
)


def span_json(statement: SpanStatement, config: Config) -> bytes:
    """The record of a statement over a span: UTF-8 JSON with one space of indentation and a final line feed."""
    text = json.dumps(SPAN_STATEMENT.values(statement, config), ensure_ascii=False, indent=1) + "\n"
    return text.encode("utf-8", errors="backslashreplace")


def request_of(record: Mapping[str, Any]) -> SpanRequest | None:
    """What a record sums up; None if it does not say."""
    try:
        subject = Subject(SubjectKind(record["subject"]["kind"]), str(record["subject"]["id"]))
        first, last = (dt.date.fromisoformat(record["span"][name]) for name in ("from", "until"))
        period = f"{first:%Y-%m}" if record["span"]["billing_month"] else ""
        return SpanRequest(subject, first, last, period, bool(record["by_person"]))
    except (KeyError, TypeError, ValueError):
        return None


def span_lines_csv(statement: SpanStatement) -> bytes:
    """What the statement sums up, one row per line, amounts in cents; the posted rows add up to the total."""
    return csv_bytes((*_TEXTS, "posted", *AMOUNT_COLUMNS, "currency"), _rows(statement), LINE_END)


def _rows(statement: SpanStatement) -> Iterable[list[str]]:
    for line in statement.lines:
        amounts = amount_values(line.amounts, statement.currency)
        yield [
            *(str(getattr(line, name)) for name in _TEXTS),
            yes_no(line.posted),
            *(amounts[name] for name in AMOUNT_COLUMNS),
            statement.currency,
        ]
