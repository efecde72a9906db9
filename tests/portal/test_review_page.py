"""The review page in Chromium: what its form writes is what the program writes, and it settles the items."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright import sync_api as playwright

sys.path.insert(0, str(Path(__file__).parent))

import axe
import factory
import review_ledger
from covering import COVERING
from payloads import PAYLOADS
from review_ledger import EVERY_KIND, charge, held, tags

from needed import needs
from openchargeback import money
from openchargeback.cli.decide import _by_entry
from openchargeback.cli.main import cli
from openchargeback.ledger.approval_text import Proposal, approval_text
from openchargeback.ledger.approvals import Decision, Verb, read_approvals
from openchargeback.ledger.schema_files import FOLDER, schema_comment
from openchargeback.ledger.settings import Payer
from openchargeback.ledger.yaml_text import ESCAPED, quoted
from openchargeback.model import QueueItem
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.review import Waiting, queue
from openchargeback.publish.books import AllBooks, open_books

pytestmark = needs("chromium")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """December closed with three items held; January open with one of every kind. It has schemas for editors."""
    root = tmp_path_factory.mktemp("review") / "ledger"
    late = [
        charge("30", tags(project="proteins", fund=""), month="2024-12"),
        charge("31.005", tags(project="", pi="", fund=""), month="2024-12", account="acct-7"),
        charge("32", tags(fund="CHE-2"), month="2024-12", service="GPU"),
        charge("500", tags(), month="2024-12"),
    ]
    review_ledger.make(root, {"2024-12": late})
    review_ledger.close(root, "2024-12")
    review_ledger.make(root, {"2025-01": EVERY_KIND})
    (root / FOLDER).mkdir()
    (root / FOLDER / "approvals.json").write_text("{}", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def books(ledger: Path) -> AllBooks:
    """The same, billed."""
    return open_books(ledger)


@pytest.fixture(scope="module")
def address(ledger: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its review page."""
    return review_ledger.page(ledger, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def writer(browser: playwright.Browser, address: str) -> Iterator[playwright.Page]:
    """The page with the evidence of all months loaded."""
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(address)
    load_all(opened)
    yield opened
    context.close()


def load_all(page: playwright.Page) -> None:
    """Load the evidence of all months."""
    each = "item => new Promise(done => reviewPage.withMonth(item, done))"
    page.evaluate(f"Promise.all([...reviewPage.byId.values()].map({each}))")
    page.locator("[data-pick]").first.check()
    page.locator("[data-form]").wait_for()


def new_file(page: playwright.Page) -> tuple[str, str]:
    """Path and content of the file that the link proposes."""
    link = page.locator("[data-propose]")
    assert link.get_attribute("aria-disabled") is None, page.locator("[data-state]").inner_text()
    found = parse_qs(urlsplit(link.get_attribute("href") or "").query, keep_blank_values=True)
    return found["filename"][0], found["value"][0]


def decisions(path: str, text: str) -> list[Decision]:
    """The decisions of a file as the program reads them; faults are faults of the test."""
    read, problems = read_approvals(text.encode(), path)
    assert problems == []
    return read


def pick(page: playwright.Page, *items: QueueItem) -> None:
    for item in items:
        page.locator(f"tr[id={item.id}] [data-pick]").check()
    # The script of the form comes with the first selection.
    page.locator("[data-state], [data-cannot]").filter(has_text=re.compile(r"\S")).first.wait_for()
    if page.locator("[data-pick]:checked").count() == 1:
        # And the evidence of its month with the first item of that.
        playwright.expect(page.locator("[data-path]")).to_contain_text(items[-1].id)


def fill(page: playwright.Page, reason: str = "agreed", by: str = "rev@example.edu", **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"[data-field={name}]").fill(value)
    page.locator("[data-reason]").fill(reason)
    page.locator("[data-by]").fill(by)


def apply(root: Path, files: dict[str, str]) -> list[QueueItem]:
    """Add approval files to a ledger that validates with them; returns what is still in its queue."""
    for path, text in files.items():
        target = root / path
        assert target.resolve().is_relative_to(root.resolve())
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    told = CliRunner().invoke(cli, ["validate", "--ledger", str(root)])
    assert "error[" not in told.output, told.output
    assert told.exit_code == 0, told.output
    return held(open_books(root))


# ── The same bytes as the program ─────────────────────────────────────────────────────────────────────────────────────


def test_every_character_is_quoted_as_the_program_does(writer: playwright.Page) -> None:
    # Playwright's protocol has no unpaired surrogates; the ends of their range tell enough.
    text = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF)
    for start in range(0, len(text), 100_000):
        part = text[start : start + 100_000]
        assert writer.evaluate("text => reviewPage.writer.quoted(text)", part) == quoted(part)
    found = writer.evaluate(r'reviewPage.writer.quoted("a\ud800b\udfff")')
    assert found == quoted("a\ud800b\udfff")
    assert all(first <= last for first, last in ESCAPED)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**15), max_value=10**15))
