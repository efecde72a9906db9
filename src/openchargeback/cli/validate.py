"""`focus-billing validate`."""

from __future__ import annotations

import sys

import click

from openchargeback.cli.options import root_of, with_ledger
from openchargeback.cli.report import print_json, print_problems, progress, shown
from openchargeback.problems import Problem, Severity, has_errors, in_order
from openchargeback.publish.build import examine

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "notice"}


@click.command()
@click.argument("paths", nargs=-1)
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@with_ledger
def validate(paths: tuple[str, ...], form: str, strict: bool, named: str | None) -> None:
    """Every problem in the ledger: exit code 1 where there are errors. PATH narrows the report down.

    \b
    Example: focus-billing validate --format github
    """
    root = root_of(named)
    with progress() as step:
        _, _, found = examine(root, step=step)
    problems = in_order(each for each in found if not paths or any(_below(each.path, path) for path in paths))
    failed = has_errors(problems) or (strict and bool(problems))
    if form == "json":
        print_json({"valid": not failed, "problems": [problem.as_json() for problem in problems]})
    elif form == "github":
        for problem in problems:
            click.echo(annotation(problem))
    elif problems:
        print_problems(problems)
    sys.exit(1 if failed else 0)


def _below(path: str, folder: str) -> bool:
    prefix = folder.replace("\\", "/").strip("/").removeprefix("./")
    return path == prefix or path.startswith(prefix + "/")


def annotation(problem: Problem) -> str:
    """A workflow command of GitHub Actions, with everything from data escaped."""
    place = {"file": problem.path, "line": problem.line, "col": problem.column, "title": problem.code}
    properties = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in place.items() if value)
    text = _escaped(shown(problem.message) + (f"; {shown(problem.fix)}" if problem.fix else ""), "")
    return f"::{_LEVELS[problem.severity]} {properties}::{text}"


def _escaped(text: str, more: str) -> str:
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text
