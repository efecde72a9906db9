"""Charges of closed months: decided late, credited and billed again, in an open month, and never twice."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from closed_ledger import CONFIG, HEAD, ON, PEOPLE, PROJECTS, month, on_item, problems, row

from openchargeback.billing import reconciliation
from openchargeback.billing.corrections import correct
from openchargeback.billing.credits import BilledFilter, billed_charges, charge_cents
from openchargeback.billing.events import Events
from openchargeback.billing.late import settle_held, still_held
from openchargeback.model import Amounts, BilledPeriod, Entry
from openchargeback.publish import closing
from openchargeback.publish.books import Books, open_books, open_cache
from openchargeback.publish.month_charges import MonthCharges
from openchargeback.record.recorded_ledger import RecordedLedger

JAN, FEB, MAR = "2025-01", "2025-02", "2025-03"


def charge(cost: str, month: str = JAN, **cells: str) -> str:
    """A row of a month with a list price of twice its cost."""
    return row(cost, month=month, list=str(Decimal(cost) * 2), **cells)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """January is closed with five held charges; February and March are open."""
    root = tmp_path_factory.mktemp("closed")
    files = {
        "config.yaml": CONFIG + "review: {patterns: {big: {match: {ResourceId: big}}}}\n",
        "logo.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
        "directory/people.yaml": PEOPLE,
        "directory/projects.yaml": PROJECTS,
        f"charges/{JAN}/aws.csv": HEAD
        + "".join(
            [
                charge("1.005"), charge("1.004", resource="r2"), charge("0.333", resource="r3"),
                charge("7.777", service="Storage"),
                charge("2.005", fund="", resource="h1"), charge("3.005", fund="", resource="h2"),
                charge("4.001", project="q", fund="", resource="q1", pi=""),
                charge("5", fund="", resource="big"), charge("6", currency="EUR", resource="e1"),
            ]
        ),
        f"charges/{FEB}/aws.csv": HEAD + charge("10", FEB),
        f"charges/{MAR}/aws.csv": HEAD + charge("20", MAR),
    }  # fmt: skip
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    close(root, JAN)
    assert problems(root) == []
    return root


@pytest.fixture
def root(closed: Path, tmp_path: Path) -> Path:
    """A copy of the ledger whose January is closed."""
    return shutil.copytree(closed, tmp_path, dirs_exist_ok=True)


def close(root: Path, period: str) -> Books:
    """Close a period; gives the ledger afterwards."""
    closing.close(open_books(root), period, ON)
    return open_books(root)


def decide(root: Path, period: str, *decisions: Mapping[str, object], name: str = "late") -> None:
    """Write an approval file of decisions on January."""
    whole = [{"period": JAN, "reason": "asked", "by": "r@x.edu", **each} for each in decisions]
    path = root / f"approvals/{period}/{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# decisions\n" + json.dumps({"decisions": whole}, indent=1), encoding="utf-8")


def held_id(root: Path, resource: str) -> str:
    """The id of a charge that was held in January, by its resource."""
    lines = (root / f"periods/{JAN}.held.csv").read_bytes().decode().split("\n")
    return next(line.split(",")[0] for line in lines if f",{resource}," in line)


FUND = {"decision": "reassign", "set": {"fund": "F-9"}, "clears": ["missing-fund"]}


def by_entry(period: BilledPeriod) -> dict[tuple[Entry, str], Amounts]:
    """The sums of lines that are not the period's own."""
    sums: dict[tuple[Entry, str], Amounts] = {}
    for line in period.lines:
        if line.entry is not Entry.OWN:
            key = (line.entry, line.fund)
            sums[key] = sums.get(key, Amounts()) + line.amounts
    return sums


def late_two(root: Path) -> dict[str, object]:
    """A decision on two held charges of 2.005 and 3.005."""
    return {"decision": "reassign", "set": {"fund": "F-9"}, "clears": ["missing-fund"],
            "charges": [held_id(root, "h1")[:16], held_id(root, "h2")[:16]]}  # fmt: skip


