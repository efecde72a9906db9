"""The two revisions that a plan compares, and the files needed from each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path

from openchargeback.files import git
from openchargeback.ledger.config import FILE_NAME, read_config
from openchargeback.ledger.directory import FILES as DIRECTORY_FILES
from openchargeback.ledger.files import LOCK_FILE, ChargeFile, charge_files
from openchargeback.ledger.periods import PeriodFile, is_period, period_of, read_period
from openchargeback.ledger.pinning import named_program
from openchargeback.ledger.revision import FOLDERS, Snapshot, lies_in, take
from openchargeback.ledger.settings import Config
from openchargeback.plan.reached import changed_paths, reached_periods
from openchargeback.plan.settings import billing_config
from openchargeback.problems import Problem


@dataclass(frozen=True, slots=True)
class Sides:
    """Both revisions with the folders their files are extracted to. beside: a single thread that extracts files."""

    base: Snapshot
    head: Snapshot
    base_folder: Path
    head_folder: Path
    beside: Executor
    _begun: list[Future[list[Problem]]] = field(default_factory=list)

    def take(self, wanted: Callable[[str], bool]) -> list[Problem]:
        """Extract files of both into their folders; returns the problems of the head."""
        self.finish()
        take(self.base, wanted, self.base_folder)
        return take(self.head, wanted, self.head_folder)

    def begin(self, wanted: Callable[[str], bool]) -> list[Problem]:
        """Extract files as `take` does, but those of the base beside other work, until `finish` is called."""
        self._begun.append(self.beside.submit(take, self.base, wanted, self.base_folder))
        return take(self.head, wanted, self.head_folder)

    def finish(self) -> None:
        """Wait for the files of the base. Call it before reading them."""
        while self._begun:
            self._begun.pop().result()


def states_in(folder: Path) -> dict[str, PeriodFile]:
    """The state of every period with a period file in a folder."""
    found = {}
    for path in sorted(folder.glob("periods/*.yaml")):
        # Closing records are large, and are not period files.
        if not is_period(path.stem) or not path.is_file():
            continue
        state, _ = read_period(path.read_bytes(), path.name)
        if state is not None:
            found[path.stem] = state
    return found


def config_in(folder: Path) -> Config | None:
    """The settings in a folder; None if they cannot be read."""
    try:
        return read_config((folder / FILE_NAME).read_bytes())[0]
    except OSError:
        return None


def reached_by(
    sides: Sides,
    states: tuple[Mapping[str, PeriodFile], Mapping[str, PeriodFile]],
    configs: tuple[Config | None, Config | None],
) -> tuple[str, ...]:
    """The periods that can differ between both sides."""
    old, new = (billing_config(config) if config else None for config in configs)
    return reached_periods(
        sides.base.entries,
        sides.head.entries,
        states,
        settings_differ=old != new or any(path in DIRECTORY_FILES for path in changed_between(sides)),
        unusual=any(config is not None and config.review.unusual_amount is not None for config in configs),
    )


def changed_between(sides: Sides) -> tuple[str, ...]:
    """The paths that differ between both sides."""
    return changed_paths(sides.base.entries, sides.head.entries)


def take_reached(sides: Sides, reached: Sequence[str], configs: tuple[Config | None, Config | None]) -> list[Problem]:
    """Extract the files of the affected periods, and everything else that changed, so that its faults are reported.

    Those of the base are there after `Sides.finish`.
    """
    logos = {name for each in configs if each for name in (each.organization.logo, each.portal.logo_dark)}
    changed = {path for path in changed_between(sides) if lies_in(path, FOLDERS)}
    return sides.begin(lambda path: period_of(path) in reached or path in logos or path in changed)


def program_of(snapshot: Snapshot) -> str:
    """The program that a revision's lock names; empty without one."""
    return named_program((snapshot.read(LOCK_FILE) or b"").decode("utf-8", "replace"))


def files_of_other_periods(sides: Sides, among: Collection[str]) -> list[ChargeFile]:
    """The charge files of the head, used in place in the work tree so that nothing is copied.

    If the head is not the work tree, files that differ are extracted if Git has one of `among` with the same id.
    """
    head, lying = sides.head, sides.head.entries if sides.head.work_tree else git.work_tree(sides.head.root)
    same = {path for path, entry in head.entries.items() if entry.id and path in lying and lying[path].id == entry.id}
    ids = {head.entries[path].id for path in among} - {""}
    take(head, lambda path: path not in same and head.entries[path].id in ids, sides.head_folder)
    there = [file for file in charge_files(head.root)[0] if file.path in same]
    return [*there, *(file for file in charge_files(sides.head_folder)[0] if file.path not in same)]


def main_branch(root: Path) -> str:
    """The main branch, as the config names it."""
    config = config_in(root)
    return config.portal.branch if config else "main"
