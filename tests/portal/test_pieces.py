"""The small parts: formats, charts, approval files, links to the Git host, colors, Markdown."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import CodeType
from typing import Any

import factory
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from openchargeback.addresses import safe_address
from openchargeback.ledger.settings import PortalSettings
from openchargeback.ledger.yaml_text import quoted, scalar
from openchargeback.model import Amounts, PeriodAmounts
from openchargeback.plan import words
from openchargeback.portal import charts, forge, theme
from openchargeback.portal.markdown import split_title, to_html
from openchargeback.portal.site import Site
from openchargeback.portal.views.common import Book, Change, change
from openchargeback.portal.views.review import Waiting, queue
from openchargeback.portal.views.review_data import evidence_scripts, items_script
from openchargeback.templating import environment
from openchargeback.templating.environment import make_environment
from openchargeback.templating.filters import date_human, percent_filter, period_human, size_human

CENTS = st.integers(-(10**12), 10**12).map(lambda n: Decimal(n) / 100)


def test_formats_for_people() -> None:
    assert date_human("2025-02-03") == "3 Feb 2025"
    assert date_human("soon") == "soon"
    assert period_human("2025-01") == "January 2025"
    assert period_human("2025-13") == "2025-13"
    assert percent_filter(Decimal("-0.4")) == "\N{MINUS SIGN}0.4%"
    assert percent_filter(None) == "\N{EN DASH}"
    assert [size_human(n) for n in (0, 999, 1000, 14_200, 3_140_000)] == [
        *("0\N{NO-BREAK SPACE}B", "999\N{NO-BREAK SPACE}B", "1.0\N{NO-BREAK SPACE}kB"),
        *("14.2\N{NO-BREAK SPACE}kB", "3.1\N{NO-BREAK SPACE}MB"),
    ]


def test_exact_amounts_are_rounded_and_keep_the_whole_figure() -> None:
    shown = make_environment().from_string("{{ amount | exact }}")

    def exact(text: str) -> str:
        return shown.render(amount=Decimal(text), currency="USD")

    assert exact("15942.376354") == '<span title="exactly 15942.376354">15,942.38</span>'
    assert exact("-1234.5") == "\N{MINUS SIGN}1,234.50"
    assert exact("2") == "2.00"


def test_money_takes_the_currency_of_the_page() -> None:
    env = make_environment()
    assert env.from_string("{{ a | money }} {{ a | money('JPY') }}").render(a=Decimal("-1234.5"), currency="KWD") == (
        "\N{MINUS SIGN}1,234.500 \N{MINUS SIGN}1,235"
    )


def test_a_shipped_template_is_compiled_once_for_pages_and_once_for_plain_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Filters are bound when a template is compiled, and plain text has others."""
    made = []
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))  # where nothing is kept yet
    monkeypatch.setattr(environment, "_compiled", {})
    compile_one = environment.Templates.compile

    def counted(env: environment.Templates, source: str, name: str, filename: str) -> CodeType:
        made.append(env.plain)
        return compile_one(env, source, name, filename)

    monkeypatch.setattr(environment.Templates, "compile", counted)
    for _ in range(2):
        env = make_environment()
        for each in (env, env.for_text):
            each.get_template("charts.html")
    assert made == [False, True]


@given(st.lists(st.tuples(CENTS, CENTS), min_size=1, max_size=14))
def test_bars_stay_inside_their_chart(amounts: list[tuple[Decimal, Decimal]]) -> None:
    months = factory.periods_between("2024-01", len(amounts))
    history = [
        PeriodAmounts(period=m, amounts=Amounts(list=a, discount=a - b, billed=b))
        for m, (a, b) in zip(months, amounts, strict=True)
    ]
    series = [
        charts.Series(name=str(i), label=str(i), color=str(i + 1), amounts=tuple(pair[i] for pair in amounts))
        for i in range(2)
    ]
    for chart in (
        charts.twelve_months(history, months[-1], "USD"),
        charts.stacked("t", "d", months, series, "USD", months),
    ):
        zero = next(tick for tick in chart.ticks if tick.zero)
        assert zero.label == "0"
        assert chart.few
        for cap in chart.caps:
            assert 0 <= Decimal(cap.y) <= chart.height
            assert chart.left <= Decimal(cap.x1) < Decimal(cap.x2) <= chart.right
        assert [label.text for label in chart.labels][-6:] == [label.text for label in chart.few.labels]
        for bar in chart.bars:
            assert Decimal(bar.height) >= 0
            assert 0 <= Decimal(bar.y) <= Decimal(bar.y) + Decimal(bar.height) <= chart.height
            assert chart.left <= Decimal(bar.x) <= chart.right
        assert len(chart.ticks) <= 9


