"""Options and helpers shared by several commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from openchargeback.ledger.files import OWN_FOLDERS, find_ledger
from openchargeback.ledger.lock import finish_interrupted
from openchargeback.ledger.periods import is_period
from openchargeback.problems import UsageFault
from openchargeback.wording import listed

F = TypeVar("F", bound=Callable[..., Any])


_NAMED = 5


class PeriodType(click.ParamType[str]):
    """A billing month such as 2025-01."""

    name = "period"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_period(str(value)):
            self.fail(f"{value} is not a period; write it like 2025-01", param, ctx)
        return str(value)


PERIOD = PeriodType()

_ledger = click.option("--ledger", "named", metavar="DIR", help="Folder of the ledger.")


def with_ledger(function: F) -> F:
    """Add the option --ledger after the command; `root_of` finds the folder."""
    return _ledger(function)


def root_of(named: str | None) -> Path:
    """The ledger's folder: as given after or before the command or in the environment, else found from here.

    Finishes what a killed command left half-done first, so that every command sees a consistent ledger.
    """
    context = click.get_current_context().find_root()
    root = find_ledger(named or context.obj, Path.cwd())
    if done := finish_interrupted(root):
        click.echo(f"note: finished an interrupted command; files written: {listed(done, _NAMED)}", err=True)
    return root


def keep_apart(root: Path, output: Path) -> None:
    """Refuse an output folder among the ledger's own files, such as `public` when run in charges/."""
    place = output.resolve()
    own = next((name for name in OWN_FOLDERS if place.is_relative_to((root / name).resolve())), "")
    if own:
        raise UsageFault(f"{output} would be inside the ledger's {own}/; choose another folder with -o")


in_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="Output format; markdown is for the summary of a CI job.",
)
as_json = click.option("--json", "json_", is_flag=True, help="Print one JSON document on stdout.")
