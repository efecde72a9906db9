"""What people read where a source is only shown: PDF, statement page, portal, journal page, commands."""

from __future__ import annotations

import html
import io
import json
import re
import shutil
from pathlib import Path

import pypdf
import pytest
from click.testing import CliRunner

from golden_ledgers import copied
from openchargeback.cli.main import cli
from openchargeback.publish.build import build

MIXED, SHOWN = "2025-01/ada@example.edu/genomics", "2025-01/bea@example.edu/optics"
SENTENCE = "For your information. Nothing will be charged."
PAYING = re.compile(r"\bdue\b|\bfunds?\b|journal|credit fund|payment|pays\b|BIO-1|not a fund", re.IGNORECASE)
"""Words that have no place where nothing is charged."""


def made(folder: Path, config: str = "") -> Path:
    """The build of the showback ledger, with other settings where they are given."""
    ledger = copied("showback", folder).rename(folder / "ledger")
    if config:
        (ledger / "config.yaml").write_text(config, encoding="utf-8")
    build(ledger, folder / "public", workers=1)
    return folder / "public"


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One source is charged, one only shown."""
    return made(tmp_path_factory.mktemp("mixed"))


@pytest.fixture(scope="module")
def showback(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing is charged."""
    return made(tmp_path_factory.mktemp("shown"), "organization: Golden University\njournal: {post: false}\n")


def page(folder: Path, name: str) -> str:
    """The words of a page's main part."""
    text = (folder / name).read_text(encoding="utf-8")
    main = re.sub(
        r"<p class=\"fresh\">.*|<nav class=\"views\".*?</nav>", "", text[text.index("<main") :], flags=re.DOTALL
    )
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def pdf(folder: Path, name: str) -> tuple[str, dict[str, list[bytes]]]:
    """The words of a PDF and the files it carries."""
    period, pi, project = name.split("/")
    (path,) = folder.glob(f"statements/{period}/{pi}/{period}_{project}_*.pdf")
    reader = pypdf.PdfReader(io.BytesIO(path.read_bytes()))
    return " ".join(" ".join(each.extract_text() for each in reader.pages).split()), dict(reader.attachments)


def test_a_printed_showback_statement_charges_nothing(public: Path) -> None:
    text, files = pdf(public, SHOWN)
    assert SENTENCE in text
    assert "Value of usage USD 28.00" in text
    assert "Value, USD" in text
    assert not PAYING.search(text), PAYING.search(text)
    record = json.loads(files["statement.json"][0])
    nothing = {"list": "0.00", "discount": "0.00", "covered": "0.00", "billed": "0.00", "discounts": []}
    assert record["total"] == nothing
    discounts = [{"cause": "vendor", "source": "aws", "amount": "6.00"}]
    assert record["shown"] == {
        **nothing,
        "list": "34.00",
        "discount": "6.00",
        "billed": "28.00",
        "discounts": discounts,
    }
    assert record["funds"] == []
    assert {line["posted"] for line in record["lines"]} == {False}


def test_a_printed_mixed_statement_keeps_both_apart(public: Path) -> None:
    text, files = pdf(public, MIXED)
    assert SENTENCE not in text
    assert "Amount due so far USD 70.00" in text
    assert "For your information, not charged: USD 40.00" in text
    assert "they are not part of the amount due." in text
    assert "110.00" not in text
    rows = files["lines.csv"][0].decode().splitlines()
    assert [row.split(",")[10] for row in rows] == ["posted", "no", "yes", "yes"]


def test_the_pages_of_statements_say_the_same(public: Path) -> None:
    shown, mixed = page(public, f"statements/{SHOWN}.html"), page(public, f"statements/{MIXED}.html")
    assert SENTENCE in shown
    assert "Value of usage USD 28.00" in shown
    assert not PAYING.search(shown), PAYING.search(shown)
    assert "Amount due so far USD 70.00" in mixed
    assert "For your information, not charged 40.00" in mixed
    assert "110.00" not in mixed


