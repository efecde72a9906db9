"""`focus-billing directory`: adds people, projects and funds, one by one or from a CSV file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from openchargeback.billing.period_review import suggested
from openchargeback.cli.batches import ledger_of
from openchargeback.cli.options import PERIOD, as_json, root_of, with_ledger
from openchargeback.cli.report import print_json, shown
from openchargeback.files.writing import write_file
from openchargeback.ledger.directory import SPONSOR_TYPES
from openchargeback.ledger.directory_change import add_entry, import_list
from openchargeback.ledger.directory_csv import read_list
from openchargeback.ledger.directory_edit import KINDS, FileEdit
from openchargeback.ledger.directory_stubs import stub_csv, stub_yaml
from openchargeback.model import PayerClass
from openchargeback.problems import UsageFault


@click.group()
def directory() -> None:
    """Add and import people, projects and funds.

    \b
    Example: focus-billing directory add person ada@example.edu --name "Ada Okafor"
             focus-billing directory import projects.csv --dry-run
    """


@directory.group()
def add() -> None:
    """Add a person, project or fund to the directory.

    \b
    Example: focus-billing directory add fund BIO-2024-001 --sponsor-type federal --until 2027-06-30
    """


def _several(name: str, help_: str) -> Callable[[Any], Any]:
    return click.option(name, multiple=True, metavar="TEXT", help=f"{help_} Repeatable.")


@add.command("person")
@click.argument("email")
@click.option("--name", help="Name on statements.")
@click.option("--department", help="Department on statements.")
@_several("--alias", "Another address of the same person.")
@click.option(
    "--payer-class",
    type=click.Choice([each.value for each in PayerClass]),
    help="How the PI pays; by invoice unless internal.",
)
@click.option("--organization", help="The organization that invoices are addressed to.")
@_several("--address", "A line of its postal address.")
@click.option("--purchase-order", help="The purchase order that invoices refer to.")
@click.option("--taxable", type=click.Choice(["yes", "no"]), help="Whether the payer owes tax.")
@with_ledger
def add_person(
    email: str,
    name: str | None,
    department: str | None,
    alias: tuple[str, ...],
    payer_class: str | None,
    organization: str | None,
    address: tuple[str, ...],
    purchase_order: str | None,
    taxable: str | None,
    named: str | None,
) -> None:
    """Add a PI to directory/people.yaml.

    \b
    Example: focus-billing directory add person ada@example.edu --name "Ada Okafor" --department Biology
             focus-billing directory add person mia@example.org --payer-class commercial --organization "Mia Labs" \\
                 --address "1 Port Road" --address "Ostende"
    """
    entry = {
        "email": email,
        "name": name,
        "department": department,
        "aliases": alias,
        "payer_class": payer_class,
        "organization": organization,
        "address": address,
        "purchase_order": purchase_order,
        "taxable": taxable,
    }
    _add(named, "people", entry)


@add.command("project")
@click.argument("id_", metavar="ID")
@click.option("--title", help="Title on pages and statements.")
@_several("--pi", "Email address of a PI, the primary one first.")
@_several("--fund", "A fund that pays, the primary one first.")
@click.option("--award", help="Grant or contract number.")
@click.option("--start", metavar="DATE", help="First day of the project.")
@click.option("--end", metavar="DATE", help="Last day of the project.")
@click.option("--from", "since", metavar="DATE", help="First day on which this PI and fund apply.")
@click.option("--until", metavar="DATE", help="Last day on which this PI and fund apply.")
@_several("--sub-account", "A SubAccountId whose charges belong to the project.")
@_several("--billing-account", "A BillingAccountId whose charges belong to the project.")
@_several("--resource", "A ResourceId whose charges belong to the project.")
@with_ledger
def add_project(
    id_: str,
    title: str | None,
    pi: tuple[str, ...],
    fund: tuple[str, ...],
    award: str | None,
    start: str | None,
    end: str | None,
    since: str | None,
    until: str | None,
    sub_account: tuple[str, ...],
    billing_account: tuple[str, ...],
    resource: tuple[str, ...],
    named: str | None,
) -> None:
    """Add a project to directory/projects.yaml.

    \b
    Example: focus-billing directory add project sky-survey --pi zoe@example.edu --fund AST-3300-001
    """
    match = {"SubAccountId": sub_account, "BillingAccountId": billing_account, "ResourceId": resource}
    entry = {
        "id": id_,
        "title": title,
        "pi": pi[0] if pi else None,
        "fund": fund[0] if fund else None,
        "pis": pi[1:],
        "funds": fund[1:],
        "award": award,
        "start": start,
        "end": end,
        "from": since,
        "until": until,
        "match": {column: values for column, values in match.items() if values},
    }
    _add(named, "projects", entry)


@add.command("fund")
@click.argument("id_", metavar="ID")
@click.option("--title", help="Name of the fund.")
@click.option("--sponsor-type", type=click.Choice(SPONSOR_TYPES), help="Whose money it is.")
@click.option("--from", "since", metavar="DATE", help="First day of usage that may be charged to it.")
@click.option("--until", metavar="DATE", help="Last day of usage that may be charged to it.")
@click.option("--status", type=click.Choice(["active", "inactive"]), help="If inactive, nothing may be charged to it.")
@click.option("--department", help="Department that owns it.")
@with_ledger
def add_fund(
    id_: str,
    title: str | None,
    sponsor_type: str | None,
    since: str | None,
    until: str | None,
    status: str | None,
    department: str | None,
    named: str | None,
) -> None:
    """Add a fund to directory/funds.yaml.

    \b
    Example: focus-billing directory add fund BIO-2024-001 --sponsor-type federal --until 2027-06-30
    """
    entry = {
        "id": id_,
        "title": title,
        "sponsor_type": sponsor_type,
        "from": since,
        "until": until,
        "status": status,
        "department": department,
    }
    _add(named, "funds", entry)


def _add(named: str | None, kind: str, entry: dict[str, Any]) -> None:
    given = {key: value for key, value in entry.items() if value}
    id_ = entry[KINDS[kind].id]
    line = add_entry(root_of(named), kind, {KINDS[kind].id: id_, **given})
    click.echo(f"{KINDS[kind].path}:{line}: added {shown(id_.strip())}")


@directory.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--kind", type=click.Choice(list(KINDS)), help="What the file lists, if its columns do not show it.")
@click.option("--dry-run", is_flag=True, help="Show what would change without writing it.")
@with_ledger
@as_json
def import_(file: Path, kind: str | None, dry_run: bool, named: str | None, json_: bool) -> None:
    """Add the people, projects or funds in a CSV file, and update existing ones.

    The header row names the keys of the YAML file. An empty cell leaves its key unchanged.

    \b
    Example: focus-billing directory import people.csv --dry-run
    """
    root = root_of(named)
    listed = read_list(file.read_bytes(), str(file), kind)
    done = import_list(root, listed, str(file), dry_run=dry_run)
    path = KINDS[listed.kind].path
    if json_:
        print_json(_as_json(path, listed.kind, done, listed.blank, dry_run=dry_run))
        return
    for id_ in done.added:
        click.echo(f"  + {shown(id_)}")
    for id_, keys in done.changed.items():
        click.echo(f"  ~ {shown(id_)}: {', '.join(keys)}")
    counts = f"{len(done.added):,} added, {len(done.changed):,} changed, {len(done.unchanged):,} unchanged"
    counts += f", {listed.blank:,} not filled in" if listed.blank else ""
    click.echo(f"{path}: {counts}{'; nothing was written (dry run)' if dry_run else ''}")


def _as_json(path: str, kind: str, done: FileEdit, blank: int, *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "file": path,
        "kind": kind,
        "added": list(done.added),
        "changed": [{"id": id_, "keys": list(keys)} for id_, keys in done.changed.items()],
        "unchanged": list(done.unchanged),
        "blank": blank,
    }


@directory.command("suggest")
@click.option("--period", required=True, type=PERIOD, help="The period with the held charges.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the stubs as CSV.")
@with_ledger
@as_json
def suggest(period: str, output: Path | None, named: str | None, json_: bool) -> None:
    """Suggest directory entries for unattributed charges, largest amounts first.

    With -o, complete the CSV file in a spreadsheet and read it back with `directory import`. Several rows may name the
    same project; rows without an id are skipped.

    \b
    Example: focus-billing directory suggest --period 2025-01 -o projects.csv
    """
    ledger = ledger_of(root_of(named))
    found = suggested(ledger, period)
    if output:
        if output.exists():
            raise UsageFault(f"{output} already exists; choose another file")
        write_file(output.absolute(), stub_csv(found, ledger.config.currency))
        click.echo(f"Wrote {output}. Complete it, then run `focus-billing directory import {output}`.")
        return
    if json_:
        print_json(
            {"period": period, "currency": ledger.config.currency, "suggestions": [each.as_json() for each in found]}
        )
        return
    if not found:
        click.echo("The directory attributes every held charge.")
        return
    click.echo(stub_yaml(found, ledger.config.currency), nl=False)
