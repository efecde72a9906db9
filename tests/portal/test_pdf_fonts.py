"""PDFs show every script that names are written in, with our fonts alone, the same on every machine."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import statement_cases as cases

from needed import needs
from openchargeback.model import Person, Project, Statement
from openchargeback.portal.pdf_fonts import fallback_fonts, needed_fonts, style_fonts, without_glyph
from openchargeback.portal.pdf_pool import render_job
from openchargeback.templating.environment import make_environment

HERE = Path(__file__).parent

SCRIPTS = {
    "Chinese": ("李雷的虚拟机 氣候學院", {"NotoSansCJK"}),
    "Japanese": ("気候モデル 髙橋", {"NotoSansCJK"}),
    "Korean": ("기후 연구소 뷁", {"NotoSansCJK"}),
    "Arabic": ("معهد المناخ", {"NotoSansArabic"}),
    "Hebrew": ("מכון האקלים", {"NotoSansHebrew"}),
    "Devanagari": ("जलवायु संस्थान", {"NotoSansDevanagari"}),
    "Thai": ("สถาบันภูมิอากาศ", {"NotoSansThai"}),
    "symbols": ("★ ✓ ♻ ⚠", {"NotoSansSymbols", "NotoSansSymbols2"}),
    "mathematics": ("∀x∉∅ ⨁", {"NotoSansMath"}),
    "emoji": ("🔬 🧬", {"NotoEmoji"}),
}  # fmt: skip


def named(name: str) -> Statement:
    """A statement on which everything has this name."""
    lines = [dataclasses.replace(line, service=name) for line in cases.normal_lines()[:1]]
    parts = [dataclasses.replace(part, service=name, resource_name=name) for part in cases.split(lines[0], 1)]
    return cases.statement(
        lines, parts, pi=Person("ada@example.edu", f"{name} Ada", name), project=Project("climate", name)
    )


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("scripts")
    for script, (text, _) in SCRIPTS.items():
        (folder / f"{script}.pdf").write_bytes(render_job(cases.job(named(text))))
    return {script: folder / f"{script}.pdf" for script in SCRIPTS}


@pytest.mark.slow
@needs("pdffonts", "pdftotext")
@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_is_shown_with_our_font_alone(printed: dict[str, Path], script: str) -> None:
    text, wanted = SCRIPTS[script]
    files = make_environment().files()
    needed = needed_fonts(text, style_fonts(files), fallback_fonts(files))
    assert {font.family for font in needed} <= {*wanted, "Inter Full"}
    rows = subprocess.run(["pdffonts", printed[script]], check=True, capture_output=True, text=True).stdout
    own = ("Inter", "IBM-Plex-Mono")
    fonts = {re.match(r"[A-Z]{6}\+(\S+)", row)[1] for row in rows.splitlines()[2:]}
    more = {name.replace("-", "") for name in fonts if not name.startswith(own)}
    assert {name.removesuffix("Regular").removesuffix("SC") for name in more} <= wanted
    assert more
    assert all(re.search(r"yes yes yes\s+\d+\s+\d+$", row) for row in rows.splitlines()[2:])
    shown = subprocess.run(["pdftotext", printed[script], "-"], check=True, capture_output=True, text=True).stdout
    assert set(text) <= set(shown) | {" "}


ONE_OF_EACH = """
import hashlib, sys
sys.path[:0] = sys.argv[2:]
import statement_cases as cases
from test_pdf_fonts import SCRIPTS, named
from openchargeback.portal.pdf_pool import render_job
for text, _ in SCRIPTS.values():
    print(hashlib.sha256(render_job(cases.job(named(text)))).hexdigest())