def test_amounts_are_shown_as_the_program_does(writer: playwright.Page, amount: Decimal) -> None:
    for currency in ("USD", "JPY", "KWD", "CLF"):
        places = money.places(currency)
        shown = writer.evaluate(
            "([text, n]) => reviewPage.human(reviewPage.exact(text), n)", [money.exact(amount), places]
        )
        assert shown == money.human(amount, currency)


_TYPED = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_FIELD = st.one_of(st.just(""), st.sampled_from(["genomics", "optics", "later", "proteins", "ben@example.edu"]), _TYPED)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    verb=st.sampled_from([Verb.APPROVE, Verb.REASSIGN, Verb.REJECT]),
    payer=st.builds(Payer, _FIELD, _FIELD, _FIELD),
    reason=_TYPED,
    by=_TYPED,
)
def test_the_page_writes_the_same_bytes_as_the_program(
    writer: playwright.Page, books: AllBooks, data: st.DataObject, verb: Verb, payer: Payer, reason: str, by: str
) -> None:
    every = held(books)
    chosen = data.draw(st.lists(st.sampled_from(every), min_size=1, unique_by=lambda item: item.id))
    decision = {"verb": verb, "pi": payer.pi, "project": payer.project, "fund": payer.fund}
    decision |= {"reason": reason, "by": by, "on": "2025-02-03"}
    written = writer.evaluate(
        "([ids, decision]) => reviewPage.writer.fileText(ids.map(id => reviewPage.byId.get(id)), decision)",
        [[item.id for item in chosen], decision],
    )
    entries = [
        Proposal(verb, payer_of(item, payer, books) if verb is Verb.REASSIGN else Payer(), reason, by, "2025-02-03",
                 item.period if item.period == "2024-12" else "").on_item(item, item.uncleared)
        for item in chosen
    ]  # fmt: skip
    comment = schema_comment(books.ledger.root, "approvals/2025-01/new.yaml")
    assert comment
    assert written == comment + approval_text(entries)


def payer_of(item: QueueItem, payer: Payer, books: AllBooks) -> Payer:
    """What the command sets: with what the directory says of the project, if that is one thing for all charges."""
    parts = list(_by_entry(item.details.samples, payer, books.ledger.directory))
    return parts[0] if len(parts) == 1 else payer


# ── Deciding ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_each_item_is_settled_by_the_file_of_its_link(
    page: playwright.Page, ledger: Path, books: AllBooks, address: str, tmp_path: Path
) -> None:
    """The content of each link is read by the program, and all of them together empty the queue."""
    page.goto(address)
    files = {}
    for item in held(books):
        pick(page, item)
        fields = {}
        if page.get_by_label("Reassign").is_checked():
            fields = {"pi": "ada@example.edu", "project": "optics", "fund": "BIO-1"}
        fill(page, **fields)
        path, text = new_file(page)
        assert page.locator("[data-state]").inner_text() == "This file settles 1 item."
        assert page.locator("[data-path]").inner_text() == path
        assert page.locator("[data-text]").inner_text().rstrip() == text.rstrip()
        (decision,) = decisions(path, text)
        assert decision.clears == item.uncleared
        assert re.fullmatch(rf"approvals/2025-01/[a-z0-9-]*{item.id}\.yaml", path)
        files[path] = text
        page.locator("[data-clear]").click()
    assert len(files) == len(held(books)) >= 15
    copy = tmp_path / "ledger"
    copied(ledger, copy)
    assert apply(copy, files) == []


