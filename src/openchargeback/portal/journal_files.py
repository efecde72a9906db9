"""Journal files: the shipped formats, the institution's own templates, and the control totals beside them.

    Journal ─▶ JournalRow (text cleaned, fund taken apart) ─┬▶ shipped formats: a tuple of columns each ─▶ CSV
                                                            └▶ Jinja template of the ledger ─▶ any text

Every shipped file is read back before it is handed out. To the last cent its debits must equal its credits, and its net
must be that of the journal: debits less credits in the rows of payers, which is what the statements say is due. Debits
themselves differ from file to file, since the summary nets a charge with its refund.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.journal import SourceControl, source_controls
from openchargeback.characters import BIDIRECTIONAL
from openchargeback.csv_writing import csv_bytes
from openchargeback.ledger.patterns import Expression, expression
from openchargeback.ledger.periods import fiscal
from openchargeback.ledger.settings import Config, JournalFormat
from openchargeback.model import Journal, JournalLine, Side, State
from openchargeback.money import ZERO
from openchargeback.problems import LedgerFault, Problem, UsageFault
from openchargeback.templating import text_filters
from openchargeback.templating.environment import TEMPLATE_ERRORS, Templates, missing_template, place_of, reason_of
from openchargeback.templating.metering import Meter, counted
from openchargeback.templating.text_filters import Code, clean, cut

CONTROL_TOTALS = "control-totals.json"
GROUPS = "*groups"
"""Stands in a list of columns for one column per named group of the fund expression."""

PAYER, RECIPIENT = "payer", "recipient"
"""What the column `role` says: one fund may pay and receive, and net is counted in the rows of payers."""

# The detail is for people too and has room; import files keep to the limit of the accounting system.
_HEADINGS = {"text": "description"}
_NO_DIRECTION = dict.fromkeys(map(ord, BIDIRECTIONAL))


@dataclass(frozen=True, slots=True)
class TableFormat:
    """A shipped format: which columns of which rows. `summed` nets the rows per source, role, fund and account."""

    columns: tuple[str, ...]
    summed: bool = False


JOURNAL_FORMATS: dict[str, TableFormat] = {
    "detail": TableFormat(
        (
            *("period", "date", "statement", "source", "service", "pi", "project"),
            *("role", "side", "fund", "account", "amount", "text"),
        )
    ),
    "summary": TableFormat(
        ("period", "date", "journal", "source", "role", "fund", "account", "debit", "credit"),
        summed=True,
    ),
    "gl": TableFormat(
        (
            *("date", "journal", "line", "account", "fund", GROUPS),
            *("debit", "credit", "description", "reference", "role"),
        )
    ),
}


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A journal line as files show it, which journal templates see as an item of `lines`.

    amount: > 0, in cents; `debit` and `credit` are None on the other side; `signed` is positive for a debit.
    groups: the named groups of the fund expression, blank where the fund does not match.
    text: the description, cleaned but not cut; `description` is cut to the configured limit.
    """

    number: int
    period: str
    date: dt.date
    side: str
    payer: bool
    fund: Code
    account: Code
    groups: dict[str, Code]
    amount: Decimal
    source: str
    source_label: str
    service: str
    pi: str
    project: str
    statement: Code
    description: str
    text: str

    @property
    def role(self) -> str:
        """`payer` on the side of the PI's fund, `recipient` on that of the credit fund, whichever is debited."""
        return PAYER if self.payer else RECIPIENT

    @property
    def debit(self) -> Decimal | None:
        """The amount of a debit line."""
        return self.amount if self.side == Side.DEBIT else None

    @property
    def credit(self) -> Decimal | None:
        """The amount of a credit line."""
        return self.amount if self.side == Side.CREDIT else None

    @property
    def signed(self) -> Decimal:
        """Debit positive, credit negative."""
        return self.amount if self.side == Side.DEBIT else -self.amount


