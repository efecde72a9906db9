"""No link in a ledger reaches anything but a regular file that is part of the ledger."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from openchargeback.billing.late import held_ids
from openchargeback.files import git
from openchargeback.ledger.files import Gate
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.revision import stored, take
from openchargeback.problems import Problem
from openchargeback.templating.environment import make_environment

WORD = "correct-horse-battery"


def run(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", root, *arguments], check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    ledger = tmp_path / "ledger"
    for name, text in {
        "config.yaml": "organization: Northfield University\n",
        "config.local.yaml": f"email: {{password: {WORD}}}\n",
        ".gitignore": "config.local.yaml\n.openchargeback/\nprivate/\n",
        ".openchargeback/cache/entry": WORD,
        "private/notes.md": WORD,
        "texts/about.md": "# About us\n",
        "pages/help.md": "# Help\n",
        "charges/2025-01/aws.csv": "BillingPeriodStart,BilledCost,Tags\n2025-01-01,1,\n",
    }.items():
        (ledger / name).parent.mkdir(parents=True, exist_ok=True)
        (ledger / name).write_text(text, encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/people.yaml").write_text("people: []\n", encoding="utf-8")
    run(ledger, "init", "-q")
    run(ledger, "config", "user.email", "ann@example.edu")
    run(ledger, "config", "user.name", "Ann")
    run(ledger, "add", "--all")
    return ledger


def link(root: Path, place: str, target: str) -> str:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).symlink_to(target)
    return place


def told(problems: list[Problem], place: str) -> tuple[str, str]:
    [problem] = [each for each in problems if each.path == place]
    assert problem.fix == "replace the link with the file itself, or remove it"
    return problem.code, problem.message


REFUSED = {
    "overlay": ("../config.local.yaml", "bad-link", "which is the file with the secrets and is never published"),
    "git": ("../.git/config", "bad-link", "which is part of Git's own data and is never published"),
    "git-folder": ("../.git", "bad-link", "which is part of Git's own data and is never published"),
    "cache": ("../.openchargeback/cache/entry", "bad-link", "which is the cache and is never published"),
    "untracked": ("../.env", "bad-link", "which Git does not track, so it is not part of the ledger"),
    "ignored": ("../private/notes.md", "bad-link", "which Git does not track, so it is not part of the ledger"),
    "folder": ("../texts", "bad-link", "which is a folder, whose files would not be read"),
    "parent": ("..", "bad-link", "which is a folder, whose files would not be read"),
    "itself": ("x.md", "bad-link", "which leads back to itself"),
    "absent": ("nowhere.md", "bad-link", "which cannot be reached: no such file or directory"),
    "pipe": ("../pipe", "bad-link", "which is a device or pipe"),
    "device": ("/dev/zero", "outside-ledger", "which leads out of the ledger"),
    "outside": ("../../elsewhere/people.yaml", "outside-ledger", "which leads out of the ledger"),
}
PLACES = ("pages/x.md", "charges/2025-02/x.csv", "approvals/2025-01/x.yaml", "templates/assets/x.md", "periods/x.yaml")


@pytest.mark.parametrize("name", REFUSED)
def test_a_link_is_judged_by_what_it_reaches(root: Path, name: str) -> None:
    """With its path, where it leads, and what to do; wherever it lies; and nothing behind it is read."""
    target, code, why = REFUSED[name]
    os.mkfifo(root / "pipe")
    (root / ".env").write_text(WORD, encoding="utf-8")
    for place in PLACES:
        up = "../" * (place.count("/") - 1)
        there = place.rpartition("/")[2] if name == "itself" else f"{up}{target}" if target[0] == "." else target
        link(root, place, there)
        if name == "untracked":
            run(root, "add", place)
        ledger, problems = read_ledger(root)
        assert told(problems, place) == (code, f"is a link to {there}, {why}")
        assert WORD not in repr((ledger, problems))
        run(root, "rm", "-q", "--cached", "--ignore-unmatch", place)
        (root / place).unlink()


def test_a_link_through_another_one_is_judged_at_its_end(root: Path) -> None:
    """Neither a chain of links nor a folder that is one hides where it leads."""
    link(root, "texts/one.md", "two.md")
    link(root, "texts/two.md", "../config.local.yaml")
    link(root, "pages/one.md", "../texts/one.md")
    link(root, "directory", "../elsewhere")
    problems: list[Problem] = read_ledger(root)[1]
    assert told(problems, "pages/one.md")[0] == "bad-link"
    assert told(problems, "directory") == (
        "outside-ledger",
        "is a link to ../elsewhere, which leads out of the ledger",
    )


def test_git_is_asked_once_for_all_links_and_never_without_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger has thousands of files."""
    asked: list[Path] = []
    real: Callable[..., dict[str, git.Entry]] = git.index_tree
    monkeypatch.setattr(git, "index_tree", lambda root: asked.append(root) or real(root))
    read_ledger(root)
    assert asked == []
    link(root, "pages/about.md", "../texts/about.md")
    link(root, "pages/notes.md", "../private/notes.md")
    link(root, "charges/2025-01/hpc.csv", "../../private/notes.md")
    read_ledger(root)
    assert asked == [root]