def copied(root: Path, to: Path) -> Path:
    import shutil

    shutil.copytree(root, to, ignore=shutil.ignore_patterns(".openchargeback"))
    return to


@pytest.mark.slow
def test_one_file_settles_items_of_an_open_and_a_closed_month(
    page: playwright.Page, ledger: Path, books: AllBooks, address: str, tmp_path: Path
) -> None:
    page.goto(address)
    chosen = [item for item in held(books) if item.uncleared == ("missing-fund",)]
    assert sorted(item.period for item in chosen) == ["2024-12", "2025-01"]
    pick(page, *chosen)
    assert page.locator("[data-selected]").inner_text() == "2 items, 3 charges, USD 179.75"
    assert page.get_by_label("Reassign").is_checked()
    assert page.get_by_label("Approve").is_disabled()
    fill(page)
    assert page.locator("[data-state]").inner_text() == "Still needed: fund."
    page.locator("[data-field=fund]").fill("BIO-7")
    path, text = new_file(page)
    assert path.endswith("-and-1-more.yaml")
    assert sorted(each.period for each in decisions(path, text)) == ["", "2024-12"]
    left = apply(copied(ledger, tmp_path / "ledger"), {path: text})
    assert {item.key for item in left} == {item.key for item in held(books)} - {item.key for item in chosen}


def test_a_batch_is_reassigned_only_if_all_ask_for_the_same_field(
    page: playwright.Page, books: AllBooks, address: str
) -> None:
    page.goto(address)
    by_flags = {item.uncleared: item for item in held(books) if item.period == "2025-01"}
    fund, pattern, euros = (by_flags[flags] for flags in (("missing-fund",), ("pattern:big",), ("foreign-currency",)))
    verbs = {name: page.get_by_label(name, exact=True) for name in ("Approve", "Reassign", "Reject")}

    def possible() -> list[str]:
        return [name for name, radio in verbs.items() if radio.is_enabled()]

    pick(page, pattern)
    playwright.expect(verbs["Approve"]).to_be_checked()  # once the script of the form has come
    assert possible() == ["Approve", "Reassign", "Reject"]
    pick(page, fund)
    assert possible() == ["Reject"]
    assert (
        "1 item cannot be approved as is: no one would pay (Fund missing)" in page.locator("[data-cannot]").inner_text()
    )
    pick(page, euros)
    assert "1 item in another currency can only be rejected" in page.locator("[data-cannot]").inner_text()
    fill(page)
    path, text = new_file(page)
    assert [each.verb for each in decisions(path, text)] == [Verb.REJECT] * 3


def test_the_directory_fills_in_pi_and_fund_of_a_known_project(
    page: playwright.Page, books: AllBooks, address: str
) -> None:
    page.goto(address)
    (item,) = [each for each in held(books) if "unknown-project" in each.uncleared]
    pick(page, item)
    fill(page, project="genomics")
    pi, fund, note = (page.locator(each) for each in ("[data-field=pi]", "[data-field=fund]", "[data-note]"))
    assert (pi.input_value(), fund.input_value()) == ("ada@example.edu", "BIO-1")
    assert note.inner_text() == "PI and fund from the directory, Maize genomes."
    fund.fill("BIO-9")
    page.locator("[data-field=project]").fill("optics")
    assert (pi.input_value(), fund.input_value()) == ("ada@example.edu", "BIO-9")
    (decision,) = decisions(*new_file(page))
    assert decision.set == Payer("ada@example.edu", "optics", "BIO-9")
    for wrong, words in (("optic", "The project is not in the directory: optic."), ("", "")):
        page.locator("[data-field=project]").fill(wrong)
        assert words in page.locator("[data-state]").inner_text()
    fund.fill("bio")
    assert "The fund matches no configured pattern: bio." in page.locator("[data-state]").inner_text()
    pi.fill("Ada")
    assert "The PI must be an email address." in page.locator("[data-state]").inner_text()
    pi.fill("nobody@example.edu")
    assert "The PI is not in the directory: nobody@example.edu." in page.locator("[data-state]").inner_text()
    pi.fill("okafor@example.edu")
    assert "directory" not in page.locator("[data-state]").inner_text()
    assert page.get_by_role("button", name="Download").is_disabled()


