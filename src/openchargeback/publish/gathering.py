"""Read a ledger with the records of its closed months, and every problem of its small files; nothing is billed."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.files import CONVERSIONS, USAGE
from openchargeback.ledger.lock import never_committed
from openchargeback.ledger.periods import FROZEN, PARTS, part_path
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.ledger.settings import DEFAULT_FORMATS
from openchargeback.model import State
from openchargeback.problems import OutsideFault, Problem
from openchargeback.record.files import read_record
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.record.seal import changed_inputs, left_over, no_longer_finalized, recorded_periods
from openchargeback.wording import counted

_log = logging.getLogger(__name__)


Gathered = tuple[RecordedLedger | None, list[Problem]]
"""A ledger with the records of its closed months, and every problem of its small files. None for the ledger if its
config is unusable.
"""


def gather_ledger(root: Path) -> Gathered:
    """Read everything but the charges; nothing is billed."""
    ledger, problems = read_ledger(root)
    if ledger is None:
        return None, problems
    whole, faults = with_records(ledger)
    _log.info("read the ledger: %s", counted(len(whole.periods), "month"))
    found = [*_logo_problems(whole), *_page_problems(whole), *_conversion_problems(root), *_usage_problems(whole)]
    return whole, [*problems, *faults, *found, *_format_problems(whole), *_posting_problems(whole)]


def _logo_problems(ledger: Ledger) -> list[Problem]:
    names = ledger.config.organization.logo, ledger.config.portal.logo_dark
    logos = [
        (name, logo.data) for name, logo in zip(names, (ledger.logo, ledger.logo_dark), strict=True) if logo is not None
    ]
    if not logos:
        return []
    from openchargeback.portal.logo import logo_fault

    fix = "export it again as PNG, or as SVG without scripts, images or links"
    return [
        Problem(FILE_NAME, "bad-logo", f"the logo {name[:100]} {fault}", fix)
        for name, data in logos
        if (fault := logo_fault(data))
    ]


def _page_problems(ledger: Ledger) -> list[Problem]:
    if not ledger.pages and not ledger.images:
        return []
    from openchargeback.portal.own_pages import page_problems

    return page_problems(ledger.pages, ledger.images, ledger.config.portal.links)


def _conversion_problems(root: Path) -> list[Problem]:
    if not (root / CONVERSIONS).is_dir():
        return []
    from openchargeback.convert.kept import kept_configs

    return kept_configs(root)[1]


def _usage_problems(ledger: Ledger) -> list[Problem]:
    if not (ledger.root / USAGE).is_dir():
        return []
    from openchargeback.convert.usage_files import usage_problems

    return usage_problems(ledger)


def _format_problems(ledger: Ledger) -> list[Problem]:
    """Problems of the journal formats that a ledger names, and of its own."""
    if ledger.config.journal.formats == DEFAULT_FORMATS and not ledger.journal_profiles:
        return []
    from openchargeback.export.journals.profiles import format_problems

    return format_problems(ledger.config, ledger.journal_profiles)


def _posting_problems(ledger: RecordedLedger) -> list[Problem]:
    """Where what the accounting system did contradicts the journals."""
    if not ledger.postings and not any(record.again for record in ledger.records.values()):
        return []
    from openchargeback.billing.postings import posting_problems

    return posting_problems(ledger)


def with_records(ledger: Ledger) -> tuple[RecordedLedger, list[Problem]]:
    """The ledger with the records of its closed periods, and problems for records that are faulty or changed.

    Also reports committed leftovers of interrupted commands, and a committed cache.
    """
    whole, problems = recorded(ledger)
    # Git is optional here: a repository that it refuses to read must not stop a check of the files.
    with suppress(OutsideFault):
        problems += never_committed(ledger.root)
    changed = [*changed_inputs(whole, whole.records.values()), *no_longer_finalized(ledger)]
    # Do not report faults in an altered record, only that it was altered.
    altered = {each.path for each in changed}
    intact = {
        period: record
        for period, record in whole.records.items()
        if not altered & {part_path(period, name) for name in (FROZEN, *PARTS)}
    }
    return replace(whole, records=intact), problems + changed


def recorded(ledger: Ledger) -> tuple[RecordedLedger, list[Problem]]:
    """The ledger with the records of its closed periods, without checking their inputs."""
    found = {
        period: read_record(ledger.root, period, ledger.period_file(period))
        for period in ledger.periods
        if ledger.period_file(period).state is not State.OPEN
    }
    frozen = {period: record for period, (record, _) in found.items() if record is not None}
    problems = [problem for _, faults in found.values() for problem in faults]
    return RecordedLedger.of(ledger, frozen), [*problems, *_left_over(ledger)]


def _left_over(ledger: Ledger) -> list[Problem]:
    """Problems for records of months that are not closed."""
    periods = sorted({*ledger.periods, *recorded_periods(ledger.root)})
    unclosed = [period for period in periods if ledger.period_file(period).state is State.OPEN]
    return [problem for period in unclosed for problem in left_over(ledger, period)]
