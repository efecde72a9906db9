"""Where changes are made: a clone of the repository, in which commands run as in any checkout.

    base commit ─check out─▶ clone ─apply─▶ files ─commit─▶ draft ─take─▶ branch of the ledger's repository

So a change is made by the same functions as on the command line, with the same bytes, and nothing reaches the ledger
before the person says so. The functions here run in the process for changes (`jobs.py`), one at a time.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openchargeback.files import branches, git
from openchargeback.files.branches import FileDiff, Identity
from openchargeback.files.writing import ignore_all
from openchargeback.ledger.config import FILE_NAME, read_config
from openchargeback.ledger.links import CACHE
from openchargeback.ledger.lock import locked
from openchargeback.ledger.settings import PortalSettings
from openchargeback.plan.values import Plan
from openchargeback.problems import OpenChargebackError, OutsideFault, Problem, UsageFault, has_errors
from openchargeback.publish.plan import make_plan
from openchargeback.publish.validating import validate

MOST_DIFF = 200_000
"""Up to this size in bytes the text of a changed file is shown."""


@dataclass(frozen=True, slots=True)
class Place:
    """The ledger's folder, and that of the clone. shares_cache: whether the clone uses the ledger's own cache."""

    root: Path
    clone: Path
    shares_cache: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed in the clone. subject: of the commit. branch: its wanted name. paths: files of the ledger.

    notes: what the person should know, a sentence each. facts: what the page of the draft shows besides.
    """

    subject: str
    branch: str
    paths: tuple[str, ...]
    body: str = ""
    notes: tuple[str, ...] = ()
    facts: Any = None


Apply = Callable[[Path, Any, Identity], Change]
"""Changes files of the ledger in the clone as a form says. Raises UsageFault or LedgerFault for a refused form."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that is committed in the clone only. base: where it starts. commit: empty if nothing changed."""

    change: Change
    base: str
    commit: str


@dataclass(frozen=True, slots=True)
class Examined:
    """What a commit would change: the problems of the ledger with it, and the plan; None for the plan if it has none.

    why: why there is no plan.
    """

    problems: tuple[Problem, ...]
    plan: Plan | None
    why: str
    files: tuple[FileDiff, ...]

    @property
    def sound(self) -> bool:
        """Whether it could be merged."""
        return self.plan is not None and not has_errors((*self.problems, *self.plan.problems))


def main_commit(root: Path, branch: str) -> str:
    """The commit that changes start from: `main` on the remote if that is ahead, else here; empty without a commit."""
    here, there = git.resolve(root, f"refs/heads/{branch}"), git.resolve(root, f"refs/remotes/origin/{branch}")
    if here and there and here != there:
        return there if git.is_ancestor(root, here, there) else here
    return here or there


def opened(place: Place, commit: str) -> Path:
    """The ledger in the clone at a commit."""
    ledger = branches.clone(place.root, place.clone)
    branches.check_out(ledger, place.clone, commit)
    _set_cache(ledger, place.root / CACHE / "cache" if place.shares_cache else None)
    return ledger


def _set_cache(ledger: Path, shared: Path | None) -> None:
    """Let a clone use a shared cache, if any, and nothing that the commit has in its place: it may be a link."""
    folder, own = ledger / CACHE, ledger / CACHE / "cache"
    if git.expect(git.run(ledger, "ls-files", "--", CACHE)):
        _remove(folder)
    if shared is not None and not own.is_symlink():
        ignore_all(folder)
        _remove(own)
        shared.mkdir(parents=True, exist_ok=True)
        own.symlink_to(shared)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def opened_main(place: Place, commit: str) -> Path:
    """The ledger in the clone at a commit of `main`, which commands there take for what `main` is."""
    ledger = opened(place, commit)
    found = read_config((ledger / FILE_NAME).read_bytes())[0] if (ledger / FILE_NAME).is_file() else None
    branches.stand_on(place.clone, (found.portal if found else PortalSettings()).branch, commit)
    return ledger


