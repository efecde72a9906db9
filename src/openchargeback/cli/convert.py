"""`focus-billing convert`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from openchargeback import money
from openchargeback.cli.listing import Column, count, json_rows, print_rows
from openchargeback.cli.options import PERIOD, as_json, root_of, with_ledger
from openchargeback.cli.report import print_json, print_problems, progress
from openchargeback.ledger.directory import FILES as DIRECTORY_FILES
from openchargeback.ledger.files import USAGE, intervals_path, listed, source_of
from openchargeback.ledger.lock import locked
from openchargeback.ledger.periods import period_of
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.model import State
from openchargeback.problems import LedgerFault, Problem, UsageFault, has_errors
from openchargeback.wording import counted

if TYPE_CHECKING:
    from openchargeback.convert.conversion import Conversion, MeterTotal, OwnerTotal, Request


@click.command()
@click.argument("kind", required=False)
@click.argument("inputs", nargs=-1, metavar="INPUT...", type=click.Path(path_type=Path))
@click.option("--config", "config", type=click.Path(path_type=Path), help="Settings of the conversion.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="CSV file to write.")
@click.option("--period", type=PERIOD, help="Month to bill; needed if the usage spans several.")
@click.option("--allow-empty", is_flag=True, help="Accept an export without usage in the month.")
@click.option("--dry-run", is_flag=True, help="Show the totals by PI and project without writing anything.")
@click.option("--list", "list_", is_flag=True, help="List the kinds of usage records.")
@click.option("--example-config", is_flag=True, help="Print a config for the kind, with every key.")
@click.option("--new", metavar="NAME", help="Write an installable package with a converter of your own.")
@click.option("--directory", type=click.Path(path_type=Path, file_okay=False), help="Where --new writes it.")
@click.option("--check", metavar="KIND|MODULE", help="Run the checks of a converter on its own example.")
@with_ledger
@as_json
def convert(
    kind: str | None,
    inputs: tuple[Path, ...],
    config: Path | None,
    output: Path | None,
    period: str | None,
    allow_empty: bool,
    dry_run: bool,
    list_: bool,
    example_config: bool,
    new: str | None,
    directory: Path | None,
    check: str | None,
    named: str | None,
    json_: bool,
) -> None:
    """Convert usage records of another system to FOCUS charges.

    With an output in the ledger, such as charges/2025-01/hpc.csv, usage that another conversion has billed already is
    a problem.

    \b
    Example: focus-billing convert slurm --example-config > slurm.yaml
             focus-billing convert slurm sacct.txt --config slurm.yaml --period 2025-01 --dry-run
             focus-billing convert --new storage && focus-billing convert --check openchargeback_storage
    """
    if new is not None or check is not None:
        _new_or_check(new, directory, check, json_=json_)
        return
    if list_:
        _list_kinds(json_)
        return
    if kind is None:
        raise UsageFault("name the kind of usage records: `focus-billing convert --list` lists them")
    from openchargeback.convert.example import example_config as example
    from openchargeback.convert.kinds import kind_of

    known = kind_of(kind)
    if example_config:
        click.echo(example(known), nl=False)
        return
    if not inputs or config is None or (output is None and not dry_run):
        raise UsageFault("name the inputs, --config FILE, and -o OUT.csv or --dry-run")
    with progress("Converting"):
        from openchargeback.convert.config import read_config
        from openchargeback.convert.conversion import Request

        settings, problems = read_config(known, config)
        if settings is None or has_errors(problems):
            raise LedgerFault(problems)
        request = Request(known, inputs, settings, period or "", allow_empty)
        target = None if dry_run else output
        done = _into_ledger_or_file(request, named, output, target)
    if problems or done.problems:
        print_problems([*problems, *done.problems])
    _report(done, target, json_=json_)


def _list_kinds(json_: bool) -> None:
    from openchargeback.convert.kinds import Kind, kind_of, names

    kinds = [kind_of(name) for name in names()]
    columns: tuple[Column[Kind], ...] = (
        Column("kind", "Kind", lambda each: each.name),
        Column("title", "What it converts", lambda each: each.title),
    )
    if json_:
        print_json({"kinds": json_rows(columns, kinds)})
    else:
        print_rows(columns, kinds)


def _new_or_check(new: str | None, directory: Path | None, check: str | None, *, json_: bool) -> None:
    if new is not None and check is not None:
        raise UsageFault("give --new or --check, not both")
    if new is not None:
        from openchargeback.convert.template import write_package

        written = write_package(new, directory or Path(f"openchargeback-{new}"))
        if json_:
            print_json({"written": [path.as_posix() for path in written]})
        else:
            for path in written:
                click.echo(path.as_posix())
    elif check is not None:
        _check(check, json_=json_)


def _check(place: str, *, json_: bool) -> None:
    """Print each check of a converter. Raises LedgerFault if one failed."""
    from openchargeback.convert.checking import Checked, kind_at, problems
    from openchargeback.convert.checking import check as checks_of

    with progress("Checking"):
        kind = kind_at(place)
        checks = checks_of(kind)
    columns: tuple[Column[Checked], ...] = (
        Column("check", "Check", lambda each: each.name),
        Column("passed", "Passed", lambda each: each.passed, lambda each: "yes" if each.passed else "no"),
        Column("message", "Found", lambda each: each.message),
    )
    if json_:
        print_json({"kind": kind.name, "checks": json_rows(columns, checks)})
    else:
        print_rows(columns, checks)
    if faults := problems(kind, place, checks):
        raise LedgerFault(faults)


def _into_ledger_or_file(request: Request, named: str | None, output: Path | None, target: Path | None) -> Conversion:
    """Convert, with what the ledger knows if there is one. target: where to write; None for a dry run."""
    from openchargeback.convert.conversion import convert as run
    from openchargeback.files.writing import replacing

    root = _ledger_root(named)
    ledger = _read(root) if root else None
    if root is None or ledger is None:
        with replacing(target) if target else nullcontext() as beside:
            return _done(*run(request, beside))
    request = replace(request, directory=ledger.directory, tags=ledger.config.tags, root=root)
    relative = _within(root, output)
    if not relative:
        with replacing(target) if target else nullcontext() as beside:
            return _done(*run(request, beside))
    source, of_path = source_of(relative), period_of(relative)
    if not source or not of_path or not relative.endswith(".csv"):
        raise UsageFault(f"{output} is not a place for charges in the ledger: write to charges/PERIOD/SOURCE.csv")
    if request.period not in ("", of_path):
        raise UsageFault(f"--period {request.period} does not match {relative}")
    if ledger.period_file(of_path).state is not State.OPEN:
        raise UsageFault(f"{of_path} is {ledger.period_file(of_path).state}: only an open period takes charges")
    own = intervals_path(of_path, source)
    recorded = [root / path for path in listed(root, USAGE, []) if path.endswith(".parquet") and path != own]
    tags = ledger.config.source_tags(source)
    charges = [file for file in ledger.charge_files.get(of_path, ()) if file.path != relative]
    if other := next((file.path for file in charges if file.source == source), ""):
        raise UsageFault(
            f"{other} has charges of {source} in {of_path} already, and they would be billed beside the converted "
            "ones: remove it, or write to another source"
        )
    request = replace(request, period=of_path, recorded=recorded, charges=charges, tags=tags)
    return _write_to_ledger(request, root, relative, own) if target else _done(*run(request, None))


def _write_to_ledger(request: Request, root: Path, relative: str, own: str) -> Conversion:
    """Convert, and put charges and intervals in place together."""
    from openchargeback.convert.conversion import convert as run
    from openchargeback.files.changes import change_files

    with locked(root), tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
        charges, intervals = Path(folder) / "charges.csv", Path(folder) / "intervals.parquet"
        done = _done(*run(request, charges, intervals))
        change_files(root, {relative: charges, own: intervals})
    return done


def _done(conversion: Conversion | None, problems: list[Problem]) -> Conversion:
    if conversion is None:
        raise LedgerFault(problems)
    return conversion


def _ledger_root(named: str | None) -> Path | None:
    """The ledger; None if none is named and there is none around."""
    try:
        return root_of(named)
    except UsageFault:
        if named or click.get_current_context().find_root().obj:
            raise
        return None


def _read(root: Path) -> Ledger:
    ledger, problems = read_ledger(root)
    ours = [each for each in problems if ledger is None or each.path in DIRECTORY_FILES]
    if ledger is None or has_errors(ours):
        raise LedgerFault(ours, root)
    return ledger


def _within(root: Path, output: Path | None) -> str:
    """An output's path within the ledger's charges; empty if it is elsewhere."""
    if output is None:
        return ""
    place, charges = output.resolve(), (root / "charges").resolve()
    return PurePosixPath("charges", place.relative_to(charges)).as_posix() if place.is_relative_to(charges) else ""


def _report(done: Conversion, target: Path | None, *, json_: bool) -> None:
    """Print what was converted: in full for a dry run or as JSON, else in short on stderr."""
    if json_:
        print_json(_document(done, target))
    elif target is None:
        print_rows(_columns(done.currency), done.owners)
        click.echo()
        for line in _control_lines(done):
            click.echo(line)
    else:
        for line in _control_lines(done):
            click.echo(line, err=True)
        click.echo(f"{target}: {counted(done.rows, 'charge')}, {_total(done)} ({done.period}, {done.kind})")


def _columns(currency: str) -> tuple[Column[OwnerTotal], ...]:
    return (
        Column("pi", "PI", lambda each: each.pi, lambda each: each.pi or "(unknown)"),
        Column("project", "Project", lambda each: each.project, lambda each: each.project or "(unknown)"),
        Column("fund", "Fund", lambda each: each.fund),
        Column("rate", "Rate", lambda each: each.rate),
        Column("unit", "Unit", lambda each: each.unit),
        Column("quantity", "Quantity", lambda each: money.exact(each.quantity), right=True),
        Column(
            "list",
            f"List {currency}",
            lambda each: money.exact(each.list),
            lambda each: money.human(each.list, currency),
            right=True,
        ),
        Column(
            "cost",
            f"Cost {currency}",
            lambda each: money.exact(each.cost),
            lambda each: money.human(each.cost, currency),
            right=True,
        ),
        count("rows", "Charges", lambda each: each.rows),
    )


def _total(done: Conversion) -> str:
    return f"{money.human(money.total(*(each.cost for each in done.owners)), done.currency)} {done.currency}"


def _control_lines(done: Conversion) -> Iterator[str]:
    yield f"read {counted(done.read, 'record')}: {done.used:,} used, {sum(done.left_out.values()):,} left out"
    yield from (f"  {note}" for note in done.notes)
    yield from (f"  {number:,} {reason}" for reason, number in sorted(done.left_out.items()))
    for each in done.meters:
        unit, amounts = each.shown(each.amount_in, each.amount_out)
        used, charged = map(_grouped, amounts)
        yield f"{each.meter}: {used} {unit} in {done.period}, {charged} in the charges"
        if each.cost_in is not None and each.cost_out is not None:
            costs = [f"{money.exact(cost)} {done.currency}" for cost in (each.cost_in, each.cost_out)]
            yield f"{each.meter}: {costs[0]} given for {done.period}, {costs[1]} in the charges"
    for column in done.columns:
        yield f"{column.column}: {money.exact(column.amount_in)} in, {money.exact(column.amount_out)} out"


def _grouped(number: str) -> str:
    """A plain decimal with thousands separators."""
    whole, point, rest = number.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole.isdecimal() else number


def _meter_json(total: MeterTotal) -> dict[str, str]:
    unit, (recorded, in_period, in_charges) = total.shown(total.whole, total.amount_in, total.amount_out)
    return {
        "meter": total.meter,
        "unit": unit,
        "recorded": recorded,
        "in_period": in_period,
        "in_charges": in_charges,
    }


def _document(done: Conversion, target: Path | None) -> dict[str, object]:
    """The public JSON form of `convert --json`; amounts are strings."""
    return {
        "kind": done.kind,
        "period": done.period,
        "currency": done.currency,
        "output": str(target) if target else None,
        "charges": done.rows,
        "cost": money.exact(money.total(*(each.cost for each in done.owners))),
        "list": money.exact(money.total(*(each.list for each in done.owners))),
        **({"notes": list(done.notes)} if done.notes else {}),
        "records": {"read": done.read, "used": done.used, "left_out": dict(sorted(done.left_out.items()))},
        "meters": [_meter_json(each) for each in done.meters],
        "columns": [
            {"column": c.column, "in": money.exact(c.amount_in), "out": money.exact(c.amount_out)} for c in done.columns
        ],
        "owners": json_rows(_columns(done.currency), done.owners),
        "problems": [each.as_json() for each in done.problems],
    }
