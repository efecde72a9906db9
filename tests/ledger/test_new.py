"""A new ledger: complete, valid, and nobody's folder overwritten."""

import errno
from pathlib import Path

import pytest

from openchargeback.ledger import git
from openchargeback.ledger.new import create_ledger
from openchargeback.ledger.reading import read_ledger
from openchargeback.problems import OutsideFault, UsageFault

FILES = {
    ".gitattributes",
    ".gitignore",
    *(f".schemas/{name}.json" for name in ("approvals", "config", "people", "period", "projects")),
    "CODEOWNERS",
    "README.md",
    "approvals/.gitkeep",
    "charges/.gitkeep",
    "config.yaml",
    "directory/people.yaml",
    "directory/projects.yaml",
    "pages/rates.md",
    "periods/.gitkeep",
}


def written(root):
    found = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return {path for path in found if not path.startswith(".git/")}


def test_a_new_ledger_is_whole_valid_and_a_repository(tmp_path):
    root = tmp_path / "deep" / "ledger"
    paths = create_ledger(root, "University of Somewhere", "EUR")
    assert set(paths) == FILES == written(root)
    assert paths == sorted(paths)
    ledger, problems = read_ledger(root)
    assert problems == []
    assert ledger.config.organization.name == "University of Somewhere"
    assert ledger.config.currency == "EUR"
    assert ledger.pages[0].title == "Rates"
    assert (root / ".git" / "HEAD").read_text() == "ref: refs/heads/main\n"
    assert git.head(root) is None


@pytest.mark.parametrize(
    "name", ['O"Brien\\ # {{currency}} University', "- a: [b", "Universität Zürich 🎓", "NO", "{{organization}}"]
)
def test_any_name_is_the_name_that_the_settings_give(tmp_path, name):
    create_ledger(tmp_path / "ledger", f"  {name}\n", "usd")
    ledger, problems = read_ledger(tmp_path / "ledger")
    assert problems == []
    assert ledger.config.organization.name == name
    assert ledger.config.currency == "USD"


def test_the_examples_are_valid_once_their_comment_signs_are_removed(tmp_path):
    create_ledger(tmp_path, "A", "USD")
    for name in ("people", "projects"):
        path = tmp_path / "directory" / f"{name}.yaml"
        lines = path.read_text(encoding="utf-8").splitlines()
        start = lines.index(f"# {name}:")
        path.write_text("\n".join(line[2:] for line in lines[start:] if line.startswith("# ")) + "\n", encoding="utf-8")
    path = tmp_path / "config.yaml"
    settings = [
        line[2:] if line[:2] == "# " and (line[2] == " " or line[2:].split(":")[0].isidentifier()) else line
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    path.write_text("\n".join(settings) + "\n", encoding="utf-8")
    ledger, problems = read_ledger(tmp_path)
    assert problems == []
    assert sorted(ledger.config.sources) == ["aws", "hpc"]
    assert ledger.config.fiscal_year_starts == 7
    assert ledger.config.review.patterns
    assert set(ledger.directory.projects) == {"genomics-sequencing", "climate-model"}
    assert list(ledger.directory.people) == ["ada@example.edu"]


def test_git_keeps_charges_as_they_are_and_ignores_outputs(tmp_path):
    create_ledger(tmp_path, "A", "USD")
    assert "charges/** -text" in (tmp_path / ".gitattributes").read_text()
    assert "periods/*.lines.csv -text" in (tmp_path / ".gitattributes").read_text()
    ignored = (tmp_path / ".gitignore").read_text().splitlines()
    assert {"config.local.yaml", ".openchargeback/", "public/", "statements/"} <= set(ignored)


@pytest.mark.parametrize("occupant", ["a.txt", "sub/b.txt", ".hidden"])
def test_a_folder_with_something_in_it_is_refused_untouched(tmp_path, occupant):
    (tmp_path / occupant).parent.mkdir(exist_ok=True)
    (tmp_path / occupant).write_text("mine")
    with pytest.raises(UsageFault, match="not empty"):
        create_ledger(tmp_path, "A", "USD")
    assert written(tmp_path) == {occupant}


def test_a_file_is_refused(tmp_path):
    (tmp_path / "ledger").write_text("mine")
    with pytest.raises(UsageFault):
        create_ledger(tmp_path / "ledger", "A", "USD")


def test_a_fresh_clone_is_empty_enough(tmp_path):
    git.init_repository(tmp_path)
    create_ledger(tmp_path, "A", "USD")
    assert written(tmp_path) == FILES


def test_inside_a_repository_none_is_made(tmp_path):
    git.init_repository(tmp_path)
    create_ledger(tmp_path / "ledger", "A", "USD")
    assert not (tmp_path / "ledger" / ".git").exists()


@pytest.mark.parametrize(("name", "currency"), [("", "USD"), ("A", "dollars"), ("A", ""), ("x" * 1001, "USD")])
def test_unusable_settings_are_refused_before_anything_is_written(tmp_path, name, currency):
    with pytest.raises(UsageFault):
        create_ledger(tmp_path / "ledger", name, currency)
    assert not (tmp_path / "ledger").exists()


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    write = Path.write_bytes

    def full(path, data):
        if path.name == "config.yaml":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutsideFault, match="no space left"):
        create_ledger(tmp_path / "ledger", "A", "USD")
    assert not (tmp_path / "ledger").exists()
