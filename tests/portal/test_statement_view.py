"""The figures of a statement tie, whatever is on it, and its words fit them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
import statement_cases as cases
from hypothesis import given
from hypothesis import strategies as st

from openchargeback.characters import one_line
from openchargeback.explanations import PATTERN_FLAG, catalog
from openchargeback.ledger.settings import Config, Organization, StatementSettings
from openchargeback.model import (
    Amounts,
    Entry,
    Fund,
    Kind,
    PeriodAmounts,
    Person,
    Project,
    Reference,
    ResourceLine,
    Statement,
)
from openchargeback.portal.statement_chart import chart_words, history_chart
from openchargeback.portal.statement_parts import Figures, Part, sum_of
from openchargeback.portal.statement_record import statement_json
from openchargeback.portal.statement_view import StatementView, statement_view
from openchargeback.portal.statement_words import flag_words

ZERO = Decimal(0)


def check_ties(view: StatementView, of: Statement) -> None:
    amounts = of.shown if of.only_shown else of.amounts
    assert view.main.total == Figures.of(amounts)
    if not of.only_shown:
        invoiced = Figures.of(of.invoiced)
        assert sum_of([*(row.figures for row in view.funds), invoiced]) == view.main.total
    for part in (view.main, view.shown):
        if part:
            check_part(part)
    first, *steps, last = (row.amount for row in view.summary)
    assert first + sum(steps) == last == view.main.total.due
    assert view.answer.amount in (view.main.total.due, view.main.total.list)


def check_part(part: Part) -> None:
    assert sum_of([part.charges, part.credits.total, part.late.total]) == part.total
    assert sum_of(block.figures for block in part.services) == part.charges
    for block in part.services:
        assert sum_of([*(row.figures for row in block.rows), block.rest]) == block.figures or not block.rows
    for corrections in (part.credits, part.late):
        assert sum_of(row.figures for row in corrections.rows) == corrections.total
    for row in part.figures():
        assert row.list + row.discount == row.due
        assert row.vendor + row.covered == row.discount


@pytest.mark.parametrize("name", cases.CASES)
def test_figures_tie(name: str) -> None:
    of = cases.CASES[name]()
    check_ties(cases.view(of), of)


@pytest.mark.parametrize("limit", [0, 1, 7, 59, 60, 1000])
def test_figures_tie_however_many_resources_are_listed(limit: int) -> None:
    of = cases.large()
    view = cases.view(of, cases.config(resources=limit))
    check_ties(view, of)
    # Ninety lines, of which the two funds of the cluster share a resource.
    assert sum(len(block.rows) for block in view.main.services) == min(limit, 89)
    assert sum(block.rest_count for block in view.main.services) == 89 - min(limit, 89)


def test_the_largest_resources_are_listed_and_the_rest_is_counted() -> None:
    view = cases.view(cases.large(), cases.config(resources=10))
    rows = [row for block in view.main.services for row in block.rows]
    whole = cases.view(cases.large(), cases.config(resources=1000))
    everything = sorted((row.figures.list for block in whole.main.services for row in block.rows), reverse=True)
    assert sorted((row.figures.list for row in rows), reverse=True) == everything[:10]
    assert view.main.services[0].rest_words == f"{60 - len(view.main.services[0].rows)} more resources"


def test_resources_that_cost_nothing_are_one_line() -> None:
    (first, second) = cases.view(cases.free()).main.services
    assert (first.free, second.free, second.free_words) == (0, 23, "23 more resources at list price 0.00")
    assert len(second.rows) == 2
    assert second.rest_count == 0


def part(line: Any, name: str, amounts: Amounts, kind: Kind = Kind.USAGE) -> ResourceLine:
    return ResourceLine(
        fund=line.fund,
        source=line.source,
        service=line.service,
        kind=kind,
        resource_id=name,
        resource_name="",
        charges=1,
        amounts=amounts,
    )


def test_charges_without_a_resource_are_told_apart() -> None:
    line = cases.normal_lines()[0]
    half = Amounts(list=Decimal("34.55"), discount=Decimal("-51.85"), billed=Decimal("86.40"))
    block = cases.view(cases.statement([line], [part(line, "i-1", half), part(line, "", line.amounts - half)]))
    (service,) = block.main.services
    assert (len(service.rows), service.rest_count, service.rest_words) == (1, 0, "Charges that name no resource")
    assert service.rest == Figures.of(line.amounts - half)


def test_a_resource_that_two_funds_share_is_one_row() -> None:
    one, two = (cases.line("hpc", "Node hours", fund, "5.00", "9.00") for fund in ("A", "B"))
    parts = [
        dataclasses.replace(part(line, "cluster", line.amounts), usage=cases.usage("hpc", Decimal("9.00"), 0))
        for line in (one, two)
    ]
    view = cases.view(cases.statement([one, two], parts))
    (row,) = view.main.services[0].rows
    assert (row.figures.due, row.quantity) == (Decimal("10.00"), "1,440 core-hours × 0.0125")
    assert [(row.fund, row.figures.due) for row in view.funds] == [("A", Decimal("5.00")), ("B", Decimal("5.00"))]


def test_held_charges_are_no_part_of_the_amount_due() -> None:
    view = cases.view(cases.corrected())
    assert view.main.total.due == cases.corrected().amounts.billed
    assert [row.reasons for row in view.held] == [
        ("rule “gpu”", "an unusual amount"),
        ("no fund is named",),
        ("in another currency",),
    ]
    # The euros are not added to the dollars.
    assert [(each.currency, each.exact_billed, each.charges) for each in view.held_total] == [
        ("USD", Decimal("4935.405"), 6),
        ("EUR", Decimal(77), 3),
    ]
    assert view.held_words == (
        "6 charges, USD\N{NO-BREAK SPACE}4,935.41, and 3 charges, EUR\N{NO-BREAK SPACE}77.00: rule “gpu”, an unusual "
        "amount, no fund is named and 1 more. Write to us to release them."
    )
    assert cases.view(cases.normal()).held_words == ""


def test_one_held_charge() -> None:
    (first, *_) = cases.corrected().held
    view = cases.view(cases.statement([], [], (dataclasses.replace(first, charges=1),)))
    assert view.held_words.startswith("1 charge, USD\N{NO-BREAK SPACE}812.40: ")
    assert view.held_words.endswith("Write to us to release it.")


def test_credits_and_late_charges_stand_apart_and_say_what_they_refer_to() -> None:
    view = cases.view(cases.earlier())
    assert view.main.charges.due == Decimal("4679.10")
    assert [(row.name, row.id, row.what, row.note, row.days, row.quantity) for row in view.main.credits.rows] == [
        (
            "node-3",
            "i-0003",
            "Takes back charges of December 2024 on statement 2024-12-3f9a1c22b7",
            "2025-01-3f9a1c22b7-c1",
            "28 to 30 Nov 2024",
            "\N{MINUS SIGN}226.667 hours × 0.816",
        )
    ]
    assert [(row.name, row.what) for row in view.main.late.rows] == [
        ("node-1", "Used in November 2024, under review when that month was closed"),
        ("node-2", "Used in November 2024, under review when that month was closed"),
        ("node-3", "Billed again for December 2024, first on statement 2024-12-3f9a1c22b7"),
    ]
    assert [(row.label, row.detail, row.amount) for row in view.summary[-3:-1]] == [
        ("Credits", "for December 2024", Decimal("-168.31")),
        ("Late charges", "for November 2024, December 2024", Decimal("252.71")),
    ]


def test_the_month_s_own_credits_are_no_usage() -> None:
    view = cases.view(cases.corrected())
    assert [(row.kind, row.name, row.id) for row in view.main.credits.rows] == [
        ("Correction", "Corrects 2024-12", "7f3a9c21d0b41e66"),
        ("Credit", "Research credit of December", "credit-2024-12-88"),
    ]
    assert view.main.credits.total.due == Decimal("-120.00")
    # The service has nothing but credits, so it is not among the charges.
    assert "AWS Support" not in {block.service for block in view.main.services}


def test_many_late_charges_of_a_line_are_counted() -> None:
    view = cases.view(cases.earlier(), cases.config(resources=1))
    assert [row.name for row in view.main.late.rows] == ["2 charges", "node-3"]
    check_part(view.main)


FUND = cases.FUND
NEXT_STEPS = {
    ("100.00", "38.00"): f"Charged to {FUND} by journal entry dated 31 Jan 2025. No payment is needed.",
    ("100.00", "0.00"): "Example University pays all of the list price. Nothing is charged, and no payment is needed.",
    ("-30.00", "-30.00"): (
        f"USD\N{NO-BREAK SPACE}30.00 is returned to {FUND} by journal entry dated 31 Jan 2025. "
        "Nothing needs to be done."
    ),
    ("0.00", "0.00"): "Nothing was billed for this project.",
}


@pytest.mark.parametrize(("prices", "sentence"), NEXT_STEPS.items())
def test_what_happens_now(prices: tuple[str, str], sentence: str) -> None:
    view = cases.view(cases.statement([cases.line("hpc", "Node hours", FUND, prices[1], prices[0])], []))
    assert view.answer.sentence == sentence
    assert view.answer.is_value == (prices == ("100.00", "0.00"))


def test_what_happens_now_by_state_and_payer() -> None:
    def sentence(of: Statement) -> str:
        return cases.view(of).answer.sentence

    normal, draft = cases.normal(), dataclasses.replace(cases.normal(), draft=True)
    later = dataclasses.replace(normal, accounting_date=dt.date(2025, 2, 7))
    assert sentence(later) == f"Will be charged to {FUND} by journal entry dated 7 Feb 2025. No payment is needed."
    assert sentence(draft) == (f"Would be charged to {FUND} once the month is closed. Amounts may change until then.")
    assert sentence(cases.two_funds()).startswith("Charged to these funds by journal entry dated 31 Jan 2025.")
    assert sentence(cases.external()) == (
        "Please pay USD\N{NO-BREAK SPACE}4,679.10 by 5 Mar 2025, and give the number INV-2025-01-3f9a1c22b7."
    )
    assert "would be invoiced once the month is closed" in sentence(cases.external(draft=True))
    assert sentence(cases.nothing()) == "Nothing was billed for this project so far: its charges are under review."
    assert sentence(cases.only_shown()) == "For your information. Nothing will be charged."


def test_the_answer_s_heading() -> None:
    def heading(of: Statement) -> str:
        return cases.view(of).answer.heading

    assert heading(cases.normal()) == "Amount due"
    assert heading(cases.corrected(draft=True)) == "Amount due so far"
    assert heading(cases.subsidized()) == "Value received"
    assert heading(cases.only_shown()) == "Value of usage"
    assert cases.view(cases.subsidized()).answer.also == "Amount due USD\N{NO-BREAK SPACE}0.00"


def test_vendor_and_institution_are_told_apart() -> None:
    lines = [
        cases.line("aws", "Amazon S3", FUND, "90.00", "100.00"),
        cases.line("hpc", "Node hours", FUND, "20.00", "100.00"),
        cases.line("storage", "Disk", FUND, "0.00", "10.00"),
    ]
    view = cases.view(cases.statement(lines, []))
    assert [(row.label, row.detail, row.amount) for row in view.summary] == [
        ("List price", "", Decimal("210.00")),
        ("Vendor discount", "Amazon Web Services 10%", Decimal("-10.00")),
        ("Covered by Example University", "Cluster 80%", Decimal("-80.00")),
        ("Covered by Example University", "Project storage", Decimal("-10.00")),
        ("Amount due", "", Decimal("110.00")),
    ]
    # Only what has a text is explained.
    assert [note.label for note in view.discount_notes] == ["Amazon Web Services", "Cluster"]


# list and billed of the month's use, then of a credit → the rows between list price and amount due.
DIFFERENCES = {
    (("100.00", "112.00"), None): [("Surcharge", "12.00")],
    (("0.00", "0.00"), ("-100.00", "-90.00")): [("Credits", "-90.00")],
    (("100.00", "90.00"), ("-50.00", "-30.00")): [("Vendor discount", "-10.00"), ("Credits", "-30.00")],
    (("0.00", "0.00"), ("0.00", "-30.00")): [("Credits", "-30.00")],
    (("100.00", "100.00"), ("0.00", "-130.00")): [("Credits", "-130.00")],
    (("100.00", "100.00"), None): [],
}


@pytest.mark.parametrize(("prices", "rows"), DIFFERENCES.items(), ids=[str(i) for i in range(len(DIFFERENCES))])
def test_only_usage_above_list_is_a_surcharge(prices: tuple[Any, Any], rows: list[tuple[str, str]]) -> None:
    (listed, billed), credit = prices
    lines = [cases.line("aws", "Amazon S3", FUND, billed, listed)]
    if credit:
        credited = cases.line("aws", "Amazon S3", FUND, credit[1], credit[0])
        lines.append(
            dataclasses.replace(credited, entry=Entry.CREDIT, original="2024-12", corrects="2024-12-0123456789")
        )
    of = cases.statement(lines, [])
    view = cases.view(of)
    assert [(row.label, str(row.amount)) for row in view.summary[1:-1]] == rows
    check_ties(view, of)


def test_a_surcharge_of_one_vendor_is_not_netted_with_the_discount_of_another() -> None:
    lines = [cases.line("aws", "S3", FUND, "90.00", "100.00"), cases.line("azure", "Disk", FUND, "12.00", "10.00")]
    view = cases.view(cases.statement(lines, []))
    assert [(row.label, row.detail, str(row.amount)) for row in view.summary[1:-1]] == [
        ("Vendor discount", "Amazon Web Services 10%", "-10.00"),
        ("Surcharge", "azure", "2.00"),
    ]


def test_the_change_since_last_month() -> None:
    def comparison(billed: str, before: str) -> Any:
        of = cases.statement([cases.line("aws", "S3", FUND, billed, billed)], [])
        amounts = Amounts(list=Decimal(before), discount=ZERO, billed=Decimal(before))
        return statement_view(of, cases.config(), [PeriodAmounts(period="2024-12", amounts=amounts)]).comparison

    found = comparison("110.00", "100.00")
    assert (found.since, found.change, found.percent) == ("December 2024", Decimal("10.00"), 10)
    # From next to nothing, a percentage says nothing.
    assert comparison("110.00", "0.01").percent is None
    assert comparison("110.00", "0.00") is None
    assert statement_view(cases.normal(), cases.config()).comparison is None


def test_award_period_of_performance_and_days_of_charges() -> None:
    assert cases.view(cases.normal()).terms.lines == (
        "MATH-2400123",
        "1 Sep 2023 to 31 Aug 2026",
        "Charges 1 to 31 Jan 2025",
    )
    assert cases.view(cases.two_funds()).terms.lines[:3] == ("MATH-2400123", "Grant GR-1, GR-2", "Request id R-77")
    # A late charge was used before.
    assert cases.view(cases.earlier()).terms.lines[-1] == "Charges 28 Nov 2024 to 31 Jan 2025"
    bare = dataclasses.replace(cases.normal(), project=Project("p", "p"))
    assert (cases.view(bare).terms.heading, cases.view(bare).terms.lines) == ("Charges", ("1 to 31 Jan 2025",))


def test_the_period_of_performance_is_the_fund_s_if_the_project_has_none() -> None:
    until = Fund(FUND, until=dt.date(2025, 8, 31))
    bare = dataclasses.replace(cases.normal(), project=Project("p", "p"), paying=(until,))
    assert cases.view(bare).terms.lines == ("until 31 Aug 2025", "Charges 1 to 31 Jan 2025")
    both = dataclasses.replace(cases.normal(), paying=(until,))
    assert cases.view(both).terms.lines[1:3] == ("1 Sep 2023 to 31 Aug 2026", "Fund: until 31 Aug 2025")
    assert [row.days for row in cases.view(cases.two_funds()).funds] == ["", "1 Sep 2023 to 31 Aug 2025"]


def test_a_reference_that_repeats_the_award_is_left_out() -> None:
    of = dataclasses.replace(cases.normal(), references=(Reference("grant", ("MATH-2400123",), 1),))
    assert cases.view(of).terms.lines[0] == "MATH-2400123"
    assert not any("Grant" in line for line in cases.view(of).terms.lines)


def test_a_statement_with_nothing_but_held_charges() -> None:
    view = cases.view(cases.nothing())
    assert (view.main.total, view.main.services, view.funds) == (Figures(), (), ())


def test_twelve_months_end_with_this_one() -> None:
    bars = cases.view(cases.normal()).bars
    assert [bar.period for bar in bars] == ["2024-02", *(f"2024-{m:02}" for m in range(3, 13)), "2025-01"]
    assert [bar.period for bar in bars if bar.current] == ["2025-01"]
    assert bars[-1].due == cases.normal().amounts.billed
    assert bars[0].due == bars[4].due == ZERO
    assert [bar.period for bar in bars if not bar.known] == ["2024-02", "2024-06"]


def test_the_chart_labels_every_bar_and_marks_the_months_without_one() -> None:
    bars = cases.view(cases.normal()).bars
    chart = history_chart(bars, "USD")
    assert chart.count(">–</text>") == 2
    assert [f">{bar.due:,.2f}</text>" in chart for bar in bars if bar.due] == [True] * 10
    words = chart_words(bars, "USD")
    assert "; June 2024: no data; " in words
    assert "Feb 2024: no data" not in words
    assert "Jan 2025: list 11,005.05, due 4,679.10." in words


def test_labels_that_are_too_long_are_whole_and_then_in_millions() -> None:
    def labels(due: str) -> str:
        of = cases.statement([cases.line("hpc", "x", FUND, due, due)], [])
        return history_chart(statement_view(of, cases.config()).bars, "USD")

    assert ">1,234,568</text>" in labels("1234567.89")
    assert ">12,345.7M</text>" in labels("12345678901.23")


def test_what_happens_later_does_not_change_a_statement() -> None:
    of, config = cases.normal(), cases.config()
    later = [
        PeriodAmounts(period="2025-02", amounts=Amounts(list=Decimal(9), discount=Decimal(9), billed=Decimal(9))),
        PeriodAmounts(period="2025-01", amounts=Amounts()),
    ]
    assert statement_view(of, config, [*cases.history(), *later]) == statement_view(of, config, cases.history())


def test_dates() -> None:
    view = cases.view(cases.normal())
    assert view.questions_until == dt.date(2025, 3, 5)
    assert (view.span.first, view.span.last, view.span.name) == (
        dt.date(2025, 1, 1),
        dt.date(2025, 1, 31),
        "January 2025",
    )
    assert cases.view(cases.corrected(draft=True)).questions_until is None


def test_the_chart_is_empty_without_amounts_and_reaches_below_zero_for_credits() -> None:
    assert history_chart(statement_view(cases.statement([], []), cases.config()).bars, "USD") == ""
    back = cases.statement([cases.line("hpc", "x", FUND, "-80.00", "-80.00")], [])
    assert "\N{MINUS SIGN}80.00</text>" in history_chart(statement_view(back, cases.config()).bars, "USD")


@given(st.text())
def test_text_is_one_line_that_xml_and_pdf_can_hold(text: str) -> None:
    result = one_line(text)
    assert result == result.strip()
    assert len(result.splitlines()) <= 1
    assert all(char >= " " and not 0x7F <= ord(char) < 0xA0 for char in result)
    assert not set(result) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff\udc80")
    assert one_line(result) == result
    result.encode("utf-8")


def test_text_keeps_what_people_write() -> None:
    assert one_line(" Zoë\n\tO’Brien \u0639\u0644\u064a 👩\u200d🔬 ") == "Zoë O’Brien \u0639\u0644\u064a 👩\u200d🔬"


def test_flags_are_words() -> None:
    assert flag_words("missing-fund") == "no fund is named"
    assert flag_words("pattern:gpu") == "rule “gpu”"
    assert flag_words("some-new-flag") == "some new flag"


def test_every_flag_has_its_words() -> None:
    flags = {each.code for each in catalog().values() if each.subject == "flags"} - {PATTERN_FLAG}
    assert {flag for flag in flags if flag_words(flag) == flag.replace("-", " ")} <= {"negative-usage"}


def test_a_flag_that_a_decision_has_cleared_is_no_reason() -> None:
    (first, *_) = cases.corrected().held
    view = cases.view(cases.statement([], [], (dataclasses.replace(first, uncleared=first.flags[:1]),)))
    assert [row.reasons for row in view.held] == [("rule “gpu”",)]


cents = st.decimals(-1_000_000, 1_000_000, places=2)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    """Lines of a few funds, sources and services, each split into resources that add up to it."""
    keys = st.tuples(*(st.sampled_from(names) for names in (("F1", "F2", ""), ("aws", "hpc"), ("s", "t", ""))))
    lines, parts = [], []
    for fund, source, service in sorted(draw(st.sets(keys, max_size=8))):
        shares = draw(st.lists(st.tuples(cents, cents, st.sampled_from(Kind), st.sampled_from(("", "a", "b", "c")))))
        pieces = [
            ResourceLine(
                fund=fund,
                source=source,
                service=service,
                kind=kind,
                resource_id=name,
                resource_name="",
                charges=1,
                amounts=Amounts(list=listed, discount=listed - billed, billed=billed),
            )
            for listed, billed, kind, name in shares
        ]
        total = Amounts.total(piece.amounts for piece in pieces)
        line = cases.line(source, service, fund, "0.00", "0.00")
        lines.append(dataclasses.replace(line, amounts=total, exact_list=total.list, exact_billed=total.billed))
        parts += pieces
    return cases.statement(lines, parts)


@given(statements(), st.integers(0, 5))
def test_figures_tie_for_any_statement(of: Statement, limit: int) -> None:
    config = cases.config(resources=limit)
    check_ties(cases.view(of, config), of)
    total = json.loads(statement_json(of, config))["total"]
    assert Decimal(total["billed"]) == of.amounts.billed


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_gives_a_view_and_its_data(name: str, title: str) -> None:
    config = Config(Organization(name), statements=StatementSettings(title))
    of = cases.statement(cases.normal_lines(), [], pi=Person(name, title), project=Project(title, name))
    assert statement_view(of, config).main.total.due == of.amounts.billed
    record = json.loads(statement_json(of, config))
    if not any("\ud800" <= char <= "\udfff" for char in name):
        assert record["pi"]["email"] == name