@dataclass(frozen=True, slots=True)
class JournalHead:
    """What templates see as `journal`. `date` is the accounting date; None where the journal has no lines.

    fiscal_year, fiscal_period: those of the date, by `fiscal_year_starts`; the first period is 1.
    """

    id: Code
    period: str
    date: dt.date | None
    fiscal_year: int | None
    fiscal_period: int | None
    state: str


@dataclass(frozen=True, slots=True)
class JournalTotals:
    """What templates see as `totals`, in cents.

    net: debits less credits of the payers, which is what the statements say is due.
    hash: debits + credits, the control total of Banner's GURFEED.
    """

    lines: int
    debits: Decimal
    credits: Decimal
    net: Decimal
    hash: Decimal
    sources: tuple[SourceControl, ...]


def journal_id(period: str, revision: int = 1) -> str:
    """The document id of a period's journal: `OCB-2025-01`, `OCB-2025-01-r2` after a reopening."""
    return f"OCB-{period}" + (f"-r{revision}" if revision > 1 else "")


def describer(config: Config, env: Templates) -> Callable[[JournalLine], str]:
    """What writes the description of a payer's line, from the template `journal.description` in `config.yaml`.

    Raises LedgerFault (`journal-template`) when the template is faulty, here or as soon as a line shows it.
    """
    try:
        template = env.for_text().from_string(config.journal.description)
    except TEMPLATE_ERRORS as error:
        raise LedgerFault([_description_problem(config, error)]) from error

    meter = Meter()  # for all lines of a period together

    def describe(line: JournalLine) -> str:
        try:
            with counted(meter):
                return template.render(
                    source=line.source,
                    source_label=config.source(line.source).label or line.source,
                    period=line.period,
                    project=line.project,
                    pi=line.pi,
                    fund=line.fund,
                    service=line.service,
                    statement=line.statement,
                )
        except TEMPLATE_ERRORS as error:
            raise LedgerFault([_description_problem(config, error)]) from error

    return describe


def unsafe_funds(journal: Journal, config: Config) -> list[Problem]:
    """Funds and accounts that no file can carry unchanged and safely (`unsafe-fund`), each once with its line count."""
    fund = _expression(config)
    counts: dict[tuple[str, str], int] = {}
    for line in journal.lines:
        parts = {"account": line.account, "fund": line.fund}
        for what, code in parts.items():
            groups = fund.groups(code).values() if fund and what == "fund" else ()
            if any(text_filters.unsafe(text) for text in (code, *groups)):
                counts[what, code] = counts.get((what, code), 0) + 1
    return [
        Problem(
            path="",
            code="unsafe-fund",
            message=f"the {what} {code!r}, or a part of it, begins like a formula or holds a control character",
            fix=f"correct the {what} where it is given: tag, directory, decision or config.yaml",
            excerpt=clean(code),
            count=count,
        )
        for (what, code), count in sorted(counts.items())
    ]


def journal_files(
    journal: Journal, state: State, config: Config, env: Templates, revision: int = 1
) -> dict[str, bytes]:
    """All files of a period's journal by name: shipped formats, own formats, control totals.

    Raises LedgerFault for funds that cannot be written, faulty templates and names that are taken; ValueError for a
    journal that does not balance to the last cent, which no data can cause.
    """
    sheet = _sheet(journal, state, config, revision)
    _refuse(_taken_names(config))
    files: dict[str, bytes] = {}
    totals: dict[str, dict[str, object]] = {}
    for name, table in JOURNAL_FORMATS.items():
        files[f"{name}.csv"] = data = _table_file(sheet, table)
        totals[f"{name}.csv"] = _file_totals(data, sheet.currency)
    problems: list[Problem] = []
    for form in config.journal.formats:
        name = f"{form.name}.{form.extension}"
        try:
            files[name] = data = _template_file(sheet, form, config, env)
        except LedgerFault as fault:
            problems += fault.problems
            continue
        # What a template makes of the lines cannot be read back, so no sums are claimed for it.
        lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
        totals[name] = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "lines": lines,
            **dict.fromkeys(("debits", "credits", "net")),
        }
    _refuse(problems)
    return {**files, CONTROL_TOTALS: _control_totals(sheet, totals)}


