"""What closing a month records, and reading it back: from then on the month is shown from these files.

periods/P.lines.csv        the billing lines as billed
periods/P.resources.csv    what statements list below them
periods/P.corrections.csv  charges of earlier months that P billed late, credited or billed again; only where any
periods/P.held.csv         charges that stayed held, so that they can be decided later; only where any
periods/P.logo.svg         the logo of the letterhead (or .png); only where there is one
periods/P.frozen.yaml      digests of the files above and of all inputs, settings and directory entries that were
                           used, totals, flags, decisions, statements
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from openchargeback import money
from openchargeback.ledger import shape, table
from openchargeback.ledger.config import CONFIG, config_of
from openchargeback.ledger.directory import PEOPLE, PROJECTS, Directory, directory_of
from openchargeback.ledger.files import read_bytes
from openchargeback.ledger.periods import PERIOD, Event, PeriodFile
from openchargeback.ledger.settings import Config
from openchargeback.ledger.settings_text import directory_values, settings_values
from openchargeback.ledger.yaml_text import document
from openchargeback.ledger.yaml_tree import Node, Reader, Scalar, parse
from openchargeback.model import (
    Amounts,
    Attribution,
    BillingLine,
    Correction,
    DecisionRecord,
    Entry,
    Evidence,
    FileRecord,
    FlagGroup,
    HeldGroup,
    Kind,
    Level,
    PeriodAmounts,
    Reference,
    ResourceLine,
    SourceTotals,
    State,
)
from openchargeback.problems import Problem

LINES, RESOURCES, CORRECTIONS, HELD, FROZEN = (
    "lines.csv", "resources.csv", "corrections.csv", "held.csv", "frozen.yaml",
)  # fmt: skip
LOGOS = ("logo.svg", "logo.png")
PARTS = (LINES, RESOURCES, CORRECTIONS, HELD, *LOGOS)
"""The files beside `P.frozen.yaml`, which names those that there are with their digests."""

HELD_COLUMNS = (
    *("charge", "source", "service", "kind", "pi", "project", "fund", "pi_via", "fund_via", "flags"),
    *("currency", "list", "billed", "resource_id", "resource_name"),
)
"""One row a held charge. `…_via` is tag, project or default; flags are separated by blanks; amounts are exact."""

_HEAD = "What closing {period} recorded; written by `focus-billing periods close`, and never edited by hand."


def part_path(period: str, name: str) -> str:
    """The path in the ledger of a file that closing writes."""
    return f"periods/{period}.{name}"


@dataclass(frozen=True, slots=True)
class FrozenStatement:
    """A statement as it was issued: whose, its number and digest, and what it showed beside its lines and resources.

    history: what earlier months had shown (its chart).
    """

    number: str
    pi: str
    project: str
    digest: str
    history: tuple[PeriodAmounts, ...] = ()
    attributions: tuple[Attribution, ...] = ()
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class FrozenResource:
    """What the statement of a PI and a project lists of a resource."""

    pi: str
    project: str
    line: ResourceLine


@dataclass(frozen=True, slots=True)
class Spending:
    """What a project's own charges of a service came to: history for the rule of unusual amounts."""

    source: str
    project: str
    service: str
    billed: Decimal


@dataclass(frozen=True, slots=True)
class Frozen:
    """A closed month as its files tell it. `digest`: SHA-256 of `P.frozen.yaml`; `version`: of the tool that closed.

    revision, closed: as the period file says them since then.
    charges, approvals: the inputs with their digests; files: digest by name in PARTS.
    compared_with: the closed months that the rule for unusual amounts looked at.
    evidence: who approved its decisions, as far as it was known when the period was closed.
    """

    period: str
    digest: str
    version: str
    revision: int
    closed: Event
    config: Config
    directory: Directory
    charges: tuple[FileRecord, ...]
    approvals: dict[str, str]
    files: dict[str, str]
    sources: tuple[SourceTotals, ...]
    spending: tuple[Spending, ...]
    held: tuple[HeldGroup, ...]
    flags: tuple[FlagGroup, ...]
    decisions: tuple[DecisionRecord, ...]
    statements: tuple[FrozenStatement, ...]
    lines: tuple[BillingLine, ...]
    resources: tuple[FrozenResource, ...]
    corrections: tuple[Correction, ...]
    compared_with: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class _Verbatim:
    """Text as it was written, blanks and all: it was received like that, and has to fit what the tables say."""

    help: str = ""

    def read(self, node: Node, reader: Reader) -> str | None:
        if isinstance(node, Scalar) and not node.is_null:
            return node.text
        return shape.Text().read(node, reader)

    def schema(self) -> dict[str, Any]:
        return shape.Text(help=self.help).schema()


