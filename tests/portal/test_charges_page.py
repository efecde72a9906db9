"""The charge browser in Chromium, opened from a folder: what it shows is compared with SQL over the open data."""

from __future__ import annotations

import csv
import io
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlencode

import axe
import duckdb
import pytest
from browser_ledger import MONTHS, write_ledger
from payloads import PAYLOADS
from playwright import sync_api as playwright
from test_held_money import late_ledger

from needed import needs
from openchargeback.characters import BIDIRECTIONAL, CONTROLS
from openchargeback.csv_writing import guarded, unguarded
from openchargeback.focus.csv_copy import unguarded_sql
from openchargeback.portal import paths
from program import run

pytestmark = needs("chromium")

MONTH = MONTHS[-1]
LABELS = {"billed": "Billed", "shown": "Not charged", "held": "Held", "rejected": "Rejected"}
DEFAULT = ("day", "service", "resource", "project", "fund", "list", "discount", "amount", "state")
Conditions = Mapping[str, Sequence[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built portal whose month has charges in every state."""
    root = write_ledger(tmp_path_factory.mktemp("ledger"))
    reject = ["review", "reject", "--period", MONTH, "--reason", "Not ours.", "--by", "Ada", "--flag", "pattern:large"]
    run("--ledger", root, *reject, "--project", "ada-1", "--project", "lin-2", code=0)
    output = tmp_path_factory.mktemp("portal") / "public"
    run("--ledger", root, "build", "--no-pdf", "-o", output, code=0)
    return output


@pytest.fixture(scope="module")
def truth(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The charges of the month in a table: exact amounts from charges.csv, cents from the books as FOCUS."""
    with duckdb.connect() as con:
        data = folder / "data" / MONTH
        options = "all_varchar = true, nullstr = '', max_line_size = 10000000, parallel = false"
        con.execute(
            f"""CREATE TABLE charge AS
            SELECT charges.charge AS id, source, coalesce(service, '') AS service, coalesce(project, '') AS project,
                coalesce(pi, '') AS pi, coalesce(fund, '') AS fund, coalesce(flags, '') AS flags, currency,
                CASE WHEN disposition = 'billed' AND source = 'hpc' THEN 'shown' ELSE disposition END AS state,
                billed::DECIMAL(38, 18) AS exact, book.BilledCost::DECIMAL(38, 18) AS cents
            FROM read_csv('{data}/charges.csv', {options}) AS charges
            LEFT JOIN read_csv('{data}/focus-cost-and-usage.csv', {options}) AS book
                ON book.x_ChargeId = charges.charge"""
        )
        # Cells that a spreadsheet would run have an apostrophe.
        for column in ("service", "project", "pi", "fund"):
            con.execute(f"UPDATE charge SET {column} = {unguarded_sql(column)}")
        yield con


@pytest.fixture
def opened(page: playwright.Page, folder: Path) -> playwright.Page:
    """The page of the month, with its data read."""
    return at(page, folder, paths.charges_page(MONTH))


def at(page: playwright.Page, folder: Path, path: str) -> playwright.Page:
    """The page at a path with a fragment, with its data read."""
    name, _, fragment = path.partition("#")
    page.goto("about:blank")
    page.goto((folder / name).as_uri() + (f"#{fragment}" if fragment else ""))
    page.wait_for_selector("#charges[data-ready]")
    return page


def go(page: playwright.Page, conditions: Conditions, **more: str) -> None:
    """Follow an address on the same page."""
    fragment = urlencode({**conditions, **more}, doseq=True, quote_via=quote)
    page.evaluate(
        """hash => new Promise(done => {
            if (location.hash.slice(1) === hash) return done();
            addEventListener("hashchange", () => setTimeout(done), {once: true});
            location.hash = hash;
        })""",
        fragment,
    )


def sums(page: playwright.Page) -> dict[str, str]:
    """The figures at the foot by their label, and `n`."""
    found: dict[str, str] = page.evaluate(
        """() => Object.fromEntries([
            ["n", document.querySelector("[data-sums] .n").textContent],
            ...[...document.querySelectorAll("[data-sum] .figure")].map(e => [e.parentNode.dataset.sum, e.textContent]),
        ])"""
    )
    return found


def rows(page: playwright.Page) -> list[list[str]]:
    """The texts of the rows that the table has at the moment."""
    found: list[list[str]] = page.evaluate(
        "() => [...document.querySelectorAll('.grid-rows [role=row]')].map("
        "r => [...r.querySelectorAll('[role=gridcell]')].map(c => c.textContent))"
    )
    return found


def human(amount: Decimal, places: int = 2) -> str:
    text = f"{amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,f}"
    return text.replace("-", "\N{MINUS SIGN}")


def where(conditions: Conditions) -> str:
    """SQL for a selection."""
    parts = ["true"]
    for field, texts in conditions.items():
        listed = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
        if field == "flag":
            split = "CASE WHEN flags = '' THEN [''] ELSE string_split(flags, ';') END"
            parts.append(f"list_has_any({split}, [{listed}])")
        else:
            parts.append(f"{field} IN ({listed})")
    return " AND ".join(parts)


def expected(con: duckdb.DuckDBPyConnection, conditions: Conditions) -> dict[str, str]:
    """What the foot must say, except what is only shown, whose cents the books do not have."""
    count, imported, held, rejected, due = one(
        con,
        f"""SELECT count(*), coalesce(sum(exact) FILTER (currency = 'USD'), 0),
            coalesce(sum(exact) FILTER (state = 'held' AND currency = 'USD'), 0),
            coalesce(sum(exact) FILTER (state = 'rejected' AND currency = 'USD'), 0),
            coalesce(sum(cents) FILTER (state = 'billed'), 0)
        FROM charge WHERE {where(conditions)}""",
    )
    (total,) = one(con, "SELECT count(*) FROM charge")
    amounts = {"Imported": imported, "Held": held, "Rejected": rejected, "Due USD": due}
    return {"n": f"{count:,} of {total:,} charges", **{label: human(amount) for label, amount in amounts.items()}}


def one(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    found = con.execute(query).fetchone()
    assert found is not None
    return found


def selections(con: duckdb.DuckDBPyConnection, count: int) -> Iterator[Conditions]:
    """Random selections, a third of them of two or more fields."""
    chance = random.Random(16)  # noqa: S311 - the same each time
    texts = {
        field: [text for (text,) in con.execute(f"SELECT DISTINCT {field} FROM charge ORDER BY 1").fetchall()]
        for field in ("state", "source", "service", "project", "pi", "fund")
    }
    flags = con.execute("SELECT DISTINCT unnest(string_split(flags, ';')) FROM charge ORDER BY 1").fetchall()
    texts["flag"] = [flag for (flag,) in flags]
    for _ in range(count):
        fields = chance.sample(sorted(texts), chance.choice((1, 1, 2, 3)))
        yield {field: chance.sample(texts[field], min(len(texts[field]), chance.randint(1, 4))) for field in fields}


def test_the_sums_of_any_selection_are_exact(opened: playwright.Page, truth: duckdb.DuckDBPyConnection) -> None:
    states = {state for (state,) in truth.execute("SELECT DISTINCT state FROM charge").fetchall()}
    assert states == set(LABELS)
    for conditions in ({}, *selections(truth, 60)):
        go(opened, conditions)
        assert expected(truth, conditions).items() <= sums(opened).items(), conditions


def test_the_foot_agrees_with_the_statements(opened: playwright.Page, folder: Path) -> None:
    """What is due and what is only shown, of each project, are the lines of its statement."""
    with (folder / f"data/{MONTH}/lines.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for project in ("ada-1", "tomasz-2", "lin-0"):
        go(opened, {"project": [project]})
        own = [line for line in lines if line["project"] == project]
        found = sums(opened)
        for label, posted in (("Due USD", "yes"), ("Not charged", "no")):
            total = sum((Decimal(line["billed"]) for line in own if line["posted"] == posted), Decimal(0))
            assert found.get(label, "0.00") == human(total), (project, label)


def test_other_currencies_are_added_up_apart(opened: playwright.Page) -> None:
    go(opened, {"source": ["lab"]})
    found = sums(opened)
    assert (found["n"], found["Imported"], found["Due USD"]) == (found["n"], "0.00", "0.00")
    assert (found["Held EUR"], found["Held JPY"]) == ("10.13", "1,201")
    assert {cell for row in rows(opened) for cell in row if "JPY" in cell} == {"JPY 1,201", "JPY 0"}


@pytest.mark.mostly_slow(but=2)
@pytest.mark.parametrize("field", ["state", "source", "service", "project", "pi", "fund", "flag"])
def test_a_facet_ignores_its_own_conditions_only(
    opened: playwright.Page, truth: duckdb.DuckDBPyConnection, field: str
) -> None:
    other = "source" if field != "source" else "state"
    wanted = "aws" if other == "source" else "held"
    own = {"state": "held", "source": "aws", "flag": ""}.get(field, "F-1" if field == "fund" else "Compute")
    go(opened, {field: [own], other: [wanted]})
    shown: list[list[str]] = opened.evaluate(
        """field => {
            const more = document.querySelector(`[data-facet="${field} more"]`);
            if (more) more.click();
            const lines = [...document.querySelectorAll("input[data-facet]")];
            return lines.filter(e => e.dataset.facet.startsWith(field + "=")).map(e => {
                const figure = e.closest("label").querySelector(".figure");
                return [e.dataset.facet.slice(field.length + 1), figure.textContent, figure.title];
            });
        }""",
        field,
    )
    column = "unnest(CASE WHEN flags = '' THEN [''] ELSE string_split(flags, ';') END)" if field == "flag" else field
    found = truth.execute(
        f"""SELECT text, count(*), sum(coalesce(cents, exact)), bool_or(state = 'shown')
        FROM (SELECT *, {column} AS text FROM charge WHERE {where({other: [wanted]})} AND currency = 'USD')
        GROUP BY text"""
    ).fetchall()
    counts = {text: (count, human(amount)) for text, count, amount, only_shown in found if not only_shown}
    read = {text: (int(title.split()[0].replace(",", "")), amount) for text, amount, title in shown}
    assert counts
    assert {text: read[text] for text in counts} == counts


def test_columns_sort_by_what_they_show(opened: playwright.Page) -> None:
    def amounts(column: int) -> list[Decimal]:
        texts = [row[column] for row in rows(opened)]
        return [Decimal(text.replace(",", "").replace("\N{MINUS SIGN}", "-")) for text in texts if text[0].isdigit()]

    for column, place in (("list", 5), ("amount", 7)):
        go(opened, {"source": ["aws"]}, sort=f"-{column}")
        assert amounts(place) == sorted(amounts(place), reverse=True)
        go(opened, {"source": ["aws"]}, sort=column)
        assert amounts(place) == sorted(amounts(place))
    go(opened, {}, sort="-due")
    assert rows(opened)[0][2] == "whale"
    assert rows(opened)[0][7] == "123,456,789.12"
    head = opened.get_by_role("columnheader", name="Project")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert opened.url.endswith("sort=project")
    names = [row[3] for row in rows(opened) if re.fullmatch(r"[a-z]+-\d", row[3])]
    assert names == sorted(names)


@pytest.mark.parametrize("field", ["service", "project", "state", "day"])
def test_groups_have_subtotals_and_fold(opened: playwright.Page, truth: duckdb.DuckDBPyConnection, field: str) -> None:
    go(opened, {"state": ["held"], "source": ["aws"]}, group=field)
    heads = rows(opened)
    assert opened.locator(".group-head").count() == len(heads)
    if field != "day":
        found = truth.execute(
            f"SELECT sum(exact) FROM charge WHERE state = 'held' AND source = 'aws' GROUP BY {field} ORDER BY 1 DESC"
        ).fetchall()
        assert [head[-2] for head in heads] == [human(amount) for (amount,) in found][: len(heads)]
    size = int(opened.locator("[data-grid]").get_attribute("aria-rowcount") or 0)
    first = opened.locator(".grid-rows [role=row]").first
    assert first.get_attribute("aria-expanded") == "false"
    first.focus()
    opened.keyboard.press("Enter")
    assert first.get_attribute("aria-expanded") == "true"
    count = int(heads[0][0].split()[-2].replace(",", ""))
    assert opened.locator("[data-grid]").get_attribute("aria-rowcount") == str(size + count)


def test_the_name_of_a_group_stays_clear_of_its_amount_on_a_phone(opened: playwright.Page) -> None:
    opened.set_viewport_size({"width": 360, "height": 800})
    go(opened, {}, group="resource")
    covered = opened.evaluate(
        """() => [...document.querySelectorAll(".group-head")].filter(line => {
            const [name, amount] = [".c-group", ".c-amount"].map(e => line.querySelector(e).getBoundingClientRect());
            return name.right > amount.left;
        }).length"""
    )
    assert opened.locator(".group-head").count() > 5
    assert covered == 0


def test_a_view_is_an_address(page: playwright.Page, folder: Path) -> None:
    """The same from the start as by clicking; the back button leads back."""
    at(page, folder, paths.charges_view(MONTH, state="held", source="aws", group="project"))
    found = rows(page)
    at(page, folder, paths.charges_page(MONTH))
    page.locator('[data-facet="state=held"]').check()
    page.locator('[data-facet="source=aws"]').check()
    page.get_by_label("Group by").select_option("project")
    page.wait_for_selector(".group-head")
    assert rows(page) == found
    assert "state=held&source=aws&group=project" in page.url
    page.go_back()
    assert page.locator(".group-head").count() == 0
    page.get_by_role("button", name="Remove the condition state: Held").click()
    assert "state=" not in page.url
    page.get_by_role("link", name="Held money").click()
    page.wait_for_selector(".chip")
    assert page.locator(".chip").inner_text().startswith("state: Held")


def test_a_search_finds_resource_project_pi_and_id(opened: playwright.Page, truth: duckdb.DuckDBPyConnection) -> None:
    (id_,) = one(truth, "SELECT id FROM charge ORDER BY id LIMIT 1")
    project = "project = 'tomasz-1' AND service = 'Compute'"
    for text, condition in (("tomasz-1 compute", project), (id_[:10], f"id = '{id_}'")):
        opened.get_by_role("searchbox", name="Find").fill(text)
        (count,) = one(truth, f"SELECT count(*) FROM charge WHERE {condition}")
        playwright.expect(opened.locator("[data-sums] .n")).to_contain_text(f"{count} of ")


def test_one_charge_has_an_address_and_all_its_fields(
    page: playwright.Page, folder: Path, truth: duckdb.DuckDBPyConnection
) -> None:
    query = "SELECT id, exact FROM charge WHERE state = 'rejected' ORDER BY id LIMIT 1"
    id_, exact = one(truth, query)
    at(page, folder, paths.charges_view(MONTH, c=id_[:8]))
    dialog = page.get_by_role("dialog")
    playwright.expect(dialog).to_contain_text("In the charge file")
    text = dialog.inner_text()
    exact_text = f"{exact:f}".rstrip("0")
    for expected_text in (id_, "charges/2025-01/aws.csv", exact_text, "approvals/2025-01/", "pattern:large", "its tag"):
        assert expected_text in text
    page.keyboard.press("Escape")
    playwright.expect(dialog).to_be_hidden()
    assert "c=" not in page.url
    at(page, folder, paths.charges_view(MONTH, c="0123456789abcdef"))
    assert "No charge has this id" in dialog.inner_text()


def followed(page: playwright.Page, folder: Path, decision: str) -> tuple[str, str]:
    """The number of charges and the amount of a decision on the approvals page, and what its link leads to."""
    page.goto((folder / paths.APPROVALS).as_uri())
    cells = page.locator("tbody tr", has_text=decision).locator("td").all_inner_texts()
    page.locator("tbody tr", has_text=decision).locator("td a[href*='decision=']").click()
    page.wait_for_selector("#charges[data-ready]")
    return cells[4], cells[5]


def test_a_decision_leads_to_the_charges_that_it_decided(
    page: playwright.Page, folder: Path, truth: duckdb.DuckDBPyConnection
) -> None:
    """Neither fewer nor more, though others have the same flags and were rejected, too."""
    count, amount = followed(page, folder, "lin-2")
    found = sums(page)
    assert found["n"].split(" of ")[0] == count
    assert found["Rejected"] == human(Decimal(amount.replace(",", "")))
    (rejected,) = one(truth, "SELECT count(*) FROM charge WHERE state = 'rejected'")
    assert 0 < int(count) < rejected
    assert page.locator(".chip").inner_text().startswith(f"decision: {MONTH}/")
    page.locator(".grid-rows a").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name=f"approvals/{MONTH}/").click()
    assert sums(page) == found


@pytest.mark.slow
def test_a_decision_after_closing_leads_to_the_charges_of_the_closed_month(
    page: playwright.Page, tmp_path: Path
) -> None:
    root, output = late_ledger(tmp_path / "ledger"), tmp_path / "public"
    run("--ledger", root, "build", "--no-pdf", "-o", output, code=0)
    count, _ = followed(page, output, "late.yaml")
    assert page.url.startswith((output / paths.charges_page("2025-01")).as_uri())
    assert (count, sums(page)["n"]) == ("2", "2 of 6 charges")
    assert {row[2] for row in rows(page)} == {"h1", "h2"}


def test_a_resource_that_the_search_finds_leads_to_its_charges(page: playwright.Page, folder: Path) -> None:
    page.goto((folder / paths.period_page(MONTH)).as_uri())
    page.keyboard.press("/")
    page.keyboard.type("whal")
    page.locator("#found li", has_text="Resource").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_selector("#charges[data-ready]")
    assert sums(page)["n"].startswith("1 of ")
    assert rows(page)[0][2] == "whale"


def downloaded(page: playwright.Page) -> list[list[str]]:
    with page.expect_download() as got:
        page.get_by_role("button", name="CSV of this selection").click()
    assert re.fullmatch(r"charges-[\d_-]+(-selection)?\.csv", got.value.suggested_filename)
    return list(csv.reader(io.StringIO(Path(got.value.path()).read_text(encoding="utf-8"), newline="")))


def test_the_csv_is_what_is_shown(opened: playwright.Page) -> None:
    go(opened, {"project": ["ada-0"], "source": ["aws"]}, sort="-list", columns=",".join((*DEFAULT, "id")))
    head, *lines = downloaded(opened)
    assert [name.lower() for name in head] == [*DEFAULT, "id", "currency"]
    shown = [[cell.replace("\N{MINUS SIGN}", "-").replace(",", "") for cell in row] for row in rows(opened)]
    assert len(lines) == int(sums(opened)["n"].split()[0])
    assert [[str(int(line[0][8:])), *line[1:-1]] for line in lines][: len(shown)] == shown


def test_no_cell_of_the_csv_is_a_formula(opened: playwright.Page) -> None:
    """The rule of every CSV file of the program, applied by the script."""
    columns = ("service", "resource", "project", "fund", "flags")
    go(opened, {"source": ["aws"]}, columns=",".join((*columns, "amount")))
    _, *lines = downloaded(opened)
    cells = {cell for line in lines for cell in line[: len(columns)]}
    assert any(cell.startswith("'=") for cell in cells)
    for cell in cells:
        assert guarded(unguarded(cell)) == cell, cell
    assert {guarded("=" + text) for text in PAYLOADS[1:3]} <= cells


def test_nothing_matches(page: playwright.Page, folder: Path) -> None:
    at(page, folder, paths.charges_view(MONTH, project=["no-such"], state="held"))
    assert page.get_by_role("heading", name="No charge matches").is_visible()
    assert sums(page)["n"].startswith("0 of ")
    assert page.locator(".chip").count() == 2
    page.get_by_role("button", name="Clear the filter").click()
    playwright.expect(page.locator("[data-no-match]")).to_be_hidden()
    assert rows(page)


def test_twelve_months_of_a_project(page: playwright.Page, folder: Path) -> None:
    at(page, folder, paths.charges_view("", project="tomasz-1"))
    counted, due = 0, Decimal(0)
    for month in MONTHS:
        with (folder / f"data/{month}/charges.csv").open(encoding="utf-8", newline="") as file:
            counted += sum(row["project"] == "tomasz-1" for row in csv.DictReader(file))
        with (folder / f"data/{month}/lines.csv").open(encoding="utf-8", newline="") as file:
            lines = [row for row in csv.DictReader(file) if row["project"] == "tomasz-1" and row["posted"] == "yes"]
        due += sum((Decimal(line["billed"]) for line in lines), Decimal(0))
    found = sums(page)
    assert (found["n"], found["Due USD"]) == (f"{counted:,} of {counted:,} charges", human(due))
    page.locator(f'[data-facet="period={MONTHS[0]}"]').check()
    playwright.expect(page.locator("[data-sums] .n")).not_to_contain_text(f"{counted:,} of")
    page.locator(".grid-rows a").first.click()
    playwright.expect(page.get_by_role("dialog")).to_contain_text(f"charges/{MONTHS[0]}/")


def test_the_month_picker_leads_to_the_charges_of_each_month(page: playwright.Page, folder: Path) -> None:
    at(page, folder, paths.charges_page(MONTH))
    page.locator(".picker summary").click()
    found = page.evaluate("[...document.querySelectorAll('[data-months] a')].map(e => e.href)")
    wanted = {(folder / paths.charges_page(month)).as_uri() for month in MONTHS}
    assert wanted <= set(found)
    page.locator("[data-step='-1']").click()
    page.wait_for_selector("#charges[data-ready]")
    assert page.url == (folder / paths.charges_page(MONTHS[-2])).as_uri()


def test_conditions_stay_in_another_month(page: playwright.Page, folder: Path) -> None:
    """What only this month has does not: a charge, a decision, a place in the list."""
    at(page, folder, paths.charges_view(MONTH, project="ada-1", group="service", c="7f3a"))
    page.keyboard.press("Escape")
    page.locator("[data-step='-1']").click()
    page.wait_for_selector("#charges[data-ready]")
    assert page.url == (folder / paths.charges_page(MONTHS[-2])).as_uri() + "#project=ada-1&group=service"
    go(page, {"state": ["held"], "q": ["node-1"]})
    page.locator(".picker summary").click()
    page.locator("[data-months] a").first.click()
    page.wait_for_url("**/2025-01/**")
    assert page.url.endswith("#state=held&q=node-1")


def test_the_months_fit_on_a_phone(page: playwright.Page, folder: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto((folder / paths.CHARGES).as_uri())
    table = page.locator("table", has_text="Charges by month")
    table.wait_for()
    assert table.evaluate("each => each.scrollWidth <= each.closest('.scroll').clientWidth")
    playwright.expect(table.locator("tbody td.main")).to_have_count(len(MONTHS))


def test_a_project_is_chosen_by_name(page: playwright.Page, folder: Path) -> None:
    page.goto((folder / paths.CHARGES).as_uri())
    page.get_by_role("combobox", name="Project or PI").fill("Tomasz Wiśniewski")
    page.get_by_role("button", name="Show charges").click()
    page.wait_for_selector("#charges[data-ready]")
    assert "pi=tomasz@example.edu" in page.url
    assert page.locator("[data-year]").is_hidden()


def test_all_rows_can_be_reached_by_keyboard(opened: playwright.Page) -> None:
    size = int(opened.locator("[data-grid]").get_attribute("aria-rowcount") or 0) - 1
    opened.locator(".grid-rows [tabindex='0']").focus()

    def focused() -> int:
        covered, at_row = opened.evaluate(
            """() => {
                const box = document.activeElement.getBoundingClientRect();
                const head = document.querySelector(".grid-head").getBoundingClientRect();
                const foot = document.querySelector("[data-sums]").getBoundingClientRect();
                return [box.top < head.bottom - 1 || box.bottom > Math.min(foot.top, innerHeight) + 1,
                    Number(document.activeElement.dataset.at)];
            }"""
        )
        assert not covered
        return int(at_row)

    for key, place in (("End", size - 1), ("ArrowUp", size - 2), ("Home", 0), ("ArrowDown", 1), ("ArrowDown", 2)):
        opened.keyboard.press(key)
        assert focused() == place
    opened.keyboard.press("PageDown")
    assert focused() > 5
    opened.keyboard.press("Enter")
    playwright.expect(opened.get_by_role("dialog")).to_be_visible()
    opened.keyboard.press("Escape")
    playwright.expect(opened.get_by_role("dialog")).to_be_hidden()


def test_as_pages_is_a_table(opened: playwright.Page) -> None:
    go(opened, {"source": ["aws"]}, view="pages")
    table = opened.locator("[data-table] table")
    assert table.locator("tbody tr").count() == 100
    assert table.locator("tbody th[scope=row]").count() == 100
    first = table.locator("tbody tr").first.inner_text()
    opened.get_by_role("link", name="Next").click()
    playwright.expect(opened.locator(".pager")).to_contain_text("Page 2 of")
    assert table.locator("tbody tr").first.inner_text() != first
    opened.get_by_role("link", name="As one list").click()
    playwright.expect(table).to_be_hidden()


def test_without_scripts_there_are_rows_and_the_file(browser: playwright.Browser, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / paths.charges_page(MONTH)).as_uri())
    lines = page.locator("noscript table tbody tr")
    with (folder / f"data/{MONTH}/charges.csv").open(encoding="utf-8", newline="") as file:
        count = len(list(csv.DictReader(file)))
    assert lines.count() == min(500, count)
    assert page.get_by_role("row", name="whale").is_visible()
    page.get_by_role("link", name="charges.csv").click(no_wait_after=True)
    context.close()


def test_what_misleads_is_not_shown(opened: playwright.Page) -> None:
    for column in ("service", "resource", "project", "fund"):
        go(opened, {"source": ["aws"]}, sort=column)
        text = opened.evaluate("document.querySelector('#charges').textContent")
        assert not {*BIDIRECTIONAL, *CONTROLS - {"\n"}} & set(text)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 360])
def test_axe_finds_nothing(
    page: playwright.Page, folder: Path, theme: Literal["light", "dark"], width: int, truth: duckdb.DuckDBPyConnection
) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    (id_,) = one(truth, "SELECT id FROM charge WHERE state = 'held' AND source = 'aws' ORDER BY id LIMIT 1")
    month = {"source": "aws"}
    views = (
        paths.charges_page(MONTH),
        paths.charges_view(MONTH, **month, group="project"),
        paths.charges_view(MONTH, **month, view="pages"),
        paths.charges_view(MONTH, project="no-such"),
        paths.charges_view(MONTH, c=id_),
        paths.charges_view("", pi="ada@example.edu"),
    )
    for view in views:
        at(page, folder, view)
        page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, view
        assert axe.violations(page) == [], view


_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => window.violations.push(e.violatedDirective + e.blockedURI));
"""
# The script sets sizes and positions of the table, never from data.
_STRANGE = """() => [
  ...document.querySelectorAll("#charges :is(img, iframe, object, embed, base, video, audio, style, math, form)"),
  ...[...document.querySelectorAll("#charges *")].filter(e => [...e.attributes].some(a => /^on/i.test(a.name))),
  ...document.querySelectorAll("#charges [style]:not(.grid, .grid-body, .grid-rows, .c-group)"),
  ...[...document.querySelectorAll("#charges a[href]")].filter(e => e.protocol !== "file:"),
].map(e => e.outerHTML.slice(0, 200))"""


@pytest.mark.slow
def test_no_control_runs_or_loads_what_a_text_says(page: playwright.Page, folder: Path) -> None:
    """Every payload in each column and facet, as a condition, a search, a group, a detail."""
    requests: list[str] = []
    page.add_init_script(_WATCH)

    def dismiss(dialog: playwright.Dialog) -> None:
        requests.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.on("request", lambda each: requests.append(each.url) if not each.url.startswith(folder.as_uri()) else None)
    at(page, folder, paths.charges_page(MONTH))
    requests.clear()
    for field in ("service", "project", "fund", "resource", "pi"):
        for text in PAYLOADS:
            go(page, {field: [text]})
            assert page.evaluate(_STRANGE) == [], (field, text)
    for text in PAYLOADS:
        go(page, {"q": [text.split()[0]]}, group="resource")
        assert page.evaluate(_STRANGE) == [], text
    ids = page.evaluate("() => [...document.querySelectorAll('.grid-rows a')].map(e => e.hash)")
    go(page, {"service": list(PAYLOADS)}, group="service", view="pages")
    for fragment in ids or page.evaluate("() => [...document.querySelectorAll('[data-table] th a')].map(e => e.hash)"):
        page.evaluate("hash => { location.hash = hash; }", fragment)
        page.wait_for_selector("dialog[open] h3:has-text('In the charge file')")
        assert page.evaluate(_STRANGE) == []
    assert page.evaluate("window.violations") == []
    assert requests == []