def test_a_bar_is_as_long_as_its_amount() -> None:
    history = [
        PeriodAmounts(
            period=f"2025-0{i}", amounts=Amounts(list=Decimal(i * 100), discount=Decimal(0), billed=Decimal(i * 50))
        )
        for i in (1, 2)
    ]
    chart = charts.twelve_months(history, "2025-02", "USD", "Ada Lovelace")
    zero = next(Decimal(tick.y) for tick in chart.ticks if tick.zero)
    heights = [Decimal(bar.height) for bar in chart.bars] + [zero - Decimal(cap.y) for cap in chart.caps]
    assert [height / heights[0] for height in heights] == [1, 2, 2, 4]
    assert "list price 300.00 USD, amount due 150.00 USD" in chart.description
    assert [bar.series for bar in chart.bars] == ["plain", "marked"]


def test_a_source_keeps_its_color_and_the_smallest_go_to_other() -> None:
    totals = {name: Decimal(i) for i, name in enumerate("abcdefgh", 1)}
    found = charts.colors(["c", "h"], totals)
    assert found["a"] == found["b"] == charts.OTHER
    assert (found["c"], found["h"], found["d"]) == ("1", "2", "3")
    assert sorted(found.values()) == ["1", "2", "3", "4", "5", "6", "other", "other"]


def test_a_small_line_needs_two_months() -> None:
    assert charts.small_line({"2025-01": Decimal(1)}, "USD") is None
    line = charts.small_line({"2025-01": Decimal(1), "2025-02": Decimal(2)}, "USD")
    assert line is not None
    assert line.words == "Jan 2025 1.00, Feb 2025 2.00"


@pytest.mark.parametrize("amount", [Decimal(9), Decimal(12_345_678), Decimal(-987_654_321)])
def test_the_labels_of_an_axis_are_inside_their_chart(amount: Decimal) -> None:
    """At 12 pixels, no digit of the text font is wider than 8, and no comma or point wider than 4."""
    history = [PeriodAmounts(period="2024-01", amounts=Amounts(list=amount, billed=amount))]
    series = [charts.Series(name="a", label="a", color="1", amounts=(amount,))]
    for chart in (
        charts.twelve_months(history, "2024-01", "USD"),
        charts.stacked("t", "d", ["2024-01"], series, "USD", ["2024-01"]),
    ):
        for each in filter(None, (chart, chart.few)):
            widest = max(sum(4 if sign in ",." else 8 for sign in tick.label) for tick in each.ticks)
            assert each.left >= widest + 8
            assert all(Decimal(bar.x) >= each.left for bar in each.bars)


def test_a_month_before_the_ledger_has_no_label() -> None:
    months = factory.periods_between("2024-01", 12)
    amounts = (Decimal(0),) * 9 + (Decimal(-3), Decimal(-1), Decimal(-2))
    series = [charts.Series(name="a", label="a", color="1", amounts=amounts)]
    chart = charts.stacked("t", "d", months, series, "USD", months[9:])
    assert [value.text for value in chart.values] == ["\N{MINUS SIGN}2"]


def test_charts_have_a_gap_for_a_month_without_data() -> None:
    """Twelve calendar months: a month that the ledger does not have keeps its place, and a mark that says so."""
    amounts = Amounts(list=Decimal(100), billed=Decimal(100))
    history = [PeriodAmounts(period=month, amounts=amounts) for month in ("2023-12", "2024-03", "2024-06", "2025-01")]
    chart = charts.twelve_months(history, "2025-01", "USD")
    assert len(chart.labels) == 12
    assert [label.text for label in chart.labels][:2] == ["Feb", "Mar"]
    assert [label.text for label in chart.years] == ["2024", "2025"]
    middles = [label.x for label in chart.labels]
    places = [Decimal(bar.x) + Decimal(bar.width) / 2 for bar in chart.bars]
    assert [min(middles, key=lambda x: abs(Decimal(x) - place)) for place in places] == [middles[i] for i in (1, 4, 11)]
    assert [gap.text for gap in chart.gaps][:2] == ["April 2024: no data", "May 2024: no data"]
    assert len(chart.gaps) == 8
    months = [f"2024-{month:02}" for month in range(2, 13)] + ["2025-01"]
    series = [
        charts.Series(
            name="a", label="A", color="1", amounts=tuple(Decimal(100 * (month == "2025-01")) for month in months)
        )
    ]
    stacked = charts.stacked("t", "d", months, series, "USD", {"2024-11", "2025-01"})
    assert [gap.text for gap in stacked.gaps] == ["December 2024: no data"]
    line = charts.small_line({"2024-09": Decimal(1), "2024-10": Decimal(1), "2025-01": Decimal(2)}, "USD")
    assert line is not None
    assert len(line.parts) == 1
    assert line.last_x == "93"


