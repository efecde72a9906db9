"""The history of many files from one walk is what Git tells of each of them alone."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from openchargeback.evidence import levels as evidence
from openchargeback.evidence.history import History, Integrations
from openchargeback.files import git


class Repository:
    """A repository with several people."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "-q", "-b", "main", str(root))

    def git(self, *arguments: str, who: str = "ann", code: int = 0) -> str:
        settings = ("-c", f"user.name={who}", "-c", f"user.email={who}@example.edu", "-c", "commit.gpgsign=false")
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        place = ("-C", str(self.root)) if self.root.exists() else ()
        done = subprocess.run(
            ["git", *place, *settings, *arguments], capture_output=True, text=True, check=False, env=environment
        )
        assert code or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, who: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", f"x\n\nCo-authored-by: H <{who}-helper@example.edu>", "--allow-empty", who=who)


def grown(root: Path, seed: int) -> Repository:
    """A repository in which people write, rename, delete and merge by chance, in a folder and beside it."""
    chance = random.Random(seed)  # noqa: S311 - it only has to be the same again
    made = Repository(root)
    ledger = root / "ledger"
    names = [f"approvals/{name}" for name in ("a b.yaml", "é.yaml", "c.yaml", "d.yaml", "*.yaml")]
    branches = ["main"]

    def change() -> None:
        path, other = (ledger / chance.choice(names) for _ in range(2))
        path.parent.mkdir(parents=True, exist_ok=True)
        there = sorted(path.parent.iterdir())
        what = chance.random()
        if what < 0.15 and there:
            chance.choice(there).unlink()
        elif what < 0.35 and there:
            chance.choice(there).rename(other)
        else:
            lines = [f"line {number} of {path.name}\n" for number in range(9)]
            path.write_text("".join(lines) + f"{chance.random()}\n")
        if chance.random() < 0.2:
            (root / "README").write_text(str(chance.random()))

    (ledger / "approvals").mkdir(parents=True)
    (ledger / "config.yaml").write_text("x")
    made.commit("ann")
    for number in range(28):
        who = chance.choice(("ann", "ben", "cyd"))
        what = chance.random()
        if what < 0.2:
            branches.append(f"b{number}")
            made.git("switch", "-qc", branches[-1])
        elif what < 0.4:
            made.git("switch", "-q", chance.choice(branches))
        elif what < 0.6:
            made.git("merge", "-q", "--no-ff", "--no-commit", chance.choice(branches), code=1)
            if chance.random() < 0.3:
                change()
            made.commit(who)
            continue
        change()
        made.commit(who)
    return made


@pytest.mark.parametrize("seed", range(12))
def test_the_history_of_all_files_holds_what_git_tells_of_each(tmp_path: Path, seed: int) -> None:
    made = grown(tmp_path / "r", seed)
    root = made.root / "ledger"
    history, integrations = History(root), Integrations(root, "HEAD")
    renamed = made.git("log", "-M", "--diff-filter=R", "--name-only", "--format=", "-z", "HEAD").split("\0")
    merges = [git.logged(root, f"{id_}^!")[0] for id_ in made.git("rev-list", "--merges", "HEAD").split()]
    paths = list(git.tree(root, "HEAD"))
    assert "config.yaml" in paths
    for path in paths:
        traced = history.trace(path)
        whole = f":(literal)ledger/{path}"
        alone = set(made.git("log", "--full-history", "--no-merges", "--format=%H", "--", whole).split())
        own = {
            merge.id
            for merge in merges
            if git.content_id(root, merge.id, path)
            not in {"", *(git.content_id(root, parent, path) for parent in merge.parents)}
        }
        found = {each.id for each in traced.commits}, {each.id for each in traced.merges}
        assert found[0] >= alone, path
        assert found[1] >= own, path
        if f"ledger/{path}" not in renamed:
            assert found == (alone, own), path
        last = integrations.of(path)
        assert last is not None
        assert last.id == git.integrations(root, "HEAD", path)[0]


def test_a_file_is_followed_through_its_names_and_out_of_the_folder(tmp_path: Path) -> None:
    made = Repository(tmp_path / "r")
    ledger = made.root / "ledger"
    ledger.mkdir()
    text = "".join(f"line {number}\n" for number in range(20))
    (made.root / "draft.yaml").write_text(text)
    (ledger / "other.yaml").write_text("x\n")
    made.commit("ann")
    (made.root / "draft.yaml").rename(ledger / "a.yaml")
    made.commit("ben")
    (ledger / "a.yaml").rename(ledger / "b.yaml")
    (ledger / "b.yaml").write_text(text + "more\n")
    made.commit("cyd")
    (ledger / "a.yaml").write_text("another file of that name\n")
    (ledger / "copy.yaml").write_text(text)
    made.commit("dot")
    history = History(ledger)

    def authors(path: str) -> list[str]:
        return [each.committer.partition("@")[0] for each in history.trace(path).commits]

    assert authors("b.yaml") == ["cyd", "ben", "ann"]
    assert authors("copy.yaml") == ["dot"]
    assert authors("other.yaml") == ["ann"]


def test_git_is_asked_no_more_often_for_many_files_than_for_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Repository(tmp_path / "r")
    (made.root / "approvals").mkdir()
    (made.root / "README").write_text("x")
    made.commit("ann")
    base = made.git("rev-parse", "HEAD")
    for number in range(60):
        (made.root / f"approvals/{number}.yaml").write_text(f"{number}\n")
    made.commit("ben")
    asked: list[str] = []
    run = git.run

    def counted(root: Path, *arguments: str, **options: Any) -> object:
        asked.append(arguments[0])
        return run(root, *arguments, **options)

    monkeypatch.setattr(git, "run", counted)
    counts = []
    for many in (1, 60):
        asked.clear()
        files = {f"approvals/{number}.yaml": ("rita@example.edu",) for number in range(many)}
        for start in (base, ""):
            found = evidence.evidence_of(made.root, files, start)
            assert {(str(each.level), each.authors) for each in found} == {
                ("C", ("ben-helper@example.edu", "ben@example.edu"))
            }
        counts.append(len(asked))
    assert counts[1] <= counts[0] < 60
