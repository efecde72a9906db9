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

if TYPE_CHECKING:
    from openchargeback.model import BilledPeriod, Statement
    from openchargeback.publish.build import Step
    from openchargeback.review.held_sums import HeldSum

_REPLACED = dict.fromkeys(map(ord, MISLEADING), "\N{REPLACEMENT CHARACTER}")


def shown(text: str) -> str:
    """Text from data, without characters that could steer a terminal or mislead its reader."""
    return text.translate(_REPLACED)


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json_text(value), nl=False)


def print_for_others(root: Path, what: str, text: str) -> None:
    """A document that workflows publish, on stdout. Raises LedgerFault where it holds a secret of this machine."""
    from openchargeback.publish.secrets import secrets_of

    secrets_of(root).refuse_in([(what, text.encode())])
    click.echo(text, nl=False)


def json_text(value: object) -> str:
    """A JSON document as people and programs read it."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> None:
    """A table without frames; the columns in `right` are aligned right."""
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


def amount_words(rows: Sequence[BilledPeriod | Statement], currency: str) -> str:
    """What periods or statements come to: `70.00 USD due`, with what is only shown apart from it."""
    posted = {line.posted for row in rows for line in row.lines}
    due = money.human(Amounts.total(row.amounts for row in rows).billed, currency)
    shown_only = money.human(Amounts.total(row.shown for row in rows).billed, currency)
    if posted == {False}:
        return f"{shown_only} {currency} for information, nothing charged"
    return f"{due} {currency} due" + (f" and {shown_only} {currency} not charged" if False in posted else "")


def held_words(sums: Sequence[HeldSum]) -> str:
    """Sums of held money, one a currency: `10.00 USD, 5.00 EUR`; what is zero only where it is all."""
    told = [each for each in sums if each.charges] or sums[:1]
    return ", ".join(f"{money.human(each.exact_billed, each.currency)} {each.currency}" for each in told)


def print_held(sums: Sequence[HeldSum], totals: Sequence[HeldSum], scope: str) -> None:
    """What is held by reason, each charge once, and its totals. scope: which charges these are."""
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
    """Every problem with its place, excerpt and fix on stderr, and a summary last."""
    from openchargeback.cli.reports.text import page_for, report

    page = page_for(terminal=sys.stderr.isatty(), root=root)
    click.echo(report(problems, page), err=True, nl=False, color=color())


def note_problems(problems: Sequence[Problem]) -> None:
    """One line on stderr for what `validate` tells at length: commands that are run all day do not repeat it."""
    if problems:
        from openchargeback.cli.reports.paragraphs import paragraphs, totals

        click.echo(f"{totals(paragraphs(problems))}; `focus-billing validate` shows them", err=True)


def color() -> bool | None:
    """No colors where the person set NO_COLOR to anything (no-color.org); else click decides by the terminal."""
    return False if os.environ.get("NO_COLOR") else None


@contextmanager
def progress(first: str = "Reading the ledger", *, lines: bool = False) -> Iterator[Step]:
    """Say on stderr what is being done, from now on; gives the function that is called with each step.

    On a terminal it is one line, which is renewed and goes away at the end. Elsewhere, as in the log of CI, it is
    nothing, or with `lines` a plain line for each stage and every ten seconds: for commands that may take long.
    Enter it before the imports that take time. first: what is done until the first step.
    """
    if sys.stderr.isatty():
        with _bar(first) as step:
            yield step
    else:
        yield _plain_lines(first) if lines else lambda _what, _done, _total: None


_SECONDS = 10
"""Between two lines of one stage."""


def _plain_lines(first: str) -> Step:
    click.echo(f"{first} …", err=True)
    stage, told = first, 0.0

    def step(what: str, done: int, total: int) -> None:
        nonlocal stage, told
        now = time.monotonic()
        if what == stage and now < told + _SECONDS:
            return
        stage, told = what, now
        click.echo(f"{what}: {done:,} of {total:,} …" if total else f"{what} …", err=True)

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
