"""`focus-billing build`."""

from __future__ import annotations

from pathlib import Path

import click

from openchargeback.cli.options import as_json, keep_apart, root_of, with_ledger
from openchargeback.cli.report import note_problems, print_json, progress


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("public"), show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that render PDFs; by default, one per core.")
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Dask scheduler whose workers make months and PDFs, like tcp://login1:8786 (docs/CLUSTER.md).",
)
@click.option("--no-pdf", is_flag=True, help="Leave out the PDFs, for a quick look; links to them lead nowhere.")
@click.option(
    "--audience",
    metavar="WHO",
    help="Only what this audience may see: pi=EMAIL, project=ID, department=NAME, finance or public.",
)
@click.option("--all-audiences", is_flag=True, help="A closed folder for each audience, and who may see which.")
@with_ledger
@as_json
def build(
    output: Path,
    workers: int | None,
    scheduler: str | None,
    no_pdf: bool,
    audience: str | None,
    all_audiences: bool,
    named: str | None,
    json_: bool,
) -> None:
    """Write the portal, statements, journals and manifest to a folder, all or nothing.

    For an audience, the folder has nothing of anyone else; a build that would publish something is refused.

    \b
    Example: focus-billing build -o public
             focus-billing build -o preview --no-pdf
             focus-billing build -o closed --all-audiences
             focus-billing build -o okafor --audience pi=ada.okafor@example.edu
    """
    others = {"--workers": workers, "--audience": audience, "--all-audiences": all_audiences or None}
    if scheduler is not None and (other := next((name for name, value in others.items() if value is not None), "")):
        raise click.UsageError(f"--scheduler and {other} cannot be used together")
    root = root_of(named)
    keep_apart(root, output)
    if audience and all_audiences:
        raise click.UsageError("--audience and --all-audiences cannot be used together")
    if audience or all_audiences:
        _build_audiences(root, output, audience, pdfs=not no_pdf, workers=workers, json_=json_)
        return
    with progress(lines=True) as step:
        from openchargeback.publish import build as publish

        built = publish.build(root, output, pdfs=not no_pdf, workers=workers, scheduler=scheduler, step=step)
    index = output / "index.html"
    if json_:
        print_json(
            {
                "output": str(output),
                "index": str(index),
                "files": built.files,
                "statements_rendered": built.rendered,
                "changed": built.changed,
                "commit": built.provenance.commit,
                "uncommitted": built.provenance.uncommitted,
                "warnings": [problem.as_json() for problem in built.warnings],
            }
        )
        return
    note_problems(built.warnings)
    if built.provenance.uncommitted:
        click.echo(
            "note: the ledger has uncommitted changes; commit and build again so that `verify` can recompute this",
            err=True,
        )
    done = f"{built.files:,} files" if built.changed else "unchanged"
    click.echo(f"{done}: {index}")


def _build_audiences(
    root: Path, output: Path, audience: str | None, *, pdfs: bool, workers: int | None, json_: bool
) -> None:
    with progress(lines=True) as step:
        from openchargeback.portal.audience import Audience
        from openchargeback.publish.audiences import build_audiences

        who = Audience.parse(audience) if audience else None
        built = build_audiences(root, output, who, pdfs=pdfs, workers=workers, step=step)
    if json_:
        print_json(
            {
                "output": str(output),
                "folders": [folder.rstrip("/") for folder in built.folders],
                "files": built.files,
                "commit": built.provenance.commit,
                "uncommitted": built.provenance.uncommitted,
                "warnings": [problem.as_json() for problem in built.warnings],
            }
        )
        return
    note_problems(built.warnings)
    where = output / "index.html" if audience else f"{output}, {len(built.folders):,} folders"
    click.echo(f"{built.files:,} files: {where}")
