"""The report for people: location, excerpt with a caret, why it matters, how to fix it; the summary last.

The most severe problems come last, right above the summary, since that is what a terminal or CI log shows first. A
repeated warning takes one line per file, unless the report is a full one.
"""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from openchargeback.cli.report import shown
from openchargeback.cli.reports.excerpt import excerpt_of
from openchargeback.explanations import explain, is_explained
from openchargeback.problems import Problem, Severity
from openchargeback.publish.paragraphs import Paragraph, paragraphs, totals
from openchargeback.wording import counted, listed

PLAIN_WIDTH = 80
WIDEST = 110
COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTICE: "blue"}
_LISTED = 8
_FIRST = 3


@dataclass(frozen=True, slots=True)
class Page:
    """The page that the report is laid out on.

    width: columns; fold: whether to wrap text from data, too (not in a pipe, where it may be searched for).
    root: the ledger to show lines from; None if the paths are not in a ledger.
    full: show every warning in full, with every known location.
    """

    width: int = PLAIN_WIDTH
    fold: bool = False
    root: Path | None = None
    full: bool = False


def page_for(*, terminal: bool, root: Path | None, full: bool = False) -> Page:
    """A page as wide as the terminal, within readable limits; 80 columns without a terminal."""
    width = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns if terminal else PLAIN_WIDTH
    return Page(max(40, min(width, WIDEST)), terminal, root, full)


def report(problems: Iterable[Problem], page: Page) -> str:
    """The whole report, with ANSI styles; the caller strips them if there is no terminal."""
    found = paragraphs(problems, full=page.full)
    repeated = set() if page.full else _repeated(found)
    explained: set[str] = set()
    parts = []
    for each in reversed(_by_weight(found)):
        lines = [_line(paragraph) for paragraph in each if paragraph.head.code in repeated]
        parts += ["\n".join(lines)] if lines else []
        for paragraph in each:
            if paragraph.head.code not in repeated:
                parts.append(_paragraph(paragraph, page, why=paragraph.head.code not in explained))
                explained.add(paragraph.head.code)
    return "\n\n".join([*parts, summary(found, shortened=bool(repeated))]) + "\n"


def _repeated(found: Sequence[Paragraph]) -> set[str]:
    """The codes of warnings and notices that occur more than once."""
    counts: Counter[str] = Counter()
    for each in found:
        if each.severity is not Severity.ERROR:
            counts[each.head.code] += each.count
    errors = {each.head.code for each in found if each.severity is Severity.ERROR}
    return {code for code, count in counts.items() if count > 1} - errors


def _line(paragraph: Paragraph) -> str:
    """A repeated warning, with its first locations in one file."""
    head = paragraph.head
    label = click.style(f"{head.severity}[{head.code}]", fg=COLORS[head.severity], bold=True)
    others = paragraph.columns[1:]
    notes = [
        f"{paragraph.count:,} times" if paragraph.beyond else "",
        _places(paragraph),
        f"also in {listed([shown(each) for each in others], _FIRST)}" if others else "",
        f"set by {paragraph.setting}" if paragraph.setting else "",
    ]
    remarks = "; ".join(note for note in notes if note)
    place = shown(head.place if head.path else "the ledger as a whole")
    # Readers can seldom change what a source exports, but they can change their own files.
    fix = "" if head.path.startswith("charges/") or not head.fix else f"; {shown(head.fix)}"
    text = f"{label}: {shown(head.message)}{fix}"
    return f"{click.style(place, bold=True)}: {text}" + (f" ({remarks})" if remarks else "")


def _places(paragraph: Paragraph) -> str:
    """The first lines, if there are several."""
    lines = paragraph.lines
    if len(lines) < 2:
        return ""
    word = "lines" if paragraph.head.line else "rows"
    listed, rest = lines[:_FIRST], max(paragraph.count, len(lines)) - _FIRST
    return f"{word} {', '.join(map(str, listed))}" + (" …" if rest > 0 else "")


def summary(found: Sequence[Paragraph], *, shortened: bool = False) -> str:
    """How many problems of each severity, and how to see more. shortened: whether some take only one line."""
    if not found:
        return "no problems"
    files = len({each.head.path for each in found if each.head.path})
    where = f" in {counted(files, 'file')}" if files else ""
    heaviest = found[0]
    code = heaviest.head.code
    more = f"\nfor an explanation, run `focus-billing validate --explain {code}`" if is_explained(code) else ""
    more += "\nfor every location of repeated problems, run `focus-billing validate --full`" if shortened else ""
    return click.style(totals(found), fg=COLORS[heaviest.severity], bold=True) + where + more


def _by_weight(found: Sequence[Paragraph]) -> list[list[Paragraph]]:
    return [group for severity in COLORS if (group := [each for each in found if each.severity is severity])]


def _paragraph(paragraph: Paragraph, page: Page, *, why: bool) -> str:
    head = paragraph.head
    lines = [click.style(shown(head.place if head.path else "the ledger as a whole"), bold=True)]
    label = click.style(f"{head.severity}[{head.code}]", fg=COLORS[head.severity], bold=True)
    message = _filled(f"{head.severity}[{head.code}]: {shown(head.message)}{paragraph.times}", page, "  ", "    ")
    lines.append(message.replace(f"{head.severity}[{head.code}]", label, 1))
    lines += _excerpt(head, page)
    known = explain(head.code)
    notes = {
        "also": _others(paragraph, page),
        "why": known.matters if known and why else "",
        "fix": shown(head.fix),
    }
    for word, text in notes.items():
        if text:
            folded = _filled(f"  {word:<4}  {text}", page, "", " " * 8, always=word != "fix")
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
    color = COLORS[problem.severity]
    bar = click.style("|", fg="cyan")
    lines = ["", f"    {click.style(number, fg='cyan')} {bar} {excerpt.text}"]
    if excerpt.width:
        caret = click.style("^" * min(excerpt.width, page.width), fg=color, bold=True)
        lines.append(f"    {' ' * len(number)} {bar} {' ' * excerpt.caret}{caret}")
    return [*lines, ""]


def _others(paragraph: Paragraph, page: Page) -> str:
    """Locations of the same fault that are not shown: the first few by line (in Parquet, row), the rest counted."""
    word = "line" if paragraph.head.line else "row"
    first = paragraph.head.line or paragraph.head.row
    others = [number for number in paragraph.lines if number != first]
    if not others:
        return ""
    listed = others if page.full else others[:_LISTED]
    named = {first, *listed}
    # A location without further lines may represent several faults, such as the cells of one row.
    covered = (
        1 + sum(line in named for line in each.more) if each.more else each.count
        for each in paragraph.places
        if (each.line or each.row) in named
    )
    rest = paragraph.count - sum(covered)
    words = ", ".join(f"{number:,}" for number in listed)
    return f"{word}{'s' * (len(listed) > 1)} {words}" + (f" and {rest:,} more" if rest else "")
