"""The command `focus-billing`: its options, its groups, and how exceptions are reported.

Commands are imported only when called, so that `--help` and small commands start quickly.
"""

from __future__ import annotations

import gc
import logging
import sys
from importlib import import_module
from typing import Any

import click

from openchargeback import __version__
from openchargeback.cli.program import Program
from openchargeback.cli.report import color
from openchargeback.problems import LedgerFault, OpenChargebackError

# name → module, attribute, one line of help (so that listing the commands does not import them)
_COMMANDS = {
    "build": ("build", "build", "Write the portal, statements, journals and manifest."),
    "bundle": ("bundle", "bundle", "Write a month for finance: one folder, and a zip of it."),
    "convert": ("convert", "convert", "Convert usage records of other systems to charges."),
    "directory": ("directory", "directory", "Add and import people, projects and funds."),
    "export-journal": ("journal", "journal", "Same as journal."),
    "generate": ("generate", "generate", "Write the PDF statements of a period."),
    "ingest": ("ingest", "ingest", "Check charge files and copy them into the ledger."),
    "init": ("init", "init", "Create a ledger."),
    "journal": ("journal", "journal", "Write journal files, and record what became of them."),
    "periods": ("periods", "periods", "List, show, open, close and finalize billing months."),
    "plan": ("plan", "plan", "Show what merging this branch would change, in money."),
    "review": ("review", "review", "Review held charges and decide them."),
    "send": ("send", "send", "Email statements, once each, and show what became of them."),
    "show": ("show", "show", "Show what a PI was billed."),
    "sources": ("sources", "sources", "List the sources of charges."),
    "validate": ("validate", "validate", "Check the ledger for problems."),
    "verify": ("verify", "verify", "Verify a PDF or a build against the ledger."),
    "web": ("web", "web", "Serve the portal with a login, review and import."),
}


_GARBAGE = 50_000
"""After how many new objects Python looks for cycles: importing makes many that stay, and a command ends soon."""

_SIGPIPE = 128 + 13
"""What shells report for a program ended by a closed pipe: neither success nor problems in the ledger."""


class _ReaderGone(Exception):
    """The reader of a pipe went away, as with `| head`."""


class _Lazy(Program):
    """A group that imports a command on first use."""

    # click passes these parameters; `ctx` is not needed here.
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[name]
        command = getattr(import_module(f"openchargeback.cli.{module}"), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{name} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            # click suggests names only among commands already imported: none here.
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=_COMMANDS, ctx=ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # click would exit with code 1, which here means problems in the ledger.
            raise _ReaderGone from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][2]) for name in self.list_commands(ctx)])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--ledger", "ledger", metavar="DIR", envvar="OPENCHARGEBACK_LEDGER", help="Folder of the ledger.")
@click.option("-v", "--verbose", is_flag=True, help="Log each stage to stderr.")
@click.version_option(__version__, prog_name="focus-billing")
@click.pass_context
def cli(ctx: click.Context, ledger: str | None, verbose: bool) -> None:
    """Bill research computing from a Git repository.

    \b
    Example: focus-billing ingest aws.csv --source aws
             focus-billing build -o public
    """
    ctx.obj = ledger
    ctx.color = color()
    if verbose:
        _log_to_stderr(ctx)


def _log_to_stderr(ctx: click.Context) -> None:
    """Show this program's log, but no library's, until the command ends."""
    log, handler = logging.getLogger("openchargeback"), logging.StreamHandler(sys.stderr)
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    ctx.call_on_close(lambda: log.removeHandler(handler))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 fine, 1 problems in the ledger, 2 wrong usage, 3 something outside failed."""
    gc.set_threshold(_GARBAGE)
    try:
        code: Any = cli.main(args=arguments, prog_name="focus-billing", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except KeyboardInterrupt:
        click.echo("stopped: nothing was left half-written", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except LedgerFault as error:
        from openchargeback.cli.report import note_problems, print_problems
        from openchargeback.problems import Severity

        errors = [each for each in error.problems if each.severity is Severity.ERROR]
        print_problems(errors or error.problems, error.root)
        note_problems([each for each in error.problems if errors and each.severity is not Severity.ERROR])
        sys.exit(error.exit_code)
    except OpenChargebackError as error:
        click.echo(f"focus-billing: {error}", err=True)
        sys.exit(error.exit_code)
    except _ReaderGone:
        sys.stderr.close()
        sys.exit(_SIGPIPE)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"focus-billing: {place}{error.strerror or error}", err=True)
        sys.exit(3)
    sys.exit(code if isinstance(code, int) else 0)
