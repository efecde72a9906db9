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

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

from openchargeback.ledger.directory import Directory
from openchargeback.ledger.periods import Event
from openchargeback.ledger.settings import Config
from openchargeback.model import (
    Attribution,
    BillingLine,
    Correction,
    DecisionRecord,
    Evidence,
    FileRecord,
    FlagTotal,
    PeriodAmounts,
    QueueItem,
    Reference,
    ResourceLine,
    SourceTotals,
    Unusual,
    Without,
)

LINES, RESOURCES, CORRECTIONS, HELD, FROZEN = (
    "lines.csv", "resources.csv", "corrections.csv", "held.csv", "frozen.yaml",
)  # fmt: skip
LOGOS = ("logo.svg", "logo.png")
PARTS = (LINES, RESOURCES, CORRECTIONS, HELD, *LOGOS)
"""The files beside `P.frozen.yaml`, which names those that there are with their digests."""

HELD_COLUMNS = (
    *("charge", "source", "service", "kind", "pi", "project", "fund", "pi_via", "project_via", "fund_via", "flags"),
    *("currency", "list", "billed", "path", "row", "first_day", "last_day", "sub_account"),
    *("sub_account_name", "resource_id", "resource_name", "quantity", "unit", "unit_price", "tags", "follows"),
)
"""One row a held charge, amounts exact. `…_via`: tag, match, project or default. flags: a JSON object, flag to reason.
follows: the id of the charge that a correction refers to."""


def part_path(period: str, name: str) -> str:
    """The path in the ledger of a file that closing writes."""
    return f"periods/{period}.{name}"


@dataclass(frozen=True, slots=True)
class FrozenStatement:
    """A statement as it was issued: whose, its number and digest, and what it showed beside its lines and resources.

    history: what was billed in those of the eleven calendar months before that had data (its chart).
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
    libraries: the versions of what makes PDFs where it was closed, by name.

    revision, closed, accounting_date, without: as the period file says them since then.
    charges, approvals: the inputs with their digests; files: digest by name in PARTS.
    queue: what stayed held, without details (`P.held.csv` has them).
    evidence: who approved its decisions, as far as it was known when the period was closed.
    """

    period: str
    digest: str
    version: str
    revision: int
    closed: Event
    accounting_date: dt.date
    config: Config
    directory: Directory
    charges: tuple[FileRecord, ...]
    approvals: dict[str, str]
    files: dict[str, str]
    sources: tuple[SourceTotals, ...]
    spending: tuple[Spending, ...]
    queue: tuple[QueueItem, ...]
    flags: tuple[FlagTotal, ...]
    decisions: tuple[DecisionRecord, ...]
    statements: tuple[FrozenStatement, ...]
    lines: tuple[BillingLine, ...]
    resources: tuple[FrozenResource, ...]
    corrections: tuple[Correction, ...]
    unusual: tuple[Unusual, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    without: tuple[Without, ...] = ()
    libraries: dict[str, str] = field(default_factory=dict)