_ANY = _Verbatim()
_SHA = shape.Text(pattern=r"[0-9a-f]{64}", what="a SHA-256 digest")
_COUNT = shape.Integer(0, 999_999_999)
_SIZE = shape.Integer(0, 999_999_999_999_999)
_EXACT = shape.Number(digits=money.SUM_DIGITS)


# What keys mean wherever they stand in the record; for editors.
_WORDS = {
    "amount_held": "Exact sum of what is held.",
    "approvals": "SHA-256 of each approval file, by its path.",
    "approvers": "Who approved.",
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
    "decision": "What was decided.",
    "decisions": "Decisions that the month rests on.",
    "digest": "SHA-256 of what it rests on.",
    "directory": "The directory entries that were used.",
    "evidence": "Who approved what, as far as it was recorded.",
    "exact": "Exact amount billed.",
    "files": "How many charge files.",
    "flag": "The flag.",
    "flags": "The flags.",
    "fund": "The accounting string, or how it was found.",
    "held": "What is held.",
    "history": "List price and amount billed of the months before.",
    "ids": "The first charge ids of the group.",
    "imported": "Exact sum of what was imported.",
    "imported_list": "Exact list price of what was imported.",
    "inputs": "The files that the month rests on.",
    "level": "The level of evidence.",
    "line": "The line of the file.",
    "list": "Exact list price.",
    "name": "The name of the reference.",
    "number": "The number of the statement.",
    "on": "The day of the decision.",
    "people": "PIs.",
    "projects": "Projects.",
    "path": "The file, by its path in the ledger.",
    "period": "The month.",
    "pi": "The PI, or how the PI was found.",
    "project": "The project, or how it was found.",
    "reason": "Why it was decided.",
    "references": "Grant numbers and the like that tags name.",
    "rejected": "Exact sum of what was rejected.",
    "service": "The service.",
    "settings": "The settings that were used.",
    "sha256": "SHA-256 of the bytes.",
    "size": "Size in bytes.",
    "source": "The source.",
    "sources": "Totals of each source.",
    "spending": "What each project spent on each service.",
    "statements": "The statements as issued.",
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
    }
)
_HELD = _rows(
    {
        "source": _ANY,
        "service": _ANY,
        "pi": _ANY,
        "project": _ANY,
        "fund": _ANY,
        "flags": shape.ListOf(_ANY),
        "charges": _COUNT,
        "list": _EXACT,
        "billed": _EXACT,
        "currency": _ANY,
    }
)
_FLAGS = _rows(
    {
        "flag": _ANY,
        "source": _ANY,
        "project": _ANY,
        "service": _ANY,
        "pi": _ANY,
        "charges": _COUNT,
        "billed": _EXACT,
        "list": _EXACT,
        "currency": _ANY,
        "held": _COUNT,
        "amount_held": _EXACT,
        "digest": _ANY,
        "ids": shape.ListOf(_ANY),
        "why": _ANY,
    },
    optional=("digest", "ids", "why"),
)
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
     "billed": _EXACT},
    optional=("by",),
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
        "approvers": shape.ListOf(_ANY),
        "authors": shape.ListOf(_ANY),
        "commit": _ANY,
        "content": _ANY,
        "why": _ANY,
    },
    optional=("approvers", "authors", "commit", "content", "why"),
)
FROZEN_FILE = shape.Record(
    _described({
        "period": shape.Text(pattern=shape.PERIOD_PATTERN, what="a period"),
        "version": shape.Text(help="The version of the tool that closed the period."),
        "revision": PERIOD.fields["revision"],
        "closed": PERIOD.fields["closed"],
        "files": shape.MapOf(_SHA, help="Digests of the other files that closing wrote."),
        "inputs": shape.Record(
            _described({
                "charges": _rows({"path": _ANY, "source": _ANY, "sha256": _SHA, "size": _SIZE, "charges": _COUNT,
                                  "billed": _EXACT}),
                "approvals": shape.MapOf(_SHA),
            }),
            required=("charges", "approvals"),
        ),
        "compared_with": shape.ListOf(_ANY, help="Closed months that amounts were compared with."),
        "sources": _SOURCES,
        "spending": _rows({"source": _ANY, "project": _ANY, "service": _ANY, "billed": _EXACT}),
        "statements": _STATEMENTS,
        "held": _HELD,
        "flags": _FLAGS,
        "decisions": _DECISIONS,
        "evidence": _EVIDENCE,
        "settings": shape.Record(CONFIG.fields, required=CONFIG.required, make=lambda v, _n, _r: config_of(v)),
        "directory": shape.Record(
            _described({"people": PEOPLE.fields["people"], "projects": PROJECTS.fields["projects"]})
        ),
    }),
    required=("period", "version", "revision", "closed", "files", "inputs", "sources", "spending", "statements", "held",
              "flags", "decisions", "settings", "directory"),
    help="What closing a month recorded; written by the program, never by hand.",
)  # fmt: skip


