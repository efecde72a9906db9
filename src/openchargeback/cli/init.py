"""`focus-billing init`."""

from __future__ import annotations

from pathlib import Path

import click

from openchargeback.cli.git_commands import quoted
from openchargeback.files import git
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.files import LOCK_FILE
from openchargeback.ledger.installed import Program
from openchargeback.ledger.new import create_ledger, upgrade_ledger, write_schemas
from openchargeback.ledger.pinning import OFF
from openchargeback.ledger.settings import FORGES
from openchargeback.problems import UsageFault


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--organization", default="My University", show_default=True, help="Institution named on statements.")
@click.option("--currency", default="USD", show_default=True, help="Currency of the ledger (ISO 4217).")
@click.option("--forge", type=click.Choice(FORGES), default="github", show_default=True, help="Git host for CI.")
@click.option("--showback", is_flag=True, help="Charge nothing: statements are informational, no fund is needed.")
@click.option("--schemas", is_flag=True, help="Only update .schemas/ of an existing ledger.")
@click.option("--upgrade", is_flag=True, help="Pin the installed program in an existing ledger.")
def init(
    folder: Path, organization: str, currency: str, forge: str, showback: bool, schemas: bool, upgrade: bool
) -> None:
    """Create a ledger, as a Git repository ready to push.

    Its workflows and requirements.lock pin the program installed here: from a package index by digest, from a Git
    repository by commit. If it was installed from a local folder, the workflows are switched off.

    \b
    Example: focus-billing init ledger --organization "Northfield University"
             focus-billing init --upgrade ledger
    """
    if schemas or upgrade:
        _renew(folder, upgrade=upgrade)
        return
    made = create_ledger(folder, organization, currency, forge, showback=showback)
    for path in made.paths:
        click.echo(f"  {path}")
    click.echo(f"Created a ledger in {folder}. Next:")
    if made.obstacle:
        _print_commit_commands(folder, made.obstacle)
    click.echo(f"  read {folder / 'README.md'}: what to set up, what needs a paid plan, who does what each month")
    click.echo(f"  focus-billing ingest FILE --source NAME --ledger {quoted(str(folder))}")
    _print_ci_install(folder, made.program)


def _print_ci_install(folder: Path, program: Program) -> None:
    if program.obstacle:
        click.echo(f"The workflows are switched off ({OFF}), because {program.obstacle}.")
        click.echo("To switch them on, install the program from its Git repository or from a package index, then run:")
        click.echo(f"  focus-billing init --upgrade {quoted(str(folder))}")
    elif program.repository:
        click.echo(f"The workflows install {program.repository}; CI must be able to reach that address.")
    else:
        click.echo(f"The workflows install {program.requirement.partition(' ')[0]}, by its digest in {LOCK_FILE}.")


def _print_commit_commands(folder: Path, obstacle: str) -> None:
    """Print why nothing was committed, and the commands to do so."""
    place = quoted(str(folder))
    click.echo(f"  commit it (no commit was made, because {obstacle}):")
    if not git.inside_repository(folder):
        click.echo(f"    git -C {place} init --initial-branch main")
    elif "who you are" in obstacle:
        click.echo(f'    git -C {place} config user.name "Your Name"')
        click.echo(f"    git -C {place} config user.email you@example.edu")
    elif "larger" in obstacle:
        click.echo("    (the workflows work only in the top folder of a repository: move them there)")
    click.echo(f"    git -C {place} add --all . && git -C {place} commit -m 'A new ledger'")


def _renew(folder: Path, *, upgrade: bool) -> None:
    if not (folder / FILE_NAME).is_file():
        raise UsageFault(f"{folder} is not a ledger: it has no {FILE_NAME}")
    for path in upgrade_ledger(folder) if upgrade else write_schemas(folder):
        click.echo(f"  {path}")
    what = "requirements.lock, workflows and schemas now match" if upgrade else "the schemas now match"
    click.echo(f"{what} the installed program")