def control_totals(journal: Journal, state: State, config: Config, revision: int = 1) -> bytes:
    """`control-totals.json` of a journal without files: all that is written of a period for showback alone.

    An accounting system may refuse an empty file, or wait for one; these totals say that there is none to import.
    """
    return _control_totals(_sheet(journal, state, config, revision), {})


def journal_faults(journal: Journal, state: State, config: Config, env: Templates, revision: int = 1) -> list[Problem]:
    """Everything for which `journal_files` would refuse a journal, without writing the shipped formats."""
    problems = [*unsafe_funds(journal, config), *_taken_names(config)]
    if problems:
        return problems
    sheet = _sheet(journal, state, config, revision)
    for form in config.journal.formats:
        try:
            _template_file(sheet, form, config, env)
        except LedgerFault as fault:
            problems += fault.problems
    return problems


def format_names(config: Config) -> tuple[str, ...]:
    """All known formats: the shipped ones, then the institution's own."""
    return (*JOURNAL_FORMATS, *(form.name for form in config.journal.formats))


def render_format(
    name: str, journal: Journal, state: State, config: Config, env: Templates, revision: int = 1
) -> bytes:
    """One journal file. Raises UsageFault for an unknown format, and whatever `journal_files` raises."""
    known = format_names(config)
    if name not in known:
        raise UsageFault(f"unknown journal format {name!r}; known: {', '.join(known)}")
    _refuse(_taken_names(config))
    sheet = _sheet(journal, state, config, revision)
    if name in JOURNAL_FORMATS:
        return _table_file(sheet, JOURNAL_FORMATS[name])
    form = next(form for form in config.journal.formats if form.name == name)
    return _template_file(sheet, form, config, env)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The journal made ready for files."""

    head: JournalHead
    rows: tuple[JournalRow, ...]
    totals: JournalTotals
    currency: str
    groups: tuple[str, ...]


def _sheet(journal: Journal, state: State, config: Config, revision: int) -> _Sheet:
    _refuse(unsafe_funds(journal, config))
    controls = source_controls(journal)
    for name, debits, credited in (
        ("the journal", journal.debits, journal.credits),
        *((f"source {control.source}", control.payers, -control.credited) for control in controls),
    ):
        if debits != credited:
            raise ValueError(f"{name} of {journal.period} does not balance: {debits} against {credited}")
    parts = _expression(config)
    date = journal.lines[0].date if journal.lines else None
    year, month = fiscal(date, config.fiscal_year_starts) if date else (None, None)
    return _Sheet(
        head=JournalHead(Code(journal_id(journal.period, revision)), journal.period, date, year, month, str(state)),
        rows=tuple(_row(number, line, parts, config) for number, line in enumerate(journal.lines, start=1)),
        totals=JournalTotals(
            lines=len(journal.lines),
            debits=journal.debits,
            credits=journal.credits,
            net=journal.net,
            hash=journal.debits + journal.credits,
            sources=controls,
        ),
        currency=config.currency,
        groups=parts.names if parts else (),
    )


def _row(number: int, line: JournalLine, parts: Expression | None, config: Config) -> JournalRow:
    text = clean(line.description)
    return JournalRow(
        number=number,
        period=line.period,
        date=line.date,
        side=str(line.side),
        payer=line.payer,
        fund=Code(line.fund),
        account=Code(line.account),
        groups={name: Code(part) for name, part in (parts.groups(line.fund) if parts else {}).items()},
        amount=line.amount,
        source=line.source,
        source_label=clean(config.source(line.source).label or line.source),
        service=clean(line.service),
        pi=clean(line.pi),
        project=clean(line.project),
        statement=Code(line.statement),
        description=cut(text, config.journal.description_limit),
        text=text,
    )


def _expression(config: Config) -> Expression | None:
    return expression(config.journal.fund) if config.journal.fund else None


def _table_file(sheet: _Sheet, table: TableFormat) -> bytes:
    rows = _summed(sheet.rows) if table.summed else sheet.rows
    cells = [[_cell(sheet, row, column) for column in _columns(table, sheet.groups)] for row in rows]
    data = csv_bytes(_headings(table, sheet.groups), cells)
    read = _read_sums(data)
    posted = sum((row.signed for row in rows if row.signed > 0), ZERO)
    if read.debits != read.credits or read.debits != posted:
        raise ValueError(
            f"a journal file of {sheet.head.period} does not balance: {read.debits} against {read.credits}"
        )
    if read.net != sheet.totals.net:
        raise ValueError(f"a journal file of {sheet.head.period} nets {read.net}, the journal {sheet.totals.net}")
    return data


def _columns(table: TableFormat, groups: Sequence[str]) -> list[tuple[str, bool]]:
    """Column names, and whether each is a group of the fund expression."""
    columns: list[tuple[str, bool]] = []
    for column in table.columns:
        columns += [(group, True) for group in groups] if column == GROUPS else [(column, False)]
    return columns


def _headings(table: TableFormat, groups: Sequence[str]) -> list[str]:
    """Headings, each once: a group named like a column of the format becomes `fund_segment`."""
    taken = {_HEADINGS.get(column, column) for column in table.columns if column != GROUPS}
    headings: list[str] = []
    for column, is_group in _columns(table, groups):
        heading = column if is_group else _HEADINGS.get(column, column)
        while is_group and heading in taken:
            heading += "_segment"
        taken.add(heading)
        headings.append(heading)
    return headings


def _cell(sheet: _Sheet, row: JournalRow, column: tuple[str, bool]) -> str:
    name, is_group = column
    if is_group:
        return row.groups[name]
    if name in ("amount", "debit", "credit"):
        amount: Decimal | None = getattr(row, name)
        return "" if amount is None else money.plain(amount, sheet.currency)
    if name == "journal":
        return sheet.head.id
    if name == "line":
        return str(row.number)
    if name == "reference":
        return row.statement
    return str(getattr(row, name))


def _summed(rows: Iterable[JournalRow]) -> list[JournalRow]:
    """One row per source, role, fund and account with the net; those that net to zero are dropped."""
    first: dict[tuple[str, str, str, str], JournalRow] = {}
    nets: dict[tuple[str, str, str, str], Decimal] = {}
    for row in rows:
        key: tuple[str, str, str, str] = (row.source, row.role, row.fund, row.account)
        first.setdefault(key, row)
        nets[key] = nets.get(key, ZERO) + row.signed
    summed: list[JournalRow] = []
    for key, row in sorted(first.items(), key=lambda item: item[0]):
        net = nets[key]
        if not net:
            continue
        summed.append(
            JournalRow(
                number=len(summed) + 1,
                period=row.period,
                date=row.date,
                side=str(Side.DEBIT if net > 0 else Side.CREDIT),
                payer=row.payer,
                fund=row.fund,
                account=row.account,
                groups=row.groups,
                amount=abs(net),
                source=row.source,
                source_label=row.source_label,
                service="",
                pi="",
                project="",
                statement=Code(),
                description="",
                text="",
            )
        )
    return summed


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the rows of a shipped file come to."""

    lines: int
    debits: Decimal
    credits: Decimal
    net: Decimal


