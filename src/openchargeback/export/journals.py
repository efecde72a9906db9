"""Journal files: the shipped formats, the institution's own, and the control totals next to them.

    Journal ─▶ JournalSheet ─▶ a Jinja template for each format ─▶ any text

The shipped formats are also templates, in `site_templates/journals/`. A ledger cannot replace them, since each of their
files is read back before it is used. Its debits must equal its credits to the cent, and its net must be that of the
journal: debits less credits in the rows of payers, which is the total due on statements. The debits differ from file to
file, since the summary nets a charge with its refund.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.journal import journal_of_period, posts_nothing
from openchargeback.characters import BIDIRECTIONAL
from openchargeback.export.descriptions import described_journal
from openchargeback.export.journal_lines import PAYER, JournalSheet, journal_sheet, unsafe_funds
from openchargeback.ledger.settings import Config, JournalFormat
from openchargeback.model import BilledPeriod, Journal, Side, State, SummedPeriod
from openchargeback.money import ZERO
from openchargeback.problems import LedgerFault, Problem, UsageFault, in_order
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.environment import (
    TEMPLATE_ERRORS,
    Templates,
    make_environment,
    missing_template,
    place_of,
    reason_of,
)

SHIPPED = tuple(JournalFormat(name, f"journals/{name}.csv") for name in ("detail", "summary", "gl"))
CONTROL_TOTALS = "control-totals.json"

_NO_DIRECTION = dict.fromkeys(map(ord, BIDIRECTIONAL))


def period_files(period: BilledPeriod, config: Config, env: Templates) -> dict[str, bytes]:
    """The journal files of a period; if it posts nothing, only the control totals.

    An accounting system may refuse an empty file, or wait for one; these totals say that there is nothing to import.
    """
    if posts_nothing(period, config):
        sheet = journal_sheet(period.journal, period.state, config, period.revision)
        return {CONTROL_TOTALS: _control_totals(sheet, {})}
    return journal_files(period.journal, period.state, config, env, period.revision)


def journal_files(
    journal: Journal, state: State, config: Config, env: Templates, revision: int = 1
) -> dict[str, bytes]:
    """All files of a period's journal by name: shipped formats, own formats, control totals.

    Raises LedgerFault for funds that cannot be written, faulty templates and reserved names; ValueError for a journal
    that does not balance to the cent, which no data can cause.
    """
    sheet = journal_sheet(journal, state, config, revision)
    _refuse(_taken_names(config))
    files = {f"{form.name}.csv": _shipped_file(sheet, form, env) for form in SHIPPED}
    totals = {name: _totals_of(data, _read_sums(data), config.currency) for name, data in files.items()}
    problems: list[Problem] = []
    for form in config.journal.formats:
        name = f"{form.name}.{form.extension}"
        try:
            files[name] = data = _own_file(sheet, form, env)
        except LedgerFault as fault:
            problems += fault.problems
            continue
        # The output of the institution's own template cannot be read back, so it has no sums.
        totals[name] = _totals_of(data, None, config.currency)
    _refuse(problems)
    return {**files, CONTROL_TOTALS: _control_totals(sheet, totals)}


def journal_problems(ledger: RecordedLedger, periods: Sequence[SummedPeriod]) -> list[Problem]:
    """Everything that would stop the journal files of a build, for all periods; faults in several periods only once."""
    env = make_environment(ledger.root / "templates")
    return in_order(problem for each in periods for problem in _faults(each, ledger, env))


def _faults(period: SummedPeriod, ledger: RecordedLedger, env: Templates) -> list[Problem]:
    """Everything that would make `journal_files` refuse a journal, without writing the shipped formats."""
    config, journal = ledger.settings(period.period), journal_of_period(period, ledger.settings)
    refused = [*unsafe_funds(journal, config), *_taken_names(config)]
    problems = []
    try:
        journal = described_journal(ledger, period, env)
    except LedgerFault as fault:
        problems += fault.problems
    if not refused and config.journal.formats:
        sheet = journal_sheet(journal, period.state, config, period.revision)
        for form in config.journal.formats:
            try:
                _own_file(sheet, form, env)
            except LedgerFault as fault:
                problems += fault.problems
    return [*refused, *problems]


def render_format(
    name: str, journal: Journal, state: State, config: Config, env: Templates, revision: int = 1
) -> bytes:
    """One journal file. Raises UsageFault for an unknown format, and whatever `journal_files` raises."""
    forms = {form.name: form for form in (*SHIPPED, *config.journal.formats)}
    if name not in forms:
        raise UsageFault(f"unknown journal format {name!r}; known: {', '.join(forms)}")
    _refuse(_taken_names(config))
    sheet = journal_sheet(journal, state, config, revision)
    return (_shipped_file if forms[name] in SHIPPED else _own_file)(sheet, forms[name], env)


def _shipped_file(sheet: JournalSheet, form: JournalFormat, env: Templates) -> bytes:
    data = _rendered(sheet, form, env.shipped)
    read, rows = _read_sums(data), sheet.summary if form.name == "summary" else sheet.rows
    posted = sum((row.signed for row in rows if row.signed > 0), ZERO)
    if read.debits != read.credits or read.debits != posted:
        raise ValueError(
            f"a journal file of {sheet.head.period} does not balance: {read.debits} debited, {read.credits} credited"
        )
    if read.net != sheet.totals.net:
        raise ValueError(f"a journal file of {sheet.head.period} nets to {read.net}, its journal to {sheet.totals.net}")
    return data


def _own_file(sheet: JournalSheet, form: JournalFormat, env: Templates) -> bytes:
    try:
        return _rendered(sheet, form, env)
    except TEMPLATE_ERRORS as error:
        raise LedgerFault([_template_problem(form, env, error)]) from error


def _rendered(sheet: JournalSheet, form: JournalFormat, env: Templates) -> bytes:
    text = env.for_text.get_template(form.template).render(
        journal=sheet.head,
        lines=sheet.rows,
        summary=sheet.summary,
        groups=sheet.groups,
        totals=sheet.totals,
        organization=sheet.config.organization,
        period=sheet.head.period,
        currency=sheet.config.currency,
    )
    # The cells are clean, but the template's own text and values from config.yaml may not be.
    return text.translate(_NO_DIRECTION).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """The sums of the rows of a shipped file."""

    lines: int
    debits: Decimal
    credits: Decimal
    net: Decimal


def _read_sums(data: bytes) -> _Sums:
    """The sums of a shipped file, read back from its bytes."""
    lines, debits, credits_, net = 0, ZERO, ZERO, ZERO
    for row in csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True):
        lines += 1
        # A part of the fund may be called `side` or `amount`, but `debit` is always a column of the format.
        if "debit" not in row:
            amount = Decimal(row["amount"])
            debit = amount if row["side"] == Side.DEBIT else ZERO
            credit = amount if row["side"] == Side.CREDIT else ZERO
        else:
            debit, credit = Decimal(row["debit"] or 0), Decimal(row["credit"] or 0)
        debits, credits_ = debits + debit, credits_ + credit
        net += debit - credit if row["role"] == PAYER else ZERO
    return _Sums(lines=lines, debits=debits, credits=credits_, net=net)


def _totals_of(data: bytes, read: _Sums | None, currency: str) -> dict[str, object]:
    """The control totals of a file. read: its sums; None for a file that cannot be read back."""
    lines = read.lines if read else data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    sums = {name: money.plain(getattr(read, name), currency) if read else None for name in ("debits", "credits", "net")}
    return {"sha256": hashlib.sha256(data).hexdigest(), "lines": lines, **sums}


def _control_totals(sheet: JournalSheet, files: Mapping[str, Mapping[str, object]]) -> bytes:
    def sums(lines: int, debits: Decimal, credits_: Decimal, net: Decimal) -> dict[str, object]:
        amounts = {"debits": debits, "credits": credits_, "net": net}
        return {"lines": lines} | {name: money.plain(each, sheet.config.currency) for name, each in amounts.items()}

    head, whole = sheet.head, sheet.totals
    totals = {
        "period": head.period,
        "state": head.state,
        "currency": sheet.config.currency,
        "journal": {
            "id": head.id,
            "date": head.date.isoformat() if head.date else None,
            "fiscal_year": head.fiscal_year,
            "fiscal_period": head.fiscal_period,
            **sums(whole.lines, whole.debits, whole.credits, whole.net),
        },
        "sources": {each.source: sums(each.lines, each.debits, each.credits, each.payers) for each in whole.sources},
        "files": files,
    }
    return (json.dumps(totals, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _template_problem(form: JournalFormat, env: Templates, error: BaseException) -> Problem:
    path, line = place_of(error, env) or (f"templates/{form.template}", 0)
    message = f"the template of journal format {form.name!r} fails: {reason_of(error)}"
    fix = "correct the template; docs/JOURNAL_TEMPLATES.md lists the variables it can use"
    missing = missing_template(error)
    if missing is not None:
        message = f"journal format {form.name!r} needs the template {missing!r}, which does not exist"
        fix = "add it to the ledger's templates/ folder, or correct journal.formats in config.yaml"
    return Problem(path=path, code="journal-template", message=message, fix=fix, line=line)


def _taken_names(config: Config) -> list[Problem]:
    reserved = {*(form.name for form in SHIPPED), CONTROL_TOTALS.removesuffix(".json")}
    return [
        Problem(
            path="config.yaml",
            code="journal-format-name",
            message=f"the journal format {form.name!r} has the name of a shipped file",
            fix=f"choose a name other than {', '.join(sorted(reserved))}",
        )
        for form in config.journal.formats
        if form.name in reserved
    ]


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise LedgerFault(problems)
