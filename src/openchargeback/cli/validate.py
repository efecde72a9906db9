"""`focus-billing validate`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NoReturn

import click

from openchargeback.cli.options import root_of, with_ledger
from openchargeback.cli.report import print_json, progress, shown
from openchargeback.cli.reports import repository_prefix
from openchargeback.problems import Problem, Severity, UsageFault, has_errors, in_order
from openchargeback.publish.paragraphs import Paragraph, paragraphs, total

if TYPE_CHECKING:
    from openchargeback.focus.conformance.reporting import Counts

FORMATS = ("text", "json", "github", "gitlab", "junit")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--full", is_flag=True, help="List every warning in full; check every row with Frictionless. Slow.")
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
@click.option("--staged", is_flag=True, help="Check only what the next commit changes, for a commit hook.")
@click.option("--conformance", is_flag=True, help="Check charge files against FOCUS 1.2; needs no ledger.")
@click.option("--explain", "code", metavar="CODE", help="Explain a code or flag; needs no ledger.")
@with_ledger
def validate(
    paths: tuple[str, ...],
    form: str,
    full: bool,
    strict: bool,
    staged: bool,
    conformance: bool,
    code: str | None,
    named: str | None,
) -> None:
    """Check the ledger for problems; exit code 1 if there are errors. PATH narrows the report.

    The report goes to stdout. With --format github, whatever does not fit into annotations goes to the job summary.

    With --conformance, PATH is a charge file or a folder of such files, in a ledger or elsewhere. Each requirement that
    a file breaks is reported once: an error if FOCUS says MUST.

    \b
    Example: focus-billing validate charges/2025-01 --strict
             focus-billing validate --conformance ~/Downloads/export.csv
             focus-billing validate --explain missing-fund
    """
    if code is not None:
        _explain(code, as_json=form == "json")
        return
    if not conformance:
        _check_ledger(paths, form, root_of(named), full=full, strict=strict, staged=staged)
    elif staged:
        raise UsageFault("--conformance checks whole files; use it without --staged")
    else:
        _check_conformance(paths, form, named, full=full, strict=strict)


def _check_ledger(paths: Sequence[str], form: str, root: Path, *, full: bool, strict: bool, staged: bool) -> NoReturn:
    with ExitStack() as stack:
        place = root
        if staged:
            place, found, files = _staged(root, stack)
        else:
            found, files = _examined(root, full=full)
        wanted = _narrowed(paths, root, {problem.path for problem in found})
        if wanted is not None:
            found = [problem for problem in found if _within(problem.path, wanted)]
            files = [path for path in files if _within(path, wanted)]
        failed = _fails(found, strict=strict)
        # Excerpts show the lines as checked; paths in other formats are relative to the repository's own folder.
        report = Report(found, files, place if form == "text" else root, failed=failed, strict=strict, full=full)
        _WRITERS[form](report)
    sys.exit(1 if failed else 0)


def _check_conformance(paths: Sequence[str], form: str, named: str | None, *, full: bool, strict: bool) -> NoReturn:
    from openchargeback.cli.conformance import conformance_of

    done = conformance_of(paths, named, full=full)
    failed = _fails(done.found, strict=strict)
    _WRITERS[form](
        Report(done.found, done.files, done.root, failed=failed, strict=strict, full=full, counts=done.counts)
    )
    sys.exit(1 if failed else 0)


def _fails(found: Sequence[Problem], *, strict: bool) -> bool:
    return has_errors(found) or (strict and any(problem.severity is Severity.WARNING for problem in found))


@dataclass(frozen=True, slots=True)
class Report:
    """What a format is written from: problems in order, and the files that were read.

    counts: for each file, how many requirements of FOCUS it meets, if that was asked.
    """

    found: Sequence[Problem]
    files: Sequence[str]
    root: Path
    failed: bool
    strict: bool
    full: bool
    counts: Sequence[Counts] = ()

    @property
    def paragraphs(self) -> list[Paragraph]:
        """The problems, grouped."""
        return paragraphs(self.found, full=self.full)


def _examined(root: Path, *, full: bool) -> tuple[list[Problem], list[str]]:
    """Every problem in order, and the files that were read."""
    from openchargeback.publish.validating import validate as validate_ledger

    with progress() as step:
        ledger, found = validate_ledger(root, full=full, step=step)
    if ledger is None:
        return in_order(found), []
    charges = [file.path for period in ledger.charge_files.values() for file in period]
    return in_order(found), sorted({*ledger.digests, *charges})


def _staged(root: Path, stack: ExitStack) -> tuple[Path, list[Problem], list[str]]:
    """A folder with the ledger as staged, the problems in what the next commit changes, and the files that have any.

    stack: keeps the folder.
    """
    from openchargeback.publish.pre_commit import as_staged, examine_staged

    # For `git commit -a` and `git commit PATH`, Git gives a commit hook another index than usual. It runs hooks in the
    # top folder of the repository; that index is of no use for a ledger elsewhere.
    named = os.environ.get("GIT_INDEX_FILE", "")
    index = str(Path(named).absolute()) if named and root.resolve().is_relative_to(Path.cwd()) else ""
    place = stack.enter_context(as_staged(root, index=index))
    with progress() as step:
        found = in_order(examine_staged(root, place, index=index, step=step))
    return place, found, sorted({problem.path for problem in found if problem.path})


def _narrowed(paths: Sequence[str], root: Path, faulty: set[str]) -> list[str] | None:
    """The paths relative to the ledger; None for all of it. Raises UsageFault for a path that does not exist.

    A path is looked up from the current folder first, then from the ledger.
    """
    base = root.resolve()
    wanted = []
    for path in paths:
        places = [Path(os.path.normpath(start / path)) for start in (Path.cwd(), base)]
        inside = [place.relative_to(base).as_posix() for place in places if place.is_relative_to(base)]
        known = [each for each in inside if os.path.lexists(base / each) or each in faulty]
        if not known:
            raise UsageFault(f"the ledger {root} has no file or folder {path}")
        wanted.append(known[0])
    return None if not wanted or "." in wanted else wanted


def _within(path: str, wanted: Sequence[str]) -> bool:
    return any(PurePosixPath(path).is_relative_to(each) for each in wanted) if path else False


def _write_text(report: Report) -> None:
    from openchargeback.cli.reports.text import page_for
    from openchargeback.cli.reports.text import report as as_text

    page = page_for(terminal=sys.stdout.isatty(), root=report.root, full=report.full)
    click.echo(as_text(report.found, page), nl=False)
    for counts in report.counts:
        click.echo(shown(str(counts)))


def _write_json(report: Report) -> None:
    groups = report.paragraphs
    print_json(
        {
            "valid": not report.failed,
            "errors": total(groups, Severity.ERROR),
            "warnings": total(groups, Severity.WARNING),
            "problems": [problem.as_json() for problem in report.found],
            "groups": [_group(each) for each in groups],
            **({"conformance": [counts.as_json() for counts in report.counts]} if report.counts else {}),
        }
    )


def _group(paragraph: Paragraph) -> dict[str, object]:
    places = [{"line": each.line, "column": each.column} for each in paragraph.places if each.line]
    placed = {each.line for each in paragraph.places}
    if paragraph.head.line:
        places += [{"line": line, "column": 0} for line in paragraph.lines if line not in placed]
    return {**paragraph.head.as_json(), "count": paragraph.count, "places": places}


def _write_github(report: Report) -> None:
    from openchargeback.cli.reports.github import commands, summary, summary_room

    groups = report.paragraphs
    target = os.environ.get("GITHUB_STEP_SUMMARY", "")
    prefix = repository_prefix(report.root)
    text = summary(groups, summary_room(Path(target)), prefix) if target else ""
    if text:
        with Path(target).open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)
    for line in commands(groups, prefix, summary=bool(text)):
        click.echo(line)
    for counts in report.counts:
        # A path at the start of a line cannot be a workflow command, but text after a line break could.
        click.echo(f"FOCUS: {' '.join(shown(str(counts)).split())}")


def _write_gitlab(report: Report) -> None:
    from openchargeback.cli.reports.gitlab import issues

    print_json(issues(report.paragraphs, repository_prefix(report.root)))


def _write_junit(report: Report) -> None:
    from openchargeback.cli.reports.junit import junit

    prefix = repository_prefix(report.root)
    click.echo(junit(report.paragraphs, report.files, strict=report.strict, prefix=prefix), nl=False)


_WRITERS = {
    "text": _write_text,
    "json": _write_json,
    "github": _write_github,
    "gitlab": _write_gitlab,
    "junit": _write_junit,
}


def _explain(code: str, *, as_json: bool) -> None:
    from openchargeback.cli.conformance import explain_requirement
    from openchargeback.cli.reports.explaining import explanation
    from openchargeback.cli.reports.text import page_for
    from openchargeback.explanations import explain, similar

    entry = explain(code) or explain_requirement(code)
    if entry is None:
        near = " or ".join(f"`{name}`" for name in similar(code))
        ask = f"did you mean {near}?" if near else "docs/VALIDATION.md lists them all"
        raise UsageFault(f"unknown code {code}; {ask}")
    if as_json:
        print_json(entry.as_json())
        return
    click.echo(explanation(entry, page_for(terminal=sys.stdout.isatty(), root=None).width), nl=False)
