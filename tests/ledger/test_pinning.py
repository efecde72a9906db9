"""The lock of a ledger, the one place that names its program; and its workflows: written, and switched on."""

from __future__ import annotations

import re
import subprocess

import pytest

from openchargeback.files import git
from openchargeback.ledger.installed import Program
from openchargeback.ledger.new import create_ledger, upgrade_ledger
from openchargeback.ledger.pinning import lock_text, named_program
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.settings import FORGES
from openchargeback.problems import UsageFault

OLD = Program(repository="git+https://git.example.edu/b@" + "0a" * 20)
NEW = Program(repository="git+ssh://git@git.example.edu/b@" + "1b" * 20)
INDEX = Program(requirement="openchargeback==0.2.0 --hash=sha256:" + "2c" * 32)
LOCAL = Program(obstacle="this program was installed from a local folder")


def workflows(root):
    found = [*root.glob(".github/workflows/*"), *root.glob(".forgejo/workflows/*"), *root.glob(".gitlab-ci.yml*")]
    return {path.relative_to(root).as_posix(): path.read_text("utf-8", "surrogateescape") for path in found}


def test_every_line_of_a_lock_is_a_pin_by_digest():
    for program in (OLD, INDEX, LOCAL):
        text = lock_text(program)
        pins = [line for line in text.splitlines() if line[:1].isalnum()]
        assert all(re.fullmatch(r"[a-z0-9._-]+==\S+( ; .*)? \\", line) for line in pins)
        assert any(line.startswith("hatchling==") for line in pins), "what builds the program is pinned too"
        assert any(line.startswith("openchargeback==") for line in pins) == (program is INDEX)
        assert "\n--only-binary :all:\n" in text
        assert "\n\n\n" not in text


@pytest.mark.parametrize("forge", FORGES)
def test_a_program_that_cannot_be_pinned_leaves_the_workflows_switched_off(tmp_path, forge):
    made = create_ledger(tmp_path / "l", "A", "USD", forge, program=LOCAL)
    assert made.program == LOCAL
    found = workflows(tmp_path / "l")
    assert found
    assert all(path.endswith(".yml.disabled") for path in found)
    readme = (tmp_path / "l/README.md").read_text("utf-8")
    assert "4. Switch on the workflows." in readme
    assert "5. Protect `main`:" in readme
    # With a program that can be pinned, one command does it.
    changed = upgrade_ledger(tmp_path / "l", OLD)
    assert changed == sorted(["requirements.lock", *(path.removesuffix(".disabled") for path in found)])
    create_ledger(tmp_path / "fresh", "A", "USD", forge, program=OLD)
    assert workflows(tmp_path / "l") == workflows(tmp_path / "fresh")
    assert (tmp_path / "l/requirements.lock").read_bytes() == (tmp_path / "fresh/requirements.lock").read_bytes()
    assert read_ledger(tmp_path / "l")[1] == []


@pytest.mark.parametrize("forge", FORGES)
def test_an_upgrade_changes_the_lock_and_nothing_that_people_wrote(tmp_path, forge):
    create_ledger(tmp_path, "A", "USD", forge, program=OLD)
    for path in workflows(tmp_path):
        (tmp_path / path).write_text((tmp_path / path).read_text("utf-8") + "# ours\n", encoding="utf-8")
    if forge == "github":
        folder = tmp_path / ".github/workflows"
        (folder / "publish.yml").rename(folder / "publish.yaml")
        (folder / "other.yml").write_bytes(b"# caf\xe9\n")  # not UTF-8, and not ours
    before = workflows(tmp_path)
    for program in (NEW, INDEX, OLD):
        assert upgrade_ledger(tmp_path, program) == ["requirements.lock"]
        assert (tmp_path / "requirements.lock").read_text("utf-8") == lock_text(program)
        assert workflows(tmp_path) == before
    assert upgrade_ledger(tmp_path, OLD) == []


def test_an_upgrade_by_a_program_that_cannot_be_pinned_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    create_ledger(tmp_path, "A", "USD", program=OLD)
    (tmp_path / ".schemas/config.json").write_text("{}")
    with pytest.raises(UsageFault, match="installed from a local folder"):
        upgrade_ledger(tmp_path, LOCAL)
    assert (tmp_path / ".schemas/config.json").read_text() == "{}"
    assert git.head(tmp_path) is None


@pytest.mark.parametrize("forge", FORGES)
def test_the_version_of_the_program_stands_in_one_place(tmp_path, forge):
    create_ledger(tmp_path, "A", "USD", forge, program=OLD)
    naming = [path for path in tmp_path.rglob("*") if path.is_file() and OLD.repository.encode() in path.read_bytes()]
    assert [path.name for path in naming if ".git" not in path.parts] == ["requirements.lock"]
    assert naming[0].read_text("utf-8").count(OLD.repository) == 1


@pytest.mark.parametrize("forge", FORGES)
def test_workflows_install_what_the_lock_names(tmp_path, forge):
    """The program's address as their own shell finds it; nothing for a program from an index."""
    create_ledger(tmp_path, "A", "USD", forge, program=OLD)
    for text in workflows(tmp_path).values():
        (line,) = {line.strip() for line in text.splitlines() if "program=$(sed" in line}
        for program in (OLD, NEW, INDEX):
            (tmp_path / "requirements.lock").write_text(lock_text(program), encoding="utf-8")
            script = f'{line}; printf %s "$program"'
            done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=True)
            assert done.stdout == program.repository
            assert named_program(lock_text(program)) == (program.repository or "0.2.0")
    assert named_program("") == named_program(lock_text(LOCAL)) == ""