def test_the_label_of_an_amount_due_stands_on_its_bar() -> None:
    history = [
        PeriodAmounts(period="2025-01", amounts=Amounts(list=Decimal(1000), discount=Decimal(900), billed=Decimal(100)))
    ]
    chart = charts.twelve_months(history, "2025-01", "USD")
    assert 0 < Decimal(chart.bars[0].y) - Decimal(chart.values[0].y) < 10


def test_there_is_no_percentage_of_nothing() -> None:
    assert change(Decimal(5), Decimal(0)) == Change(amount=Decimal(5), percent=None, new=True)
    assert change(Decimal("222445.40"), Decimal("0.01")).percent is None
    assert change(Decimal(0), Decimal(0)) == Change(amount=Decimal(0), percent=None, new=False)
    assert change(Decimal(6), Decimal(3)).percent == 100
    assert change(Decimal(6), Decimal(-3)).percent is None
    assert words.percent(Decimal("222445.39"), Decimal("0.01")) == ""
    assert words.percent(Decimal(3), Decimal(0)) == ""


def review(site: Site) -> Waiting:
    """What the review page shows."""
    return Waiting.of(Book(site.config, site.periods, site.people, site.projects), commit_date="2025-02-14T09:30:00Z")


def evidence(site: Site) -> dict[str, dict[str, Any]]:
    """Project → what the data of the review page says of its item."""
    waiting = review(site)
    found = {}
    for _, script in evidence_scripts(waiting):
        period, items = re.fullmatch(r"reviewMonth\((.*?),(.*)\);\n", script.decode()).groups()  # type: ignore[union-attr]
        for each in json.loads(items):
            (item,) = [item for item in waiting.items if (item.id, item.period) == (each["id"], json.loads(period))]
            found[item.project] = each
    return found


def items_of(site: Site) -> dict[str, Any]:
    """The list of items in the data of the review page."""
    text = items_script(review(site)).decode()
    found: dict[str, Any] = json.loads(text.partition(".queue = ")[2].removesuffix(";\n"))
    return found


def test_a_decision_begins_with_what_is_held_now() -> None:
    item = factory.site().periods[-1].queue[0]
    found = evidence(factory.site())["genomics-sequencing"]
    assert found["opening"] == (
        '  - where: {source: "aws", service: "Amazon EC2", project: "genomics-sequencing", '
        'pi: "mcclintock@example.edu", currency: "USD", flags: ["missing-fund"]}\n'
        f'    expect: {{charges: 12, billed: "4123", digest: "{item.digest}"}}\n'
        '    clears: ["missing-fund"]\n'
    )
    assert found["name"] == f"missing-fund-genomics-sequencing-{item.id}"


def test_a_decision_clears_all_that_holds_the_charges_and_names_all_flags_as_raised() -> None:
    found = evidence(factory.site())
    assert found["analytical-engine"]["opening"].count('["pattern:gpu", "unusual-amount"]') == 2
    left = found["compilers"]["opening"]
    assert 'flags: ["missing-fund", "negative-usage"]}' in left
    assert left.endswith('    clears: ["negative-usage"]\n')
    assert 'sub_account: "123456789012"' in found[""]["opening"]


def test_what_a_closed_month_still_holds_is_decided_in_the_open_one() -> None:
    site = factory.site()
    *before, closed, last = site.periods
    (item, *_) = last.queue
    held = replace(closed, still_queued=(replace(item, period=closed.period),))
    site = replace(site, periods=(*before, held, replace(last, queue=())))
    assert f'    period: "{closed.period}"\n' in evidence(site)["genomics-sequencing"]["opening"]
    assert items_of(site)["folder"] == last.period


def test_the_evidence_marks_the_fault_and_offers_what_may_be_meant() -> None:
    found = evidence(factory.site())
    assert found["genomics-sequencing"]["received"] == [
        [['{"pi_email": "Ada Lovelace"}', 0], [" ", 0], ["fund_org: (none)", 1]]
    ]
    (fund,) = found["genomics-sequencing"]["nearest"]
    assert fund[:2] == ["fund", "BIO-2024-001"]
    assert re.fullmatch(r"paid \d+ other charges of the project in February 2025", fund[2])
    assert found[""]["received"][0][1] == ['"Ada Lovelace"', 1]
    assert found[""]["nearest"] == [["pi", "lovelace@example.edu", "has a similar spelling"]]
    assert found[""]["why"][0] == ["missing-pi", ["“Ada Lovelace” is not an email address"]]


def test_an_item_waits_since_the_last_day_of_its_charges() -> None:
    assert [(row.item.project, row.waiting) for row in queue(review(factory.site())).rows] == [
        ("stellar-limits", 9),
        ("genomics-sequencing", 9),
        ("analytical-engine", 11),
        ("", 13),
        ("compilers", 12),
    ]
    outside = Waiting.of(review(factory.site()).book)
    assert {row.waiting for row in queue(outside).rows} == {None}


