"""Sources that do not post: shown on statements, never charged, never journaled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from closed_ledger import HEAD, close, month, on_item, problems, row

from openchargeback.billing import reconciliation
from openchargeback.billing.credits import BilledFilter, billed_charges
from openchargeback.billing.freezing import drift
from openchargeback.model import Amounts, BilledPeriod, Entry
from openchargeback.publish.books import open_books
from openchargeback.publish.output_problems import output_warnings

JAN, FEB, MAR = "2025-01", "2025-02", "2025-03"
MIXED = """organization: A
sources: {hpc: {credit_fund: C-1}, aws: {post: false}}
"""


def mixed(root: Path) -> BilledPeriod:
    """Both kinds on one statement."""
    (root / f"charges/{JAN}").mkdir(parents=True)
    (root / "config.yaml").write_text(MIXED, encoding="utf-8")
    (root / f"charges/{JAN}/hpc.csv").write_text(HEAD + row("7", list="9"), encoding="utf-8")
    (root / f"charges/{JAN}/aws.csv").write_text(HEAD + row("3", list="5", fund=""), encoding="utf-8")
    return month(root, JAN)


def test_a_mixed_statement_keeps_both_totals_apart(tmp_path: Path) -> None:
    (statement,) = mixed(tmp_path).statements
    assert statement.amounts == Amounts(list=Decimal("9.00"), discount=Decimal("2.00"), billed=Decimal("7.00"))
    assert statement.shown == Amounts(list=Decimal("5.00"), discount=Decimal("2.00"), billed=Decimal("3.00"))
    assert not statement.only_shown
    assert [(each.posted, each.billed) for each in statement.attributions] == [
        (False, Decimal("3.00")),
        (True, Decimal("7.00")),
    ]


def test_only_sources_that_post_are_told_to_have_no_credit_fund(tmp_path: Path) -> None:
    mixed(tmp_path)
    (tmp_path / "config.yaml").write_text("organization: A\nsources: {aws: {post: false}}\n", encoding="utf-8")
    books = open_books(tmp_path)
    assert [each.message.split()[2] for each in output_warnings(books.ledger, books.periods)] == ["hpc"]


def _lines(period: BilledPeriod, source: str, **change: object) -> BilledPeriod:
    """A copy whose lines of a source are otherwise, on the period and on its statements."""

    def changed(lines):
        return tuple(replace(line, **change) if line.source == source else line for line in lines)

    statements = tuple(replace(each, lines=changed(each.lines)) for each in period.statements)
    return replace(period, lines=changed(period.lines), statements=statements)


BREAKS: dict[str, Callable[[BilledPeriod], BilledPeriod]] = {
    "what is shown counts as charged": lambda p: _lines(p, "aws", posted=True),
    "what is charged counts as shown": lambda p: _lines(p, "hpc", posted=False),
    "a source without lines is journaled": lambda p: replace(
        p, journal=replace(p.journal, lines=tuple(replace(line, source="azure") for line in p.journal.lines))
    ),
    "some lines of a source are posted and some are not": lambda p: replace(
        p, lines=(*p.lines, replace(p.lines[0], service="Other", amounts=Amounts(), posted=not p.lines[0].posted))
    ),
}


@pytest.mark.parametrize("name", sorted(BREAKS))
def test_posted_and_shown_must_reconcile(tmp_path: Path, name: str) -> None:
    period = mixed(tmp_path)
    assert reconciliation.journal_balances(period) == []
    assert reconciliation.journal_balances(BREAKS[name](period))


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """January closed while aws was only shown: 10 shown, 4 held without a PI."""
    root = tmp_path_factory.mktemp("january")
    (root / "config.yaml").write_text(MIXED, encoding="utf-8")
    for period in (JAN, FEB, MAR):
        (root / f"charges/{period}").mkdir(parents=True)
        text = row("10", month=period, fund="", resource="r1") if period == JAN else row("1", month=period)
        held = row("4", month=period, pi="", fund="", resource="h1") if period == JAN else ""
        (root / f"charges/{period}/aws.csv").write_text(HEAD + text + held, encoding="utf-8")
    close(root, JAN)
    return root


@pytest.fixture
def closed(january: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(january, tmp_path, dirs_exist_ok=True)


def decide(root: Path, *decisions: Mapping[str, object]) -> None:
    whole = [{"period": JAN, "reason": "asked", "by": "r@x.edu", **each} for each in decisions]
    (root / f"approvals/{FEB}").mkdir(parents=True, exist_ok=True)
    (root / f"approvals/{FEB}/b.yaml").write_text(json.dumps({"decisions": whole}), encoding="utf-8")


def entries(period: BilledPeriod) -> dict[Entry, tuple[bool, Decimal]]:
    return {each.entry: (each.posted, each.amounts.billed) for each in period.lines if each.entry is not Entry.OWN}


def test_a_closed_month_remembers_what_was_only_shown(closed: Path) -> None:
    """Charging from now on changes nothing of January; its record says so for each line."""
    before = month(closed, JAN)
    assert ",no,1,10.00,0.00,0.00,10.00," in (closed / f"periods/{JAN}.lines.csv").read_text("utf-8")
    (closed / "config.yaml").write_text("organization: A\nsources: {aws: {credit_fund: C-2}}\n", encoding="utf-8")
    assert problems(closed) == []
    after = month(closed, JAN)
    assert after == before
    assert (after.amounts.billed, after.shown.billed, after.journal.lines) == (0, Decimal("10.00"), ())
    assert month(closed, FEB).amounts.billed == Decimal("1.00")


@pytest.mark.slow
def test_a_credit_follows_what_it_reverses_and_late_charges_post_as_the_source_does_today(closed: Path) -> None:
    """January was shown. In February the source is charged: its credit is only shown, what is billed late or again is
    charged, and needs a fund.
    """
    (closed / "config.yaml").write_text("organization: A\nsources: {aws: {credit_fund: C-2}}\n", encoding="utf-8")
    (shown_id,) = billed_charges(open_books(closed).ledger, JAN, BilledFilter(resources=("r1",)))
    late = {"decision": "reassign", "set": {"pi": "a@x.edu"}, **on_item(closed, "missing-pi", JAN)}
    credit = {"charges": [shown_id], "decision": "credit", "set": {"project": "q"}}
    decide(closed, late, credit)
    found = {each.code for each in problems(closed)}
    assert found == {"incomplete-decision"}
    decide(closed, late | {"set": {"pi": "a@x.edu", "fund": "F-1"}}, credit | {"set": {"project": "q", "fund": "F-1"}})
    assert problems(closed) == []
    february = month(closed, FEB)
    assert entries(february) == {
        Entry.LATE: (True, Decimal("4.00")),
        Entry.CREDIT: (False, Decimal("-10.00")),
        Entry.REBILL: (True, Decimal("10.00")),
    }
    assert (february.amounts.billed, february.shown.billed) == (Decimal("15.00"), Decimal("-10.00"))
    assert february.journal.net == Decimal("15.00")
    close(closed, FEB)
    assert problems(closed) == []
    assert month(closed, FEB).lines == february.lines
    assert [each.posted for each in month(closed, FEB).corrections] == [each.posted for each in february.corrections]


def test_a_late_charge_of_a_source_that_is_only_shown_needs_no_fund(closed: Path) -> None:
    late = {"decision": "reassign", "set": {"pi": "a@x.edu"}, **on_item(closed, "missing-pi", JAN)}
    decide(closed, late)
    assert problems(closed) == []
    assert entries(month(closed, FEB)) == {Entry.LATE: (False, Decimal("4.00"))}


def test_a_credit_that_is_posted_otherwise_than_what_it_reverses_is_found(closed: Path) -> None:
    (shown_id,) = billed_charges(open_books(closed).ledger, JAN, BilledFilter(resources=("r1",)))
    decide(closed, {"charges": [shown_id], "decision": "credit"})
    january, february = month(closed, JAN), month(closed, FEB)
    assert reconciliation.credits_fit_lines([january, february]) == []
    turned = replace(february, corrections=tuple(replace(each, posted=True) for each in february.corrections))
    assert reconciliation.credits_fit_lines([january, turned])
    assert reconciliation.corrections_tie_out(turned)


def test_the_history_of_a_statement_keeps_both_apart(closed: Path) -> None:
    close(closed, FEB)
    (statement,) = month(closed, FEB).statements
    assert statement.history is not None
    assert [(each.period, each.amounts.billed, each.shown.billed) for each in statement.history] == [
        (JAN, Decimal(0), Decimal("10.00"))
    ]


@pytest.mark.parametrize("text", [MIXED, "organization: A\njournal: {post: false}\n"])
def test_the_record_has_the_settings_of_then(tmp_path: Path, text: str) -> None:
    """So nothing is computed otherwise today, whatever the config says by now."""
    (tmp_path / f"charges/{JAN}").mkdir(parents=True)
    (tmp_path / f"charges/{JAN}/aws.csv").write_text(HEAD + row("3", fund=""), encoding="utf-8")
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    close(tmp_path, JAN)
    (tmp_path / "config.yaml").write_text("organization: A\nsources: {aws: {credit_fund: C}}\n", encoding="utf-8")
    ledger = open_books(tmp_path).ledger
    assert not ledger.settings(JAN).posts("aws")
    assert drift(ledger, JAN) == []
