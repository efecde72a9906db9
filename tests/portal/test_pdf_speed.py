"""The shortcuts in WeasyPrint change nothing that is seen, and are left out where they would not fit."""

from __future__ import annotations

import io
import subprocess
import sys
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest
import statement_cases as cases
from pdf_text import lost, pages_of, unsaid
from pypdf import PdfReader

from needed import needs
from openchargeback.portal import pdf_speed
from openchargeback.portal.pdf_speed import SOURCES, can_hasten, sources_digest

HERE = Path(__file__).parent
COMPARED = ("normal", "two-funds", "earlier", "corrected", "draft", "large", "long-title", "nothing")

PLAIN = """
import sys
from pathlib import Path
folder, names = Path(sys.argv[1]), sys.argv[2].split()
sys.path[:0] = sys.argv[3:]
from openchargeback.portal import pdf_speed
pdf_speed.SOURCES = "another release"
import statement_cases as cases
from openchargeback.portal.pdf_pool import render_job
for name in names:
    (folder / f"{name}.pdf").write_bytes(render_job(cases.job_of(name)))
from weasyprint import HTML, css, svg
from weasyprint.text import line_break
from openchargeback.portal.pdf_page import page_of
assert type(page_of(sys.modules["weasyprint"], "<html><body><p>a</p></body></html>", "", None)) is HTML
assert pdf_speed.LABEL not in svg.TAGS
homes = {each.__module__ for each in (
    css.ComputedStyle.__missing__, line_break.Layout.setup, line_break.Layout.deactivate, line_break.Layout.reactivate
)}
assert homes == {"weasyprint.css", "weasyprint.text.line_break"}, homes
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Cases as a release prints them that the shortcuts were not written for; nothing of it was changed."""
    folder = tmp_path_factory.mktemp("plain")
    paths = [str(HERE), *(path for path in sys.path if path)]
    subprocess.run([sys.executable, "-c", PLAIN, str(folder), " ".join(COMPARED), *paths], check=True)
    return {name: (folder / f"{name}.pdf").read_bytes() for name in COMPARED}


def test_the_shortcuts_were_written_for_what_is_installed() -> None:
    """If this fails after an update: read what changed in `pdf_speed._FILES`, compare both ways, then set `SOURCES`."""
    assert sources_digest() == SOURCES
    assert can_hasten()


def test_a_library_without_its_sources_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for files in ({"weasyprint": ("absent.py",)}, {"no_such_package": ("__init__.py",)}):
        monkeypatch.setattr(pdf_speed, "_FILES", files)
        assert sources_digest() == ""


@pytest.mark.mostly_slow(but=2)
@pytest.mark.parametrize("name", COMPARED)
def test_both_ways_say_the_same_on_the_same_pages(plain: dict[str, bytes], printed: dict[str, Path], name: str) -> None:
    slow, fast = plain[name], printed[name].read_bytes()
    for one, other in zip(pages_of(slow), pages_of(fast), strict=True):
        gone, come = differences(one, other)
        # The chart may be drawn before the words around it.
        assert sorted(gone) == sorted(come)
    assert lost(cases.job_of(name), slow) == []
    assert unsaid(slow) == []


def differences(one: str, other: str) -> tuple[list[str], list[str]]:
    """The stretches of a text that another has not, or has elsewhere, and the reverse."""
    found = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    changed = [(one[i:j], other[k:m]) for kind, i, j, k, m in found if kind != "equal"]
    return [gone for gone, _ in changed if gone], [come for _, come in changed if come]


@pytest.mark.parametrize("name", COMPARED)
def test_both_ways_have_the_same_tags_and_data(plain: dict[str, bytes], printed: dict[str, Path], name: str) -> None:
    slow, fast = (PdfReader(io.BytesIO(each)) for each in (plain[name], printed[name].read_bytes()))
    assert tags_of(slow) == tags_of(fast)
    assert slow.attachments == fast.attachments


def tags_of(reader: PdfReader) -> Counter[str]:
    """How often each tag is in the structure of a document (ISO 32000-1, 14.7.2)."""
    found: Counter[str] = Counter()
    root: Any = reader.trailer["/Root"]
    todo: list[Any] = [root["/StructTreeRoot"]]
    while todo:
        each = todo.pop().get_object()
        if isinstance(each, list):
            todo += each
        elif isinstance(each, dict):
            found[str(each.get("/S"))] += 1
            todo += [each["/K"]] if "/K" in each else []
    return found


@needs("pdftoppm")
@pytest.mark.parametrize("name", COMPARED)
def test_both_ways_look_the_same(plain: dict[str, bytes], printed: dict[str, Path], tmp_path: Path, name: str) -> None:
    """At most one pixel in a thousand differs by more than an edge that is drawn a little otherwise."""
    pictures = []
    for at, content in enumerate((plain[name], printed[name].read_bytes())):
        (tmp_path / f"{at}.pdf").write_bytes(content)
        command: list[str | Path] = [
            "pdftoppm",
            "-r",
            "60",
            "-gray",
            "-singlefile",
            tmp_path / f"{at}.pdf",
            tmp_path / str(at),
        ]
        subprocess.run(command, check=True)
        pictures.append((tmp_path / f"{at}.pgm").read_bytes())
    slow, fast = pictures
    assert len(slow) == len(fast)
    other = sum(abs(one - two) > 64 for one, two in zip(slow, fast, strict=True))
    assert other <= len(slow) / 1000
