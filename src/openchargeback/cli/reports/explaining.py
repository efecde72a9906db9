"""Prints what a code means."""

from __future__ import annotations

import textwrap

import click

from openchargeback.cli.reports.text import COLORS
from openchargeback.explanations import Explanation


def explanation(entry: Explanation, width: int) -> str:
    """The whole record as text, with ANSI styles."""
    color = COLORS[entry.severity] if entry.severity else "magenta"
    head = f"{click.style(entry.code, fg=color, bold=True)}  {entry.kind}"
    parts = [
        f"{head}\n{click.style(entry.title, bold=True)}",
        _section("What it means", entry.means, width),
        _section("Why it matters", entry.matters, width),
        _section("How to fix it", entry.fix, width),
        click.style("Example", fg="cyan") + "\n" + textwrap.indent(entry.example, "    "),
        _section("Source of the rule", entry.source, width),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, text: str, width: int) -> str:
    folded = textwrap.fill(
        text,
        width,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{click.style(title, fg='cyan')}\n{folded}"
