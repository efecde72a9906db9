"""Write what documents say of codes and commands anew: `make docs`. --check only tells what is out of date.

The list of codes in docs/VALIDATION.md and the commands in docs/CLI.md stand between two marks; the rest is written by
hand.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from openchargeback.cli.main import cli
from openchargeback.explanations import SUBJECTS, Explanation, catalog

FOLDER = Path(__file__).parents[1] / "docs"
BEGIN = "<!-- Written by `make docs` from {}. -->\n"
END = "<!-- The end of what `make docs` writes. -->\n"
PROGRAM = "focus-billing"
WIDTH = 100


def main() -> int:
    """0 where all documents are up to date or were written; 1 where --check finds one out of date."""
    stale = False
    for name, (source, written) in DOCUMENTS.items():
        old = (FOLDER / name).read_text(encoding="utf-8")
        new = replaced(name, old, BEGIN.format(source), written())
        if old == new:
            continue
        stale = True
        if "--check" in sys.argv[1:]:
            print(f"{name} is out of date: run `make docs`", file=sys.stderr)
        else:
            (FOLDER / name).write_text(new, encoding="utf-8", newline="\n")
    return int(stale and "--check" in sys.argv[1:])


def replaced(name: str, text: str, begin: str, written: str) -> str:
    """The document with the part between its two marks written anew."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(END)
    if not rest or END not in text:
        raise SystemExit(f"{name} has lost its marks:\n{begin}{END}")
    return f"{before}{begin}\n{written}\n{END}{after}"


def commands() -> str:
    """What `--help` prints, for the program, each group and each command; those of a group stand under its heading."""
    return "\n".join(
        f"{'#' * max(2, len(title.split()))} {title}\n\n```text\n{text}\n```\n" for title, text in helps(cli, PROGRAM)
    )


def helps(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """The full name and the help of a command and of all within it, in the width of this document."""
    context = command.make_context(
        name, [], parent, resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            within = command.get_command(context, each)
            if within is not None:
                yield from helps(within, each, context)


def codes() -> str:
    """An overview of all codes by subject, then each at length."""
    parts = []
    for subject, heading in SUBJECTS.items():
        entries = [each for each in catalog().values() if each.subject == subject]
        rows = [f"| [`{each.code}`](#{anchor(each.code)}) | {each.kind} | {each.title} |" for each in entries]
        parts.append("\n".join([f"## {heading}", "", "| code | weight | what |", "|---|---|---|", *rows]) + "\n")
        parts += [entry(each) for each in entries]
    return "\n".join(parts)


def anchor(code: str) -> str:
    """The address that GitHub and GitLab give a heading."""
    return re.sub(r"[^a-z0-9-]", "", code)


def entry(each: Explanation) -> str:
    """One code at length."""
    return "\n".join(
        [
            f"### `{each.code}`",
            "",
            f"{each.kind.capitalize()}: **{each.title}.**",
            "",
            folded(f"{each.means} {each.matters}"),
            "",
            folded(f"*Fix:* {each.fix}"),
            "",
            "```text",
            each.example,
            "```",
            "",
            f"*Rule:* {each.source}",
            "",
        ]
    )


def folded(text: str) -> str:
    """Prose in lines of at most 120 characters, as in the other documents."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


# Document → what it is written from, and the function that writes it.
DOCUMENTS: dict[str, tuple[str, Callable[[], str]]] = {
    "CLI.md": ("the commands' own `--help`", commands),
    "VALIDATION.md": ("src/openchargeback/explanations.toml", codes),
}

if __name__ == "__main__":
    sys.exit(main())