def read_frozen(root: Path, period: str, state: PeriodFile) -> tuple[Frozen | None, list[Problem]]:
    """The record of a closed period with all its faults; None where there is none that could be shown."""
    problems: list[Problem] = []
    path = part_path(period, FROZEN)
    data = read_bytes(root, path, problems)
    if data is None:
        if not problems:
            problems.append(_missing(period, path, state))
        return None, problems
    node, reader = parse(data, path)
    values = FROZEN_FILE.read(node, reader) if node is not None else None
    directory = (
        directory_of(values["directory"].get("people", []), reader, values["directory"].get("projects", []), reader)
        if values
        else None
    )
    problems += reader.problems
    if values is None or directory is None or reader.problems:
        return None, problems or [_missing(period, path, state)]
    if values["period"] != period:
        message = f"it is the record of {values['period']}"
        problems.append(Problem(path, "frozen-fault", message, "restore the file from Git", 1))
        return None, problems
    currency = values["settings"].currency
    parts = {name: read_bytes(root, part_path(period, name), problems) for name in (LINES, RESOURCES, CORRECTIONS)}
    for name in (LINES, RESOURCES):
        if parts[name] is None and not problems:
            problems.append(_missing(period, part_path(period, name), state))
    rows = {
        name: table.read_table(content, part_path(period, name), _columns(name, currency), problems)
        for name, content in parts.items()
        if content is not None
    }
    if problems:
        return None, problems
    digest = hashlib.sha256(data).hexdigest()
    return _frozen(period, digest, values, directory, rows), problems


def _missing(period: str, path: str, state: PeriodFile) -> Problem:
    fix = (
        "restore it from Git"
        if state.state is State.FINALIZED
        else f"restore it from Git, or `focus-billing periods open {period}` and close it again"
    )
    return Problem(path, "not-frozen", f"{period} is {state.state}, but what closing it wrote is not there", fix)


def _columns(name: str, currency: str) -> tuple[table.Column, ...]:
    text, exact = table.text, table.exact
    cents = tuple(table.cents(each, currency) for each in ("list", "discount", "billed"))
    payer = (text("pi"), text("project"), text("fund"), text("source"), text("service"))
    if name == LINES:
        entry = (table.word("entry", (e for e in Entry if e is not Entry.REJECTED)), text("original"), text("corrects"))
        return (*payer, *entry, table.count("charges"), exact("exact_list"), exact("exact_billed"), *cents)
    if name == RESOURCES:
        resource = (table.word("kind", Kind), text("resource_id"), text("resource_name"))
        return (*payer, *resource, table.count("charges"), *cents)
    entry = (text("charge"), text("original"), table.word("entry", (e for e in Entry if e is not Entry.OWN)))
    exacts = (text("currency"), exact("exact_list"), exact("exact_billed"))
    return (*entry, *payer, *exacts, *cents, text("corrects"), text("decision"))


def _frozen(
    period: str, digest: str, values: dict[str, Any], directory: Directory, rows: dict[str, list[list[Any]]]
) -> Frozen:
    return Frozen(
        period=period,
        digest=digest,
        version=values["version"],
        revision=values["revision"],
        closed=values["closed"],
        config=values["settings"],
        directory=directory,
        charges=tuple(
            FileRecord(v["path"], v["source"], v["sha256"], int(v["size"]), v["charges"], v["billed"])
            for v in values["inputs"]["charges"]
        ),
        approvals=values["inputs"]["approvals"],
        files=values["files"],
        sources=tuple(SourceTotals(**v) for v in values["sources"]),
        spending=tuple(Spending(**v) for v in values["spending"]),
        held=tuple(_held_group(v) for v in values["held"]),
        flags=tuple(_flag_group(period, v) for v in values["flags"]),
        decisions=tuple(
            DecisionRecord(**{name: value for name, value in v.items() if name != "billed"}, exact_billed=v["billed"])
            for v in values["decisions"]
        ),
        statements=tuple(_statement(v) for v in values["statements"]),
        lines=tuple(_line(period, cells) for cells in rows[LINES]),
        resources=tuple(_resource(cells) for cells in rows[RESOURCES]),
        corrections=tuple(_correction(cells) for cells in rows.get(CORRECTIONS, ())),
        compared_with=tuple(values.get("compared_with", ())),
        evidence=tuple(_evidence(v) for v in values.get("evidence", ())),
    )


