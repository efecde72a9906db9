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
@with_ledger
@as_json
def build(
    output: Path, workers: int | None, scheduler: str | None, no_pdf: bool, named: str | None, json_: bool
) -> None:
    """Write the portal, statements, journals and manifest to a folder, all or nothing.

    \b
    Example: focus-billing build -o public
             focus-billing build -o preview --no-pdf
    """
    if workers is not None and scheduler is not None:
        raise click.UsageError("--workers and --scheduler cannot be used together")
    root = root_of(named)
    keep_apart(root, output)
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
