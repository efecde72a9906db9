"""Changes the program in small ways, one at a time, and lists the changes that no test notices.

`make mutants MUTANTS_ARGS="--seed 2 --count 40"`. Works on a copy in a temporary folder. Half of the mutants are in
`.sql` files, half in Python; with the same seed, a smaller count takes the first ones of a larger. A mutant is killed
when the tests about its file, or else those of its room, fail or exceed the limit; the unchanged program must need at
most five sixths of it. Survivors that no test can distinguish from the program are listed in tools/mutants.toml, with a
reason, and counted separately.
"""

from __future__ import annotations

import argparse
import difflib
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from mutating.edits import Edit
from mutating.python import python_edits
from mutating.sql import sql_edits

ROOT = Path(__file__).resolve().parent.parent
SOURCE = "src/openchargeback"
KNOWN = "tools/mutants.toml"
LIMIT = 60
"""CPU seconds for the tests of a file or a room, so that a busy machine does not make a mutant look killed."""

# Room → the tests that notice most of its changes, within the limit.
_LEDGERS = "tests/test_golden.py::test_an_accountant_expects_the_same"
ROOMS = {
    "money.py": ("tests/test_money.py", "tests/billing/test_each_invariant.py", "tests/portal/test_figures.py"),
    "review": (_LEDGERS, "tests/review/test_posting.py", "tests/review/test_attribution.py"),
    "billing": (
        "tests/billing/test_each_invariant.py",
        _LEDGERS,
        "tests/billing/test_reconciliation.py",
        "tests/billing/test_journal.py",
        "tests/billing/test_directory_of_then.py",
        "tests/billing/test_drift.py",
        "tests/billing/test_provenance.py",
    ),
    "plan": ("tests/plan/test_closed_months.py", "tests/plan/test_plan_causes.py"),
}

