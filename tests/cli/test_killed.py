"""Each command that writes, killed at each of its writes, on a disk that fails, and twice at once.

The ledger and the output are the old ones or the new ones after the next command, and nothing temporary stays.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "files"))

import moments as moments_file
from moments import FULL, READ_ONLY, contents, failing_from, moments, run

from openchargeback.files.lock import held
from openchargeback.files.writing import TEMPORARY, is_temporary, temporary
from openchargeback.ledger import lock
from openchargeback.ledger.lock import finish_interrupted, locked
from openchargeback.publish import bill_ledger as billing
from openchargeback.publish.output_swap import heal

pytestmark = pytest.mark.slow

BY = ("--by", "admin@example.edu", "--on", "2025-02-05")
HEAD = "BillingPeriodStart,BilledCost,ListCost,ServiceName,ResourceId,Tags\n"
JANUARY, FEBRUARY = "charges/2025-01/aws.csv", "charges/2025-02/aws.csv"


def row(cost: str, resource: str = "r1", fund: str = "F-1", month: str = "2025-01") -> str:
    """A charge; without a fund it is held."""
    names = {"pi_email": "ada@example.edu", "project_id": "p1"} | ({"fund_org": fund} if fund else {})
    tags = json.dumps(names).replace('"', '""')
    return f'{month}-01,{cost},9,Compute,{resource},"{tags}"\n'


def put(path: Path, text: str) -> None:
    """Write a file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _open(folder: Path) -> None:
    """January with a held charge, February, and files to ingest and import."""
    put(folder / "ledger/config.yaml", "organization: Test University\nsources: {aws: {credit_fund: C-1}}\n")
    put(folder / "ledger" / JANUARY, HEAD + row("1.005") + row("2.5", "r2") + row("3", "h1", ""))
    put(folder / "ledger" / FEBRUARY, HEAD + row("8", month="2025-02"))
    put(folder / "ledger/charges/2025-03/aws/part-000.csv", HEAD + row("5", month="2025-03"))
    put(folder / "march.csv", HEAD + row("6", month="2025-03"))
    put(folder / "people.csv", "email,name\nada@example.edu,Ada\nbo@example.edu,Bo\n")


def _closed(folder: Path) -> None:
    """As `_open`, with January closed and its charge left held."""
    _open(folder)
    assert run("--ledger", folder / "ledger", "periods", "close", "2025-01", "--leave-held", *BY)[0] == 0


def _closed_and_reopened(folder: Path) -> None:
    _closed(folder)
    assert run("--ledger", folder / "ledger", "periods", "open", "2025-01")[0] == 0


def _void(folder: Path) -> None:
    """As `_open`, with two approval files of which one is void now and one lacks a charge."""
    _open(folder)
    words = ("review", "reassign", "--period", "2025-01", "--all", "--set-fund", "F-7", "--reason", "found", *BY)
    assert run("--ledger", folder / "ledger", *words)[0] == 0
    put(folder / "ledger" / JANUARY, HEAD + row("1.005") + row("4", "h1", "") + row("5", "h2", ""))


def _written(words: tuple[str, ...]) -> Callable[[Path], None]:
    """As `_open`, with the output that a command wrote from other charges."""

    def lay(folder: Path) -> None:
        _open(folder)
        put(folder / "ledger" / JANUARY, HEAD + row("7") + row("3", "h1", ""))
        assert Case(words).run(folder)[0] == 0
        _open(folder)

    return lay


def _nothing(folder: Path) -> None:
    """An empty place."""


def _clone(folder: Path) -> None:
    """A fresh clone of an empty repository."""
    subprocess.run(["git", "init", "-q", folder / "ledger"], check=True)


@dataclass(frozen=True)
class Case:
    """A command; `{folder}` stands for the folder that holds ledger and outputs. before: makes what is there.

    again: how the next command ends once all was done already: 2 where that is said to be so.
    """

    words: tuple[str, ...]
    before: Callable[[Path], None] = _open
    again: int = 0

    def run(self, folder: Path) -> tuple[int, str]:
        """Run it; gives the exit code and what it said."""
        words = [each.format(folder=folder) for each in self.words]
        return run(*words) if words[0] == "init" else run("--ledger", folder / "ledger", *words)


