"""Each invariant by itself: what is told where it alone is broken, and that nothing is told before."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from openchargeback.billing import reconciliation
from openchargeback.billing.corrections import lines_of
from openchargeback.billing.periods import bill_period
from openchargeback.ledger.reading import read_ledger
from openchargeback.model import (
    Amounts,
    BilledPeriod,
    BillingLine,
    Correction,
    Entry,
    JournaledAgain,
    PayerClass,
    Statement,
)
from openchargeback.record.recorded_ledger import RecordedLedger

CENT = Decimal("0.01")
JAN, FEB, MAR = "2025-01", "2025-02", "2025-03"
ROWS = """BillingPeriodStart,BilledCost,ListCost,ServiceName,ResourceId,Tags
2025-02-01,1.005,2.5,Compute,r1,"{""pi_email"": ""a@x.edu"", ""project_id"": ""p"", ""fund_org"": ""F""}"
2025-02-01,3.333,3.5,Storage,r2,"{""pi_email"": ""b@x.edu"", ""project_id"": ""q"", ""fund_org"": ""G""}"
2025-02-01,4,9,Storage,r3,"{""pi_email"": ""b@x.edu"", ""project_id"": ""q"", ""fund_org"": ""G""}"
2025-02-01,2,2,Storage,r4,
"""


def cents(billed: str, discount: str = "0") -> Amounts:
    return Amounts(list=Decimal(billed) + Decimal(discount), discount=Decimal(discount), billed=Decimal(billed))


def correction(entry: Entry, exact: str, amounts: Amounts, *, charge: str = "1", **changes: Any) -> Correction:
    """A charge of January, of one payer."""
    made = Correction(
        charge=charge * 64,
        original=JAN,
        entry=entry,
        pi="a@x.edu",
        project="p",
        fund="F",
        source="aws",
        service="Compute",
        currency="USD",
        exact_list=Decimal(exact) * 2,
        exact_billed=Decimal(exact),
        amounts=amounts,
        corrects="" if entry in (Entry.LATE, Entry.REJECTED) else f"{JAN}-0123456789",
        place="a.yaml:2",
    )
    return replace(made, **changes)


@pytest.fixture(scope="module")
def period(tmp_path_factory: pytest.TempPathFactory) -> BilledPeriod:
    """February with two statements, a held charge, and what was decided on charges of January."""
    root = tmp_path_factory.mktemp("ledger")
    (root / "charges" / FEB).mkdir(parents=True)
    (root / "charges" / FEB / "aws.csv").write_text(ROWS, encoding="utf-8")
    (root / "config.yaml").write_text("organization: X\nsources: {aws: {credit_fund: C}}\n", encoding="utf-8")
    ledger, problems = read_ledger(root)
    assert ledger is not None
    billed, faults = bill_period(RecordedLedger.of(ledger), FEB)
    assert billed is not None
    assert not [*problems, *faults]
    return billed


@pytest.fixture(scope="module")
def corrected(period: BilledPeriod) -> BilledPeriod:
    """Two late charges of 2.01 in all, a credit, a re-billing, and one that is rejected."""
    made = (
        correction(Entry.LATE, "1.005", cents("1.01", "1.00"), charge="1"),
        correction(Entry.LATE, "1.002", cents("1.00", "1.01"), charge="2"),
        correction(Entry.CREDIT, "-3", cents("-3", "-3"), charge="3"),
        correction(Entry.REBILL, "3", cents("3", "3"), charge="3", fund="H"),
        correction(Entry.REJECTED, "9", Amounts(), charge="4"),
    )
    with_lines = replace(period, corrections=made, lines=(*period.lines, *lines_of(FEB, made[:4])))
    assert reconciliation.corrections_tie_out(with_lines) == []
    return with_lines


def source(period: BilledPeriod, **change: Any) -> BilledPeriod:
    return replace(period, sources=(replace(period.sources[0], **change), *period.sources[1:]))


def line(period: BilledPeriod, number: int = 0, **change: Any) -> BilledPeriod:
    """number: of the line, from 0. Amounts are added to its own."""
    old = period.lines[number]
    if "amounts" in change:
        change["amounts"] = old.amounts + change["amounts"]
    return replace(period, lines=(*period.lines[:number], replace(old, **change), *period.lines[number + 1 :]))


def statement(period: BilledPeriod, change: Callable[[Statement], Statement]) -> BilledPeriod:
    return replace(period, statements=(change(period.statements[0]), *period.statements[1:]))


def journal(period: BilledPeriod, **change: Any) -> BilledPeriod:
    """The payer's line of the first pair is another one."""
    first = replace(period.journal.lines[0], **change)
    return replace(period, journal=replace(period.journal, lines=(first, *period.journal.lines[1:])))