def test_the_reasons_of_the_queue_count_every_charge_once() -> None:
    view = queue(review(factory.site()))
    assert sum(row.charges for row in view.held.rows) == view.held.charges == 12 + 3 + 1 + 41 + 2
    for total in view.held.totals:
        own = [row for row in view.held.rows if row.currency == total.currency]
        summed = (sum(row.charges for row in own), sum(row.exact_billed for row in own))
        assert summed == (total.charges, total.exact_billed)
    (approved,) = [each for each in view.rows if each.project == "compilers"]
    assert approved.reasons == "Negative usage"


@given(st.text())
def test_any_text_survives_as_a_yaml_scalar(text: str) -> None:
    for write in (quoted, scalar):
        assert yaml.safe_load(f"[{{key: {write(text)}, other: 1}}]") == [{"key": text, "other": 1}]


@pytest.mark.parametrize(
    "text", ['Müller "x"', "\u2028", "no", "Null", "on", "1e3", "2025-01-01", "a: b", "a:", "~", "pattern:gpu", "x #y"]
)
def test_words_that_yaml_would_misread_are_quoted(text: str) -> None:
    assert yaml.safe_load(f"key: {scalar(text)}") == {"key": text}


def test_a_forge_gets_the_link_that_it_understands() -> None:
    at = "https://{}/org/ledger"
    hub, lab, tea = (at.format(host) for host in ("github.com", "gitlab.example.edu", "git.example.edu"))
    assert forge.host_of(PortalSettings(repository=f"{hub}.git", branch="a b")) == forge.Host(
        "GitHub", f"{hub}/new/a%20b?filename={{path}}", f"{hub}/upload/a%20b/{{folder}}"
    )
    assert forge.host_of(PortalSettings(repository=lab)) == forge.Host(
        "GitLab", f"{lab}/-/new/main?file_name={{path}}", prefilled=False
    )
    assert forge.host_of(PortalSettings(repository=tea, forge="forgejo")) == forge.Host(
        "Forgejo", f"{tea}/_new/main/{{path}}?", f"{tea}/_upload/main/{{folder}}"
    )
    for address in ("", "javascript:alert(1)", "git@github.com:org/ledger", "https://git.example.edu/x"):
        assert forge.host_of(PortalSettings(repository=address)) is None


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_any_accent_becomes_legible(accent: str) -> None:
    css = theme.theme_css(accent)
    light, dark = re.search(r"--accent: light-dark\((#\w{6}), (#\w{6})\)", css).groups()  # type: ignore[union-attr]
    rgb = [tuple(int(color[i : i + 2], 16) for i in (1, 3, 5)) for color in (light, dark)]
    assert theme.contrast(rgb[0], (255, 255, 255)) >= 4.5  # type: ignore[arg-type]
    assert theme.contrast(rgb[1], (20, 23, 26)) >= 4.5  # type: ignore[arg-type]


def test_an_accent_that_is_no_color_is_not_written() -> None:
    assert theme.theme_css("red;} body{display:none}") == theme.theme_css(theme.DEFAULT)


def test_markdown_is_shown_and_not_run() -> None:
    html = to_html(
        "<script>x</script>\n\n[a](javascript:alert(1)) [b](https://example.edu)\n\n| a | b |\n|---|--:|\n| 1 | 2 |"
    )
    assert "<script>" not in html
    assert 'href="javascript' not in html
    assert '<a href="https://example.edu">b</a>' in html
    assert "<table>" in html
    assert split_title("# Rates\n\ntext", "") == ("Rates", "\ntext")


def test_only_addresses_of_the_web_are_linked() -> None:
    assert safe_address("https://example.edu/a?b=c") == "https://example.edu/a?b=c"
    for text in ("javascript:alert(1)", "data:text/html,x", "//example.edu", 'https://x"onclick=', "https://a b"):
        assert safe_address(text) == ""


def test_the_amounts_of_an_axis_have_room_whatever_their_size() -> None:
    """On a phone, where the drawing has the least: no label begins before its left edge."""
    for size in ("0.07", "950", "149000", "8123456789"):
        history = [PeriodAmounts(period="2025-01", amounts=Amounts(list=Decimal(size), billed=Decimal(size)))]
        made = charts.twelve_months(history, "2025-01", "USD", "x")
        for chart in (made, made.few):
            assert chart is not None
            # Digits of Inter are 7.4 pixels wide at this size; 8 pixels are between label and axis.
            for tick in chart.ticks:
                width = sum(Decimal("3.4") if char in ",." else Decimal("7.4") for char in tick.label)
                assert width + 8 <= chart.left, (size, tick.label)