def test_a_value_of_the_evidence_goes_into_the_form(page: playwright.Page, books: AllBooks, address: str) -> None:
    page.goto(address)
    (item,) = [each for each in held(books) if "unknown-project" in each.uncleared]
    row = page.locator(f"tr[id={item.id}]")
    row.get_by_role("button").click()
    evidence = page.locator(f"#evidence-{item.id}")
    assert "Genomics is not in projects.yaml" in evidence.inner_text()
    assert evidence.locator("mark").inner_text() == '"Genomics"'
    assert evidence.get_by_role("link", name="See the charge").get_attribute("href") == (
        f"../charges/2025-01/index.html#c={item.ids[0]}"
    )
    evidence.get_by_role("button", name="Use genomics as project").click()
    # The script of the form comes with the first selection.
    playwright.expect(page.locator("[data-field=project]")).to_have_value("genomics")
    assert page.locator("[data-pick]:checked").count() == 1
    fill(page)
    (decision,) = decisions(*new_file(page))
    assert decision.set == Payer("ada@example.edu", "genomics", "BIO-1")


def test_the_file_can_be_copied(page: playwright.Page, books: AllBooks, address: str) -> None:
    page.goto(address)
    pick(page, held(books)[0])
    page.get_by_label("Reject").check()
    fill(page)
    _, text = new_file(page)
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    page.locator("[data-reason]").fill("")
    page.locator("[data-reason]").focus()
    page.keyboard.press("Control+V")
    assert page.locator("[data-reason]").input_value() == text


def test_the_name_is_remembered_and_what_is_missing_is_said(
    page: playwright.Page, books: AllBooks, address: str
) -> None:
    page.goto(address)
    (item,) = [each for each in held(books) if each.uncleared == ("pattern:big",) and each.period == "2025-01"]
    pick(page, item)
    assert page.locator("[data-state]").inner_text() == "Still needed: a reason and your name."
    assert page.locator("[data-propose]").get_attribute("href") is None
    assert page.get_by_role("button", name="Copy").is_disabled()
    fill(page, by="rev@example.edu")
    page.locator("[data-by]").blur()
    page.reload()
    pick(page, item)
    assert page.locator("[data-by]").input_value() == "rev@example.edu"


@pytest.mark.slow
def test_payloads_typed_into_the_form_stay_text(page: playwright.Page, books: AllBooks, address: str) -> None:
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(address)
    (item,) = [each for each in held(books) if each.uncleared == ("pattern:big",) and each.period == "2025-01"]
    pick(page, item)
    for text in (*PAYLOADS, "a\u202eb\u2066c", "\x07\x1b[31m\x85", "مرحبا", "{{ 7*7 }}", "a: b # c", "'\"\\"):
        fill(page, reason=f"x{text}x", by=f"y{text}y")
        (decision,) = decisions(*new_file(page))
        assert (decision.reason, decision.by) == (f"x{text}x", f"y{text}y")
    page.get_by_label("Reassign").check()
    for text in PAYLOADS:
        fill(page, project=text, pi=text, fund=text)
        assert page.locator("[data-propose]").get_attribute("href") is None, "none of these is in the directory"
    page.locator('[data-filter="pi"]').fill(PAYLOADS[0])
    page.evaluate("location.hash = 'reason=' + encodeURIComponent('<img src=x onerror=alert(1)>')")
    assert "<img src=x onerror=alert(1)>" in page.locator("[data-rows]").inner_text()
    assert all(url.startswith("file:") for url in requested)


def test_items_of_two_open_months_are_decided_apart(page: playwright.Page, tmp_path: Path) -> None:
    months: dict[str, Sequence[dict[str, str]]] = {
        month: [charge("5", tags(project="proteins", fund=""), month=month)] for month in ("2025-01", "2025-02")
    }
    page.goto(review_ledger.page(review_ledger.make(tmp_path / "ledger", months), tmp_path / "page"))
    page.locator("thead [type=checkbox]").check()
    fill(page, fund="BIO-1")
    assert "2 open months, January 2025 and February 2025" in page.locator("[data-state]").inner_text()
    page.locator('[data-filter="period"]').select_option("2025-02")
    page.locator("[data-clear]").click()
    page.locator("thead [type=checkbox]").check()
    fill(page, fund="BIO-1")
    assert new_file(page)[0].startswith("approvals/2025-02/")