def pair(period: BilledPeriod, **change: Any) -> BilledPeriod:
    """The first payer's line and its counterpart are other ones."""
    lines = period.journal.lines
    changed = tuple(replace(each, **change) for each in lines[:2])
    return replace(period, journal=replace(period.journal, lines=(*changed, *lines[2:])))


def repeated(period: BilledPeriod) -> JournaledAgain:
    """A rejected line of January, which the journal of February lacks."""
    line = period.journal.lines[0]
    same = {key: getattr(line, key) for key in ("fund", "account", "source", "service", "pi", "project")}
    return JournaledAgain(
        **same,
        original=JAN,
        document="OCB-2025-01",
        line=1,
        number=1,
        credit_fund="C",
        credit_account=line.account,
        billed=CENT,
        statement=f"{JAN}-0123456789",
    )


def one(period: BilledPeriod, number: int, *, lines: bool = True, **change: Any) -> BilledPeriod:
    """A correction is another one; with its line, if so wished."""
    made = list(period.corrections)
    made[number] = replace(made[number], **change)
    own = tuple(each for each in period.lines if each.entry is Entry.OWN)
    corrections = [each for each in made if each.entry is not Entry.REJECTED]
    every = (*own, *lines_of(FEB, corrections)) if lines else period.lines
    return replace(period, corrections=tuple(made), lines=every)


def last(period: BilledPeriod) -> int:
    return len(period.lines) - 1