def test_late_charges_are_billed_in_the_open_month_and_rounded_as_a_group(root: Path) -> None:
    """2.005 + 3.005 is 5.01, not 2.01 + 3.01; the original month stays as it was."""
    before = month(root, JAN)
    decide(root, FEB, late_two(root))
    found = month(root, FEB)
    assert by_entry(found) == {
        (Entry.LATE, "F-9"): Amounts(list=Decimal("10.02"), discount=Decimal("5.01"), billed=Decimal("5.01"))
    }
    (line,) = [line for line in found.lines if line.entry is Entry.LATE]
    assert (line.original, line.charges, line.exact_billed) == (JAN, 2, Decimal("5.010"))
    assert sorted(each.amounts.billed for each in found.corrections) == [Decimal("2.01"), Decimal("3.00")]
    posted = [each for each in found.journal.lines if each.fund == "F-9"]
    assert [(each.signed, each.description, each.period) for each in posted] == [
        (Decimal("5.01"), f"Late {JAN}: Amazon p", FEB)
    ]
    assert found.journal.debits == found.journal.credits == Decimal("15.01")
    after = month(root, JAN)
    assert replace(after, still_queued=before.still_queued) == before
    waiting = sorted((item.uncleared, item.charges) for item in after.undecided)
    assert waiting == [(("foreign-currency",), 1), (("missing-fund", "pattern:big"), 1)]


@pytest.mark.slow
def test_what_several_closed_months_still_hold_is_kept_apart(root: Path) -> None:
    """Read together, each has what it has alone; a charge decided in one month is still held in the others."""
    february = root / f"charges/{FEB}/aws.csv"
    february.write_text(HEAD + charge("10", FEB) + charge("8.5", FEB, fund="", resource="h1"))
    ledger = open_books(root).ledger
    (before,) = correct(ledger).queue.values()
    close(root, FEB)
    decide(root, MAR, late_two(root))
    books = close(root, MAR)
    found = correct(books.ledger)
    assert {*found.queue} == {JAN, FEB}
    (own,) = found.queue[FEB]
    assert (own.period, own.charges, own.exact_billed) == (FEB, 1, Decimal("8.5"))
    assert found.remaining[FEB] == {"aws": {"USD": Decimal("8.5")}}
    assert {each.period for each in found.queue[JAN]} == {JAN}
    assert sum(each.charges for each in found.queue[JAN]) == sum(each.charges for each in before) - 2
    events = Events.of(books.ledger.records.values())
    for period in (JAN, FEB):
        assert still_held(books.ledger, [period], events)[period].queue == found.queue[period]
        assert settle_held(books.ledger, period, "", [], events).remaining == found.remaining[period]


def test_the_accounts_of_held_charges_carry_over(root: Path) -> None:
    """Opening, newly held, late billed, late rejected, closing, in each currency."""
    decide(root, FEB, late_two(root), {"decision": "reject", **on_item(root, "foreign-currency")})
    accounts = {(each.period, each.currency): each for each in reconciliation.held_accounts(open_books(root).periods)}
    feb = accounts[FEB, "USD"]
    assert (feb.opening, feb.newly, feb.late_billed, feb.late_rejected, feb.closing) == tuple(
        map(Decimal, ("10.010", "0", "5.010", "0", "5"))
    )
    assert accounts[MAR, "EUR"].opening == 0
    assert (accounts[FEB, "EUR"].late_rejected, accounts[FEB, "EUR"].closing) == (6, 0)


def test_a_project_set_late_takes_the_directory_as_of_the_original_month(root: Path) -> None:
    """PI and fund follow from the project's entry that held in January."""
    text = "projects:\n  - {id: p, title: P}\n  - id: n\n    entries:\n"
    text += (
        "      - {until: 2025-01-31, pi: old@x.edu, fund: O-1}\n      - {from: 2025-02-01, pi: new@x.edu, fund: N-1}\n"
    )
    (root / "directory/projects.yaml").write_text(text, encoding="utf-8")
    decision = {"decision": "reassign", "set": {"project": "n"}, "clears": ["missing-fund"]}
    decide(root, FEB, decision | {"charges": [held_id(root, "h1")]})
    (line,) = [line for line in month(root, FEB).lines if line.entry is Entry.LATE]
    assert (line.pi, line.project, line.fund) == ("old@x.edu", "n", "O-1")