print(hashlib.sha256(render_job(cases.job(named(" ".join(text for text, _ in SCRIPTS.values()))))).hexdigest())
"""

NO_FONTS = "<fontconfig><cachedir>{cache}</cachedir></fontconfig>"
MACHINE = "<fontconfig><dir>/usr/share/fonts</dir><cachedir>{cache}</cachedir></fontconfig>"
# A font of someone else's under the name of ours, and rules that would change how text is set.
MORE = (
    "<fontconfig><dir>/usr/share/fonts</dir><dir>{fonts}</dir><cachedir>{cache}</cachedir>"
    '<match target="pattern"><edit name="family" mode="prepend" binding="strong"><string>DejaVu Serif</string></edit>'
    '<edit name="lang" mode="assign"><string>ja</string></edit></match>'
    '<match target="font"><edit name="embolden" mode="assign"><bool>true</bool></edit></match></fontconfig>'
)


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_fonts_rules_and_language_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "fonts").mkdir()
    found = sorted(Path("/usr/share/fonts").rglob("*.ttf"))
    for path in found[:1]:
        shutil.copy(path, tmp_path / "fonts" / "NotoSansArabic.ttf")
    runs = []
    for config, language in ((NO_FONTS, "C"), (MACHINE, "ja_JP.UTF-8"), (MORE, "zh_TW.UTF-8")):
        file = tmp_path / "fonts.conf"
        file.write_text(
            '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">'
            + config.format(cache=tmp_path / "cache", fonts=tmp_path / "fonts")
        )
        env = {**os.environ, "FONTCONFIG_FILE": str(file), "LC_ALL": language, "FC_LANG": language[:2]}
        command = [sys.executable, "-c", ONE_OF_EACH, "", str(HERE), *(path for path in sys.path if path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
        assert "UserWarning" not in done.stderr
        runs.append(done.stdout.split())
    assert runs[0] == runs[1] == runs[2]
    assert len(set(runs[0])) == len(SCRIPTS) + 1


def test_style_sheets_look_characters_up_in_the_order_in_which_fonts_are_chosen() -> None:
    """Else a character would come from another font than the one that was loaded for it."""
    files = make_environment().files()
    order = list(dict.fromkeys(font.family for font in fallback_fonts(files)))
    tokens = files["assets/tokens.css"].read_text()
    (stack,) = re.findall(r"--font-print: ([^;]+);", tokens)
    assert re.findall(r'"([^"]+)"', stack) == ["Inter", *order]
    assert '--font-print-id: "IBM Plex Mono", var(--font-print);' in tokens
    stacks = re.findall(r"(?m)^  font-family: ([^;]+);", files["assets/statement.css"].read_text())
    assert set(stacks) == {"var(--font-print)", "var(--font-print-id)"}


@pytest.mark.slow
def test_cut_fonts_are_made_of_the_whole_ones() -> None:
    """tools/cut_fonts.py, with the fonttools of the lock file, gives the same bytes."""
    command = [sys.executable, str(HERE.parent.parent / "tools/cut_fonts.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_latin_letters_need_no_more_fonts() -> None:
    files = make_environment().files()
    fonts, more = style_fonts(files), fallback_fonts(files)
    assert needed_fonts("Ærøskøbing Łódź Zoë Gülçin Şükrü “5 × 3” ≥ €", fonts, more) == ()
    for text in ("Thủ Đức", "Ωμέγα", "Кириллица"):
        assert [(font.family, font.weight) for font in needed_fonts(text, fonts, more)] == [
            ("Inter Full", 400),
            ("Inter Full", 600),
        ]
    assert [font.family for font in needed_fonts("李 א", fonts, more)] == ["NotoSansHebrew", "NotoSansCJK"]


def test_what_no_font_has_is_named_in_its_order() -> None:
    files = make_environment().files()
    fonts = (*style_fonts(files), *fallback_fonts(files))
    assert without_glyph("ᏣaᏉ\u200d李Ꮳ\ufe0f \u3000", fonts) == "ᏣᏉ"
    # What macOS writes for a Korean name is put together from its parts.
    assert without_glyph("\u1100\u1175\u11ab", fonts) == ""


def test_a_font_of_the_ledger_is_used_for_what_no_other_has(tmp_path: Path) -> None:
    """It is enough to put it in place."""
    font = next(iter(sorted(Path("/usr/share/fonts").rglob("DejaVuSans.ttf"))), None)
    if font is None:
        pytest.skip("DejaVu is not installed")
    (tmp_path / "fallback_fonts").mkdir()
    shutil.copy(font, tmp_path / "fallback_fonts" / "Own.ttf")
    files = make_environment(tmp_path).files()
    text = "ⴰⴱ"
    assert without_glyph(text, fallback_fonts(make_environment().files())) == text
    assert [each.family for each in needed_fonts(text, style_fonts(files), fallback_fonts(files))] == ["Own"]