def _evidence(v: dict[str, Any]) -> Evidence:
    return Evidence(
        path=v["path"],
        level=Level(v["level"]),
        approvers=tuple(v.get("approvers", ())),
        authors=tuple(v.get("authors", ())),
        commit=v.get("commit", ""),
        content=v.get("content", ""),
        why=v.get("why", ""),
    )


def _held_group(v: dict[str, Any]) -> HeldGroup:
    return HeldGroup(
        source=v["source"],
        service=v["service"],
        pi=v["pi"],
        project=v["project"],
        fund=v["fund"],
        flags=tuple(v["flags"]),
        charges=v["charges"],
        exact_list=v["list"],
        exact_billed=v["billed"],
        currency=v["currency"],
    )


def _flag_group(period: str, v: dict[str, Any]) -> FlagGroup:
    return FlagGroup(
        period=period,
        flag=v["flag"],
        source=v["source"],
        project=v["project"],
        service=v["service"],
        pi=v["pi"],
        charges=v["charges"],
        exact_billed=v["billed"],
        exact_list=v["list"],
        currency=v["currency"],
        held=v["held"],
        exact_held=v["amount_held"],
        digest=v.get("digest", ""),
        ids=tuple(v.get("ids", ())),
        why=v.get("why", ""),
    )


def _statement(v: dict[str, Any]) -> FrozenStatement:
    history = tuple(
        PeriodAmounts(period, Amounts(amounts[0], amounts[0] - amounts[1], amounts[1]))
        for period, amounts in v.get("history", {}).items()
        if len(amounts) == 2
    )
    attributions = tuple(
        Attribution(
            pi=each["pi"],
            project=each["project"],
            fund=each["fund"],
            by=tuple(each.get("by", ())),
            charges=each["charges"],
            exact_billed=each["exact"],
            billed=each["billed"],
        )
        for each in v.get("attributions", ())
    )
    references = tuple(
        Reference(each["name"], tuple(each["values"]), each["count"]) for each in v.get("references", ())
    )
    return FrozenStatement(v["number"], v["pi"], v["project"], v["digest"], history, attributions, references)


def _line(period: str, cells: list[Any]) -> BillingLine:
    pi, project, fund, source, service, entry, original, corrects, charges, exact_list, exact_billed, *cents = cells
    return BillingLine(
        *(period, pi, project, fund, source, service, charges, exact_list, exact_billed),
        *(Amounts(*cents), Entry(entry), original, corrects),
    )


def _resource(cells: list[Any]) -> FrozenResource:
    pi, project, fund, source, service, kind, resource_id, resource_name, charges, *cents = cells
    line = ResourceLine(fund, source, service, Kind(kind), resource_id, resource_name, charges, Amounts(*cents))
    return FrozenResource(pi, project, line)


def _correction(cells: list[Any]) -> Correction:
    charge, original, entry, pi, project, fund, source, service, currency, exact_list, exact_billed, *rest = cells
    *cents, corrects, place = rest
    return Correction(
        *(charge, original, Entry(entry), pi, project, fund, source, service, currency, exact_list, exact_billed),
        *(Amounts(*cents), corrects, place),
    )