@pytest.mark.parametrize(
    ("decision", "code"),
    [
        ({"decision": "approve", "clears": ["missing-fund"], "charges": ["h1"]}, "incomplete-decision"),
        ({**FUND, "set": {"project": "nowhere"}, "charges": ["h1"]}, "unknown-project"),
        ({**FUND, "charges": ["big"]}, "late-still-held"),
        ({"decision": "reject", "clears": ["missing-fund"], "charges": ["0123456789abcdef"]}, "void-decision"),
        ({"decision": "reject", "expect": {"charges": 9}, "item": "foreign-currency"}, "void-decision"),
        ({"decision": "reject", "clears": ["missing-fund"], "charges": ["h1"], "period": FEB}, "not-closed"),
        ({"decision": "reject", "clears": ["missing-fund"], "charges": ["h1"], "period": "2024-01"}, "not-closed"),
        ({"decision": "credit", "charges": ["h1"]}, "void-decision"),
        ({"decision": "credit", "charges": ["0123456789abcdef"]}, "void-decision"),
        ({"decision": "credit", "item": "foreign-currency"}, "no-target"),
        ({"decision": "reassign", "set": {"fund": "F"}, "item": "foreign-currency"}, "foreign-currency"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_a_problem_at_the_decision(root: Path, decision: dict[str, object], code: str) -> None:
    """With its place; nothing of it is posted."""
    named = [held_id(root, each) if len(each) < 16 else each for each in decision.get("charges", [])]  # type: ignore[attr-defined]
    item = on_item(root, str(decision["item"])) if "item" in decision else {}
    words = {key: value for key, value in decision.items() if key != "item"}
    decide(root, FEB, item | words | ({"charges": named} if named else {}))
    found = [problem for problem in problems(root) if problem.path == f"approvals/{FEB}/late.yaml"]
    assert code in {problem.code for problem in found}
    assert all(problem.line > 1 for problem in found)


def test_deciding_again_names_both_places(root: Path) -> None:
    """In another open month, and in an open month after the first was closed."""
    decide(root, FEB, late_two(root))
    decide(root, MAR, late_two(root), name="again")
    (told,) = problems(root)
    assert (told.code, told.path) == ("decided-already", f"approvals/{MAR}/again.yaml")
    assert f"approvals/{FEB}/late.yaml:" in told.message
    (root / f"approvals/{MAR}/again.yaml").unlink()
    close(root, FEB)
    decide(root, MAR, late_two(root), name="again")
    (told,) = problems(root)
    assert f"already decided in {FEB}, at approvals/{FEB}/late.yaml:" in told.message


def test_a_closed_month_with_late_entries_is_shown_from_its_record(root: Path) -> None:
    """Lines, charges and journal come back as they were, and the queue of January stays without what was decided."""
    decide(root, FEB, late_two(root))
    before = month(root, FEB)
    books = close(root, FEB)
    after = books.period(FEB)
    assert after is not None
    assert (after.lines, after.corrections, after.decisions) == (before.lines, before.corrections, before.decisions)
    assert [(a.signed, a.description) for a in after.journal.whole.lines] == [
        (b.signed, b.description) for b in before.journal.lines
    ]
    january = books.period(JAN)
    assert january is not None
    assert sum(item.charges for item in january.undecided if "missing-fund" in item.uncleared) == 1
    assert sum(item.charges for item in january.queue if "missing-fund" in item.uncleared) == 3


def billed_ids(root: Path) -> dict[str, str]:
    """The ids of January's billed charges, by resource."""
    from openchargeback.billing.pipeline import read_charges
    from openchargeback.focus.database import database
    from openchargeback.review.ids import number_charges

    ledger = open_books(root).ledger
    with database() as con:
        number_charges(read_charges(con, RecordedLedger.of(ledger), [JAN])[0], ["aws"])
        rows = con.execute("SELECT ResourceId || ServiceName, id FROM charge_id JOIN cell USING (n)").fetchall()
    return {name[:2] if "Storage" not in name else "st": id_ for name, id_ in rows}


def test_cents_of_charges_sum_to_their_line(root: Path) -> None:
    """1.005 + 1.004 + 0.333 is 2.342, so 2.34 on the line, shared without a cent lost."""
    books, ids = open_books(root), billed_ids(root)
    cents = charge_cents(books.ledger, books.ledger.records[JAN], [ids["r1"], ids["r2"][:16], ids["r3"]])
    amounts = [each.amounts for each in cents.values() if not isinstance(each, str)]
    (line,) = [each for each in month(root, JAN).lines if each.service != "Storage" and each.project == "p"]
    assert Amounts.total(amounts) == line.amounts
    assert line.amounts.billed == Decimal("2.34")


def test_a_credit_takes_back_the_cents_and_names_the_statement(root: Path) -> None:
    """As a numbered note in the open month's statement, debit and credit swapped; January stays."""
    before, ids = month(root, JAN), billed_ids(root)
    decide(root, FEB, {"decision": "credit", "charges": [ids["st"][:16]]})
    found = month(root, FEB)
    (statement,) = [each for each in found.statements if each.project.id == "p"]
    original = next(each.number for each in before.statements if each.project.id == "p")
    (line,) = [line for line in statement.lines if line.entry is Entry.CREDIT]
    storage = next(each for each in before.lines if each.service == "Storage")
    assert line.amounts == Amounts() - storage.amounts
    assert (line.original, line.corrects) == (JAN, original)
    assert statement.credit_notes == {original: f"{statement.number}-c1"}
    assert statement.amounts.billed == Decimal(10) - storage.amounts.billed
    posted = [
        (each.side.value, each.payer, each.amount) for each in found.journal.lines if "Credit" in each.description
    ]
    assert posted == [("credit", True, storage.amounts.billed), ("debit", False, storage.amounts.billed)]
    assert month(root, JAN) == before


def test_a_credit_with_set_bills_again_the_same_cents(root: Path) -> None:
    """To the new payer, on a statement of theirs; crediting that again takes it from them."""
    ids = billed_ids(root)
    decide(root, FEB, {"decision": "credit", "charges": [ids["r1"]], "set": {"project": "q", "pi": "B@x.edu"}})
    found = month(root, FEB)
    lines = {line.entry: line for line in found.lines if line.entry is not Entry.OWN}
    assert lines[Entry.CREDIT].amounts.billed == -lines[Entry.REBILL].amounts.billed
    assert (lines[Entry.REBILL].pi, lines[Entry.REBILL].project, lines[Entry.REBILL].fund) == ("b@x.edu", "q", "G-1")
    assert sum(line.amounts.billed for line in found.lines) == Decimal(10)
    close(root, FEB)
    decide(root, MAR, {"decision": "credit", "charges": [ids["r1"]]})
    (line,) = [line for line in month(root, MAR).lines if line.entry is Entry.CREDIT]
    assert (line.pi, line.project, line.amounts.billed) == ("b@x.edu", "q", -lines[Entry.REBILL].amounts.billed)
    assert line.corrects.startswith(FEB)


@pytest.mark.parametrize(
    ("given", "payer"),
    [
        ({"fund": "F-9"}, ("a@x.edu", "p", "F-9")),
        ({"project": "q"}, ("b@x.edu", "q", "G-1")),
        ({"project": "q", "fund": "F-9"}, ("b@x.edu", "q", "F-9")),
        ({"project": "q", "pi": "c@x.edu"}, ("c@x.edu", "q", "G-1")),
    ],
)
def test_what_is_set_beats_the_directory_which_beats_who_paid_before(
    root: Path, given: dict[str, str], payer: tuple[str, str, str]
) -> None:
    decide(root, FEB, {"decision": "credit", "charges": [billed_ids(root)["r1"]], "set": given})
    (again,) = [line for line in month(root, FEB).lines if line.entry is Entry.REBILL]
    assert (again.pi, again.project, again.fund) == payer


def test_a_credit_reverses_what_was_posted_though_the_settings_changed_since(root: Path) -> None:
    """To the credit fund and account of January, also once it is closed; what is billed again goes to today's."""
    ids = billed_ids(root)
    text = (root / "config.yaml").read_text("utf-8")
    (root / "config.yaml").write_text(text.replace("credit_fund: C-1", "credit_fund: C-2, account: '77'"), "utf-8")
    decide(root, FEB, {"decision": "credit", "charges": [ids["st"]], "set": {"project": "q"}})

    def sides(books: Books) -> list[tuple[str, str, str]]:
        (found,) = [period for period in books.periods if period.period == FEB]
        lines = [each for each in found.journal.lines if not each.payer]
        return [(each.description.split()[0], each.fund, each.account) for each in lines if each.service == "Storage"]

    expected = [("Credit", "C-1", ""), ("Rebill", "C-2", "77")]
    assert sorted(sides(open_books(root))) == expected
    assert sorted(sides(close(root, FEB))) == expected
    assert problems(root) == []


@pytest.mark.slow
def test_crediting_twice_without_billing_again_is_a_problem(root: Path) -> None:
    """In one month, in two open ones, and after the first was closed."""
    ids = billed_ids(root)
    credit = {"decision": "credit", "charges": [ids["r1"]]}
    decide(root, FEB, credit, {"decision": "credit", "charges": [ids["r1"][:12]]})
    assert [problem.code for problem in problems(root)] == ["credited-already"]
    decide(root, FEB, credit)
    decide(root, MAR, credit)
    assert [(p.code, p.path) for p in problems(root)] == [("credited-already", f"approvals/{MAR}/late.yaml")]
    (root / f"approvals/{MAR}/late.yaml").unlink()
    close(root, FEB)
    decide(root, MAR, credit)
    (told,) = problems(root)
    assert told.code == "credited-already"
    assert f"approvals/{FEB}/late.yaml:" in told.message


@pytest.mark.slow
def test_a_short_id_of_two_charges_is_refused_though_only_one_was_corrected(tmp_path: Path) -> None:
    """The ids of these two charges begin with the same eight digits."""
    (tmp_path / f"charges/{JAN}").mkdir(parents=True)
    (tmp_path / f"charges/{MAR}").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG.replace(", logo: logo.svg", ""), encoding="utf-8")
    january = HEAD + charge("2", resource="c122797") + charge("2", resource="c102623")
    (tmp_path / f"charges/{JAN}/aws.csv").write_text(january, encoding="utf-8")
    (tmp_path / f"charges/{MAR}/aws.csv").write_text(HEAD + charge("20", MAR), encoding="utf-8")
    close(tmp_path, JAN)
    decide(tmp_path, FEB, {"decision": "credit", "charges": ["fe139c5c0a76205a"], "set": {"fund": "F-2"}})
    close(tmp_path, FEB)
    decide(tmp_path, MAR, {"decision": "credit", "charges": ["fe139c5c"]})
    (fault,) = problems(tmp_path)
    assert fault.message == f"credit is void: fe139c5c matches several charges of {JAN}"
    decide(tmp_path, MAR, {"decision": "credit", "charges": ["fe139c5c0"]})
    assert problems(tmp_path) == []
    assert [(each.charge[:16], each.corrects[:7]) for each in month(tmp_path, MAR).corrections] == [
        ("fe139c5c0a76205a", FEB)
    ]


@pytest.mark.slow
def test_a_late_charge_can_be_credited_once_its_month_is_closed(root: Path) -> None:
    """With the cents of its late group and the number of the statement that billed it."""
    decide(root, FEB, late_two(root))
    one = {"decision": "credit", "charges": [held_id(root, "h2")]}
    decide(root, MAR, one)
    assert [problem.code for problem in problems(root)] == ["not-closed"]
    (root / f"approvals/{MAR}/late.yaml").unlink()
    close(root, FEB)
    decide(root, MAR, one)
    (line,) = [line for line in month(root, MAR).lines if line.entry is Entry.CREDIT]
    billed = {each.charge: each.amounts.billed for each in month(root, FEB).corrections}
    assert line.amounts.billed == -billed[held_id(root, "h2")]
    assert (line.original, line.corrects[:7]) == (JAN, FEB)


def test_a_month_that_others_correct_is_not_reopened(root: Path) -> None:
    """Its held charges and its cents are needed."""
    decide(root, FEB, late_two(root))
    with pytest.raises(closing.UsageFault, match=f"approvals/{FEB}/late.yaml"):
        closing.reopen(open_books(root).ledger, JAN)


@pytest.mark.slow
def test_broken_invariants_over_months_are_found(root: Path) -> None:
    """Each is broken once by hand."""
    ids = billed_ids(root)
    decide(root, FEB, late_two(root), {"decision": "credit", "charges": [ids["r1"]], "set": {"fund": "F-2"}})
    books = close(root, FEB)
    from openchargeback.billing.corrections import correct

    remaining = correct(books.ledger).remaining
    periods = list(books.periods)
    assert reconciliation.check_ledger(periods, remaining) == []
    february = periods[1]
    late = [each for each in february.corrections if each.entry is Entry.LATE]
    march = replace(periods[2], corrections=(late[0],))
    assert "although it was" in reconciliation.check_ledger([*periods[:2], march], remaining)[-1].message
    for entry in (Entry.CREDIT, Entry.REBILL):
        others = tuple(each for each in february.corrections if each.entry is not entry)
        again = (*others, *(each for each in february.corrections if each.entry is Entry.REBILL))
        broken = replace(
            february, corrections=again if entry is Entry.CREDIT else (*february.corrections, *february.corrections)
        )
        assert reconciliation.billed_once([periods[0], broken])
    credits_ = [each for each in february.corrections if each.entry is Entry.CREDIT]
    dearer = replace(
        credits_[0],
        amounts=credits_[0].amounts + Amounts(list=Decimal("0.01"), discount=Decimal(0), billed=Decimal("0.01")),
    )
    assert reconciliation.billed_once([periods[0], replace(february, corrections=(dearer, *february.corrections[-1:]))])
    assert reconciliation.billed_once([periods[0], february, replace(periods[2], corrections=(credits_[0],))])
    assert reconciliation.credits_fit_lines([periods[1]])
    three = tuple(replace(credits_[0], charge=str(number)) for number in range(3))
    assert reconciliation.credits_fit_lines([periods[0], replace(february, corrections=three)])
    lost = replace(february, corrections=february.corrections[1:])
    assert reconciliation.held_is_carried([periods[0], lost, periods[2]], remaining) or late[0] in lost.corrections
    assert reconciliation.held_is_carried(periods, {JAN: {"aws": {"USD": Decimal(1)}}})
    for change in (
        {"corrections": february.corrections[1:]},
        {"corrections": tuple(replace(each, corrects="") for each in february.corrections)},
        {"corrections": tuple(replace(each, original=MAR) for each in february.corrections)},
        {"corrections": tuple(replace(each, entry=Entry.REJECTED) for each in february.corrections)},
        {"lines": tuple(replace(each, original="") for each in february.lines)},
    ):
        assert reconciliation.corrections_tie_out(replace(february, **change)), change


@pytest.mark.slow
def test_a_month_whose_late_billing_was_credited_is_not_reopened(root: Path) -> None:
    """Otherwise the credit would stay and the billing go: the decision on January in February is what March credits."""
    decide(root, FEB, late_two(root))
    close(root, FEB)
    decide(root, MAR, {"decision": "credit", "charges": [held_id(root, "h2")]})
    with pytest.raises(closing.UsageFault, match=f"approvals/{MAR}/late.yaml"):
        closing.reopen(open_books(root).ledger, FEB)
    close(root, MAR)
    with pytest.raises(closing.UsageFault, match=f"approvals/{MAR}/late.yaml"):
        closing.reopen(open_books(root).ledger, FEB)


def test_a_credit_does_not_come_before_the_billing(root: Path) -> None:
    """March is closed before February, which cannot take back then what March billed."""
    decide(root, MAR, late_two(root))
    close(root, MAR)
    decide(root, FEB, {"decision": "credit", "charges": [held_id(root, "h2")]})
    assert [(each.code, each.path) for each in problems(root)] == [("not-closed", f"approvals/{FEB}/late.yaml")]


@pytest.mark.slow
def test_what_was_unusual_stays_so_when_an_earlier_month_is_closed_again(root: Path) -> None:
    """A credit of a charge that needed no decision then finds it billed, though by now it would be flagged."""
    config = (root / "config.yaml").read_text(encoding="utf-8")
    config = config.replace("review: {", "review: {unusual_amount: {factor: 2, minimum: 25}, ")
    (root / "config.yaml").write_text(config, encoding="utf-8")
    months = {"2025-04": "20", "2025-05": "30", "2025-06": "1"}
    for name, cost in months.items():
        (root / f"charges/{name}").mkdir()
        (root / f"charges/{name}/aws.csv").write_bytes((HEAD + charge(cost, name)).encode())
    for name in (FEB, MAR, "2025-04", "2025-05"):
        close(root, name)
    for name in (FEB, MAR, "2025-04"):
        closing.reopen(open_books(root).ledger, name)
        (root / f"charges/{name}/aws.csv").write_bytes((HEAD + charge("1", name)).encode())
    for name in (FEB, MAR, "2025-04"):
        close(root, name)
    books = open_books(root)
    (line,) = [line for line in books.ledger.records["2025-05"].lines if line.entry is Entry.OWN]
    data = MonthCharges(books.ledger, open_cache(root)).open_data(month(root, "2025-05")).charges.decode()
    (told,) = csv.DictReader(io.StringIO(data, newline=""))
    assert (told["disposition"], told["flags"]) == ("billed", "")
    decide(root, "2025-06", {"decision": "credit", "charges": [told["charge"]], "period": "2025-05"})
    (credit,) = [each for each in month(root, "2025-06").lines if each.entry is Entry.CREDIT]
    assert credit.amounts.billed == -line.amounts.billed == -30


@pytest.mark.slow
def test_exact_sums_of_many_digits_are_exact(root: Path) -> None:
    """Thirteen digits and eighteen decimals are more than Python's decimals keep by themselves."""
    long = ["999999999999.123456789012345678", "2.000000000000000001"]
    rows = [row(cost, month=MAR, list=cost, resource=f"l{number}", service="S") for number, cost in enumerate(long)]
    late = [row(cost, month=MAR, list=cost, fund="", resource=f"h{n}", service="S") for n, cost in enumerate(long)]
    (root / f"charges/{MAR}/aws.csv").write_bytes((HEAD + "".join([*rows, *late])).encode())
    books = close(root, MAR)
    ids = billed_charges(books.ledger, MAR, BilledFilter(resources=("l0", "l1")))
    (root / "charges/2025-04").mkdir()
    (root / "charges/2025-04/aws.csv").write_bytes((HEAD + charge("1", "2025-04")).encode())
    held = {"decision": "reassign", "set": {"fund": "F-9"}, **on_item(root, "missing-fund", MAR), "period": MAR}
    decide(root, "2025-04", {"decision": "credit", "charges": ids, "period": MAR}, held)
    exact = {line.entry: line.exact_billed for line in month(root, "2025-04").lines if line.entry is not Entry.OWN}
    assert exact == {
        Entry.CREDIT: Decimal("-1000000000001.123456789012345679"),
        Entry.LATE: Decimal("1000000000001.123456789012345679"),
    }
    assert close(root, "2025-04").period("2025-04") is not None


def test_a_charge_named_twice_in_a_decision_counts_once(root: Path) -> None:
    """By its id and by the beginning of its id."""
    id_ = held_id(root, "h1")
    decide(root, FEB, late_two(root) | {"charges": [id_, id_[:16]], "expect": {"charges": 1, "billed": "2.005"}})
    (line,) = [line for line in month(root, FEB).lines if line.entry is Entry.LATE]
    assert (line.charges, line.exact_billed) == (1, Decimal("2.005"))


def test_an_allocated_share_is_found_by_the_resource_that_received_it(tmp_path: Path) -> None:
    root = Path(shutil.copytree(Path(__file__).parents[1] / "ledgers/allocated", tmp_path / "allocated"))
    ledger = close(root, JAN).ledger
    wanted = (BilledFilter(resources=(resource,)) for resource in ("cluster-1", "pod-a"))
    idle, share = (billed_charges(ledger, JAN, each) for each in wanted)
    cents = charge_cents(ledger, ledger.records[JAN], [*idle, *share])
    assert [each if isinstance(each, str) else each.amounts.billed for each in cents.values()] == [10, 60]