Break = Callable[[BilledPeriod], BilledPeriod]
OWN: dict[str, tuple[Break, ...]] = {
    "the imported amount is not billed + held + rejected": (
        lambda p: source(p, held=Decimal(0)),
        lambda p: source(p, billed=p.sources[0].billed - CENT),
        lambda p: source(p, rejected=CENT),
        lambda p: source(p, imported=p.sources[0].imported + CENT),
    ),
    "the number of charges is not billed + held + rejected": (
        lambda p: source(p, charges_held=0),
        lambda p: source(p, charges_billed=4),
        lambda p: source(p, charges_rejected=1),
    ),
    "the totals of the sources do not sum to the totals of the files": (
        lambda p: replace(p, files=(replace(p.files[0], exact_billed=p.files[0].exact_billed + CENT),)),
        lambda p: replace(p, files=()),
        lambda p: source(p, imported=p.sources[0].imported - 2, held=Decimal(0)),
    ),
    "the sources do not account for every row that was read": (lambda p: source(p, charges=5, charges_held=2),),
    "the list price is not discount + billed": (
        lambda p: line(p, amounts=Amounts(list=CENT)),
        lambda p: line(p, amounts=Amounts(discount=CENT)),
    ),
    "the billing lines do not sum to the exact amount billed": (
        lambda p: line(p, exact_billed=p.lines[0].exact_billed + Decimal("0.000001")),
        lambda p: source(p, billed=p.sources[0].billed - 2, held=Decimal(4)),
    ),
    "charges in EUR are billed": (
        lambda p: replace(p, sources=(*p.sources, replace(p.sources[0], currency="EUR", billed=Decimal(1)))),
    ),
    "the billing lines do not sum to the rounded total": (
        lambda p: line(p, amounts=cents("0.01")),
        lambda p: line(p, amounts=cents("-0.01")),
    ),
    "the discounts do not sum to the rounded total": (lambda p: line(p, amounts=cents("0", "0.01")),),
    "a billing line is not on exactly one statement": (
        lambda p: replace(p, statements=p.statements[1:]),
        lambda p: replace(p, lines=p.lines[1:]),
        lambda p: replace(p, statements=(*p.statements, p.statements[0])),
        lambda p: statement(p, lambda s: replace(s, lines=(*s.lines, *s.lines))),
    ),
    "two statements have the number": (lambda p: statement(p, lambda s: replace(s, number=p.statements[1].number)),),
    "do not sum to its lines": (
        lambda p: statement(p, lambda s: replace(s, resources=())),
        lambda p: statement(p, lambda s: replace(s, resources=(*s.resources, s.resources[0]))),
        lambda p: statement(p, lambda s: replace(s, resources=(replace(s.resources[0], fund="Z"), *s.resources[1:]))),
    ),
    "is not invoiced as its payer is external or internal": (
        lambda p: statement(p, lambda s: replace(s, lines=(replace(s.lines[0], invoiced=True), *s.lines[1:]))),
        lambda p: statement(p, lambda s: replace(s, pi=replace(s.pi, payer_class=PayerClass.COMMERCIAL))),
    ),
    "a line that is only shown is invoiced": (
        lambda p: statement(
            p, lambda s: replace(s, lines=tuple(replace(x, posted=False, invoiced=True) for x in s.lines))
        ),
    ),
    "the journal's postings by fund do not match the statements": (
        lambda p: journal(p, fund="Z"),
        lambda p: pair(p, statement=p.statements[1].number),
    ),
    "the journal does not balance": (
        lambda p: journal(p, amount=p.journal.lines[0].amount + CENT),
        lambda p: replace(p, journal=replace(p.journal, lines=p.journal.lines[1:])),
    ),
    "the statements and what is journaled again do not sum to the net of the journal and the invoices": (
        lambda p: pair(p, amount=p.journal.lines[0].amount + CENT),
        lambda p: replace(p, journal=replace(p.journal, lines=p.journal.lines[2:])),
        lambda p: replace(p, again=(repeated(p),)),
    ),
    "some of its own lines are posted and some are only shown": (lambda p: line(p, posted=False),),
    "the journal does not post the amount billed": (
        lambda p: replace(p, again=(repeated(p),)),
        lambda p: pair(p, source="hpc"),
        lambda p: replace(p, journal=replace(p.journal, lines=p.journal.lines[2:])),
        lambda p: replace(
            p, journal=replace(p.journal, lines=tuple(replace(x, payer=not x.payer) for x in p.journal.lines))
        ),
    ),
}  # fmt: skip
LATER: dict[str, tuple[Break, ...]] = {
    "is corrected in its own period or an earlier one": (
        lambda p: one(p, 0, original=FEB),
        lambda p: one(p, 2, original=MAR),
    ),
    "is both rejected and billed": (lambda p: one(p, 4, amounts=cents("0.01")),),
    "and its line differ in whether they are posted or invoiced": (
        lambda p: one(p, 1, posted=False, lines=False),
        lambda p: one(p, 1, invoiced=True, lines=False),
    ),
    "is corrected without naming the statement": (lambda p: one(p, 2, corrects=""), lambda p: one(p, 3, corrects="")),
    "the charges of earlier periods do not sum to their lines": (
        lambda p: one(p, 0, amounts=cents("1.02", "1.00"), lines=False),
        lambda p: one(p, 2, fund="Z", lines=False),
        lambda p: line(p, last(p), charges=2),
        lambda p: line(p, last(p), exact_list=CENT),
        lambda p: line(p, last(p), exact_billed=CENT),
        lambda p: line(p, last(p), amounts=cents("0", "0.01")),
        lambda p: line(p, last(p), posted=False),
        lambda p: replace(p, lines=p.lines[:-1]),
        lambda p: replace(p, corrections=p.corrections[1:]),
        lambda p: replace(p, corrections=(*p.corrections, p.corrections[0])),
    ),
    "the late charges of 2025-01 do not sum to their rounded total": (
        lambda p: one(p, 0, amounts=cents("1.02", "1.00")),
        lambda p: one(p, 1, amounts=cents("1.00", "1.00")),
    ),
}  # fmt: skip


def told(period: BilledPeriod) -> list[str]:
    """What the check of a period says; four charges were read."""
    problems = reconciliation.check(period, read=4)
    assert {(each.code, str(each.severity)) for each in problems} <= {("broken-invariant", "error")}
    return [each.message for each in problems]


@pytest.mark.parametrize("fault", OWN)
def test_a_broken_invariant_is_told_by_its_name(period: BilledPeriod, fault: str) -> None:
    assert told(period) == []
    for number, broken in enumerate(OWN[fault], start=1):
        assert any(fault in message for message in told(broken(period))), f"way {number} to break it"


