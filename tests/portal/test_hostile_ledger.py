"""A ledger with a hostile text in every field, built, and every page of it opened in Chromium from the folder."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from payloads import PAYLOADS
from playwright import sync_api as playwright
from pypdf import PdfReader

from needed import needs
from openchargeback.characters import BIDIRECTIONAL, one_line
from openchargeback.model import Provenance
from openchargeback.portal.pdf_pool import render_pdfs
from openchargeback.portal.site import Site, site_jobs
from openchargeback.portal.statements import statement_jobs, statement_pdfs
from openchargeback.problems import Severity
from openchargeback.publish.books import AllBooks, open_books
from openchargeback.publish.build import make_site
from openchargeback.publish.month_charges import MonthCharges
from openchargeback.publish.past import NO_CACHE
from openchargeback.templating.environment import make_environment
from programs import find

pytestmark = needs("chromium")

_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) =>
  window.violations.push(e.violatedDirective + " " + e.blockedURI));
"""

# What no page has of its own accord: elements that load or run something, and handlers in attributes.
# The one style that a script sets: the width of a table's fixed column.
_STRANGE = r"""() => [
  ...document.querySelectorAll("img, iframe, object, embed, base, video, audio, style, math, [srcdoc]"),
  ...document.querySelectorAll("template:not([data-row])"),
  ...[...document.querySelectorAll("script, link")].filter(
    e => !/(assets|review|pis\/[^/]+)\/[a-z0-9_-]+\.(js|css|svg)$/.test(e.src || e.href)),
  ...[...document.querySelectorAll("meta[http-equiv]")].filter(e => e.httpEquiv !== "Content-Security-Policy"),
  ...[...document.querySelectorAll("form")].filter(e => e.hasAttribute("action")),
  ...[...document.querySelectorAll("*")].filter(
    e => [...e.attributes].some(a => /^on/i.test(a.name)
      || (a.name === "style" && !/^scroll-padding-inline-start: \d+px;$/.test(a.value)))),
  ...[...document.querySelectorAll("a[href]")].filter(
    e => !["file:", "mailto:"].includes(e.protocol) && e.host !== "forge.example.edu"),
].map(e => e.outerHTML.slice(0, 200))"""


PROJECTS = tuple(payload for payload in PAYLOADS if BIDIRECTIONAL.isdisjoint(payload))
"""Those that name a project. A tag that turns the direction of text is malformed: its charge is held."""


def write_ledger(root: Path) -> Path:
    """A ledger of one month with every payload as name, project, fund, service, resource, tag and page."""
    first, quote_breaker = PAYLOADS[3], PAYLOADS[9]
    people = [
        {"email": f"pi{n}@example.edu", "name": text, "department": text, "aliases": [f"alias{n}@example.edu"]}
        for n, text in enumerate(PAYLOADS)
    ]
    projects = [
        {"id": text, "title": f"Title {text}", "pi": f"pi{n}@example.edu", "award": text, "fund": text}
        for n, text in enumerate(PAYLOADS)
    ]
    config = {
        "organization": {
            "name": first,
            "unit": quote_breaker,
            "address": list(PAYLOADS[:6]),
            "contact": {
                "name": first,
                "email": '"><script>alert(1)</script>@x',
                "phone": first,
                "url": "javascript:alert(1)",
            },
        },
        "tags": {"references": {"grant": "grant"}},
        "sources": {
            "aws": {"label": first, "credit_fund": quote_breaker, "account": first, "note": quote_breaker},
            "hpc": {"label": quote_breaker, "post": False, "note": first, "discount": "institution"},
        },
        "statements": {"note": "\n\n".join(PAYLOADS[:20])},
        "review": {"patterns": {"p": {"match": {"ChargeDescription": "held"}, "reason": first}}},
        "portal": {"title": quote_breaker, "repository": "https://forge.example.edu/o/l", "forge": "github"},
    }
    out = io.StringIO()
    rows = csv.writer(out)
    columns = (
        "ServiceName",
        "ResourceId",
        "ResourceName",
        "SubAccountId",
        "ChargeDescription",
        "ListCost",
        "BilledCost",
    )
    rows.writerow(["BillingPeriodStart", *columns, "Tags"])
    for n, text in enumerate(PAYLOADS):
        tags = {"pi_email": f"pi{n}@example.edu", "project_id": text, "fund_org": text, "grant": text, text: text}
        for what, amount in (("billed", 10 + n), ("held", 5)):
            cells = [text, f"{n} {text}", text, text, f"{what} {text}", amount + 2, amount]
            rows.writerow(["2025-01-01T00:00:00Z", *cells, json.dumps(tags)])
    files = {
        "config.yaml": json.dumps(config),
        "directory/people.yaml": json.dumps({"people": people}),
        "directory/projects.yaml": json.dumps({"projects": projects}),
        "charges/2025-01/aws.csv": out.getvalue(),
        "charges/2025-01/hpc.csv": out.getvalue().replace(",12,10,", ",13,10,"),
        **{
            f"pages/page{n}.md": f"# {text}\n\n{text}\n\n| {text} |\n|--:|\n| `{text}` |\n"
            for n, text in enumerate(PAYLOADS)
            if not re.search(r"\]\(", text)
        },
        "approvals/2025-01/a.yaml": json.dumps(
            {
                "decisions": [
                    {"charges": ["0123456789abcdef"], "clears": ["pattern:p"], "decision": "approve", "reason": first,
                     "by": quote_breaker, "on": "2025-02-03"}
                ]
            }
        ),
    }  # fmt: skip
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> AllBooks:
    books = open_books(write_ledger(tmp_path_factory.mktemp("hostile-ledger")))
    assert not [each for each in books.warnings if each.severity is Severity.ERROR]
    return books


