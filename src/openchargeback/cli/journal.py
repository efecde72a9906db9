"""`focus-billing journal`: journal files for the accounting system."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openchargeback.cli.journal_posted import posted
from openchargeback.cli.options import PERIOD, as_json, root_of, with_ledger
from openchargeback.cli.report import note_problems, print_json, print_table, progress
from openchargeback.problems import LedgerFault, UsageFault, has_errors

if TYPE_CHECKING:
    from openchargeback.export.journals.files import JournalFile
    from openchargeback.publish.books import LedgerLines

_FORMAT = "detail"


@click.group(invoke_without_command=True)
@click.option("--period", type=PERIOD, help="Write the journal of this period.")
@click.option("--format", "name", help=f"The journal format; {_FORMAT} by default. --list shows all.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Output file, or a folder for the files under their own names; stdout by default.",
)
@click.option("--check", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Compare a journal file.")
@click.option("--accrue", type=PERIOD, metavar="PERIOD", help="Write an estimate of an open period, and its reversal.")
@click.option(
    "--revision",
    type=click.IntRange(1),
    help="With --accrue: which estimate of the period this is, so that a second one has other document numbers.",
)
@click.option("--list", "listing", is_flag=True, help="List the journal formats.")
@click.option("--show", metavar="NAME", help="Print the profile of a shipped format, to start your own from.")
@with_ledger
@as_json
def journal(
    period: str | None,
    name: str | None,
    output: Path | None,
    check: Path | None,
    accrue: str | None,
    revision: int | None,
    listing: bool,
    show: str | None,
    named: str | None,
    json_: bool,
) -> None:
    """Write journal files for the accounting system, compare them, and record what became of them.

    The journal of an open period is a draft without document numbers.

    \b
    Example: focus-billing journal --period 2025-01 --format gl -o journal.csv
             focus-billing journal --period 2025-01 --format kfs -o upload
             focus-billing journal --accrue 2025-06 --format gl -o upload
             focus-billing journal --check gl.csv
             focus-billing journal --list
    """
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        return
    _refuse_combinations(period, check, accrue, revision, listing=listing, show=show, json_=json_)
    if show:
        _show(show)
    elif listing:
        _list(root_of(named), json_=json_)
    elif check:
        _check(root_of(named), check, period, name)
    elif accrue:
        _accrue(root_of(named), accrue, name or _FORMAT, output, revision or 1)
    elif period:
        _write_period(root_of(named), period, name or _FORMAT, output)


journal.add_command(posted)


def _refuse_combinations(
    period: str | None,
    check: Path | None,
    accrue: str | None,
    revision: int | None,
    *,
    listing: bool,
    show: str | None,
    json_: bool,
) -> None:
    given = {"--accrue": accrue, "--check": check, "--list": listing, "--show": show}
    chosen = [option for option, value in given.items() if value]
    if period and chosen != ["--check"]:
        chosen.append("--period")
    if len(chosen) != 1:
        many = f", not {' and '.join(chosen)}" if chosen else ""
        raise UsageFault(f"give one of --period, --accrue, --check, --list and --show{many}")
    if json_ and not listing:
        raise UsageFault("--json requires --list")
    if revision and not accrue:
        raise UsageFault("--revision requires --accrue")


def _show(name: str) -> None:
    from openchargeback.ledger.journal_profiles import shipped_names, shipped_text

    if name not in shipped_names():
        raise UsageFault(f"no format {name!r} ships; shipped: {', '.join(shipped_names())}")
    click.echo(shipped_text(name), nl=False)


def _list(root: Path, *, json_: bool) -> None:
    from openchargeback.export.journals.profiles import find_profile, format_names
    from openchargeback.ledger.reading import read_ledger

    ledger, problems = read_ledger(root)
    if ledger is None or has_errors(each for each in problems if each.path.startswith("templates/")):
        raise LedgerFault(problems, root)
    own, used = ledger.journal_profiles, ledger.config.journal.formats
    profiles = [each for name in format_names(own) if (each := find_profile(name, own))]
    if json_:
        keys = ("name", "label", "proven", "note")
        print_json(
            [
                {**{key: getattr(each, key) for key in keys}, "shipped": each.shipped, "written": each.name in used}
                for each in profiles
            ]
        )
        return
    print_table(
        ("Format", "Written", "Description"),
        [
            (each.name, "yes" if each.name in used else "", each.label + ("" if each.proven else " (not proven)"))
            for each in profiles
        ],
    )


def _write_period(root: Path, period: str, name: str, output: Path | None) -> None:
    from openchargeback.billing.journal import posts_nothing
    from openchargeback.export.journals.files import format_files
    from openchargeback.export.journals.profiles import profile_of
    from openchargeback.publish.journals import journal_month

    month = journal_month(_open(root, period), period)
    profile = profile_of(name, month.own)
    if posts_nothing(month.period, month.config):
        click.echo(f"nothing to post: no source of {period} is charged (`post: false`)", err=True)
    if month.closed and not any(each.format == name for each in month.period.documents):
        what = f"{period} was closed without {name} in `journal.formats`, so this document has no number"
        click.echo(what, err=True)
    files = format_files(month, profile)
    if not month.closed:
        _refuse_final_name(period, output)
        click.echo(f"{period} is open: this is a draft without a document number", err=True)
    write_files(root, files, output)
    if output:
        click.echo(f"{output}: {len(month.journal.lines):,} journal lines", err=True)


def _accrue(root: Path, period: str, name: str, output: Path | None, revision: int) -> None:
    from openchargeback import money
    from openchargeback.export.journals.accruals import accrual_files
    from openchargeback.export.journals.profiles import profile_of
    from openchargeback.publish.journals import journal_month

    month = journal_month(_open(root, period), period)
    if month.closed:
        raise UsageFault(f"{period} is {month.period.state}: post its journal; only an open period can be accrued")
    if not any(not line.again for line in month.journal.lines):
        raise UsageFault(f"{period} has nothing to accrue: nothing in it is billed so far")
    files = accrual_files(month, profile_of(name, month.own), revision)
    write_files(root, files, output)
    net, currency = month.journal.net - month.journal.again, month.period.currency
    held = money.total(*(each.held for each in month.period.sources if each.currency == currency))
    click.echo(
        f"estimate of {period}: {money.human(net, currency)} {currency}, reversed on the first day of the next month"
        + (f"; {money.human(held, currency)} {currency} held for review are not in it" if held else ""),
        err=True,
    )


def _check(root: Path, path: Path, period: str | None, name: str | None) -> None:
    import hashlib

    from openchargeback.export.journals.comparing import compare, is_estimate, known_file, month_in, named_format
    from openchargeback.publish.gathering import gather_ledger
    from openchargeback.publish.journals import journal_month

    data = path.read_bytes()
    ledger, problems = gather_ledger(root)
    if ledger is None or has_errors(problems):
        raise LedgerFault(problems, root)
    if known := known_file(ledger, hashlib.sha256(data).hexdigest()):
        month, document = known
        if period not in (None, month) or name not in (None, document.format):
            raise UsageFault(f"{path} is the {document.format} journal of {month}")
        click.echo(f"identical: {path} is document {document.number}, as {month} was closed")
        return
    if is_estimate(path.name):
        raise UsageFault(f"{path} is an estimate of the day on which it was written; only journals are compared")
    period, name = period or month_in(ledger, data), name or named_format(path.name, ledger.journal_profiles)
    if not period or not name:
        what = "--period" if not period else "--format"
        raise UsageFault(f"{path} does not say what it is a journal of: add {what}")
    found = compare(journal_month(_open(root, period), period), name, data, path.name)
    if found.differences:
        raise LedgerFault(found.differences)
    if found.identical:
        click.echo(f"identical: {path} is the {name} journal of {period}, as the ledger is now")
        return
    click.echo(
        f"the same lines: {path} has those of the {name} journal of {period}, but another program has saved it with "
        "other quotes or line ends; post the file that a build writes"
    )


def _open(root: Path, period: str) -> LedgerLines:
    from openchargeback.publish.books import open_lines

    with progress() as step:
        books = open_lines(root, wanted=period, step=step)
    note_problems(books.warnings)
    return books


def _refuse_final_name(period: str, output: Path | None) -> None:
    """Refuse to write the draft of an open month to a file that does not say so."""
    if output and not output.is_dir() and "draft" not in output.name.casefold():
        raise UsageFault(
            f"{period} is open, so its journal is a draft and its file must say so: -o "
            f"{output.with_name('DRAFT-' + output.name)}"
        )


def write_files(root: Path, files: Sequence[JournalFile], output: Path | None) -> None:
    """Write journal files to a file, a folder or stdout, all or none."""
    from openchargeback.files.changes import change_files
    from openchargeback.files.writing import write_file
    from openchargeback.publish.secrets import secrets_of

    secrets_of(root).refuse_in([(str(output or "the journal"), file.data) for file in files])
    if output and (output.is_dir() or len(files) > 1):
        if not output.is_dir():
            raise UsageFault(f"{output} is not a folder, and the journal has {len(files)} files; create the folder")
        change_files(output, {file.name: file.data for file in files})
        return
    if len(files) > 1:
        raise UsageFault(f"the journal has {len(files)} files; name a folder with -o")
    for file in files:
        if output:
            write_file(output, file.data)
        else:
            sys.stdout.buffer.write(file.data)
            sys.stdout.buffer.flush()
