"""What commands print: tables, problems, JSON, progress."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openchargeback import money
from openchargeback.characters import MISLEADING
from openchargeback.model import Amounts
from openchargeback.problems import Problem
from openchargeback.wording import step_words

if TYPE_CHECKING:
    from openchargeback.cli.listing import Billed
    from openchargeback.publish.books import Step
    from openchargeback.review.held_sums import HeldSum

_REPLACED = dict.fromkeys(map(ord, MISLEADING), "\N{REPLACEMENT CHARACTER}")


def shown(text: str) -> str:
    """Text from data, without characters that could control a terminal or mislead its reader."""
    return text.translate(_REPLACED)


def print_json(value: object) -> None:
    """Print one JSON document on stdout."""
    click.echo(json_text(value), nl=False)


def print_for_others(root: Path, what: str, text: str) -> None:
    """Print a document that workflows publish. Raises LedgerFault if it contains a secret of this machine."""
    from openchargeback.publish.secrets import secrets_of

    secrets_of(root).refuse_in([(what, text.encode())])
    click.echo(text, nl=False)


def json_text(value: object) -> str:
    """A JSON document, indented."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> None:
    """Print a table without frames; the columns in `right` are right-aligned."""
    lines = [[shown(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in [list(head), *lines]) for index in range(len(head))]
    aligned = set(right)

    def line(cells: Sequence[str]) -> str:
        parts = [
            cell.rjust(width) if index in aligned else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(parts).rstrip()

    click.secho(line(head), bold=True)
    for cells in lines:
        click.echo(line(cells))


def amount_words(rows: Sequence[Billed], currency: str) -> str:
    """The total of statements: `70.00 USD due`, with amounts that are only shown listed separately."""
    posted = {each for row in rows for each in (True,) * bool(row.posted) + (False,) * bool(row.unposted)}
    due = money.human(Amounts.total(row.amounts for row in rows).billed, currency)
    shown_only = money.human(Amounts.total(row.shown for row in rows).billed, currency)
    if posted == {False}:
        return f"{shown_only} {currency} for information, nothing charged"
    return f"{due} {currency} due" + (f" and {shown_only} {currency} not charged" if False in posted else "")


def held_words(sums: Sequence[HeldSum]) -> str:
    """Sums of held money, one per currency: `10.00 USD, 5.00 EUR`; zero only if nothing is held."""
    listed = [each for each in sums if each.charges] or sums[:1]
    return ", ".join(f"{money.human(each.exact_billed, each.currency)} {each.currency}" for each in listed)


def print_held(sums: Sequence[HeldSum], totals: Sequence[HeldSum], scope: str) -> None:
    """Print what is held by reason, each charge once, and the totals. scope: which charges these are."""
    rows = [
        *((", ".join(each.flags), each) for each in sums),
        *((f"Total, {scope}", each) for each in totals if each.charges),
    ]
    print_table(
        ("Held", "Charges", "Amount"),
        [
            (words, f"{each.charges:,}", f"{money.human(each.exact_billed, each.currency)} {each.currency}")
            for words, each in rows
        ],
        right=(1, 2),
    )


def print_problems(problems: Iterable[Problem], root: Path | None = None) -> None:
    """Print every problem on stderr with its location, excerpt and fix, and a summary last."""
    from openchargeback.cli.reports.text import page_for, report

    page = page_for(terminal=sys.stderr.isatty(), root=root)
    click.echo(report(problems, page), err=True, nl=False, color=color())


def note_problems(problems: Sequence[Problem]) -> None:
    """Print one line on stderr for what `validate` reports in full: everyday commands do not repeat it."""
    if problems:
        from openchargeback.publish.paragraphs import paragraphs, totals

        click.echo(f"{totals(paragraphs(problems))}; `focus-billing validate` shows them", err=True)


def color() -> bool | None:
    """No colors if NO_COLOR is set to anything (no-color.org); else click decides by the terminal."""
    return False if os.environ.get("NO_COLOR") else None


@contextmanager
def progress(first: str = "Reading the ledger", *, lines: bool = False) -> Iterator[Step]:
    """Show progress on stderr; yields the function to call with each step.

    On a terminal it is one line, updated in place and removed at the end. Elsewhere, as in a CI log, it is nothing, or
    with `lines` a plain line for each stage and every ten seconds, for commands that may take long. Enter it before
    slow imports. first: what to show until the first step.
    """
    if sys.stderr.isatty():
        with _bar(first) as step:
            yield step
    else:
        yield _plain_lines(first) if lines else lambda _what, _done, _total: None


_SECONDS = 10
"""Between two lines of the same stage."""


def _plain_lines(first: str) -> Step:
    click.echo(f"{first} …", err=True)
    stage, printed = first, 0.0

    def step(what: str, done: int, total: int) -> None:
        nonlocal stage, printed
        now = time.monotonic()
        if what == stage and now < printed + _SECONDS:
            return
        stage, printed = what, now
        click.echo(f"{step_words(what, done, total)} …", err=True)

    return step


@contextmanager
def _bar(first: str) -> Iterator[Step]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(first, total=None)

        def step(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield step