@pytest.mark.parametrize("fault", LATER)
def test_a_broken_invariant_of_corrections_is_told_by_its_name(corrected: BilledPeriod, fault: str) -> None:
    for number, broken in enumerate(LATER[fault], start=1):
        assert any(fault in message for message in told(broken(corrected))), f"way {number} to break it"


def test_faults_of_several_sources_are_listed_by_name(period: BilledPeriod) -> None:
    lines = tuple(replace(period.lines[0], source=f"s{number}") for number in range(9))
    messages = [each for each in told(replace(period, lines=lines)) if "the journal does not post" in each]
    assert len(messages) >= len(lines)
    assert messages == sorted(messages)


def test_rows_lost_on_the_way_are_told(period: BilledPeriod) -> None:
    for read in (3, 5):
        (fault,) = reconciliation.check(period, read=read)
        assert "attribution lost or duplicated charges" in fault.message
    assert reconciliation.check(period) == []


# ── Over several periods ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Month:
    """A period as the checks over several see it."""

    period: str
    lines: tuple[BillingLine, ...] = ()
    corrections: tuple[Correction, ...] = ()


def own_line(charges: int, amounts: Amounts, **changes: Any) -> BillingLine:
    made = BillingLine(
        period=JAN,
        pi="a@x.edu",
        project="p",
        fund="F",
        source="aws",
        service="Compute",
        charges=charges,
        exact_list=Decimal(3),
        exact_billed=Decimal(3),
        amounts=amounts,
    )
    return replace(made, **changes)


CREDIT = correction(Entry.CREDIT, "-3", cents("-3", "-3"))
REBILL = correction(Entry.REBILL, "3", cents("3", "3"), fund="H")
LATE = correction(Entry.LATE, "3", cents("3", "3"))
REJECTED = correction(Entry.REJECTED, "3", Amounts())
AGAIN = replace(CREDIT, fund="H")


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ((CREDIT,), ""), ((LATE,), ""), ((REJECTED,), ""), ((LATE, CREDIT), ""), ((CREDIT, REBILL), ""),
        ((CREDIT, REBILL, AGAIN), ""), ((LATE, CREDIT, REBILL, AGAIN), ""),
        ((LATE, LATE), "although"), ((LATE, REJECTED), "although"), ((REJECTED, LATE), "although"),
        ((REJECTED, CREDIT), "although"), ((CREDIT, CREDIT), "although"),
        ((CREDIT, LATE), "although"),
        ((REBILL,), "without having been billed"), ((LATE, REBILL), "although"),
        ((CREDIT, REBILL, REBILL), "although"), ((CREDIT, REBILL, LATE), "although"),
        ((LATE, replace(CREDIT, amounts=cents("-3", "-2.99"))), "with different cents"),
        ((CREDIT, replace(REBILL, amounts=cents("3.01", "3"))), "with different cents"),
        ((LATE, replace(CREDIT, posted=False)), "but not posted or invoiced as it was billed"),
        ((LATE, replace(CREDIT, invoiced=True)), "but not posted or invoiced as it was billed"),
        ((CREDIT, replace(REBILL, posted=False)), ""),
        ((CREDIT, replace(REBILL, invoiced=True)), ""),
        ((LATE, replace(CREDIT, fund="Z")), "to a different payer than was billed"),
        ((LATE, replace(CREDIT, pi="z@x.edu")), "to a different payer than was billed"),
        ((LATE, replace(CREDIT, service="Z")), "to a different payer than was billed"),
        ((CREDIT, REBILL, CREDIT), "to a different payer than was billed"),
    ],
)  # fmt: skip
def test_a_charge_is_billed_and_credited_in_turn(events: tuple[Correction, ...], fault: str, *, together: bool) -> None:
    """In one month or in months of their own; another charge, or the same of another month, is no matter."""
    others = (replace(LATE, charge="9" * 64), replace(LATE, original="2024-12"))
    months = [Month(f"2025-0{number}", corrections=(each,)) for number, each in enumerate(events, start=2)]
    if together:
        months = [Month(FEB, corrections=(*others, *events))]
    faults = reconciliation.billed_once(months)
    assert [month for month, _ in faults] == ([months[-1].period] if fault else [])
    assert all(fault in message for _, message in faults)


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(
    ("charges", "credits_", "broken"),
    [
        # As many as the line has come to all its cents; fewer may be any part of it; more cannot be.
        (2, [("1.00", True), ("2.00", True)], False),
        (2, [("1.00", True)], False),
        (2, [("3.00", True)], False),
        (2, [("1.00", True), ("2.01", True)], True),
        (2, [("1.00", True), ("1.99", True)], True),
        (2, [("1.00", True), ("2.00", True), ("0.00", True)], True),
        (2, [("1.00", True), ("1.00", True), ("1.00", True)], True),
        (1, [("1.50", True), ("1.50", True)], True),
        (1, [("3.00", True)], False),
        (0, [("0.00", True)], True),
        # And where the line was only shown, so is the credit.
        (2, [("1.00", False)], True),
        (2, [("1.00", False), ("2.00", False)], True),
    ],
)
def test_no_more_is_credited_than_a_line_has(
    charges: int, credits_: list[tuple[str, bool]], *, broken: bool, apart: bool
) -> None:
    made = [
        replace(CREDIT, charge=str(number) * 64, amounts=cents(f"-{amount}"), posted=posted)
        for number, (amount, posted) in enumerate(credits_)
    ]
    lines = (own_line(charges, cents("3.00")),) if charges else ()
    january = Month(JAN, (*lines, own_line(9, cents("9"), fund="H"), own_line(9, cents("9"), entry=Entry.LATE)))
    months = [Month(f"2025-0{number}", (), (each,)) for number, each in enumerate(made, start=2)]
    if not apart:
        months = [Month(FEB, (), tuple(made))]
    faults = reconciliation.credits_fit_lines([january, *months])
    assert [month for month, _ in faults] == ([months[-1].period] if broken else [])
    assert all(f"{JAN}: the credits of p, Compute do not match what was billed" in message for _, message in faults)