def frozen_files(frozen: Frozen, held: Iterable[Sequence[str]], logo: tuple[str, bytes] | None) -> dict[str, bytes]:
    """The files of a period that is being closed, by path, `P.frozen.yaml` last; `files` and `digest` are found here.

    held: one row a held charge, as HELD_COLUMNS. logo: its kind (svg or png) and bytes.
    """
    currency = frozen.config.currency

    def cents(amounts: Amounts) -> list[str]:
        return [money.plain(amount, currency) for amount in (amounts.list, amounts.discount, amounts.billed)]

    rows: dict[str, list[list[str]]] = {
        LINES: [
            [
                *(each.pi, each.project, each.fund, each.source, each.service),
                *(str(each.entry), each.original, each.corrects, str(each.charges)),
                *(money.exact(each.exact_list), money.exact(each.exact_billed), *cents(each.amounts)),
            ]
            for each in frozen.lines
        ],
        RESOURCES: [
            [
                *(resource.pi, resource.project, each.fund, each.source, each.service, str(each.kind)),
                *(each.resource_id, each.resource_name, str(each.charges), *cents(each.amounts)),
            ]
            for resource in frozen.resources
            for each in (resource.line,)
        ],
        CORRECTIONS: [
            [
                *(each.charge, each.original, str(each.entry), each.pi, each.project, each.fund),
                *(each.source, each.service, each.currency),
                *(money.exact(each.exact_list), money.exact(each.exact_billed), *cents(each.amounts)),
                *(each.corrects, each.place),
            ]
            for each in frozen.corrections
        ],
    }
    parts = {
        name: table.write_table(_columns(name, currency), content)
        for name, content in rows.items()
        if content or name != CORRECTIONS
    }
    kept = list(held)
    if kept:
        parts[HELD] = table.write_table([table.text(name) for name in HELD_COLUMNS], kept)
    if logo:
        parts[f"logo.{logo[0]}"] = logo[1]
    digests = {name: hashlib.sha256(parts[name]).hexdigest() for name in sorted(parts)}
    result = {part_path(frozen.period, name): content for name, content in parts.items()}
    result[part_path(frozen.period, FROZEN)] = _document(frozen, digests).encode()
    return result


def _document(frozen: Frozen, files: dict[str, str]) -> str:
    values = {
        "period": frozen.period,
        "version": frozen.version,
        "revision": frozen.revision,
        "closed": {"on": frozen.closed.on.isoformat(), "by": frozen.closed.by},
        "files": files,
        "inputs": {
            "charges": [
                {
                    "path": each.path,
                    "source": each.source,
                    "sha256": each.sha256,
                    "size": each.size,
                    "charges": each.charges,
                    "billed": each.exact_billed,
                }
                for each in frozen.charges
            ],
            "approvals": dict(sorted(frozen.approvals.items())),
        },
        "compared_with": list(frozen.compared_with),
        "sources": [{name: getattr(each, name) for name in each.__dataclass_fields__} for each in frozen.sources],
        "spending": [{name: getattr(each, name) for name in each.__dataclass_fields__} for each in frozen.spending],
        "statements": [_statement_values(each, frozen.config.currency) for each in frozen.statements],
        "held": [
            {
                "source": each.source,
                "service": each.service,
                "pi": each.pi,
                "project": each.project,
                "fund": each.fund,
                "flags": list(each.flags),
                "charges": each.charges,
                "list": each.exact_list,
                "billed": each.exact_billed,
                "currency": each.currency,
            }
            for each in frozen.held
        ],
        "flags": [_flag_values(each) for each in frozen.flags],
        "decisions": [
            {
                "path": each.path,
                "line": each.line,
                "decision": each.decision,
                "what": each.what,
                "charges": each.charges,
                "billed": each.exact_billed,
                "reason": each.reason,
                "by": each.by,
                "on": each.on,
            }
            for each in frozen.decisions
        ],
        "evidence": [{key: value for key, value in each.as_json().items() if value} for each in frozen.evidence],
        "settings": settings_values(frozen.config, frozen.config.sources),
        "directory": directory_values(frozen.directory, frozen.directory.people, frozen.directory.projects),
    }
    return document(values, _HEAD.format(period=frozen.period))


def _statement_values(each: FrozenStatement, currency: str) -> dict[str, Any]:
    history = {
        entry.period: [money.plain(entry.amounts.list, currency), money.plain(entry.amounts.billed, currency)]
        for entry in each.history
    }
    attributions = [
        {
            "pi": found.pi,
            "project": found.project,
            "fund": found.fund,
            **({"by": list(found.by)} if found.by else {}),
            "charges": found.charges,
            "exact": money.exact(found.exact_billed),
            "billed": money.plain(found.billed, currency),
        }
        for found in each.attributions
    ]
    references = [{"name": named.name, "values": list(named.values), "count": named.count} for named in each.references]
    shown = {"history": history, "attributions": attributions, "references": references}
    return {"number": each.number, "pi": each.pi, "project": each.project, "digest": each.digest} | {
        key: value for key, value in shown.items() if value
    }


def _flag_values(each: FlagGroup) -> dict[str, Any]:
    values: dict[str, Any] = {
        "flag": each.flag,
        "source": each.source,
        "project": each.project,
        "service": each.service,
        "pi": each.pi,
        "charges": each.charges,
        "billed": each.exact_billed,
        "list": each.exact_list,
        "currency": each.currency,
        "held": each.held,
        "amount_held": each.exact_held,
    }
    if each.digest:
        values |= {"digest": each.digest, "ids": list(each.ids)}
    return values | ({"why": each.why} if each.why else {})
