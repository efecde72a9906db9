"""The record of a closed month, read back from its files."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

from openchargeback.ledger import table
from openchargeback.ledger.directory import Directory, directory_of
from openchargeback.ledger.files import read_bytes
from openchargeback.ledger.frozen import (
    CORRECTIONS,
    FROZEN,
    LINES,
    RESOURCES,
    Frozen,
    FrozenResource,
    FrozenStatement,
    Spending,
    part_path,
)
from openchargeback.ledger.frozen_shape import FROZEN_FILE, columns_of
from openchargeback.ledger.line_table import AMOUNT_COLUMNS, COLUMNS
from openchargeback.ledger.periods import PeriodFile, last_day
from openchargeback.ledger.yaml_tree import parse
from openchargeback.model import (
    ITEM_KEYS,
    Amounts,
    Attribution,
    BillingLine,
    Correction,
    DecisionRecord,
    Entry,
    Evidence,
    FileRecord,
    FlagTotal,
    Kind,
    Level,
    PeriodAmounts,
    QueueItem,
    Reference,
    ResourceLine,
    SourceTotals,
    State,
    Unusual,
)
from openchargeback.problems import Problem


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
    directory = directory_of(values["directory"], reader) if values else None
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
        name: table.read_table(content, part_path(period, name), columns_of(name, period, currency), problems)
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


def _frozen(
    period: str, digest: str, values: dict[str, Any], directory: Directory, rows: dict[str, list[list[Any]]]
) -> Frozen:
    return Frozen(
        period=period,
        digest=digest,
        version=values["version"],
        libraries={name: str(version) for name, version in values["libraries"].items()},
        revision=values["revision"],
        closed=values["closed"],
        accounting_date=values.get("accounting_date") or last_day(period),
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
        queue=tuple(_queue_item(period, v) for v in values["queue"]),
        flags=tuple(
            FlagTotal(flag=v["flag"], currency=v["currency"], charges=v["charges"], exact_billed=v["billed"])
            for v in values["flags"]
        ),
        unusual=tuple(Unusual(**v) for v in values.get("unusual", ())),
        decisions=tuple(
            DecisionRecord(**{name: value for name, value in v.items() if name != "billed"}, exact_billed=v["billed"])
            for v in values["decisions"]
        ),
        statements=tuple(_statement(v) for v in values["statements"]),
        lines=tuple(_line(cells) for cells in rows[LINES]),
        resources=tuple(_resource(cells) for cells in rows[RESOURCES]),
        corrections=tuple(_correction(cells) for cells in rows.get(CORRECTIONS, ())),
        evidence=tuple(_evidence(v) for v in values.get("evidence", ())),
        without=tuple(values.get("without", ())),
    )


def _evidence(v: dict[str, Any]) -> Evidence:
    return Evidence(
        path=v["path"],
        level=Level(v["level"]),
        named=tuple(v.get("named_as_deciding", ())),
        approvers=tuple(v.get("approvers", ())),
        authors=tuple(v.get("authors", ())),
        commit=v.get("commit", ""),
        content=v.get("content", ""),
        why=v.get("why", ""),
    )


def _queue_item(period: str, v: dict[str, Any]) -> QueueItem:
    return QueueItem(
        period=period,
        **{key: v.get(key, "") for key in ITEM_KEYS},
        flags=tuple(v["flags"]),
        uncleared=tuple(v["uncleared"]),
        charges=v["charges"],
        exact_list=v["list"],
        exact_billed=v["billed"],
        digest=v["digest"],
        ids=tuple(v["ids"]),
        named=v.get("named", False),
    )


def _statement(v: dict[str, Any]) -> FrozenStatement:
    history = tuple(
        PeriodAmounts(
            period,
            *(
                Amounts(listed, listed - billed, billed)
                for listed, billed in zip(amounts[::2], amounts[1::2], strict=True)
            ),
        )
        for period, amounts in v.get("history", {}).items()
        if len(amounts) in (2, 4)
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
            posted=each.get("posted", True),
        )
        for each in v.get("attributions", ())
    )
    references = tuple(
        Reference(each["name"], tuple(each["values"]), each["count"]) for each in v.get("references", ())
    )
    return FrozenStatement(v["number"], v["pi"], v["project"], v["digest"], history, attributions, references)


def _line(cells: list[Any]) -> BillingLine:
    values = dict(zip((column.name for column in COLUMNS), cells, strict=True))
    return BillingLine(
        amounts=Amounts(**{name: values.pop(name) for name in AMOUNT_COLUMNS}),
        entry=Entry(values.pop("entry")),
        **{name: value for name, value in values.items() if name not in ("statement", "currency")},
    )


def _resource(cells: list[Any]) -> FrozenResource:
    pi, project, fund, source, service, kind, resource_id, resource_name, charges, *cents = cells
    line = ResourceLine(fund, source, service, Kind(kind), resource_id, resource_name, charges, _amounts(cents))
    return FrozenResource(pi, project, line)


def _correction(cells: list[Any]) -> Correction:
    charge, original, entry, pi, project, fund, source, service, posted, currency, *rest = cells
    exact_list, exact_billed, *cents, corrects, place = rest
    return Correction(
        *(charge, original, Entry(entry), pi, project, fund, source, service, currency, exact_list, exact_billed),
        *(_amounts(cents), corrects, place, posted),
    )


def _amounts(cents: list[Decimal]) -> Amounts:
    return Amounts(**dict(zip(AMOUNT_COLUMNS, cents, strict=True)))
