"""The figures of a statement tie, whatever is on it, and its words fit them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
import statement_cases as cases
from hypothesis import given
from hypothesis import strategies as st

from openchargeback.explanations import PATTERN_FLAG, catalog
from openchargeback.ledger.settings import Config, Organization, StatementSettings
from openchargeback.model import Amounts, Entry, Kind, PeriodAmounts, Person, Project, ResourceLine, Statement
from openchargeback.portal import statement_data
from openchargeback.portal.statement_chart import history_chart, round_up
from openchargeback.portal.statement_view import Figures, StatementView, flag_words, shown, statement_view

ZERO = Decimal(0)


def add(rows: Iterable[Figures]) -> Figures:
    total = Figures()
    for row in rows:
        total = Figures(list=total.list + row.list, discount=total.discount + row.discount, due=total.due + row.due)
    return total


def check_ties(view: StatementView, of: Statement) -> None:
    amounts = of.amounts
    assert (view.main.total.list, view.main.total.discount, view.main.total.due) == (
        amounts.list,
        -amounts.discount,
        amounts.billed,
    )
    assert add(block.subtotal for block in view.main.sources) == view.main.total
    assert add(row.figures for row in view.fund_rows) == view.main.total
    for block in view.main.sources:
        assert add(row.figures for row in block.services) == block.subtotal
    for group in view.main.resources:
        assert add([*(row.figures for row in group.rows), group.rest, group.credits]) == group.figures
    assert add(row.figures for row in view.main.credits) == view.main.credits_total
    rows = [row.figures for block in view.main.sources for row in block.services]
    rows += [row.figures for group in view.main.resources for row in group.rows]
    for row in [view.main.total, *rows]:
        assert row.list + row.discount == row.due


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
    assert sum(len(group.rows) for group in view.main.resources) == min(limit, 89)
    assert sum(group.rest_count for group in view.main.resources) == 89 - min(limit, 89)


def test_the_largest_resources_are_listed_and_the_rest_is_counted() -> None:
    view = cases.view(cases.large(), cases.config(resources=10))
    rows = [row for group in view.main.resources for row in group.rows]
    whole = cases.view(cases.large(), cases.config(resources=1000))
    everything = sorted((row.figures.list for group in whole.main.resources for row in group.rows), reverse=True)
    assert sorted((row.figures.list for row in rows), reverse=True) == everything[:10]
    assert view.main.resources[0].rest_words == f"and {60 - len(view.main.resources[0].rows)} more resources"


def test_charges_without_a_resource_are_told_apart() -> None:
    line = cases.normal_lines()[0]
    half = Amounts(list=Decimal("34.55"), discount=Decimal("-51.85"), billed=Decimal("86.40"))
    rest = Amounts(
        list=line.amounts.list - half.list, discount=line.amounts.discount - half.discount, billed=Decimal("1000.00")
    )
    parts = [
        ResourceLine(
            fund=line.fund,
            source=line.source,
            service=line.service,
            kind=Kind.USAGE,
            resource_id="i-1",
            resource_name="",
            charges=1,
            amounts=half,
        ),
        ResourceLine(
            fund=line.fund,
            source=line.source,
            service=line.service,
            kind=Kind.USAGE,
            resource_id="",
            resource_name="",
            charges=11,
            amounts=rest,
        ),
    ]
    group = cases.view(cases.statement([line], parts)).main.resources[0]
    assert (len(group.rows), group.rest_count, group.rest_words) == (1, 0, "Charges that name no resource")
    assert group.rest == Figures.of(rest)


def test_a_resource_that_two_funds_share_is_one_row() -> None:
    one, two = (cases.line("hpc", "Node hours", fund, "5.00", "9.00") for fund in ("A", "B"))
    parts = [
        ResourceLine(
            fund=line.fund,
            source=line.source,
            service=line.service,
            kind=Kind.USAGE,
            resource_id="cluster",
            resource_name="",
            charges=1,
            amounts=line.amounts,
        )
        for line in (one, two)
    ]
    view = cases.view(cases.statement([one, two], parts))
    assert [row.figures.due for row in view.main.resources[0].rows] == [Decimal("10.00")]


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
    assert (view.held[2].exact_billed, view.held[2].currency) == (Decimal("77.00"), "EUR")


def test_credits_name_what_they_refer_to() -> None:
    view = cases.view(cases.corrected())
    assert [(row.kind, row.name, row.id) for row in view.main.credits] == [
        ("Correction", "Corrects 2024-12", "7f3a9c21d0b41e66"),
        ("Credit", "Research credit of December", "credit-2024-12-88"),
    ]
    assert view.main.credits_total.due == Decimal("-120.00")


SENTENCES = {
    ("100.00", "38.00"): "Example University covered 62% of the list price.",
    ("100.00", "0.00"): "Example University covered the whole list price.",
    ("100.00", "0.01"): "Example University covered 99% of the list price.",
    ("100.00", "100.00"): "Everything was billed at list price.",
    ("100.00", "112.50"): "The amount due is USD\N{NO-BREAK SPACE}12.50 above the list price.",
    ("-30.00", "-30.00"): "Credits exceed charges: USD\N{NO-BREAK SPACE}30.00 is returned to the fund.",
    ("-30.00", "4.00"): "The amount due comes from credits and corrections of earlier charges.",
    ("0.00", "0.00"): "Nothing was billed for this project.",
}


VENDOR_SENTENCES = {
    ("100.00", "38.00"): "Vendor discounts are 62% of the list price.",
    ("100.00", "0.00"): "The vendor’s discount is the whole list price: nothing is due.",
    ("100.00", "100.00"): "Everything was billed at list price.",
}


@pytest.mark.parametrize(("prices", "sentence"), VENDOR_SENTENCES.items())
def test_a_vendor_s_discount_is_not_covered_by_the_institution(prices: tuple[str, str], sentence: str) -> None:
    view = cases.view(cases.statement([cases.line("aws", "Amazon S3", cases.FUND, prices[1], prices[0])], []))
    assert view.sentence == sentence
    assert all("Covered" not in row.label for row in view.discounts)


def test_both_discounts_are_told_apart() -> None:
    lines = [
        cases.line("aws", "Amazon S3", cases.FUND, "90.00", "100.00"),
        cases.line("hpc", "Node hours", cases.FUND, "20.00", "100.00"),
    ]
    view = cases.view(cases.statement(lines, []))
    assert [(row.label, row.amount, row.percent) for row in view.discounts] == [
        ("Vendor discount", Decimal("-10.00"), 5),
        ("Covered by Example University", Decimal("-80.00"), 40),
    ]
    assert view.sentence == ("Vendor discounts are 5% of the list price; Example University covered 40%.")
    # Only what has a text is explained.
    assert [(note.label, [row.label for row in note.discounts]) for note in view.discount_notes] == [
        ("Amazon Web Services", ["Vendor discount"]),
        ("Cluster", ["Covered by Example University"]),
    ]
    storage = cases.view(cases.statement([cases.line("storage", "Disk", cases.FUND, "5.00", "10.00")], []))
    assert storage.discount_notes == ()


# list and billed of the month's use, then of a credit → what the difference is called.
DIFFERENCES = {
    (("100.00", "112.00"), None): [("Surcharge", "12.00")],
    (("0.00", "0.00"), ("-100.00", "-90.00")): [("Vendor discount reversed", "10.00")],
    (("100.00", "90.00"), ("-50.00", "-30.00")): [("Above list price", "10.00")],
    (("0.00", "0.00"), ("0.00", "-30.00")): [("Credits", "-30.00")],
    (("100.00", "100.00"), ("0.00", "-130.00")): [("Discounts and credits", "-130.00")],
    (("100.00", "100.00"), None): [("Discount", "0.00")],
}


@pytest.mark.parametrize(("prices", "rows"), DIFFERENCES.items(), ids=[str(i) for i in range(len(DIFFERENCES))])
def test_a_net_credit_is_no_surcharge(prices: tuple[Any, Any], rows: list[tuple[str, str]]) -> None:
    (listed, billed), credit = prices
    lines = [cases.line("aws", "Amazon S3", cases.FUND, billed, listed)]
    if credit:
        credited = cases.line("aws", "Amazon S3", cases.FUND, credit[1], credit[0])
        lines.append(
            dataclasses.replace(credited, entry=Entry.CREDIT, original="2024-12", corrects="2024-12-0123456789")
        )
    view = cases.view(cases.statement(lines, []))
    assert [(row.label, str(row.amount)) for row in view.discounts] == rows


@pytest.mark.parametrize(("prices", "sentence"), SENTENCES.items())
def test_the_answer_in_words(prices: tuple[str, str], sentence: str) -> None:
    view = cases.view(cases.statement([cases.line("hpc", "Node hours", cases.FUND, prices[1], prices[0])], []))
    assert view.sentence == sentence
    assert view.subsidized == (prices == ("100.00", "0.00"))


def test_a_statement_with_nothing_but_held_charges() -> None:
    view = cases.view(cases.statement([], [], cases.corrected().held))
    assert view.sentence == "Nothing was billed for this project so far: its charges are under review."
    assert (view.main.total, view.main.sources, view.fund_rows) == (Figures(), (), ())


def test_twelve_months_end_with_this_one() -> None:
    bars = cases.view(cases.normal()).bars
    assert [bar.period for bar in bars] == ["2024-02", *(f"2024-{m:02}" for m in range(3, 13)), "2025-01"]
    assert [bar.period for bar in bars if bar.current] == ["2025-01"]
    assert bars[-1].due == cases.normal().amounts.billed
    assert bars[0].due == bars[4].due == ZERO
    assert [bar.period for bar in bars if not bar.known] == ["2024-02", "2024-06"]


def test_the_chart_marks_a_month_without_data_and_draws_none_before_the_ledger_began() -> None:
    chart = history_chart(cases.view(cases.normal()).bars, "USD")
    assert chart.count("–<title>") == 1
    assert "–<title>June 2024: no data</title>" in chart
    assert "; June 2024: no data; " in chart
    assert "Feb 2024: no data" not in chart


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
    assert cases.view(cases.corrected(draft=True)).questions_until is None


def test_the_chart_is_empty_without_amounts_and_reaches_below_zero_for_credits() -> None:
    assert history_chart(statement_view(cases.statement([], []), cases.config()).bars, "USD") == ""
    back = cases.statement([cases.line("hpc", "x", cases.FUND, "-80.00", "-80.00")], [])
    assert "\N{MINUS SIGN}80</text>" in history_chart(statement_view(back, cases.config()).bars, "USD")


@given(st.decimals("0.01", "1e15", places=2))
def test_the_axis_ends_at_a_round_number(amount: Decimal) -> None:
    top = round_up(amount)
    assert amount <= top <= amount * Decimal("1.34")


@given(st.text())
def test_shown_text_is_one_line_that_xml_and_pdf_can_hold(text: str) -> None:
    result = shown(text)
    assert result == result.strip()
    assert len(result.splitlines()) <= 1
    assert all(char >= " " and not 0x7F <= ord(char) < 0xA0 for char in result)
    assert not set(result) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff\udc80")
    assert shown(result) == result
    result.encode("utf-8")


def test_shown_text_keeps_what_people_write() -> None:
    assert shown(" Zoë\n\tO’Brien \u0639\u0644\u064a 👩\u200d🔬 ") == "Zoë O’Brien \u0639\u0644\u064a 👩\u200d🔬"


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
    check_ties(cases.view(of, cases.config(resources=limit)), of)
    total = json.loads(statement_data.statement_json(of, "USD"))["total"]
    assert Decimal(total["billed"]) == of.amounts.billed


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_gives_a_view_and_its_data(name: str, title: str) -> None:
    config = Config(Organization(name), statements=StatementSettings(title))
    of = cases.statement(cases.normal_lines(), [], pi=Person(name, title), project=Project(title, name))
    assert statement_view(of, config).main.total.due == of.amounts.billed
    record = json.loads(statement_data.statement_json(of, "USD"))
    if not any("\ud800" <= char <= "\udfff" for char in name):
        assert record["pi"]["email"] == name


def test_the_record_is_canonical_and_exact() -> None:
    content = statement_data.statement_json(cases.normal(), "USD")
    record = json.loads(content)
    assert content == (json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
    assert (record["number"], record["digest"]) == ("2025-01-3f9a1c22b7", cases.normal().digest)
    assert record["total"] == {"billed": "4679.10", "covered": "6166.88", "discount": "6325.95", "list": "11005.05"}
    assert record["lines"][0]["exact_billed"] == "1086.400012"
    for key in ("list", "discount", "covered", "billed"):
        assert sum(Decimal(line[key]) for line in record["lines"]) == Decimal(record["total"][key])
        assert sum(Decimal(part[key]) for part in record["resources"]) == Decimal(record["total"][key])


def test_spreadsheets_take_no_name_for_a_formula() -> None:
    line = dataclasses.replace(cases.normal_lines()[0], service='=HYPERLINK("http://example.edu")')
    table = statement_data.lines_csv(cases.statement([line], []), "USD").decode()
    assert "\"'=HYPERLINK(" in table