def test_a_mixed_portal_never_adds_what_is_shown_to_what_is_due(public: Path) -> None:
    month = page(public, "periods/2025-01/index.html")
    assert "Amount due USD 70.00" in month
    assert "For information, not charged 68.00" in month
    assert "Cloud not charged" in month
    assert "Debits 130.00, credits 130.00, net 70.00 USD. The net is the amount owed: refunds swap sides" in month
    first = page(public, "index.html")
    assert "Amount due USD 70.00" in first
    assert "For information, not charged 68.00" in first
    people = page(public, "pis/index.html")
    assert re.search(r"ada@example\.edu 70\.00 0\.00 70\.00 – 70\.00 40\.00", people)
    assert re.search(r"bea@example\.edu 0\.00 0\.00 0\.00 – 0\.00 28\.00", people)
    # Only the control totals of sources and files count both, as what was billed of what was imported.
    folders = ("sources", "files", "charges")
    imported = {
        public / "periods/2025-01/index.html",
        *(p for name in folders for p in public.glob(f"{name}/**/*.html")),
    }
    for path in set(public.rglob("*.html")) - imported:
        assert "138.00" not in page(public, path.relative_to(public).as_posix()), path


def test_the_journal_page_explains_debits_and_net(public: Path) -> None:
    text = page(public, "journals/2025-01/index.html")
    assert "the net equals the amount due on the statements" in text
    assert "Debits 130.00, credits 130.00, net 70.00 USD." in text
    assert "Cluster 4 130.00 130.00 70.00 70.00 yes" in text
    assert "Cloud" not in text


def test_a_month_that_posts_nothing_has_no_journal_file(showback: Path) -> None:
    assert [path.name for path in (showback / "journals/2025-01").iterdir()] == ["index.html"]
    (drafted,) = (showback / "drafts/2025-01").iterdir()
    totals = json.loads(drafted.read_bytes())
    figures = {"lines": 0, "debits": "0.00", "credits": "0.00", "net": "0.00"}
    assert {key: totals["journal"][key] for key in figures} == figures
    assert (totals["status"], totals["files"], totals["sources"]) == ("DRAFT", {}, {})
    for name in ("journals/2025-01/index.html", "periods/2025-01/index.html"):
        assert "Nothing to post: no source of this month is charged (post: false)." in " ".join(
            page(showback, name).replace("( ", "(").replace(" )", ")").split()
        )


def test_a_portal_in_which_nothing_is_charged_speaks_of_values(showback: Path) -> None:
    first = page(showback, "index.html")
    assert "Value USD 138.00" in first
    assert SENTENCE in first
    for name in ("index.html", "periods/2025-01/index.html", "periods/index.html", "pis/index.html"):
        assert not re.search(r"\bdue\b", page(showback, name), re.IGNORECASE), name


def run(ledger: Path, *arguments: str) -> str:
    done = CliRunner().invoke(cli, [*arguments, "--ledger", str(ledger)])
    assert done.exit_code == 0, done.output
    return done.output


def test_commands_keep_both_apart(public: Path, showback: Path) -> None:
    mixed, shown = public.parent / "ledger", showback.parent / "ledger"
    listed = run(mixed, "periods", "list").strip()
    assert re.search(r"Due USD +Not charged +Held\n2025-01 +Open .* 70\.00 +68\.00 +0\.00$", listed)
    text = run(mixed, "periods", "show", "2025-01")
    assert "2 statements: list 70.00, discount 0.00, due 70.00 USD\n" in text
    assert "for information, not charged: list 84.00, vendor discount −16.00, value 68.00 USD\n" in text
    assert "journal of 4 lines: debits 130.00, credits 130.00, net 70.00 USD\nThe net is the amount owed" in text
    assert "70.00 USD due and 68.00 USD not charged" in run(mixed, "generate", "--period", "2025-01", "--dry-run")
    assert run(mixed, "show", "bea@example.edu").endswith("28.00 USD for information, nothing charged\n")
    assert "Due" not in run(shown, "periods", "list")
    assert "no journal: no source of the period is charged" in run(shown, "periods", "show", "2025-01")
    assert "nothing to post: no source of 2025-01 is charged" in run(shown, "journal", "--period", "2025-01")


def test_a_showback_month_closes_without_credit_funds(showback: Path, tmp_path: Path) -> None:
    ledger = Path(shutil.copytree(showback.parent / "ledger", tmp_path / "ledger"))
    run(ledger, "periods", "close", "2025-01", "--on", "2025-02-05", "--by", "a@x.edu")
    run(ledger, "validate")
    text = run(ledger, "periods", "show", "2025-01", "--json")
    shown = json.loads(text[text.index("{") :])
    assert (shown["state"], shown["shown"], shown["journal"]["lines"]) == ("closed", "138.00", 0)
    assert {each["billed"] for each in shown["statements"]} == {"0.00"}
