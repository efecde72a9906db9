"""The report for people: place, excerpt with a caret, why it matters, how to mend it; the summary last.

What weighs most stands last, right above the summary, since that is what a terminal or a CI log shows first.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from openchargeback.cli.report import shown
from openchargeback.cli.reports.excerpt import excerpt_of
from openchargeback.cli.reports.paragraphs import Paragraph, paragraphs, totals
from openchargeback.explanations import explain
from openchargeback.problems import Problem, Severity

PLAIN_WIDTH = 80
WIDEST = 110
COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTICE: "blue"}
_LISTED = 8


@dataclass(frozen=True, slots=True)
class Page:
    """What the report is written on.

    width: columns; fold: whether to break what data says, too (not where a pipe may search for it).
    root: the ledger, from which lines are shown; None where the paths are not those of a ledger.
    """

    width: int = PLAIN_WIDTH
    fold: bool = False
    root: Path | None = None


def page_for(*, terminal: bool, root: Path | None) -> Page:
    """A page as wide as the terminal, within what reads well; 80 columns where there is none."""
    width = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns if terminal else PLAIN_WIDTH
    return Page(max(40, min(width, WIDEST)), terminal, root)


def report(problems: Iterable[Problem], page: Page) -> str:
    """The whole report, with ANSI styles; what prints it strips them where there is no terminal."""
    found = paragraphs(problems)
    told: set[str] = set()
    parts = []
    for each in reversed(_by_weight(found)):
        for paragraph in each:
            parts.append(_paragraph(paragraph, page, why=paragraph.head.code not in told))
            told.add(paragraph.head.code)
    return "\n\n".join([*parts, summary(found)]) + "\n"


def summary(found: Sequence[Paragraph]) -> str:
    """How much there is of what, and how to learn more."""
    if not found:
        return "no problems"
    files = len({each.head.path for each in found if each.head.path})
    where = f" in {files:,} file{'s' * (files != 1)}" if files else ""
    heaviest = found[0]
    code = heaviest.head.code
    more = f"\n`focus-billing validate --explain {code}` tells more" if explain(code) else ""
    return click.style(totals(found), fg=COLOURS[heaviest.severity], bold=True) + where + more


def _by_weight(found: Sequence[Paragraph]) -> list[list[Paragraph]]:
    return [group for severity in COLOURS if (group := [each for each in found if each.severity is severity])]


def _paragraph(paragraph: Paragraph, page: Page, *, why: bool) -> str:
    head = paragraph.head
    lines = [click.style(shown(head.place if head.path else "the ledger as a whole"), bold=True)]
    label = click.style(f"{head.severity}[{head.code}]", fg=COLOURS[head.severity], bold=True)
    message = _filled(f"{head.severity}[{head.code}]: {shown(head.message)}{paragraph.times}", page, "  ", "    ")
    lines.append(message.replace(f"{head.severity}[{head.code}]", label, 1))
    lines += _excerpt(head, page)
    known = explain(head.code)
    notes = {
        "also": _others(paragraph),
        "why": known.matters if known and why else "",
        "mend": shown(head.fix),
    }
    for word, text in notes.items():
        if text:
            folded = _filled(f"  {word:<4}  {text}", page, "", " " * 8, always=word != "mend")
            lines.append(folded.replace(word, click.style(word, fg="cyan"), 1))
    return "\n".join(lines)


def _filled(text: str, page: Page, first: str, later: str, *, always: bool = False) -> str:
    if not (page.fold or always):
        return first + text
    return textwrap.fill(
        text,
        page.width,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _excerpt(problem: Problem, page: Page) -> list[str]:
    number = str(problem.line)
    excerpt = excerpt_of(problem, page.root, page.width - len(number) - 7)
    if excerpt is None:
        return []
    colour = COLOURS[problem.severity]
    bar = click.style("|", fg="cyan")
    lines = ["", f"    {click.style(number, fg='cyan')} {bar} {excerpt.text}"]
    if excerpt.width:
        caret = click.style("^" * min(excerpt.width, page.width), fg=colour, bold=True)
        lines.append(f"    {' ' * len(number)} {bar} {' ' * excerpt.caret}{caret}")
    return [*lines, ""]


def _others(paragraph: Paragraph) -> str:
    """The places of the same fault that are not shown: the first few by line (in Parquet by row), the rest counted."""
    word = "line" if paragraph.head.line else "row"
    numbers = [each.line or each.row for each in paragraph.places]
    others = [number for number in dict.fromkeys(numbers) if number != numbers[0]]
    if not others:
        return ""
    listed = others[:_LISTED]
    named = {numbers[0], *listed}
    rest = paragraph.count - sum(
        each.count for each, number in zip(paragraph.places, numbers, strict=True) if number in named
    )
    words = ", ".join(f"{number:,}" for number in listed)
    return f"{word}{'s' * (len(listed) > 1)} {words}" + (f" and {rest:,} more" if rest else "")
