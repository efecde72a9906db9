"""The versions that stand in a PDF are those of what made it, however it was installed."""

from __future__ import annotations

import shutil
from pathlib import Path

from openchargeback.portal.libraries import digest_of_program

CODE, TEMPLATES = "src/openchargeback", "site_templates"


def _lay(root: Path, *, installed: bool) -> tuple[Path, Path]:
    """A program as a checkout or as a wheel has it."""
    code = root / ("site-packages/openchargeback" if installed else CODE)
    templates = code / TEMPLATES if installed else root / TEMPLATES
    for path, text in {
        code / "__init__.py": "",
        code / "billing/lines.sql": "SELECT 1",
        templates / "base.html": "<html>",
        templates / "fonts/one.ttf": "font",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if installed:
        (code / "requirements.lock").write_text("a==1", encoding="utf-8")
    (code / "__pycache__").mkdir()
    (code / "__pycache__/x.pyc").write_text("x", encoding="utf-8")
    return code, templates


def test_a_checkout_and_what_is_installed_from_it_are_one_program(tmp_path: Path) -> None:
    """Else `verify` could not confirm a PDF of the one with the other."""
    checkout = _lay(tmp_path / "checkout", installed=False)
    installed = _lay(tmp_path / "installed", installed=True)
    assert digest_of_program(*checkout) == digest_of_program(*installed)
    shutil.copy(checkout[0] / "__init__.py", checkout[1] / ".DS_Store")
    assert digest_of_program(*checkout) == digest_of_program(*installed)


def test_code_and_templates_are_told_from_others(tmp_path: Path) -> None:
    """One changed byte of either is another program."""
    code, templates = _lay(tmp_path, installed=True)
    before = digest_of_program(code, templates)
    (code / "billing/lines.sql").write_text("SELECT 2", encoding="utf-8")
    changed = digest_of_program(code, templates)
    (templates / "base.html").write_text("<html >", encoding="utf-8")
    assert len({before, changed, digest_of_program(code, templates)}) == 3
