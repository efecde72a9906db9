"""`focus-billing verify`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openchargeback.cli.options import as_json, root_of, with_ledger
from openchargeback.cli.report import print_json, print_problems, progress, shown
from openchargeback.problems import UsageFault
from openchargeback.wording import counted, shortened

if TYPE_CHECKING:
    from openchargeback.verify.folder import FolderCheck
    from openchargeback.verify.pdf import Input, PdfCheck
    from openchargeback.verify.pdf_comparing import Difference

_LISTED = 50


@click.command()
@click.argument("output", type=click.Path(path_type=Path), default=Path("public"), metavar="[PDF|FOLDER]")
@click.option("--commit", "revision", default="", metavar="REV", help="Recompute a folder from this commit instead.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that render PDFs; by default, one per core.")
@click.option(
    "--manifest",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="manifest.json of a build that you trust, such as a release: a PDF that it lists is as issued.",
)
@with_ledger
@as_json
def verify(
    output: Path, revision: str, workers: int | None, manifest: Path | None, named: str | None, json_: bool
) -> None:
    """Verify a PDF or a build against the ledger.

    FOLDER is the output of `build` (`public` by default) or a folder of `bundle`: every file is recomputed, without
    any cache, from the commit named in its manifest and compared byte by byte. PDF is a statement or a report: its
    embedded record is compared with the ledger, and the file is rendered again and compared object by object. Other
    versions of the program or its libraries produce other bytes, so they cannot confirm the file. Exit code 0 if
    everything is confirmed, else 1.

    \b
    Example: focus-billing verify public
             focus-billing verify statement.pdf --manifest release/manifest.json
    """
    root = root_of(named)
    if not output.is_file():
        if manifest:
            raise UsageFault("--manifest is for a PDF; a folder has its own")
        _folder(root, output, revision, workers, json_=json_)
        return
    if revision:
        raise UsageFault("--commit is for folders; a PDF is looked up in the history automatically")
    _pdf(root, output, manifest, json_=json_)


def _folder(root: Path, folder: Path, revision: str, workers: int | None, *, json_: bool) -> None:
    with progress(lines=True) as step:
        from openchargeback.verify.folder import verify_folder

        check = verify_folder(root, folder, revision, workers=workers, step=step)
    if json_:
        print_json(_folder_json(check))
    else:
        _print_folder(check)
        if check.drift:
            print_problems(check.drift)
    sys.exit(1 if check.differing else 0)


def _print_folder(check: FolderCheck) -> None:
    _print_first([f"{each.finding:<10}  {shown(each.path)}" for each in check.differing])
    for remark in _remarks(check):
        click.echo(remark, err=True)
    counts = Counter(each.finding for each in check.files)
    totals = ", ".join(f"{count:,} {finding}" for finding, count in sorted(counts.items()))
    click.echo(f"{totals}: {check.folder}, recomputed from commit {check.commit.id[:12]} of {check.commit.date}")


def _remarks(check: FolderCheck) -> list[str]:
    remarks = []
    if not check.in_history:
        remarks.append(
            f"commit {check.commit.id[:12]} is not in the history of this checkout: find out where it comes from"
        )
    if check.claimed.uncommitted and check.differing:
        remarks.append("according to its manifest, the folder was built with uncommitted changes, which no commit has")
    if check.other_versions and check.differing:
        remarks.append(f"its PDFs were made with other versions than those here: {'; '.join(check.other_versions)}")
    return remarks


def _folder_json(check: FolderCheck) -> dict[str, object]:
    return {
        "kind": "folder",
        "path": str(check.folder),
        "verdict": "differs" if check.differing else "identical",
        "commit": check.commit.id,
        "commit_date": check.commit.date,
        "in_history": check.in_history,
        "built_with": check.claimed.version,
        "uncommitted": check.claimed.uncommitted,
        "other_versions": list(check.other_versions),
        "files": [{"path": each.path, "finding": each.finding} for each in check.files],
        "drift": [problem.as_json() for problem in check.drift],
    }


def _pdf(root: Path, path: Path, manifest: Path | None, *, json_: bool) -> None:
    from openchargeback.verify.pdf import CONFIRMED, verify_pdf

    with progress() as step:
        check = verify_pdf(root, path, manifest, step=step)
    if json_:
        print_json(_pdf_json(check))
    else:
        _print_pdf(check)
        if check.drift:
            print_problems(check.drift)
    sys.exit(0 if check.verdict in CONFIRMED else 1)


def _print_pdf(check: PdfCheck) -> None:
    click.secho(f"{check.verdict}: {shown(str(check.path))}", bold=True)
    click.echo(f"  {_sentence(check)}")
    _print_differences("differs from the ledger", check.altered)
    if check.other_versions:
        click.echo(f"  made with other versions: {'; '.join(check.other_versions)}")
        click.echo(f"  to confirm it: {_how_to_confirm(check)}")
    for note in check.notes:
        click.echo(f"  note: {note}")
    if check.inputs:
        click.echo("  based on:")
    for each in check.inputs:
        commit = f"commit {each.commit[:12]}" if each.commit else "not committed"
        click.echo(f"    {shown(each.path)}{_rows(each)}: {commit}")


def _rows(each: Input) -> str:
    """The rows of a charge file, or lines of an approval file, in words."""
    if not each.rows:
        return ""
    word = "line" if each.path.startswith("approvals/") else "row"
    listed = ", ".join(f"{row:,}" for row in each.rows[:8])
    more = f" and {len(each.rows) - 8:,} more" if len(each.rows) > 8 else ""
    return f", {word}{'s' * (len(each.rows) != 1)} {listed}{more}"


def _sentence(check: PdfCheck) -> str:
    """The verdict in words."""
    return f"{_kind(check)} {check.number}{_WORDS[check.verdict](check)}"


def _kind(check: PdfCheck) -> str:
    return "report" if check.is_report else "statement"


def _identical(check: PdfCheck) -> str:
    if check.recorded:
        return f" is identical to the file that {check.recorded} lists; its record matches the ledger today"
    return " is identical to what the ledger produces today"


def _unknown(check: PdfCheck) -> str:
    if check.whole:
        return (
            f": the ledger has no {_kind(check)} with this number{_search_scope(check)}: it may be from another ledger"
        )
    return f": cannot determine whether the ledger ever produced it{_search_scope(check)}"


def _superseded(check: PdfCheck) -> str:
    then = _then(check) or f"{check.recorded} lists it, but the ledger does not produce it{_search_scope(check)}"
    if not check.by:
        none = "report of this year" if check.is_report else "statement for this PI and project"
        return f": {then}; today it has no {none}"
    newer = check.by if check.by != check.number else "a later state of the same number"
    return f": {then}; superseded by {newer}"


def _altered(check: PdfCheck) -> str:
    if then := _then(check):
        return f": {then}, but the file was altered since"
    valid = f"; the valid {_kind(check)} is {check.by}" if check.by else ""
    return f": the file does not match the ledger{_search_scope(check)}{valid}"


_WORDS: dict[str, Callable[[PdfCheck], str]] = {
    "identical": _identical,
    "same content": lambda _: ": re-saved by another program; every object in it matches the ledger today",
    "cannot be confirmed here": lambda _: ": its embedded record matches the ledger, but other versions made the file",
    "superseded": _superseded,
    "altered": _altered,
    "unknown": _unknown,
}


def _how_to_confirm(check: PdfCheck) -> str:
    """What to install, in words."""
    steps = []
    if check.lock:
        short = check.lock.commit[:12]
        steps.append(
            f"install requirements.lock of commit {short} (git show {short}:requirements.lock)"
            if check.lock.pinned
            else f"install the versions used at commit {short} (its requirements.lock, if it has one)"
        )
    if check.system:
        steps.append(f"use a system with {', '.join(check.system)}")
    manifest = "or name the manifest.json of the build that wrote it with --manifest"
    return f"{' and '.join(steps) or 'install these versions'}, then verify again; {manifest}"


def _then(check: PdfCheck) -> str:
    if check.produced_at is None:
        return ""
    when = f"at commit {check.produced_at.id[:12]} of {check.produced_at.date}"
    made = "the ledger produced it" if check.on_first_parent else "a branch produced it before it was merged,"
    return f"{made} {when}"


def _search_scope(check: PdfCheck) -> str:
    if not check.searched:
        return ""
    commits = f"{counted(check.searched, 'commit')}"
    short = "" if check.whole else " of this shallow clone (fetch the full history with `fetch-depth: 0`)"
    return f", now and in the last {commits} that changed its month{short}"


def _print_differences(title: str, differences: Iterable[Difference]) -> None:
    lines = []
    for each in differences:
        where = f"{each.where}, {each.what}" if each.what else each.where
        words = f": {shown(each.expected) or 'nothing'} → {shown(each.shown) or 'nothing'}"
        lines.append(f"{shown(where)}{words if each.expected or each.shown else ''}")
    if lines:
        click.echo(f"  {title}:")
        _print_first(lines, indent="    ")


def _print_first(lines: Sequence[str], indent: str = "") -> None:
    for line in shortened(lines, _LISTED, indent=indent, more="more; --json lists all"):
        click.echo(line)


def _pdf_json(check: PdfCheck) -> dict[str, object]:
    return {
        "kind": "pdf",
        "document": _kind(check),
        "path": str(check.path),
        "verdict": check.verdict,
        "number": check.number,
        "period": check.period,
        "superseded_by": check.by or None,
        "given_at": {
            "commit": check.produced_at.id,
            "date": check.produced_at.date,
            "on_first_parent": check.on_first_parent,
        }
        if check.produced_at
        else None,
        "commits_searched": check.searched,
        "whole_history": check.whole,
        "recorded_in": check.recorded or None,
        "other_versions": list(check.other_versions),
        "lock": {"commit": check.lock.commit, "pinned": check.lock.pinned} if check.lock else None,
        "system": list(check.system),
        "altered": [_difference(each) for each in check.altered],
        "notes": list(check.notes),
        "inputs": [
            {"path": each.path, "commit": each.commit or None, "rows": list(each.rows)} for each in check.inputs
        ],
        "drift": [problem.as_json() for problem in check.drift],
    }


def _difference(each: Difference) -> dict[str, object]:
    return {
        "where": each.where,
        "what": each.what,
        "ledger": each.expected or None,
        "file": each.shown or None,
    }