def test_a_credit_of_what_was_billed_late_or_again_takes_nothing_from_the_line() -> None:
    """Only the first credit of a charge that its own period billed does."""
    january = Month(JAN, (own_line(1, cents("3", "3")),))
    late = replace(LATE, charge="2" * 64), replace(CREDIT, charge="2" * 64)
    months = [january, Month(FEB, (), (CREDIT, REBILL, *late)), Month(MAR, (), (AGAIN,))]
    assert reconciliation.credits_fit_lines(months) == []
    more = Month("2025-04", (), (replace(CREDIT, charge="3" * 64),))
    assert [month for month, _ in reconciliation.credits_fit_lines([*months, more])] == ["2025-04"]


def test_the_check_of_a_ledger_has_all_that_spans_periods(period: BilledPeriod) -> None:
    """What is held, what is billed once, and what is credited."""
    held = {FEB: {"aws": {"USD": Decimal(2)}}}
    assert reconciliation.check_ledger([period], held) == []
    (lost,) = reconciliation.check_ledger([period], {FEB: {"aws": {"USD": Decimal("1.99")}}})
    assert "aws: the held USD do not tie out: 2 by account, 1.99 by charge" in lost.message
    (lost,) = reconciliation.check_ledger([period], {FEB: {}})
    assert "2 by account, 0 by charge" in lost.message
    (twice,) = reconciliation.check_ledger([replace(period, corrections=(REBILL,))], held)
    assert "without having been billed" in twice.message
    messages = [each.message for each in reconciliation.check_ledger([replace(period, corrections=(CREDIT,))], held)]
    assert messages == [f"{JAN}: the credits of p, Compute do not match what was billed"]


# ── None is missing ───────────────────────────────────────────────────────────────────────────────────────────────────

SPANNING = (
    "attribution lost or duplicated charges", "do not tie out", "{what} {why}", ", with different cents than before",
    ", but not posted or invoiced as it was billed", " to a different payer than was billed",
    " do not match what was billed",
)  # fmt: skip


def test_every_fault_that_the_program_knows_is_broken_here() -> None:
    """A new invariant needs its line in this file."""
    spoken = []
    for node in ast.walk(ast.parse(inspect.getsource(reconciliation))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "faults":
                spoken.append(ast.unparse(node))
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == "faults":
            spoken.append(ast.unparse(node.value))
    names = [name.replace("EUR", "{source.currency}").replace(JAN, "{original}") for name in (*OWN, *LATER, *SPANNING)]
    assert len(spoken) >= 20
    assert [each for each in spoken if not any(name in each for name in names)] == []
