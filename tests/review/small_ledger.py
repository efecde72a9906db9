"""A small ledger from CSV and YAML text, billed for January 2025."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

from openchargeback import money
from openchargeback.billing.periods import bill_period
from openchargeback.focus.columns import SIMPLE_COLUMNS
from openchargeback.ledger.approval_text import Proposal, approval_text
from openchargeback.ledger.approvals import Verb
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.settings import Payer
from openchargeback.model import ITEM_KEYS
from openchargeback.problems import Severity
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.decisions import digest_of_ids

PERIOD = "2025-01"
SIMPLE = list(SIMPLE_COLUMNS)
ADA, PROJECT, FUND = "ada@example.edu", "genomics", "BIO-1"


def tags(pi=ADA, project=PROJECT, fund=FUND):
    """The text of Tags; a value of None leaves its key out."""
    values = {"pi_email": pi, "project_id": project, "fund_org": fund}
    return json.dumps({key: value for key, value in values.items() if value is not None})


def charge(cost, *, text=None, **cells):
    """A row of the simple dialect by column name, with any further columns."""
    return {
        "BillingPeriodStart": "2025-01-01",
        "BillingPeriodEnd": "2025-01-31",
        "ChargePeriodStart": "2025-01-05",
        "ChargePeriodEnd": "2025-01-06",
        **dict.fromkeys(("ListCost", "ContractedCost", "BilledCost", "EffectiveCost"), str(cost)),
        "ResourceId": "r-1",
        "ResourceName": "node",
        "ServiceName": "Compute",
        "Tags": tags() if text is None else text,
        **cells,
    }


def csv_text(rows, columns=None):
    """CSV of rows by column name; the simple dialect's columns first unless columns are given."""
    names = columns or [*SIMPLE, *sorted({name for row in rows for name in row} - set(SIMPLE))]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def make(root: Path, files):
    """Write files below a folder and read them as a ledger; its own problems are faults of the test."""
    for name, content in {"config.yaml": "organization: A\ncurrency: USD\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    ledger, problems = read_ledger(root)
    assert ledger is not None
    assert problems == []
    return ledger


def bill(root: Path, rows, before=(), *, warnings=False, **texts):
    """Bill rows (or a whole file's text or bytes); texts: config, people, projects, approvals.

    before: the records of the closed months before, the latest last.
    """
    places = {
        "config": "config.yaml",
        "people": "directory/people.yaml",
        "projects": "directory/projects.yaml",
        "funds": "directory/funds.yaml",
        "approvals": f"approvals/{PERIOD}/batch.yaml",
    }
    files = {places[name]: text for name, text in texts.items() if text}
    if isinstance(rows, dict):
        files |= {f"charges/{PERIOD}/{name}": content for name, content in rows.items()}
    else:
        content = rows if isinstance(rows, str | bytes) else csv_text(rows)
        files[f"charges/{PERIOD}/hpc.csv"] = content
    closed = {f"{2024 - ago // 12}-{12 - ago % 12:02}": record for ago, record in enumerate(reversed(before))}
    period, problems = bill_period(RecordedLedger.of(make(root, files), closed), PERIOD)
    # These small files are not what a provider exports; what is told of that is another test's.
    told = [p for p in problems if warnings or p.severity is not Severity.WARNING or not p.path.startswith("charges/")]
    return period, told


def flags(period):
    """Flag → how many charges carry it."""
    result: dict[str, int] = {}
    for total in period.flags:
        result[total.flag] = result.get(total.flag, 0) + total.charges
    return result


def sums(period, source="hpc", currency="USD"):
    """Imported, billed, held and rejected of a source, exact."""
    found = next(each for each in period.sources if (each.source, each.currency) == (source, currency))
    return tuple(map(Decimal, (found.imported, found.billed, found.held, found.rejected)))


def held_ids(period, flag):
    """The shown ids of the charges that a flag holds."""
    return [id_ for item in period.queue if flag in item.uncleared for id_ in item.ids]


def items_with(period, flag=None):
    """The items of the queue that a flag holds; all of them without one."""
    return [item for item in period.undecided if flag is None or flag in item.uncleared]


def decide(period, verb, flag=None, *, clears=None, by_id=False, of="", **payer):
    """Decisions on the queue items that a flag holds, as the program writes them; see `approval_text`.

    clears: by default all that holds an item. by_id: by the ids of its (at most five) charges. payer: what is set.
    """
    proposal = Proposal(Verb(verb), Payer(**payer), reason="asked", by="me", on="2025-02-03", of=of)
    items = items_with(period, flag)
    assert items
    return "".join(
        proposal.on_charges(item.ids, clears or item.uncleared)
        if by_id
        else proposal.on_item(item, clears or item.uncleared)
        for item in items
    )


def target(item):
    """The keys `where` and `expect` of a decision on an item, for decisions that are written as JSON."""
    keys = {key: value for key in ITEM_KEYS if (value := getattr(item, key)) or key in ("service", "project", "pi")}
    seen = {"charges": item.charges, "billed": money.exact(item.exact_billed), "digest": item.digest}
    return {"where": {**keys, "flags": list(item.flags)}, "expect": seen}


def codes(problems):
    """What kind of problems, with their severity, sorted."""
    return sorted((problem.code, str(problem.severity)) for problem in problems)


__all__ = [
    "ADA", "FUND", "PERIOD", "PROJECT", "SIMPLE", "approval_text", "bill", "charge", "codes", "csv_text", "decide",
    "digest_of_ids", "flags", "held_ids", "items_with", "make", "sums", "tags", "target",
]  # fmt: skip
