"""Verify the folder of a build, or of a month for finance, against the ledger, recomputed from the commit it names.

The manifest in the folder proves nothing; it only names the commit to recompute.
"""

from __future__ import annotations

import enum
import filecmp
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from openchargeback.files import git
from openchargeback.model import Provenance
from openchargeback.portal.libraries import other_versions
from openchargeback.problems import Problem, UsageFault
from openchargeback.publish.books import Step, no_step, open_books
from openchargeback.publish.build import build
from openchargeback.publish.bundle import write_bundle
from openchargeback.publish.manifest import NAME, OutputKind, files_below, read_manifest
from openchargeback.publish.output_swap import heal
from openchargeback.publish.past import drifts, ledger_at


class Finding(enum.StrEnum):
    """The status of a file: identical to the recomputed one, different, missing, or not part of the build."""

    IDENTICAL = "identical"
    DIFFERS = "differs"
    MISSING = "missing"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True)
class FileFinding:
    """A file of an output, by its path in the folder."""

    path: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class FolderCheck:
    """A folder compared with the ledger at a commit.

    in_history: whether that commit is in the history of HEAD. claimed: the provenance in the manifest. other_versions:
    of the libraries that made its PDFs, if they differ from those installed. drift: where this program would compute a
    closed month differently.
    """

    folder: Path
    commit: git.Commit
    in_history: bool
    claimed: Provenance
    files: tuple[FileFinding, ...]
    other_versions: tuple[str, ...] = ()
    drift: tuple[Problem, ...] = ()

    @property
    def differing(self) -> tuple[FileFinding, ...]:
        """The files that are not identical."""
        return tuple(each for each in self.files if each.finding is not Finding.IDENTICAL)


def verify_folder(
    root: Path, folder: Path, revision: str = "", *, workers: int | None = None, step: Step = no_step
) -> FolderCheck:
    """Recompute every file of a build or bundle, without any cache, and compare byte by byte.

    revision: overrides the commit in the manifest.
    Raises UsageFault if there is no commit to recompute, LedgerFault if the ledger at that commit has errors.
    """
    heal(folder)
    if not folder.is_dir():
        raise UsageFault(f"{folder} does not exist; name a PDF, or a folder that `build` or `bundle` wrote")
    listed = read_manifest(folder)
    if listed is None:
        raise UsageFault(f"{folder} was not written by `focus-billing build` or `bundle`: no readable {NAME}")
    if listed.holds is OutputKind.WITHOUT_PDFS:
        raise UsageFault(f"{folder} was built with --no-pdf, for a quick look; verify a complete build")
    if listed.holds is OutputKind.STATEMENTS:
        raise UsageFault(f"{folder} has only statements, written by `generate`; verify its PDFs one by one")
    wanted = revision or listed.provenance.commit
    if not wanted:
        raise UsageFault(f"{folder} was built outside Git, so it names no commit; pass one with --commit")
    with ledger_at(root, wanted) as (ledger, commit), tempfile.TemporaryDirectory(prefix="openchargeback-") as place:
        if listed.holds is OutputKind.BUNDLE:
            books = open_books(ledger, wanted=listed.period, step=step)
            made = write_bundle(books, listed.period, Path(place), commit=commit, workers=workers, step=step)
            fresh = made.folder
        else:
            fresh = Path(place) / "public"
            build(ledger, fresh, commit=commit, workers=workers, step=step)
        files = tuple(_compare(fresh, folder))
        drifted = tuple(drifts(ledger, listed.period, step=step))
    tip = git.head(root)
    in_history = tip is not None and git.is_ancestor(root, commit.id, tip.id)
    others = tuple(other_versions(listed.libraries))
    return FolderCheck(folder, commit, in_history, listed.provenance, files, others, drifted)


def _compare(fresh: Path, folder: Path) -> Iterator[FileFinding]:
    ours, theirs = dict(files_below(fresh)), dict(files_below(folder))
    for path in sorted({*ours, *theirs}):
        if path not in theirs:
            yield FileFinding(path, Finding.MISSING)
        elif path not in ours:
            yield FileFinding(path, Finding.UNEXPECTED)
        else:
            plain = theirs[path].is_file(follow_symlinks=False)
            same = plain and filecmp.cmp(ours[path].path, theirs[path].path, shallow=False)
            yield FileFinding(path, Finding.IDENTICAL if same else Finding.DIFFERS)