# ── Many items ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[AllBooks, str]:
    """A hundred and twenty items of one month."""
    folder = tmp_path_factory.mktemp("many")
    rows = [
        charge(f"{n}.5", tags(project=f"unknown-{n}", fund="BIO-1" if n % 3 else ""), days=(1 + n % 27, 28))
        for n in range(120)
    ]
    root = review_ledger.make(folder / "ledger", {"2025-01": rows})
    return open_books(root), review_ledger.page(root, folder / "page")


def test_too_many_for_a_link_are_downloaded_and_uploaded(
    page: playwright.Page, many: tuple[AllBooks, str], tmp_path: Path
) -> None:
    books, address = many
    page.goto(address)
    page.locator("thead [type=checkbox]").check()
    page.get_by_role("button", name="Select all 120 items").click()
    assert page.locator("[data-selected]").inner_text() == "120 items, 120 charges, USD 7,200.00"
    fill(page, project="genomics")
    assert page.locator("[data-propose]").get_attribute("href") is None
    upload = page.get_by_role("link", name="upload it to GitHub")
    assert upload.get_attribute("href") == "https://github.com/example/ledger/upload/main/approvals/2025-01"
    with page.expect_download() as got:
        page.get_by_role("button", name="Download").click()
    path = page.locator("[data-path]").inner_text()
    assert path.rpartition("/")[2] == got.value.suggested_filename
    text = Path(got.value.path()).read_text(encoding="utf-8")
    assert len(decisions(path, text)) == 120
    assert "more lines" in page.locator("[data-text]").inner_text()
    assert apply(copied(books.ledger.root, tmp_path / "ledger"), {path: text}) == []


def test_pages_filters_and_the_address(page: playwright.Page, many: tuple[AllBooks, str]) -> None:
    _, address = many
    page.goto(address)
    rows, total = page.locator("tr.item"), page.locator("[data-totals]")
    assert rows.count() == 50
    assert re.sub(r"\s+", " ", total.inner_text()).strip() == "Total, all months, 120 items 120 7,200.00"
    page.get_by_role("button", name="Next page").click()
    assert page.locator("[data-where]").inner_text() == "51 to 100 of 120"
    assert "#page=2" in page.url
    page.locator('[data-filter="reason"]').select_option("missing-fund")
    assert rows.count() == 40
    assert "Total, all months, Fund missing, 40 items" in total.inner_text()
    page.evaluate("location.hash = 'period=2025-01&reason=missing-fund'")
    assert "Total, January 2025, Fund missing, 40 items" in total.inner_text()
    assert page.locator('[data-filter="period"]').input_value() == "2025-01"
    page.evaluate("location.hash = 'period=2031-01'")
    assert "No item matches January 2031." in page.locator("[data-rows]").inner_text()
    page.get_by_role("button", name="Clear the filters").click()
    assert rows.count() == 50
    held_first = page.locator("tr.item [data-held]").first
    assert held_first.inner_text() == "119.50"
    page.locator("table.items").get_by_role("button", name="Held").click()
    assert held_first.inner_text() == "0.50"
    assert page.locator(".items [aria-sort]").get_attribute("aria-sort") == "ascending"
    assert page.evaluate("document.getElementsByTagName('*').length") < 3000


