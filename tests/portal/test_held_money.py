"""Held money counts each charge once on every page, under a named scope, and ties to imported − billed − rejected."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "billing"))

from click.testing import CliRunner
from closed_ledger import CONFIG, HEAD, PEOPLE, PROJECTS, close, month, row
from small_ledger import target

from golden_ledgers import copied
from openchargeback import money
from openchargeback.cli.main import cli
from openchargeback.model import Provenance, QueueItem
from openchargeback.portal.paths import period_page, pi_page
from openchargeback.portal.site import site_jobs
from openchargeback.portal.statements import statement_jobs
from openchargeback.publish.books import Books, open_books
from openchargeback.publish.build import make_site
from openchargeback.templating.environment import make_environment
from openchargeback.templating.filters import period_human

CASES = ("decisions", "foreign-currency", "references", "showback", "spans", "late")


@dataclass
class Table:
    """A table of a page: the scope of held money it names, and its body and foot rows as (value, currency) cells.

    words: all that its foot says.
    """

    held: str = ""
    words: str = ""
    body: list[list[tuple[str, str]]] = field(default_factory=list)
    foot: list[list[tuple[str, str]]] = field(default_factory=list)

    def last(self, section: str) -> dict[str, Decimal]:
        """The last cell of each row of a section, summed by currency."""
        sums: dict[str, Decimal] = {}
        for cells in getattr(self, section):
            value, currency = cells[-1]
            sums[currency] = sums.get(currency, Decimal(0)) + Decimal(value)
        return sums

    def charges(self, section: str) -> int:
        return sum(int(cells[-2][0]) for cells in getattr(self, section))


class Page(HTMLParser):
    """The tables of a page, and its facts (`dt` → `dd`)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[Table] = []
        self.facts: dict[str, str] = {}
        self._section, self._kept, self._fact = "body", "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag == "table":
            self.tables.append(Table(found.get("data-held", "")))
        elif tag in ("tbody", "tfoot"):
            self._section = {"tbody": "body", "tfoot": "foot"}[tag]
        elif tag == "thead":
            self._section = ""
        elif tag == "tr" and self._section:
            getattr(self.tables[-1], self._section).append([])
        elif tag in ("td", "th") and self._section and self.tables and "data-value" in found:
            cell = (found["data-value"], found.get("data-currency", ""))
            getattr(self.tables[-1], self._section)[-1].append(cell)
        elif tag in ("dt", "dd"):
            self._kept = tag
            if tag == "dt":
                self._fact = ""
            else:
                self.facts[self._fact.strip()] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("dt", "dd"):
            self._kept = ""
        elif tag == "table":
            self._section = ""

    def handle_data(self, data: str) -> None:
        if self._section == "foot" and self.tables:
            self.tables[-1].words += data
        if self._kept == "dt":
            self._fact += data
        elif self._kept == "dd":
            self.facts[self._fact.strip()] += data


def late_ledger(root: Path) -> Path:
    """January closed with five held charges, one of two flags and one in euros; February decides two of them late."""
    files = {
        "config.yaml": CONFIG.replace(", logo: logo.svg", "")
        + "review: {patterns: {big: {match: {ResourceId: big}}}}\n",
        "directory/people.yaml": PEOPLE,
        "directory/projects.yaml": PROJECTS,
        "charges/2025-01/aws.csv": HEAD
        + row("5")
        + row("1.005", fund="", resource="h1")
        + row("2.005", fund="", resource="h2")
        + row("5.004", fund="", resource="big")
        + row("7", currency="EUR", resource="e1")
        # All that this PI has is held.
        + row("4.001", pi="c@x.edu", project="q", fund="", resource="q1"),
        "charges/2025-02/aws.csv": HEAD
        + row("4", month="2025-02")
        + row("3.003", fund="", resource="b", month="2025-02"),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    close(root)
    decision = {"period": "2025-01", "decision": "reassign", "set": {"fund": "F-9"}, "reason": "asked", "by": "r@x.edu"}
    two = next(item for item in month(root).undecided if item.uncleared == ("missing-fund",) and item.project == "p")
    decision |= {**target(two), "clears": ["missing-fund"]}
    path = root / "approvals/2025-02/late.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("# decisions\n" + json.dumps({"decisions": [decision]}), encoding="utf-8")
    return root


@pytest.fixture(scope="module", params=CASES)
def portal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Books, dict[str, Page]]:
    """A ledger and every page of its portal by path."""
    root = tmp_path_factory.mktemp(request.param) / "ledger"
    root = late_ledger(root) if request.param == "late" else copied(request.param, root.parent)
    books, env = open_books(root), make_environment()
    site = make_site(books, Provenance("", "", "0"), {})
    jobs = (*site_jobs(site, env), *statement_jobs(site, env))
    return books, {job.path: Page(job.render().decode()) for job in jobs if job.path.endswith(".html")}


