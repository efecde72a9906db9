"""docs/MONTHLY_ROUND.md, carried out: every command as it stands there, and what it prints compared with the page.

The blocks marked `console` are one session of one shell, from top to bottom. A line that begins with `$ ` is a command,
what follows is what the terminal shows. `…` stands for anything within a line, and on a line of its own for any lines.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import program

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "MONTHLY_ROUND.md"
PROMPT = "$ "
# What a command is busy with. A terminal shows it in one line, which is gone at the end, so the page does not have it.
PROGRESS = re.compile(r"^[A-Z][A-Za-z ]+(?:: [\d,]+ of [\d,]+)? …\n", re.MULTILINE)


def steps(text: str) -> Iterator[tuple[int, str, str]]:
    """The line, the command and the expected output of every step of a page."""
    for block in re.finditer(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, block.start()) + 2
        assert block[1].startswith(PROMPT), f"line {line}: a block begins with a command"
        for step in re.split(rf"^{re.escape(PROMPT)}", block[1], flags=re.MULTILINE)[1:]:
            command, expected = split(step)
            yield line, command, expected
            line += step.count("\n")


def split(step: str) -> tuple[str, str]:
    """A command, with its continued lines, and what it prints."""
    lines = step.splitlines()
    last = next(number for number, line in enumerate(lines) if not line.endswith("\\"))
    return "\n".join(lines[: last + 1]), "\n".join(lines[last + 1 :])


def fits(expected: str, printed: str) -> bool:
    """Whether the page shows what was printed; blank space at the ends of lines does not count."""
    pattern = re.escape("\n".join(line.rstrip() for line in expected.splitlines()))
    pattern = re.sub(r"(^|\n)…(?=\\\n|\n|$)", r"\1[\\s\\S]*", pattern).replace("…", ".*")
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.rstrip().splitlines())) is not None


class Shell:
    """A shell that a person works in: folder and variables stay from one command to the next."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> tuple[str, int]:
        """What a command prints, and its exit code."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{command}\nprintf '\\n--done %s--\\n' $?\n")
        self.process.stdin.flush()
        printed = ""
        while not (end := re.search(r"\n--done (\d+)--\n\Z", printed)):
            line = self.process.stdout.readline()
            assert line, f"the shell ended in {command!r}: {printed}"
            printed += line
        return PROGRESS.sub("", printed[: end.start()]), int(end[1])

    def end(self) -> None:
        """Close the shell."""
        self.process.communicate("exit\n", timeout=60)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder and a home without settings, in which the checkout of the project lies."""
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "openchargeback").symlink_to(ROOT)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "OPENCHARGEBACK_"))}
    shell = Shell(
        work,
        {
            **kept,
            "HOME": str(tmp_path),
            "PATH": program.put_on_path(tmp_path / "bin"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "120",
        },
    )
    yield shell
    shell.end()


@pytest.mark.slow
def test_the_page_is_what_happens(shell: Shell) -> None:
    """All differences at once, in the form in which the page has them."""
    different = []
    for line, command, expected in steps(PAGE.read_text("utf-8")):
        printed, _ = shell.run(command)
        if not fits(expected, printed):
            different.append(f"{PAGE.name}:{line}\n$ {command}\n{printed}")
    assert not different, "\n\n".join(different)


@pytest.mark.parametrize(
    ("expected", "printed", "fit"),
    [
        ("a", "a\n", True),
        ("a", "b", False),
        ("", "anything", False),
        ("[main …] x", "[main 12ab] x", True),
        ("[main …] x", "[main 12ab]\n x", False),
        ("…\nlast", "one\ntwo\nlast", True),
        ("first\n…\nlast", "first\nlast and more", False),
        ("first\n…", "first\ntwo\nthree", True),
        ("1.50", "1x50", False),
    ],
)
def test_output_is_compared(expected: str, printed: str, fit: bool) -> None:
    """Else the page could say anything."""
    assert fits(expected, printed) is fit