@pytest.fixture(scope="module")
def site(books: AllBooks) -> Site:
    return make_site(books, Provenance("", "", "0"), {})


@pytest.fixture(scope="module")
def folder(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, env = tmp_path_factory.mktemp("hostile-portal"), make_environment()
    for job in (*site_jobs(site, env), *statement_jobs(site, env)):
        path = folder / job.path
        assert path.resolve().is_relative_to(folder.resolve())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(job.render())
    return folder


@pytest.fixture(scope="module")
def context() -> Iterator[playwright.BrowserContext]:
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        yield chromium.new_context()
        chromium.close()


def _decide_on_everything(page: playwright.Page) -> None:
    """Open the evidence on every item, and the form for all of them, with payloads typed in."""
    page.locator("thead [type=checkbox]").check()
    page.evaluate("document.querySelectorAll('.fold').forEach(button => button.click())")
    page.locator(".evidence").last.wait_for()
    assert page.locator(".evidence").count() > 40
    for name in ("reason", "by"):
        page.locator(f"[data-{name}]").fill("".join(PAYLOADS[:9]))


@pytest.mark.slow
def test_no_page_runs_loads_or_is_widened_by_what_a_field_says(
    context: playwright.BrowserContext, folder: Path
) -> None:
    faults: list[str] = []
    page = context.new_page()
    page.add_init_script(_WATCH)

    def dismiss(dialog: playwright.Dialog) -> None:
        faults.append(f"dialog {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    root = folder.as_uri()
    page.on("request", lambda request: faults.append(request.url) if not request.url.startswith(root) else None)
    pages = sorted(folder.rglob("*.html"))
    assert len(pages) > 3 * len(PAYLOADS)
    for path in pages:
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
        name = path.relative_to(folder).as_posix()
        if name == "review/index.html":
            _decide_on_everything(page)
        faults += [f"{name}: {each}" for each in page.evaluate(_STRANGE)]
        faults += [f"{name}: {each}" for each in page.evaluate("window.violations")]
        for width in (320, 360, 1280):
            page.set_viewport_size({"width": width, "height": 720})
            page.evaluate("new Promise(requestAnimationFrame)")
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            faults += [f"{name}: {wide} px too wide at {width}"] if wide > 0 else []
        if faults:
            break
    page.close()
    assert faults == []


def test_every_text_is_shown_as_it_is(folder: Path) -> None:
    """The title of the project stands on its page, escaped and whole."""
    texts = {
        path: unescape(re.sub(r"<[^>]*>", "", path.read_text("utf-8"))) for path in folder.glob("projects/*/*.html")
    }
    words = {" ".join(text.split()) for text in texts.values()}
    for payload in PROJECTS:
        title = " ".join(f"Title {payload}".split())
        assert any(title in text for text in words), payload


def test_the_policy_blocks_what_would_get_in(context: playwright.BrowserContext, folder: Path) -> None:
    """Even markup that no template has escaped neither runs nor reaches another host."""
    requests: list[str] = []
    page = context.new_page()
    page.add_init_script(_WATCH)
    page.on("request", lambda request: requests.append(request.url))

    def dismiss(dialog: playwright.Dialog) -> None:
        requests.append("dialog")
        dialog.dismiss()

    page.on("dialog", dismiss)
    broken = folder / "broken.html"
    text = (folder / "index.html").read_text("utf-8")
    broken.write_text(text.replace("</main>", "".join(PAYLOADS[:33]) + "</main>"), "utf-8")
    page.goto(broken.as_uri())
    page.wait_for_timeout(300)
    assert page.evaluate("window.violations.length") > 3
    # A browser takes every file: address for the build's own, since files have no origin.
    assert [each for each in requests if not each.startswith("file:")] == []
    page.close()
    broken.unlink()


def test_a_pdf_links_to_nothing(site: Site, books: AllBooks) -> None:
    """The contact's address is no address, so there is nothing to ask by, and no other text becomes a link."""
    assert links(site, books) == []


def test_a_pdf_links_to_nothing_but_where_its_setting_says(site: Site, books: AllBooks) -> None:
    portal = replace(site.config.portal, questions="issue")
    found = links(replace(site, config=replace(site.config, portal=portal)), books)
    assert len(found) == PLANS
    assert all(each.startswith("https://forge.example.edu/o/l/issues/new?title=") for each in found)
    assert all(parse_qs(urlsplit(each).query).keys() == {"title", "body"} for each in found)


PLANS = 4


def links(site: Site, books: AllBooks) -> list[str]:
    """Where the first PDFs lead, which do nothing else when they are opened or clicked."""
    plans = statement_pdfs(site, make_environment(), MonthCharges(books.ledger, NO_CACHE))[:PLANS]
    found = []
    for path, content in render_pdfs([plan.job() for plan in plans], workers=1):
        for sheet in PdfReader(io.BytesIO(content)).pages:
            for each in sheet.get("/Annots", ()):
                annotation = each.get_object()
                assert annotation["/Subtype"] == "/Link", path
                found.append(str(annotation["/A"]["/URI"]))
        for word in (b"/JavaScript", b"/Launch", b"/OpenAction"):
            assert word not in content, path
    return found


def test_folders_of_hostile_names_stay_in_the_output(folder: Path) -> None:
    names = {path.parent.name for path in folder.glob("projects/*/index.html")}
    assert len(names) == len({name.casefold() for name in names}) == len(PROJECTS)
    assert all(quote(name, safe="@+~") == name for name in names)
    assert one_line("safe\u202egnp") == "safegnp"