def test_a_link_to_a_file_of_the_ledger_is_that_file(root: Path) -> None:
    """Relative or absolute; a tracked file counts, whatever `.gitignore` says by now."""
    link(root, "pages/about.md", "../texts/about.md")
    link(root, "pages/absolute.md", str(root / "texts/about.md"))
    link(root, "pages/tracked.md", "../private/notes.md")
    link(root, "pages/.#help.md", "ann@host.17")  # the lock of an editor
    run(root, "add", "--force", "private/notes.md")
    ledger, problems = read_ledger(root)
    assert [each for each in problems if each.path.startswith("pages")] == []
    assert ledger is not None
    assert [each.name for each in ledger.pages] == ["about", "absolute", "help", "tracked"]


def test_without_git_the_rest_still_holds(root: Path) -> None:
    """What is tracked cannot be known then."""
    (root / ".git").rename(root.parent / "moved")
    link(root, "pages/about.md", "../texts/about.md")
    link(root, "pages/x.md", "../config.local.yaml")
    assert [each.path for each in read_ledger(root)[1]] == ["pages/x.md"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_commit_is_judged_like_the_work_tree(root: Path, tmp_path: Path, name: str) -> None:
    """A plan, a check of an output and a commit hook read commits."""
    os.mkfifo(root / "pipe")
    target, code, _ = REFUSED[name]
    link(root, "pages/x.md", target)
    link(root, "pages/about.md", "../texts/about.md")
    run(root, "add", "--all")
    run(root, "commit", "-qm", "x")
    folder = tmp_path / "taken"
    problems = take(stored(root, "HEAD"), lambda _: True, folder)
    assert told(problems, "pages/x.md")[0] == code
    assert not (folder / "pages/x.md").exists()
    assert (folder / "pages/about.md").read_text() == "# About us\n"
    assert not (folder / "pages/about.md").is_symlink()


def test_a_linked_template_or_record_is_passed_over(root: Path) -> None:
    """Also by who reads them by themselves, whatever became of the problem."""
    link(root, "templates/assets/x.css", "../../config.local.yaml")
    link(root, "templates/pages/about.html", "../../config.local.yaml")
    link(root, "templates/pages/pis.html", "../../texts/about.md")
    link(root, "periods/2025-01.held.csv", "../config.local.yaml")
    env = make_environment(root / "templates")
    assert "assets/x.css" not in env.files()
    assert WORD not in (env.loader.get_source(env, "pages/about.html")[0] if env.loader else WORD)
    assert env.get_template("pages/pis.html").render() == "# About us\n"
    assert held_ids(root, "2025-01") == set()
    assert Gate(root).is_file("charges/2025-01/aws.csv")