CLOSE = ("periods", "close", "2025-01", "--leave-held", *BY)
BUILD = ("build", "--workers", "1", "-o", "{folder}/public")
GENERATE = ("generate", "--period", "2025-01", "-o", "{folder}/pdf")
JOURNAL = ("journal", "--period", "2025-01", "-o", "{folder}/DRAFT.csv")
CREDIT = ("review", "credit", "--period", "2025-02", "--of", "2025-01", "--resource", "r2", "--reason", "twice", *BY)
REASSIGN = ("review", "reassign", "--period", "2025-01", "--all", "--set-fund", "F-7", "--reason", "found", *BY)
INGEST = ("ingest", "{folder}/march.csv", "--source", "aws")
CASES = {
    "init": Case(("init", "{folder}/ledger"), _nothing, 2),
    "init in a clone": Case(("init", "{folder}/ledger"), _clone, 2),
    "init schemas": Case(("init", "{folder}/ledger", "--schemas")),
    "ingest add": Case((*INGEST, "--add")),
    "ingest replace": Case((*INGEST, "--replace", "--compress")),
    "close": Case(CLOSE, again=2),
    "close again": Case(CLOSE, _closed_and_reopened, 2),
    "reopen": Case(("periods", "open", "2025-01"), _closed),
    "finalize": Case(("periods", "finalize", "2025-01", *BY), _closed, 2),
    "decide": Case(REASSIGN, again=2),
    "refresh": Case(("review", "refresh", *BY), _void),
    "credit": Case(CREDIT, _closed, 2),
    "directory add": Case(("directory", "add", "person", "ada@example.edu", "--name", "Ada"), again=2),
    "directory import": Case(("directory", "import", "{folder}/people.csv")),
    "directory suggest": Case(("directory", "suggest", "--period", "2025-01", "-o", "{folder}/stubs.csv"), again=2),
    "journal": Case(JOURNAL, _written(JOURNAL)),
    "generate": Case(GENERATE, _written(GENERATE)),
    "build": Case(BUILD, _written(BUILD)),
}
OTHERS = ("init", "clone", "suggest", "journal", "generate", "build")
"""The cases that change no files of a ledger that is there, by the last word of their names."""
OUTPUTS = ("public", "pdf/2025-01")
"""What is replaced as a folder."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, and Git of a computer where someone is known."""
    put(tmp_path / "gitconfig", "[user]\nname = Ada\nemail = ada@example.edu\n[init]\ntemplateDir =\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for name in ("place", "copies"):
        (tmp_path / name).mkdir()
    return tmp_path / "place"


def healed(folder: Path) -> dict[str, bytes]:
    """What lies there once any next command has begun, temporary files of outputs aside."""
    if (folder / "ledger").is_dir():
        finish_interrupted(folder / "ledger")
    for name in OUTPUTS:
        heal(folder / name)
    return {name: data for name, data in contents(folder).items() if not is_temporary(name)}


def temporaries(folder: Path) -> list[str]:
    """What is temporary and lies there."""
    return [path.name for path in folder.rglob(f"*{TEMPORARY}")]


@pytest.mark.parametrize("name", CASES)
def test_killed_at_each_write(place: Path, name: str) -> None:
    """Old or new at each; the same command then gives the bytes of a run that nobody disturbed."""
    case = CASES[name]
    case.before(place)
    old = contents(place)
    made = moments(place, place.parent / "copies", lambda: case.run(place))
    new = contents(place)
    assert new != old
    assert not temporaries(place)
    assert len(made) >= 4
    kept: dict[str, Path] = {}
    for copy in made:
        untouched = shutil.copytree(copy, place.parent / "untouched", symlinks=True)
        found = healed(copy)
        assert found in (old, new), copy.name
        if not name.startswith(("init", "journal", "directory suggest")):  # whose next run removes what is temporary
            assert not temporaries(copy), copy.name
        shutil.rmtree(copy)
        moment = "before" if found == old else "last" if "first" in kept else "first"
        shutil.rmtree(kept.get(moment, copy), ignore_errors=True)
        kept[moment] = untouched.rename(copy)
    for moment, copy in kept.items():
        # At its own place, as outputs and messages name it.
        shutil.rmtree(place)
        copy.rename(place)
        code, said = case.run(place)
        assert code in {0, 0 if moment == "before" else case.again}, said
        assert contents(place) == new
        assert not temporaries(place)


def test_these_are_a_hundred_moments_and_more(place: Path) -> None:
    """Of commands alone that change small files of a ledger."""
    counts = []
    for name in ("close", "ingest replace", "refresh", "credit", "init"):
        folder = place / name.replace(" ", "-")
        folder.mkdir()
        (folder.parent / f"{folder.name}-copies").mkdir()
        CASES[name].before(folder)
        run_it = partial(CASES[name].run, folder)
        counts.append(len(moments(folder, folder.parent / f"{folder.name}-copies", run_it)))
    assert sum(counts) >= 100, counts


@pytest.mark.parametrize("name", CASES)
def test_a_disk_that_is_read_only_or_full(place: Path, name: str) -> None:
    """Nothing is changed, and what is said names the place and the reason. Root writes whatever the permissions say,
    so the calls themselves fail.
    """
    case = CASES[name]
    case.before(place)
    old = contents(place)
    for code, number, told in ((READ_ONLY, 1, "Read-only file system"), (FULL, 2, "the disk is full")):
        with failing_from(place, number, code):
            status, said = case.run(place)
        assert (status, told in said) == (3, True), said
        assert str(place) in said
        assert healed(place) == old
    assert case.run(place)[0] == 0
    assert not temporaries(place)


@pytest.mark.parametrize("name", [name for name in CASES if name.split()[-1] not in OTHERS])
def test_two_commands_at_once(place: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one waits, says who is writing, and changes nothing."""
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0.1)
    case = CASES[name]
    case.before(place)
    old = contents(place)
    with locked(place / "ledger"):
        code, said = case.run(place)
    assert (code, "another command is writing to this ledger" in said, str(os.getpid()) in said) == (3, True, True)
    assert contents(place) == old


@pytest.mark.parametrize(
    ("name", "output"), [("build", "public"), ("generate", "pdf/2025-01"), ("journal", "DRAFT.csv")]
)
def test_two_outputs_at_once(place: Path, name: str, output: str) -> None:
    """The second one stops at once and leaves the output to the first."""
    case = CASES[name]
    case.before(place)
    old = contents(place)
    path = temporary(place / output, "" if name == "journal" else ".lock")
    with held(path, "busy"):
        code, said = case.run(place)
    assert (code, "another command is writing" in said) == (3, True)
    assert contents(place) == old
    assert not temporaries(place)


@pytest.mark.parametrize("name", ["build", "generate", "validate"])
def test_files_change_while_they_are_read(place: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is neither the old ledger nor the new one: nothing comes of it, and the next run sees the new."""
    case = CASES.get(name) or Case((name,))
    case.before(place)
    old = contents(place)
    bill = billing.bill

    def slowly(*arguments: Any, **options: Any) -> object:
        found = bill(*arguments, **options)
        assert run("--ledger", place / "ledger", *REASSIGN)[0] == 0
        return found

    with monkeypatch.context() as patched:
        patched.setattr("openchargeback.publish.bill_ledger.bill", slowly)
        code, said = case.run(place)
    assert (code, "the ledger was changed while it was being read" in said) == (3, True), said
    assert {path: data for path, data in contents(place).items() if path in old} == old
    assert case.run(place)[0] == 0


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from typing import Any
from moments import at_each_write, run
left = int(sys.argv[3])
def kill(event, handle):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
with at_each_write(Path(sys.argv[2]), kill):
    print(run(*sys.argv[4:]))
"""


@pytest.mark.parametrize(("name", "number", "done"), [("close", 6, False), ("close", 24, True), ("generate", 5, False)])
def test_really_killed(place: Path, name: str, number: int, *, done: bool) -> None:
    """SIGKILL in the middle; a command that only reads heals, says what it completed, and the lock is free."""
    case = CASES[name]
    case.before(place)
    words = [each.format(folder=place) for each in ("--ledger", f"{place}/ledger", *case.words)]
    script = [sys.executable, "-c", KILLED, str(Path(moments_file.__file__).parent), str(place), str(number), *words]
    killed = subprocess.run(script, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    assert temporaries(place)
    code, said = run("--ledger", place / "ledger", "validate")
    assert code == 0, said
    assert ("finished an interrupted command" in said) == done
    code, said = case.run(place)
    assert code == (case.again if done else 0), said
    assert not temporaries(place)
