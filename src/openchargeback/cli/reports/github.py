"""Annotations of GitHub Actions, and the job summary for what does not fit into them.

GitHub shows ten errors and ten warnings per step, and a summary of at most 1 MiB; it drops a longer one entirely.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from openchargeback.cli.report import shown
from openchargeback.cli.reports import place_below
from openchargeback.explanations import explain
from openchargeback.problems import Problem, Severity
from openchargeback.publish.paragraphs import Paragraph, total, totals
from openchargeback.wording import counted

SHOWN = 10
"""Annotations of one severity that GitHub shows per step."""

SUMMARY_BYTES = 1024 * 1024
"""The longest summary of one step."""

_TAIL = 400


def commands(found: Sequence[Paragraph], prefix: str, *, summary: bool) -> list[str]:
    """Workflow commands: the first place of each paragraph before the second of any, within what GitHub shows.

    prefix: from the repository to the ledger, with a trailing slash, or empty. summary: whether one is written.
    """
    lines = []
    left = 0
    for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTICE):
        # The notice with the number of the rest takes up one annotation.
        room = SHOWN - (severity is Severity.NOTICE)
        chosen = _spread([each for each in found if each.severity is severity], room)
        lines += [annotation(problem, prefix, alike, setting) for problem, alike, setting in chosen]
        left += total(found, severity) - len(chosen)
    if left:
        where = "in the summary of this job" if summary else "in the output of `focus-billing validate`"
        lines.append(f"::notice title=focus-billing::{left:,} more {where}")
    return lines


def _spread(found: Sequence[Paragraph], room: int) -> list[tuple[Problem, int, str]]:
    """Up to `room` problems, from as many paragraphs as possible, and how many others each represents.

    A warning appears once per file and code, with the setting that determines its severity.
    """
    deepest = max((len(each.places) for each in found), default=0)
    order = [
        (each.places[depth], 0 if depth else each.beyond, "" if depth else each.setting)
        for depth in range(min(deepest, room))
        for each in found
        if depth < (len(each.places) if each.severity is Severity.ERROR else 1)
    ]
    return order[:room]


def annotation(problem: Problem, prefix: str = "", alike: int = 0, setting: str = "") -> str:
    """One workflow command, with all data escaped."""
    file = prefix + problem.path if problem.path else ""
    place = {"file": file, "line": problem.line, "col": problem.column, "title": problem.code}
    properties = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in place.items() if value)
    times = f" ({alike:,} more like this)" if alike else ""
    text = shown(problem.message) + times + (f"; {shown(problem.fix)}" if problem.fix else "")
    text += f"; set by {setting}" if setting else ""
    return f"::{problem.severity} {properties}::{_escaped(text, '')}"


def _escaped(text: str, more: str) -> str:
    """Data of a workflow command: percent signs first, then whatever would end it or start another."""
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def summary(found: Sequence[Paragraph], room: int = SUMMARY_BYTES, prefix: str = "") -> str:
    """The report as Markdown in at most `room` bytes of UTF-8; empty if not even its heading fits.

    All text from data is in code spans, so that it cannot become markup, a link or a mention. prefix: as in `commands`.
    """
    head = f"### Ledger: {totals(found)}\n\n"
    used = len(head.encode()) + _TAIL
    if used > room:
        return ""
    items = []
    explained: set[str] = set()
    for index, each in enumerate(found):
        item = _item(each, prefix, why=each.head.code not in explained)
        explained.add(each.head.code)
        used += len(item.encode())
        if used > room:
            rest = sum(other.count for other in found[index:])
            items.append(f"\n{counted(rest, 'more problem')} not shown here: run `focus-billing validate`.\n")
            break
        items.append(item)
    return head + "".join(items)


def summary_room(path: Path) -> int:
    """The bytes left in the summary of this step; other commands may have written to it."""
    return SUMMARY_BYTES - (path.stat().st_size if path.exists() else 0)


def _item(paragraph: Paragraph, prefix: str, *, why: bool) -> str:
    head = paragraph.head
    known = explain(head.code)
    place = place_below(prefix, head)
    parts = [
        f"- **{head.severity}** {_code(head.code)} at {_code(place)}{paragraph.times}: {_code(head.message)}",
        *([f"  Fix: {_code(head.fix)}"] if head.fix else []),
        *([f"  Set by {_code(paragraph.setting)}"] if paragraph.setting else []),
        *([f"  Why: {known.matters}"] if known and why else []),
    ]
    # Two spaces at the end of a line are a line break.
    return "  \n".join(parts) + "\n"


def _code(text: str) -> str:
    """A code span that no text can break out of (CommonMark 0.31, 6.1)."""
    plain = " ".join(shown(text).split()) or " "
    longest = max((len(run) for run in re.findall("`+", plain)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}"
