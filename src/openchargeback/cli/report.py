"""What commands print: tables, problems, JSON, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from openchargeback.problems import Problem, Severity, in_order

if TYPE_CHECKING:
    from openchargeback.publish.build import Step

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTICE: "blue"}
_CONTROL = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160))}


def shown(text: str) -> str:
    """Text from data, without control characters that could steer a terminal."""
    return text.translate(_CONTROL)


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


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


def print_problems(problems: Iterable[Problem]) -> None:
    """Every problem with its place, excerpt and remedy on stderr, and a summary last."""
    ordered = in_order(problems)
    for problem in ordered:
        colour = _COLOURS[problem.severity]
        word = "" if problem.severity is Severity.ERROR else f"{problem.severity}: "
        times = f" ({problem.count:,} ×)" if problem.count > 1 else ""
        click.echo(
            click.style(shown(problem.place), bold=True)
            + f": {click.style(word, fg=colour)}{shown(problem.message)}{times}"
            + click.style(f"  [{problem.code}]", fg=colour),
            err=True,
        )
        if problem.excerpt and problem.line:
            _print_excerpt(problem)
        if problem.fix:
            click.echo(f"  mend: {shown(problem.fix)}", err=True)
    click.echo(summary(ordered), err=True)


def _print_excerpt(problem: Problem) -> None:
    number = f"{problem.line} | "
    start = max(0, problem.column - 40)
    text = ("…" if start else "") + shown(problem.excerpt[start : start + 90])
    click.echo(f"  {number}{text}", err=True)
    if problem.column and problem.column <= len(problem.excerpt) + 1:
        click.echo(" " * (2 + len(number) + problem.column - 1 - start + (1 if start else 0)) + "^", err=True)


def summary(problems: Sequence[Problem]) -> str:
    """How many errors and warnings there are."""
    errors = sum(problem.count for problem in problems if problem.severity is Severity.ERROR)
    warnings = sum(problem.count for problem in problems if problem.severity is Severity.WARNING)
    parts = [f"{errors:,} error{'s' * (errors != 1)}"] if errors else []
    parts += [f"{warnings:,} warning{'s' * (warnings != 1)}"] if warnings else []
    return ", ".join(parts) or "no problems"


@contextmanager
def progress() -> Iterator[Step]:
    """A progress bar on stderr, on a terminal only; gives the function that a build tells its steps to."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:11}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, object] = {}

        def step(what: str, done: int, total: int) -> None:
            task = tasks.setdefault(what, bar.add_task(what, total=total)) if what not in tasks else tasks[what]
            bar.update(task, completed=done, total=total)  # type: ignore[arg-type]  # TaskID is an int by another name

        yield step
