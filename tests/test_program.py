"""A process that is forked for a command is like one that is started for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import program


def test_streams_folder_environment_and_exit_code_are_those_of_a_start(tmp_path: Path) -> None:
    """For a fine command, one that finds problems, and wrong usage."""
    (tmp_path / "config.yaml").write_text("organization: A\n")
    (tmp_path / "charges").mkdir()
    env = {**os.environ, "OPENCHARGEBACK_LEDGER": str(tmp_path), "COLUMNS": "60"}
    for words, code in ((("periods", "list"), 0), (("validate", "--json"), 2), (("--help",), 0), (("validate",), 0)):
        started = subprocess.run(
            [*program.COMMAND, *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        forked = program.run(*words, cwd=tmp_path, env=env, code=code)
        for part in ("stdout", "stderr", "returncode"):
            assert getattr(forked, part) == getattr(started, part)
    assert started.stdout