def draft(place: Place, base: str, name: str, apply: Apply, form: Any, who: Identity) -> Draft:
    """Make a change in the clone and commit it there. name: under which it is kept."""
    ledger = opened_main(place, base)
    change = apply(ledger, form, who)
    message = "\n\n".join(filter(None, (change.subject, change.body))) + "\n"
    made = branches.commit(ledger, change.paths, message, who) if change.paths else ""
    if made:
        branches.keep(place.clone, made, name)
    return Draft(change, base, made)


def examine(place: Place, base: str, head: str) -> Examined:
    """The problems of a commit, and what it would change in money against another."""
    ledger = opened(place, head)
    _, problems = validate(ledger)
    files = tuple(branches.diff(ledger, base, head, MOST_DIFF))
    try:
        plan, why = make_plan(ledger, base, head), ""
    except OpenChargebackError as fault:
        plan, why = None, str(fault)
    return Examined(tuple(problems), plan, why, files)


def merged(place: Place, main: str, head: str, name: str, message: str, who: Identity) -> str:
    """Merge a commit into main in the clone, and keep the result under a name; returns its id.

    Raises UsageFault if the two conflict, or if the result would have errors.
    """
    ledger = opened(place, main)
    conflicts = branches.merge(place.clone, head, message, who)
    if conflicts:
        raise UsageFault(f"main and this branch both changed {', '.join(conflicts[:5])}; make the change again on main")
    _, problems = validate(ledger)
    errors = [each for each in problems if has_errors([each])]
    if errors:
        first = errors[0]
        raise UsageFault(f"merged with main it would have errors, such as {first.place}: {first.message}; {first.fix}")
    made = git.resolve(place.clone, "HEAD")
    if made == main:
        raise UsageFault("this has been merged meanwhile")
    branches.keep(place.clone, made, name)
    return made


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge that someone approved. branch: the main branch's name. main, head: the two commits, as shown to them.

    remote: whether the main branch is on a remote, too.
    """

    branch: str
    main: str
    head: str
    message: str
    remote: bool


def approved(place: Place, name: str, merge: Merge, who: Identity) -> str:
    """Merge a commit into the main branch, on the remote first if there is one; returns the id of the merge.

    name: under which the merge is kept meanwhile. Nothing is changed, here or there, unless all of it can be: raises
    UsageFault if the branch has moved, the two conflict, the result would have errors, or the work tree is in the way;
    OutsideFault if the remote refuses.
    """
    branch = merge.branch
    if main_commit(place.root, branch) != merge.main:
        raise UsageFault(f"{branch} has moved meanwhile; look at the plan again")
    merged(place, merge.main, merge.head, name, merge.message, who)
    try:
        with locked(place.root):
            made = branches.bring(place.root, place.clone, name)
            old = git.resolve(place.root, f"refs/heads/{branch}")
            branches.check_move(place.root, branch, made)
            if merge.remote and (reason := branches.push(place.root, made, branch)):
                raise OutsideFault(f"the remote did not take the merge, so nothing was merged: {reason}")
            try:
                branches.move(place.root, branch, made, old)
            except UsageFault as fault:
                if not merge.remote:
                    raise
                raise UsageFault(f"{fault}; the remote has the merge already, so bring {branch} up to date") from fault
    finally:
        branches.drop(place.clone, name)
    return made


def followed(place: Place, branch: str) -> None:
    """Move the main branch here forward to the remote's. Raises UsageFault if that is not possible."""
    with locked(place.root):
        here, there = (git.resolve(place.root, f"refs/{where}/{branch}") for where in ("heads", "remotes/origin"))
        if not there or (here and not git.is_ancestor(place.root, here, there)):
            raise UsageFault(f"{branch} here has commits that the remote lacks; merge or push them on the command line")
        branches.check_move(place.root, branch, there)
        branches.move(place.root, branch, there, here)


def take(place: Place, name: str, branch: str, old: str = "") -> None:
    """Take a kept commit into the ledger's repository as a branch; old: the commit that the branch has now."""
    branches.take(place.root, place.clone, name, branch, old)
    branches.drop(place.clone, name)