@pytest.mark.parametrize("width", [768, 360])
def test_no_part_of_the_total_covers_another(page: playwright.Page, many: tuple[AllBooks, str], width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(many[1])
    assert page.evaluate(COVERING) == []


def test_a_link_to_an_item_opens_it_on_its_page(page: playwright.Page, many: tuple[AllBooks, str]) -> None:
    books, address = many
    smallest = min(held(books), key=lambda item: item.exact_billed)
    for link in (f"#item={smallest.id}", f"#{smallest.id}"):
        page.goto("about:blank")
        page.goto(address + link)
        page.locator(f"#evidence-{smallest.id}").wait_for()
        assert page.locator("[data-where]").inner_text() == "101 to 120 of 120"


# ── Reading it ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_queue_is_readable_without_the_script(browser: playwright.Browser, address: str, books: AllBooks) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    for item in held(books):
        row = page.locator(f"tr[id={item.id}]")
        assert item.id in row.inner_text()
    assert page.get_by_role("combobox").count() == 0
    assert not page.locator("[data-form]").is_visible()
    assert "focus-billing review" in page.get_by_label("Commands").inner_text()
    context.close()


def test_the_total_is_what_is_imported_and_neither_billed_nor_rejected(
    page: playwright.Page, address: str, books: AllBooks
) -> None:
    page.goto(address)
    expected = sum(
        (
            each.imported - each.billed - each.rejected
            for p in books.periods
            for each in p.sources
            if each.currency == "USD"
        ),
        Decimal(0),
    )
    assert money.human(expected, "USD") in page.locator("[data-totals] tr").first.inner_text()


def walk(page: playwright.Page, backward: bool = False) -> Iterator[dict[str, Any]]:
    """Tab through the page once: what has focus, and whether all of its corners and center are covered."""
    script = """() => {
      const element = document.activeElement, box = element.getBoundingClientRect();
      const points = [[.5, .5], [.1, .2], [.9, .2], [.1, .8], [.9, .8]];
      const seen = points.some(([x, y]) => {
        const top = document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
        return top && (top === element || element.contains(top) || top.contains(element));
      });
      return {name: element.outerHTML.slice(0, 120), seen, end: element === document.body};
    }"""
    for _ in range(400):
        page.keyboard.press("Shift+Tab" if backward else "Tab")
        found = page.evaluate(script)
        if found["end"]:
            return
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1440, 900), (768, 900), (360, 740)])
def test_the_keyboard_decides_and_focus_is_never_covered(
    page: playwright.Page, address: str, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(address)
    page.locator(".fold").first.focus()
    page.keyboard.press("Enter")
    page.locator(".evidence").wait_for()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    assert page.locator("[data-pick]:checked").count() == 1
    page.locator("[data-form]").wait_for()
    page.locator("[data-decide]").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "deciding"
    for backward in (False, True):
        page.locator("a").nth(-1 if backward else 0).focus()
        stops = list(walk(page, backward))
        assert len(stops) > 30
        assert [each["name"] for each in stops if not each["seen"]] == []


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(page: playwright.Page, address: str, theme: Any) -> None:
    page.emulate_media(color_scheme=theme)
    for width in (1440, 768, 360):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto("about:blank")
        page.goto(address)
        assert axe.violations(page) == [], width
        page.locator(".fold").first.click()
        page.locator(".evidence").wait_for()
        page.locator("[data-pick]").first.check()
        page.locator("[data-pick]").nth(3).check()
        assert axe.violations(page) == [], width
        page.evaluate("location.hash = 'pi=nobody'")
        assert axe.violations(page) == [], width
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0


def test_nothing_held_is_said(page: playwright.Page, tmp_path: Path) -> None:
    root = review_ledger.make(tmp_path / "ledger", {"2025-01": [charge("5", tags())]})
    page.goto(review_ledger.page(root, tmp_path / "page"))
    assert "Nothing is held" in page.locator("main").inner_text()
    assert page.locator("table").count() == 0


def test_what_to_do_next_is_the_void_then_the_largest_then_the_oldest() -> None:
    site = factory.site(months=3)
    steps = queue(
        Waiting.of(Book(site.config, site.periods, site.people, site.projects), commit_date="2024-05-20")
    ).next
    assert [(step.label, step.reason) for step in steps] == [
        ("Replace 1 void decision", "the charges changed after they were made"),
        ("Decide on stellar-limits: Unusual amount", "the largest of 5 items"),
        ("Decide on AWS Support: PI missing", "waiting longest, 80 days"),
    ]
    empty = replace(site.periods[-1], queue=(), decisions=())
    book = Book(site.config, (*site.periods[:-1], empty), site.people, site.projects)
    assert queue(Waiting.of(book)).next == ()
