"""The guides: each documented command, run on the documented input, gives the documented figures."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from needed import needs
from openchargeback.cli.main import cli

DOCS = Path(__file__).parents[2] / "docs"
FILE = re.compile(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"^<!-- run -->\n```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDES = [path for path in sorted(DOCS.glob("*.md")) if RUN.search(path.read_text(encoding="utf-8"))]


def runs(text: str) -> list[tuple[list[str], str]]:
    """The arguments and the output of each command of a console block."""
    found = []
    for block in RUN.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            words = command.split()
            assert words[0] == "focus-billing"
            found.append((words[1:], output))
    return found


def test_there_are_guides() -> None:
    assert DOCS / "tokens-export-guide.md" in GUIDES


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_commands_of_a_guide_give_its_figures(guide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = guide.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, content in FILE.findall(text):
        (tmp_path / name).write_text(content, encoding="utf-8")
    for arguments, output in runs(text):
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0, done.output
        assert "\n".join(line.rstrip() for line in done.stdout.splitlines()) == output.rstrip("\n")


SCRIPT = re.compile(r"^```sh\n(#!/usr/bin/env bash\n# collect-openai\.sh .*?)^```$", re.MULTILINE | re.DOTALL)
CURL = """#!/usr/bin/env bash
echo "${*: -1}" >> "$LOG"
case "${*: -1}" in
  *page=second*) cat "$PAGES/2.json"; exit "$LAST" ;;
  *) cat "$PAGES/1.json" ;;
esac
"""


WHOLE = '{"data": [], "has_more": false, "next_page": null}\n'


@needs("jq")
@pytest.mark.parametrize(("last", "answer"), [(0, WHOLE), (22, ""), (0, "")])
def test_the_collection_takes_all_pages_or_none(tmp_path: Path, last: int, answer: str) -> None:
    """curl exits with 22 if the server answers with an error (--fail); it may also answer with nothing."""
    (script,) = SCRIPT.findall((DOCS / "tokens-export-guide.md").read_text(encoding="utf-8"))
    (tmp_path / "collect.sh").write_text(script)
    (tmp_path / "1.json").write_text(json.dumps({"data": [], "has_more": True, "next_page": "second"}) + "\n")
    (tmp_path / "2.json").write_text(answer)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "curl").write_text(CURL)
    (tools / "curl").chmod(0o755)
    env = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "OPENAI_ADMIN_KEY": "k",
        "PAGES": str(tmp_path),
        "LOG": str(tmp_path / "log"),
        "LAST": str(last),
    }
    done = subprocess.run(["bash", "collect.sh", "2025-01"], cwd=tmp_path, env=env, capture_output=True, check=False)
    assert done.returncode == (last if answer or last else 1), done.stderr
    asked = (tmp_path / "log").read_text().splitlines()
    assert len(asked) == 2
    assert "start_time=1735689600&end_time=1738368000" in asked[0]
    written = tmp_path / "openai-2025-01.json"
    assert written.exists() == bool(answer)
    if answer:
        assert [json.loads(line)["has_more"] for line in written.read_text().splitlines()] == [True, False]
