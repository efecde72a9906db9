"""What a build makes of journals: drafts apart, closed months as they were closed, pages that say what was posted."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from journal_ledger import ANSWER, CONFIG, charges, close, put, run

from openchargeback.billing import postings
from openchargeback.export.journals import files as journal_files
from openchargeback.problems import Severity
from openchargeback.publish.build import build
from openchargeback.publish.gathering import gather_ledger
from openchargeback.publish.validating import validate


def built(root: Path) -> tuple[Path, list[str]]:
    """The output folder, and the warnings about journals."""
    made = build(root, root.parent / "out", pdfs=False)
    return made.output, [each.message for each in made.warnings if each.code.startswith("journal")]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "index.html")


def words(page: Path) -> str:
    """The text of a page, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.read_text("utf-8"))).split())


def test_drafts_are_apart_from_what_is_posted(ledger: Path) -> None:
    """In a folder of their own, so no artifact for posting has them; their control totals say so, too."""
    out, warnings = built(ledger)
    assert warnings == []
    assert files(out / "drafts") == ["2025-03"]
    assert files(out / "journals/2025-03") == []
    names = ["control-totals.json", "detail.csv", "gl.csv", "summary.csv"]
    assert files(out / "journals/2025-01") == names
    assert files(out / "drafts/2025-03") == [f"DRAFT-{name}" for name in names]
    draft, final = (
        json.loads((out / path).read_text("utf-8"))
        for path in ("drafts/2025-03/DRAFT-control-totals.json", "journals/2025-01/control-totals.json")
    )
    assert draft["status"] == "DRAFT"
    assert final["status"] == "final"
    assert {each["document"] for each in draft["files"].values()} == {None}
    assert {each["document"] for each in final["files"].values()} == {
        "OCB-2025-01",
        "OCB-DETAIL-2025-01",
        "OCB-SUMMARY-2025-01",
    }


def test_a_month_keeps_the_formats_and_numbers_it_was_closed_with(ledger: Path) -> None:
    put(ledger, "config.yaml", CONFIG.replace("journal:\n", "journal:\n  formats: [hledger, gl]\n"))
    put(ledger, "templates/journals/gl.yaml", "label: Ours\nextends: gl\ndocument: {prefix: NEW-}\n")
    close(ledger, "2025-03")
    out, warnings = built(ledger)
    assert warnings == []
    assert files(out / "journals/2025-01") == ["control-totals.json", "detail.csv", "gl.csv", "summary.csv"]
    assert files(out / "journals/2025-03") == ["control-totals.json", "gl.csv", "hledger.journal"]
    assert "OCB-2025-01," in (out / "journals/2025-01/gl.csv").read_text("utf-8")
    assert "NEW-2025-03," in (out / "journals/2025-03/gl.csv").read_text("utf-8")


def test_a_file_that_is_no_longer_as_it_was_closed_is_told(ledger: Path) -> None:
    """As the warning `journal-changed`: it may have been posted already."""
    put(
        ledger,
        "templates/journals/gl.yaml",
        "label: Ours\nextends: gl\nfiles: [{extension: csv, line: [{field: line.debit}, {field: line.credit}]}]\n",
    )
    _, warnings = built(ledger)
    assert warnings == [
        f"the journal file gl.csv of {month} is not the one that the month was closed with"
        for month in ("2025-01", "2025-02")
    ]


def test_pages_say_what_was_posted(ledger: Path) -> None:
    out, _ = built(ledger)
    page = out / "journals/2025-01/index.html"
    assert "Document numbers" in page.read_text("utf-8")
    assert "OCB-SUMMARY-2025-01" in words(page)
    assert "Nothing is recorded yet." in words(page)
    assert "Not posted 6 " in words(page)
    assert "Cluster 2025-01 genomics" in words(page)
    assert "Nothing is recorded of its posting yet." in words(out / "periods/2025-01/index.html")
    assert "Posting" not in words(out / "journals/2025-03/index.html")
    text = ANSWER.replace("Fund is closed", "<script>alert(1)</script>")
    run(ledger, "journal", "posted", put(ledger.parent, "answer.csv", text), "--by", "f")
    out, _ = built(ledger)
    assert "Document OCB-2025-01 was posted on 11 Feb 2025." in words(page)
    assert "Posted 3 " in words(page)
    assert "In suspense 1 7.25" in words(page)
    assert "OCB-2025-01 3 Rejected BIO-1 1,212.50 <script>alert(1)</script> March 2025" in words(page)
    assert "<script>alert" not in page.read_text("utf-8")
    assert "Of its lines, 3 posted, 1 in suspense, 2 rejected." in words(out / "periods/2025-01/index.html")
    march = words(out / "journals/2025-03/index.html")
    assert "1,309.75, and what is journaled again, 1,212.50" in march
    assert "Repost OCB-2025-01 line 3: Cluster 2025-01 genomics" in march