def exactly(items: Iterable[QueueItem]) -> dict[str, Decimal]:
    """What is held, from the queue: exact sums by currency."""
    sums: dict[str, Decimal] = {}
    for item in items:
        sums[item.currency] = sums.get(item.currency, Decimal(0)) + item.exact_billed
    return {currency: amount for currency, amount in sums.items() if amount}


def without_zero(sums: dict[str, Decimal]) -> dict[str, Decimal]:
    return {currency: amount for currency, amount in sums.items() if amount}


def test_rows_of_held_money_add_up_to_their_total_on_every_page(portal: tuple[Books, dict[str, Page]]) -> None:
    books, pages = portal
    found = 0
    for path, page in pages.items():
        for table in page.tables:
            if table.held:
                found += 1
                assert without_zero(table.last("body")) == without_zero(table.last("foot")), path
                assert table.charges("body") == table.charges("foot"), path
                assert f"Total, {table.held}" in table.words, path
    assert found >= 3 or not any(period.queue for period in books.periods)


def test_what_a_month_holds_is_imported_less_billed_and_rejected(portal: tuple[Books, dict[str, Page]]) -> None:
    books, pages = portal
    for period in books.periods:
        page = pages[period_page(period.period)]
        sources = next(table for table in page.tables if table.body and len(table.body[0]) == 6)
        held = {}
        for cells in sources.foot:
            imported, billed, held_, rejected = (Decimal(value) for value, _ in cells[-4:])
            assert imported - billed - rejected == held_
            held[cells[-1][1]] = held_
        month = period_human(period.period)
        tables = [table for table in page.tables if table.held == month]
        assert without_zero(tables[0].last("foot") if tables else {}) == without_zero(held)
        assert without_zero(held) == exactly(period.queue)
        shown = page.facts[f"Held in {month}"]
        currency = books.ledger.config.currency
        cents = money.human(money.to_cents(held[currency], currency), currency)
        assert shown.replace("\n", "").startswith(cents)


def test_the_scope_of_all_months_is_the_sum_of_what_months_still_hold(portal: tuple[Books, dict[str, Page]]) -> None:
    books, pages = portal
    items = [item for period in books.periods for item in period.undecided]
    for path in ("index.html", "review/index.html"):
        tables = [table for table in pages[path].tables if table.held == "all months"]
        assert without_zero(tables[0].last("foot") if tables else {}) == exactly(items), path
        assert (tables[0].charges("foot") if tables else 0) == sum(item.charges for item in items)
    for email in {item.pi for item in items if item.pi}:
        (table,) = [table for table in pages[pi_page(email)].tables if table.held]
        assert without_zero(table.last("foot")) == exactly(item for item in items if item.pi == email)


def test_a_pi_whose_charges_are_all_held_has_a_page_and_an_answer(tmp_path: Path) -> None:
    root = late_ledger(tmp_path)
    run = CliRunner()
    told = run.invoke(cli, ["show", "c@x.edu", "--ledger", str(root)])
    assert told.exit_code == 0, told.output
    assert "nothing billed; 4.00 USD held" in told.output
    books = open_books(root)
    env = make_environment()
    site = make_site(books, Provenance("", "", "0"), {})
    (job,) = [job for job in site_jobs(site, env) if job.path == pi_page("c@x.edu")]
    assert "Nothing was billed so far: all charges are held." in job.render().decode()
    for word, near in (("ada", "a@x.edu (Ada)"), ("c@", "c@x.edu"), ("aad", "a@x.edu (Ada)")):
        told = run.invoke(cli, ["show", word, "--ledger", str(root)])
        assert f"the ledger has no PI {word}; did you mean {near}?" in str(told.exception)
    told = run.invoke(cli, ["periods", "show", "2025-01", "--ledger", str(root)])
    assert "Total, 2025-01, still held" in told.output
    told = run.invoke(cli, ["review", "list", "--ledger", str(root)])
    assert "4 items to review in all periods, 12.01 USD, 7.00 EUR" in told.output