# Files of a room → the tests that are about them; they run first, with a limit of their own.
_SLOW_TOO = "-mslow or not slow"
_REVISIONS = "tests/plan/test_plan_revisions.py::test_"
_AUDIENCES = "tests/publish/test_audiences.py::test_"
_LIFE = "tests/cli/test_life_of_a_month.py::test_"
_ABOUT = {
    "attribution payer payer_flags naming nearest": ("tests/review/test_attribution.py",),
    "suggestions": ("tests/review/test_suggestions.py",),
    "flags dated inactive_fund_flags flagged correction_flags duplicates copies follows lacking detail details ids "
    "charges earlier_rows spent payer_flags": ("tests/review/test_flags.py",),
    "queue items item_charges notes held held_sums asks proposals naming nearest detail details lacking named_ids": (
        "tests/review/test_queue.py",
    ),
    "decisions disposition selected decided_charges named_ids review/queries": ("tests/review/test_decisions.py",),
    "corrections credits late late_charges shared_charges billed_charges billed_ids held_tables held_charges events "
    "earlier period_review charge_parts": (
        "tests/billing/test_corrections.py",
        "-knot twice and not many_digits and not short_id and not unusual",
        _SLOW_TOO,
    ),
    "corrections credits late late_charges shared_charges billed_charges billed_ids events billing/queries": (
        "tests/billing/test_corrections.py",
        "-ktwice or many_digits or short_id",
        _SLOW_TOO,
    ),
    "closed_month_clashes": ("tests/billing/test_closed_month_clashes.py", _SLOW_TOO),
    "completeness coverage": ("tests/billing/test_completeness.py",),
    "closed_totals closed_resources recorded_tables": ("tests/billing/test_closed_totals.py",),
    "periods pipeline source_totals texts": ("tests/billing/test_together.py", _SLOW_TOO),
    "copies": ("tests/billing/test_copies.py", _SLOW_TOO),
    "browsed_charges browsed_columns browsed_details browsed_first browsed_words": (
        "tests/billing/test_browsed_charges.py",
        _SLOW_TOO,
    ),
    "focus_charges focus_tables billed_details": ("tests/export/test_focus_books.py", _SLOW_TOO),
    "span_lines span_statements summaries": ("tests/publish/test_spans.py",),
    "own_charges": (f"{_AUDIENCES}a_pi_sees_the_same_own_charges_as_everyone_inside_and_no_others", _SLOW_TOO),
    "provider_invoices invoice_sums": ("tests/billing/test_invoice_checks.py",),
    "invoices": ("tests/billing/test_external_payers.py", _SLOW_TOO),
    "statement_charges": ("tests/billing/test_statement_charges.py",),
    "suppression": ("tests/billing/test_suppression.py",),
    "postings": ("tests/billing/test_postings.py", "tests/export/test_journal_answers.py"),
    "accruals": ("tests/export/test_journal_files.py",),
    "crediting": ("tests/web/test_credit_forms.py",),
    "discounts statements": ("tests/portal/test_statement_record.py", "tests/portal/test_statement_text.py"),
    "alike charge_usage usage": ("tests/review/test_ids.py", _SLOW_TOO),
    "freezing": ("tests/billing/test_freezing.py", "tests/billing/test_histories.py"),
    "resources statement_resources attributions charges_data": ("tests/billing/test_freezing.py",),
    "allocate lines": ("tests/billing/test_allocation.py",),
    "references odd_references originals follow_earlier": (
        "tests/billing/test_source_tags.py",
        "tests/review/test_flags.py",
    ),
    "tracing traced traced_charges wanted_lines": ("tests/verify/test_why.py",),
    "comparison movement outcome causes line_causes pairing changes plan/queries": (
        "tests/plan/test_plan_showback.py",
        "tests/plan/test_plan_comparison.py",
    ),
    "successors": (
        f"{_LIFE}what_is_void_without_a_successor_is_removed_with_the_reason",
        f"{_LIFE}decisions_on_single_charges_are_refreshed_from_the_history_of_the_charges",
        _SLOW_TOO,
    ),
    "document words notices thresholds values": ("tests/plan/test_plan_shown.py",),
    "reached sides settings months": (
        f"{_REVISIONS}periods_are_reached_in_their_order",
        f"{_REVISIONS}periods_of_paths",
        f"{_REVISIONS}an_unknown_content_always_differs",
        f"{_REVISIONS}months_that_nothing_reaches_are_not_read",
        f"{_REVISIONS}a_closed_month_that_differs_reaches_the_open_months_after_it",
        f"{_REVISIONS}live_settings_do_not_reach_a_closed_month_until_it_is_opened_again",
        f"{_REVISIONS}touching_a_closed_or_finalized_month_is_told_and_moves_nothing",
        f"{_REVISIONS}decisions_of_other_open_months_on_the_same_charges_count",
    ),
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change to a file of the program."""

    path: str
    edit: Edit

    def applied(self, text: bytes) -> bytes:
        """The text of the file with the change applied."""
        return text[: self.edit.start] + self.edit.new.encode() + text[self.edit.end :]

    def line(self, text: bytes) -> str:
        """The first changed line, without indentation."""
        begin = text.rfind(b"\n", 0, self.edit.start) + 1
        return text[begin:].split(b"\n", 1)[0].decode().strip()

    def diff(self, text: bytes) -> str:
        """The change as a patch."""
        old, new = (part.decode().splitlines(keepends=True) for part in (text, self.applied(text)))
        return "".join(difflib.unified_diff(old, new, self.path, self.path, n=1))


def mutants(root: Path, kind: str, chance: random.Random) -> list[Mutant]:
    """The mutants of all rooms in files of a kind, shuffled, cycling through rooms and their kinds of change."""
    rooms: list[list[Mutant]] = []
    for room in ROOMS:
        place = root / SOURCE / room
        found = []
        for file in sorted(place.rglob(f"*{kind}")) if place.is_dir() else [place] * (place.suffix == kind):
            text, path = file.read_bytes(), file.relative_to(root).as_posix()
            edits = sql_edits(text) if kind == ".sql" else python_edits(text)
            found += [Mutant(path, each) for each in edits]
        chance.shuffle(found)
        changes: dict[str, list[Mutant]] = {}
        for each in found:
            changes.setdefault(re.sub(r"\d+", "", each.edit.operator), []).append(each)
        rooms.append([each for each in chain.from_iterable(zip_longest(*changes.values())) if each])
    return [each for each in chain.from_iterable(zip_longest(*rooms)) if each]


def room_of(path: str) -> str:
    """The room of a file."""
    return path.removeprefix(f"{SOURCE}/").split("/")[0]


def tests_of(path: str) -> tuple[tuple[str, ...], ...]:
    """What must pass with a file of the program, list by list: the tests about it, if any, and those of its room."""
    names = {Path(path).stem, f"{room_of(path)}/{Path(path).stem}"}
    about = [tests for files, tests in _ABOUT.items() if names & set(files.split())]
    return (*about, ROOMS[room_of(path)])


def run_tests(tree: Path, tests: Sequence[str], *, fresh: bool) -> bool:
    """Whether tests pass in a tree, within the limit. fresh: compile for the runs that follow."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "" if fresh else "1"}
    options = ("-x", "-q", "-p", "no:cacheprovider", "-m", "not slow")
    command = ("sh", "-c", f'ulimit -t {LIMIT} && exec "$@"', "sh", sys.executable, "-m", "pytest", *options)
    with subprocess.Popen(
        [*command, *tests],
        cwd=tree, env=environment, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            return process.wait(timeout=20 * LIMIT) == 0
        except subprocess.TimeoutExpired:  # it waits forever
            os.killpg(process.pid, signal.SIGKILL)
            return False


def survives(mutant: Mutant, tree: Path) -> bool:
    """Whether the tests of its room pass even with the mutant in a tree."""
    file = tree / mutant.path
    text = file.read_bytes()
    file.write_bytes(mutant.applied(text))
    os.utime(file, (0, 0))  # older than any compiled file, so none is used for it
    try:
        return all(run_tests(tree, tests, fresh=False) for tests in tests_of(mutant.path))
    finally:
        file.unlink()
        shutil.copy2(ROOT / mutant.path, file)


def copied(folder: Path) -> Path:
    """A copy of the checkout, with uncommitted changes."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-coz", "--exclude-standard"], check=True, capture_output=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def unfit(tree: Path, chosen: Sequence[Mutant]) -> str:
    """Why the tests of mutants cannot be used on them; empty if they can."""
    for tests in dict.fromkeys(chain.from_iterable(tests_of(each.path) for each in chosen)):
        before = os.times()
        passed, after = run_tests(tree, tests, fresh=True), os.times()
        took = after.children_user + after.children_system - before.children_user - before.children_system
        print(f"{took:3.0f} s of CPU time: {tests[0]} …", flush=True)
        if not passed or took > LIMIT * 5 / 6:
            return f"{' '.join(tests)}: they fail, or take more than five sixths of the limit of {LIMIT} s"
    return ""


def main() -> int:
    """Try the mutants and print the survivors; 1 if one has no reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the mutants (default: %(default)s)")
    parser.add_argument("--count", type=int, default=200, help="number of mutants (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="parallel processes (default: %(default)s)")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 - a repeatable choice, not a secret
    kinds = [mutants(ROOT, kind, chance) for kind in (".sql", ".py")]
    reasons = {(each["file"], each["line"], each["operator"]): each["reason"] for each in _known()}
    texts = {each.path: (ROOT / each.path).read_bytes() for each in chain(*kinds)}

    def key(each: Mutant) -> tuple[str, str, str]:
        return each.path, each.line(texts[each.path]), each.edit.operator

    for gone in sorted(reasons.keys() - {key(each) for each in chain(*kinds)}):
        print(f"{KNOWN} lists mutants that no longer exist: {', '.join(gone)}")
    chosen = list(islice(chain.from_iterable(zip(*kinds, strict=False)), options.count))
    with tempfile.TemporaryDirectory(prefix="mutants-") as place, ThreadPoolExecutor(options.jobs) as pool:
        trees: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(options.jobs):
            trees.put(copied(Path(place) / str(number)))
        if fault := unfit(Path(place) / "0", chosen):
            print(fault)
            return 2

        def tried(mutant: Mutant) -> bool:
            tree = trees.get()
            try:
                return survives(mutant, tree)
            finally:
                trees.put(tree)

        unexplained = explained = 0
        for done, (mutant, alive) in enumerate(zip(chosen, pool.map(tried, chosen), strict=True), start=1):
            if alive and key(mutant) in reasons:
                explained += 1
            elif alive:
                unexplained += 1
                print(f"\nsurvivor: {mutant.edit.operator}\n{mutant.diff(texts[mutant.path])}", flush=True)
            if not done % 10:
                print(f"{done} of {len(chosen)} tried, {unexplained} survive unexplained", flush=True)
    share = unexplained / max(1, len(chosen))
    result = f"{unexplained} survive ({share:.1%}), {explained} more with a reason"
    print(f"{len(chosen)} mutants with seed {options.seed}: {result}")
    return 1 if unexplained else 0


def _known() -> list[dict[str, str]]:
    known: list[dict[str, str]] = tomllib.loads((ROOT / KNOWN).read_text(encoding="utf-8")).get("equivalent", [])
    return known


if __name__ == "__main__":
    sys.exit(main())