# ── Closing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def refused(root: Path) -> str:
    """The messages of a closing of March that fails; it leaves nothing."""
    done = run(root, "periods", "close", "2025-03", "--on", "2025-03-28", "--by", "admin", code=1)
    assert not (root / "periods/2025-03.frozen.yaml").exists()
    return " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("profile", "template", "message"),
    [
        ("characters: '[A-Z]'", "", "fund of journal format own has the character '-'"),
        ("document: {prefix: 'OCB-', length: 8}", "", "the prefix 'OCB-' leaves 4 of 8 characters"),
        ("files: [{extension: txt, template: own.txt}]", "{% for i in range(99999999) %}{% endfor %}", "the template"),
        ("files: [{extension: txt, template: own.txt}]", "{{ 1 / 0 }}", "the template of journal format own fails"),
        ("files: [{extension: txt, template: gone.txt}]", "", "needs the template 'gone.txt', which does not exist"),
        ("digits: 3", "", "1212.50"),
    ],
)
def test_a_month_whose_journal_cannot_be_written_is_not_closed(
    ledger: Path, profile: str, template: str, message: str
) -> None:
    put(ledger, "config.yaml", CONFIG.replace("journal:\n", "journal:\n  formats: [gl, own]\n"))
    put(ledger, "templates/journals/own.yaml", f"label: Ours\nextends: gl\n{profile}\n")
    if template:
        put(ledger, "templates/own.txt", template)
    assert message in refused(ledger)


def test_two_documents_never_have_the_same_number(ledger: Path) -> None:
    """Not within a month, and not a century later, when short numbers begin again."""
    put(ledger, "config.yaml", CONFIG.replace("journal:\n", "journal:\n  formats: [gl, own]\n"))
    put(ledger, "templates/journals/own.yaml", "label: Ours\nextends: gl\ndocument: {prefix: OCB-}\n")
    assert "the journal formats gl and own give" in refused(ledger)
    put(ledger, "templates/journals/own.yaml", "label: Ours\nextends: gl\ndocument: {prefix: RC, length: 8}\n")
    close(ledger, "2025-03")
    put(ledger, "charges/2125-03/hpc.csv", charges("2125-03"))
    done = run(ledger, "periods", "close", "2125-03", "--on", "2125-03-28", "--by", "admin", code=1)
    what = "the document RC253101 of 2125-03 in journal format own has the number of one of 2025-03"
    assert what in " ".join(done.stderr.split())


def test_a_month_that_is_closed_again_has_other_numbers(ledger: Path) -> None:
    run(ledger, "periods", "open", "2025-02")
    close(ledger, "2025-02")
    shown = json.loads(run(ledger, "periods", "show", "2025-02", "--json").stdout)
    assert [each["number"] for each in shown["journal"]["documents"] if each["format"] == "gl"] == ["OCB-2025-02-r2"]


def test_a_journal_is_not_made_to_see_that_all_of_it_was_accepted(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posting = "{document: %s, format: gl, on: 2025-02-10, lines: [%s]}"

    def put_posting(number: str, lines: str) -> None:
        put(ledger, "postings/2025-01.yaml", f"postings: [{posting % (number, lines)}]\n")

    def faults() -> list[str]:
        return [each.message for each in gather_ledger(ledger)[1] if each.severity is Severity.ERROR]

    put_posting("OCB-2025-01", "{line: 9, status: accepted}")
    assert faults() == ["document OCB-2025-01 has 6 lines, not 9"]
    monkeypatch.delattr(postings, "journal_of")
    put_posting("OCB-2025-99", "")
    assert [each.partition(" has ")[2] for each in faults()] == ["no document OCB-2025-99"]
    put_posting("OCB-2025-01", "")
    assert faults() == []
    put_posting("OCB-2025-01", "{line: 1, status: accepted}")
    with pytest.raises(NameError):
        faults()


def test_validate_writes_the_journal_of_a_closed_month_once(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To see whether it can be written; again if what it is written with has changed."""
    put(ledger, "config.yaml", CONFIG.replace("journal:\n", "journal:\n  formats: [gl, hledger]\n"))
    tried: list[str] = []
    true_files = journal_files.month_files

    def month_files(month: journal_files.Month) -> list[journal_files.JournalFile]:
        tried.append(month.period.period)
        return true_files(month)

    def faults() -> list[str]:
        tried.clear()
        _, problems = validate(ledger)
        return [each.code for each in problems if each.severity is Severity.ERROR]

    monkeypatch.setattr(journal_files, "month_files", month_files)
    assert faults() == []
    assert {"2025-01", "2025-03"} <= {*tried}
    assert faults() == []
    assert "2025-01" not in tried
    assert "2025-03" in tried
    put(ledger, "templates/journals/gl.yaml", "label: Ours\nextends: gl\nfiles: [{extension: csv, template: gl.txt}]\n")
    put(ledger, "templates/gl.txt", "{{ lines[0].amount.none() }}")
    for _ in range(2):
        assert {*faults()} == {"journal-template"}
        assert "2025-01" in tried


def test_the_same_journal_has_the_same_numbers_and_bytes(ledger: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    put(again, "config.yaml", CONFIG)
    put(again, "charges/2025-01/hpc.csv", charges("2025-01"))
    close(again, "2025-01")
    for name in ("detail", "summary", "gl"):
        texts = {run(root, "journal", "--period", "2025-01", "--format", name).stdout for root in (ledger, again)}
        assert len(texts) == 1
