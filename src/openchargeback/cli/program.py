"""The group of all commands; it rejects options that are given twice."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click


class Program(click.Group):
    """The program as a whole. It checks the command line before any command parses it, so none is missed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reject options given twice, then parse. Raises click.UsageError."""
        if not ctx.resilient_parsing:
            _refuse_repeated(ctx, self, args)
        return super().parse_args(ctx, args)


def _refuse_repeated(ctx: click.Context, command: click.Command, args: Sequence[str], ledger: str = "") -> None:
    """Raise UsageError if an option of the command or its subcommands is given twice but is not repeatable.

    ledger: --ledger as given before the command.
    """
    try:
        values, rest, order = command.make_parser(ctx).parse_args(list(args))
    except click.UsageError:
        # Reported when the command itself parses it.
        return
    given: dict[str | None, click.Option] = {}
    for option in order:
        if not isinstance(option, click.Option) or option.multiple or option.count or option.is_eager:
            continue
        before = given.setdefault(option.name, option)
        if before is not option:
            raise click.UsageError(f"{_name(before)} and {_name(option)} cannot be used together", ctx)
        if order.count(option) > 1:
            raise click.UsageError(f"{_name(option)} was given twice", ctx)
    named = next((str(values[name]) for name, option in given.items() if name and "--ledger" in option.opts), "")
    if ledger and named and os.path.realpath(ledger) != os.path.realpath(named):
        raise click.UsageError(f"--ledger was given twice: {ledger} and {named}", ctx)
    within = command.get_command(ctx, rest[0]) if isinstance(command, click.Group) and rest else None
    if within is not None:
        inner = click.Context(within, parent=ctx, info_name=rest[0])
        _refuse_repeated(inner, within, rest[1:], ledger or named)


def _name(option: click.Option) -> str:
    return max(option.opts, key=len)
