"""What closing a month writes: the same bytes for the same month."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from openchargeback import money
from openchargeback.ledger import table
from openchargeback.ledger.frozen import (
    CORRECTIONS,
    FROZEN,
    HELD,
    HELD_COLUMNS,
    LINES,
    RESOURCES,
    Frozen,
    FrozenStatement,
    part_path,
)
from openchargeback.ledger.frozen_shape import columns_of
from openchargeback.ledger.line_table import amount_values, line_cells
from openchargeback.ledger.settings_text import directory_values, settings_values
from openchargeback.ledger.yaml_text import document
from openchargeback.model import ITEM_KEYS, Amounts, QueueItem

_HEAD = "What closing {period} recorded; written by `focus-billing periods close`, and never edited by hand."


def frozen_files(frozen: Frozen, held: Iterable[Sequence[str]], logo: tuple[str, bytes] | None) -> dict[str, bytes]:
    """The files of a period that is being closed, by path, `P.frozen.yaml` last; `files` and `digest` are found here.

    held: one row a held charge, as HELD_COLUMNS. logo: its kind (svg or png) and bytes.
    """
    currency = frozen.config.currency

    numbers = {(each.pi, each.project): each.number for each in frozen.statements}

    def cents(amounts: Amounts) -> Iterable[str]:
        return amount_values(amounts, currency).values()

    rows: dict[str, list[list[str]]] = {
        LINES: [line_cells(each, numbers[each.pi, each.project], currency) for each in frozen.lines],
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
                *(each.source, each.service, table.yes_no(each.posted), each.currency),
                *(money.exact(each.exact_list), money.exact(each.exact_billed), *cents(each.amounts)),
                *(each.corrects, each.place),
            ]
            for each in frozen.corrections
        ],
    }
    parts = {
        name: table.write_table(columns_of(name, frozen.period, currency), content)
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
        "libraries": frozen.libraries,
        "revision": frozen.revision,
        "closed": {"on": frozen.closed.on.isoformat(), "by": frozen.closed.by},
        "accounting_date": frozen.accounting_date.isoformat(),
        **({"without": [asdict(each) for each in frozen.without]} if frozen.without else {}),
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
        "sources": [
            {key: value for key, value in asdict(each).items() if value is not None} for each in frozen.sources
        ],
        "spending": [{name: getattr(each, name) for name in each.__dataclass_fields__} for each in frozen.spending],
        "statements": [_statement_values(each, frozen.config.currency) for each in frozen.statements],
        "queue": [_item_values(each) for each in frozen.queue],
        "flags": [
            {
                "flag": each.flag,
                "currency": each.currency,
                "charges": each.charges,
                "billed": each.exact_billed,
            }
            for each in frozen.flags
        ],
        "unusual": [{name: getattr(each, name) for name in each.__dataclass_fields__} for each in frozen.unusual],
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
        "directory": directory_values(frozen.directory),
    }
    return document(values, _HEAD.format(period=frozen.period))


def _statement_values(each: FrozenStatement, currency: str) -> dict[str, Any]:
    history = {
        entry.period: [
            money.plain(amount, currency)
            for part in (entry.amounts, *([entry.shown] if entry.shown != Amounts() else []))
            for amount in (part.list, part.billed)
        ]
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
            **({} if found.posted else {"posted": False}),
        }
        for found in each.attributions
    ]
    references = [{"name": named.name, "values": list(named.values), "count": named.count} for named in each.references]
    shown = {"history": history, "attributions": attributions, "references": references}
    return {"number": each.number, "pi": each.pi, "project": each.project, "digest": each.digest} | {
        key: value for key, value in shown.items() if value
    }


def _item_values(each: QueueItem) -> dict[str, Any]:
    keys = {key: getattr(each, key) for key in ITEM_KEYS}
    return {key: value for key, value in keys.items() if value or key not in ("sub_account", "resource")} | {
        "flags": list(each.flags),
        "uncleared": list(each.uncleared),
        "charges": each.charges,
        "list": each.exact_list,
        "billed": each.exact_billed,
        "digest": each.digest,
        "ids": list(each.ids),
        **({"named": True} if each.named else {}),
    }
