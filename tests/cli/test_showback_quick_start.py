"""The README's five commands for showback, as they stand there, on the sample files."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pypdf
import pytest

import program

ROOT = Path(__file__).parents[2]


def commands() -> list[list[str]]:
    """The commands of the section, each as its words."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text[text.index("### Showback in five commands") :]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [shlex.split(line) for line in block[1].splitlines()]


@pytest.mark.slow
def test_showback_takes_five_commands(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "sample_data").symlink_to(ROOT / "sample_data")
    found = commands()
    assert len(found) == 5
    told = []
    for name, *arguments in found:
        assert name == "focus-billing"
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        done = program.run(*arguments, cwd=checkout, env=env, code=0)
        told.append(done.stdout + done.stderr)
    assert "Value USD" in told[3]
    public = tmp_path / "public"
    assert "Nothing will be charged." in (public / "index.html").read_text(encoding="utf-8")
    printed = sorted((public / "statements").rglob("*.pdf"))
    assert len(printed) > 10
    for path in printed[:3]:
        text = " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(path).pages).split())
        assert "For your information. Nothing will be charged." in text
    assert [path.name for path in (public / "journals/2025-01").iterdir() if path.suffix == ".csv"] == []
    config = (tmp_path / "showback/config.yaml").read_text(encoding="utf-8")
    assert re.search(r"^journal:\n  post: false$", config, re.MULTILINE)


def test_without_the_option_a_new_ledger_charges(tmp_path: Path) -> None:
    program.run("init", "ledger", cwd=tmp_path, code=0)
    config = (tmp_path / "ledger/config.yaml").read_text(encoding="utf-8")
    assert not re.search(r"^journal:", config, re.MULTILINE)
    assert re.search(r"^#   post: true$", config, re.MULTILINE)