def _read_sums(data: bytes) -> _Sums:
    """The sums of a shipped file, read back from its bytes."""
    lines, debits, credits_, net = 0, ZERO, ZERO, ZERO
    for row in csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True):
        lines += 1
        # A part of the fund may be called `side` or `amount`; `debit` is always the column of the format.
        if "debit" not in row:
            amount = Decimal(row["amount"])
            debit = amount if row["side"] == Side.DEBIT else ZERO
            credit = amount if row["side"] == Side.CREDIT else ZERO
        else:
            debit, credit = Decimal(row["debit"] or 0), Decimal(row["credit"] or 0)
        debits, credits_ = debits + debit, credits_ + credit
        net += debit - credit if row["role"] == PAYER else ZERO
    return _Sums(lines=lines, debits=debits, credits=credits_, net=net)


def _file_totals(data: bytes, currency: str) -> dict[str, object]:
    read = _read_sums(data)
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "lines": read.lines,
        "debits": money.plain(read.debits, currency),
        "credits": money.plain(read.credits, currency),
        "net": money.plain(read.net, currency),
    }


def _control_totals(sheet: _Sheet, files: Mapping[str, Mapping[str, object]]) -> bytes:
    def plain(amount: Decimal) -> str:
        return money.plain(amount, sheet.currency)

    totals = {
        "period": sheet.head.period,
        "state": sheet.head.state,
        "currency": sheet.currency,
        "journal": {
            "id": sheet.head.id,
            "date": sheet.head.date.isoformat() if sheet.head.date else None,
            "fiscal_year": sheet.head.fiscal_year,
            "fiscal_period": sheet.head.fiscal_period,
            "lines": sheet.totals.lines,
            "debits": plain(sheet.totals.debits),
            "credits": plain(sheet.totals.credits),
            "net": plain(sheet.totals.net),
        },
        "sources": {
            control.source: {
                "lines": control.lines,
                "debits": plain(control.debits),
                "credits": plain(control.credits),
                "net": plain(control.payers),
            }
            for control in sheet.totals.sources
        },
        "files": files,
    }
    return (json.dumps(totals, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _template_file(sheet: _Sheet, form: JournalFormat, config: Config, env: Templates) -> bytes:
    try:
        template = env.for_text().get_template(form.template)
        text = template.render(
            journal=sheet.head,
            lines=sheet.rows,
            totals=sheet.totals,
            organization=config.organization,
            period=sheet.head.period,
            currency=sheet.currency,
        )
        # The cells are clean; the template's own text and what it takes from config.yaml need not be.
        return text.translate(_NO_DIRECTION).encode()
    except TEMPLATE_ERRORS as error:
        raise LedgerFault([_template_problem(form, env, error)]) from error


def _template_problem(form: JournalFormat, env: Templates, error: BaseException) -> Problem:
    path, line = place_of(error, env) or (f"templates/{form.template}", 0)
    missing = missing_template(error)
    if missing is not None:
        return Problem(
            path=path,
            code="journal-template",
            message=f"journal format {form.name!r} needs the template {missing!r}, which is not there",
            fix="put it into the ledger's templates/ folder or correct journal.formats in config.yaml",
            line=line,
        )
    return Problem(
        path=path,
        code="journal-template",
        message=f"the template of journal format {form.name!r} fails: {reason_of(error)}",
        fix="correct the template; docs/JOURNAL_TEMPLATES.md lists what a template sees",
        line=line,
    )


def _description_problem(config: Config, error: BaseException) -> Problem:
    return Problem(
        path="config.yaml",
        code="journal-template",
        message=f"journal.description fails: {reason_of(error)}",
        fix="use source, source_label, period, project, pi, fund, service and statement only",
        excerpt=clean(config.journal.description),
    )


def _taken_names(config: Config) -> list[Problem]:
    reserved = {*JOURNAL_FORMATS, CONTROL_TOTALS.removesuffix(".json")}
    return [
        Problem(
            path="config.yaml",
            code="journal-format-name",
            message=f"the journal format {form.name!r} has the name of a shipped file",
            fix=f"choose another name than {', '.join(sorted(reserved))}",
        )
        for form in config.journal.formats
        if form.name in reserved
    ]


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise LedgerFault(problems)
