"""A process that is forked for a command is like one that is started for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import program


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text("organization: A\ncurency: USD\n", encoding="utf-8")
    (tmp_path / "charges").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--version",), 0), (("validate",), 1), (("validate", "--nothing"), 2), (("periods", "list"), 1)],
)
def test_output_and_exit_code_are_those_of_a_start(ledger: Path, words: tuple[str, ...], code: int) -> None:
    env = {**os.environ, "COLUMNS": "60"}
    started = subprocess.run(
        [*program.COMMAND, *words], cwd=ledger, env=env, capture_output=True, text=True, check=False
    )
    forked = program.run(*words, cwd=ledger, env=env, code=code)
    assert (forked.stdout, forked.stderr, forked.returncode) == (started.stdout, started.stderr, started.returncode)
    assert started.stdout or started.stderr


def test_folder_and_environment_are_those_of_the_command_alone(ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    named = {**os.environ, "OPENCHARGEBACK_LEDGER": str(ledger)}
    assert "curency" in program.run("validate", cwd=tmp_path / "elsewhere", env=named, code=1).stdout
    assert program.run("validate", cwd=Path("/"), code=2).stdout == ""


def test_what_an_interpreter_reads_at_its_start_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here: to show where time goes."""
    shown = "openchargeback.cli.main\n"
    assert shown in program.run("--version", env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}, code=0).stderr
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    assert shown in program.run("--version", code=0).stderr


def test_a_command_that_never_ends_is_stopped_and_the_next_one_served(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here: since Git does not end."""
    git = tmp_path / "bin/git"
    git.parent.mkdir()
    git.write_text("#!/bin/sh\nexec sleep 1000\n", encoding="utf-8")
    git.chmod(0o755)
    monkeypatch.setattr(program, "SECONDS", 1)
    with pytest.raises(subprocess.TimeoutExpired):
        program.run("validate", cwd=ledger, env={**os.environ, "PATH": f"{git.parent}:{os.environ['PATH']}"})
    monkeypatch.undo()
    program.run("--version", code=0)
