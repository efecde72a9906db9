"""Each part of a closed month in which the program may differ today is told by its name, and only that one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from closed_ledger import HEAD, PERIOD, close, row

from openchargeback.billing import freezing
from openchargeback.model import BilledPeriod, JournalLine, QueueItem, Statement
from openchargeback.publish.books import open_books
from openchargeback.publish.past import drifts
from openchargeback.record.recorded_ledger import RecordedLedger

Break = Callable[[BilledPeriod], BilledPeriod]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed month with two statements and a held charge."""
    root = tmp_path_factory.mktemp("ledger")
    (root / f"charges/{PERIOD}").mkdir(parents=True)
    (root / "config.yaml").write_text("organization: X\nsources: {aws: {credit_fund: C-1}}\n", encoding="utf-8")
    rows = row("1.005") + row("2") + row("3.333", "b@x.edu", "q") + row("2", fund="", resource="r3")
    (root / f"charges/{PERIOD}/aws.csv").write_text(HEAD + rows.replace('"r1"', '"r2"', 1), encoding="utf-8")
    close(root)
    return root


@pytest.fixture(scope="module")
def ledger(root: Path) -> RecordedLedger:
    return open_books(root).ledger


def line(**change: Any) -> Break:
    return lambda p: replace(p, lines=(replace(p.lines[0], **change), *p.lines[1:]))


def source(**change: Any) -> Break:
    return lambda p: replace(p, sources=(replace(p.sources[0], **change), *p.sources[1:]))


def held(change: Callable[[QueueItem], QueueItem]) -> Break:
    return lambda p: replace(p, queue=(change(p.queue[0]), *p.queue[1:]))


def statement(change: Callable[[Statement], Statement]) -> Break:
    return lambda p: replace(p, statements=(change(p.statements[0]), *p.statements[1:]))


def resource(**change: Any) -> Break:
    return statement(lambda s: replace(s, resources=(replace(s.resources[0], **change), *s.resources[1:])))


def journal(change: Callable[[JournalLine], JournalLine]) -> Break:
    return lambda p: replace(p, journal=replace(p.journal, lines=(change(p.journal.lines[0]), *p.journal.lines[1:])))


PARTS: dict[str, tuple[Break, ...]] = {
    "totals of sources": (
        source(imported=Decimal(99)),
        source(held=Decimal(1)),
        source(charges_rejected=1),
        lambda p: replace(p, sources=()),
    ),
    "billing lines": (line(charges=9), line(exact_billed=Decimal(9)), line(fund="Z"), line(posted=False)),
    "held charges": (
        held(lambda item: replace(item, charges=9)),
        held(lambda item: replace(item, digest="0" * 64)),
        held(lambda item: replace(item, flags=("other",))),
        lambda p: replace(p, queue=()),
    ),
    "resources of statements": (
        resource(resource_name="other"),
        resource(charges=9),
        resource(fund="Z"),
        statement(lambda s: replace(s, resources=s.resources[1:])),
        statement(lambda s: replace(s, resources=s.resources[::-1])),
        lambda p: replace(p, statements=p.statements[1:]),
    ),
    "journal": (
        journal(lambda each: replace(each, fund="Z")),
        journal(lambda each: replace(each, account="Z")),
        journal(lambda each: replace(each, amount=each.amount + 1)),
        journal(lambda each: replace(each, statement="Z")),
        lambda p: replace(p, journal=replace(p.journal, lines=())),
    ),
}


def computing(made: BilledPeriod) -> Callable[..., object]:
    """A program that bills a month so, whatever it is given."""
    return lambda *_, **__: (made, [])


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_would_differ_is_told_by_its_name(
    ledger: RecordedLedger, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is told of what is as recorded, and each other result has a digest of its own to acknowledge it by."""
    now, _ = freezing.bill_period(ledger.as_recorded(PERIOD), PERIOD)
    assert now is not None
    fixes = set()
    for broken in PARTS[part]:
        monkeypatch.setattr(freezing, "bill_period", computing(broken(now)))
        (told,) = freezing.drift(ledger, PERIOD)
        assert (told.code, str(told.severity)) == ("tool-drift", "warning")
        assert f"this version computes different {part} for {PERIOD}, closed with" in told.message
        fixes.add(told.fix)
    assert len(fixes) == len(PARTS[part])


def test_every_closed_month_is_computed_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, or the one that is asked for."""
    assert drifts(root) == []
    monkeypatch.setattr("openchargeback.billing.lines._scale", lambda _currency: 10)
    for period in ("", PERIOD):
        assert [each.code for each in drifts(root, period)] == ["tool-drift"]
    assert drifts(root, "2024-12") == []
