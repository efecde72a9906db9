"""A new ledger: complete, valid, ready to push, and nobody's folder overwritten."""

import errno
import subprocess

import pytest
import yaml

from openchargeback.files import changes, git
from openchargeback.files.writing import TEMPORARY
from openchargeback.ledger import schema_files
from openchargeback.ledger.installed import Program
from openchargeback.ledger.new import create_ledger, write_schemas
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.settings import FORGES
from openchargeback.problems import OutsideFault, UsageFault

FILES = {
    ".gitattributes",
    ".gitignore",
    *(f".schemas/{name}.json" for name in sorted(schema_files.KINDS)),
    "CODEOWNERS",
    "README.md",
    "approvals/.gitkeep",
    "charges/.gitkeep",
    "config.yaml",
    "directory/people.yaml",
    "directory/projects.yaml",
    "pages/rates.md.example",
    "periods/.gitkeep",
    "requirements.lock",
}
WORKFLOWS = {
    "github": {f".github/workflows/{name}.yml" for name in ("publish", "pull-request", "send")},
    "gitlab": {".gitlab-ci.yml"},
    "forgejo": {".forgejo/workflows/publish.yml", ".forgejo/workflows/pull-request.yml"},
}
FROM_GIT = Program(repository="git+https://git.example.edu/billing.git@" + "ab" * 20)


@pytest.fixture(autouse=True)
def identity(monkeypatch, tmp_path_factory):
    """Git of a computer where a name and an address are set, and nothing else."""
    settings = tmp_path_factory.mktemp("home") / "gitconfig"
    settings.write_text("[user]\nname = Ada\nemail = ada@example.edu\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME", raising=False)
        monkeypatch.delenv(f"GIT_{role}_EMAIL", raising=False)
    return settings


def written(root):
    found = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return {path for path in found if not path.startswith(".git/")}


def test_a_new_ledger_is_whole_valid_and_a_repository(tmp_path):
    root = tmp_path / "deep" / "ledger"
    made = create_ledger(root, "University of Somewhere", "EUR", program=FROM_GIT)
    assert set(made.paths) == FILES | WORKFLOWS["github"] == written(root)
    assert list(made.paths) == sorted(made.paths)
    ledger, problems = read_ledger(root)
    assert problems == []
    assert ledger.config.organization.name == "University of Somewhere"
    assert ledger.config.currency == "EUR"
    # The example of a page is not published.
    assert ledger.pages == ()
    assert (root / ".git" / "HEAD").read_text() == "ref: refs/heads/main\n"
    assert made.obstacle == ""
    log = subprocess.run(
        ["git", "-C", root, "log", "--format=%an <%ae> %s"], capture_output=True, text=True, check=True
    )
    assert log.stdout == "Ada <ada@example.edu> A new ledger\n"
    assert not git.is_dirty(root)


def test_without_an_identity_nothing_is_committed_and_all_else_is_done(tmp_path, identity):
    identity.write_text("")
    made = create_ledger(tmp_path, "A", "USD")
    assert "who you are" in made.obstacle
    assert written(tmp_path) == set(made.paths)
    assert (tmp_path / ".git" / "HEAD").read_text() == "ref: refs/heads/main\n"
    assert git.head(tmp_path) is None


def test_a_hook_that_refuses_the_commit_is_told(tmp_path, identity):
    hooks = identity.parent / "hooks"
    hooks.mkdir()
    (hooks / "pre-commit").write_text("#!/bin/sh\necho no ticket >&2\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    identity.write_text(identity.read_text() + f"[core]\nhooksPath = {hooks}\n")
    made = create_ledger(tmp_path, "A", "USD")
    assert "no ticket" in made.obstacle
    assert git.head(tmp_path) is None


@pytest.mark.parametrize("forge", FORGES)
def test_each_forge_gets_its_workflows_and_a_readme_in_its_words(tmp_path, forge):
    made = create_ledger(tmp_path, "A", "USD", forge, program=FROM_GIT)
    assert set(made.paths) == FILES | WORKFLOWS[forge]
    readme = (tmp_path / "README.md").read_text()
    assert ("merge request" in readme) == (forge == "gitlab")
    assert ("pull request" in readme) == (forge != "gitlab")
    for path in made.paths:
        text = (tmp_path / path).read_text()
        # Schemas of the settings have a Jinja template as a default.
        assert path.startswith(".schemas/") or "{{" not in text.replace("${{", ""), path
    for path in WORKFLOWS[forge]:
        assert isinstance(yaml.safe_load((tmp_path / path).read_text()), dict)


def test_the_schemas_of_a_ledger_are_renewed_and_nothing_else(tmp_path):
    create_ledger(tmp_path, "A", "USD")
    assert write_schemas(tmp_path) == []
    (tmp_path / ".schemas" / "config.json").write_text("{}")
    (tmp_path / ".schemas" / "period.json").unlink()
    (tmp_path / "README.md").write_text("mine")
    assert write_schemas(tmp_path) == [".schemas/config.json", ".schemas/period.json"]
    assert (tmp_path / "README.md").read_text() == "mine"
    assert write_schemas(tmp_path) == []


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


def test_the_config_says_that_the_expression_for_funds_judges_them_too(tmp_path):
    """Whoever sets `journal.fund` to take funds apart learns there that it also holds charges."""
    create_ledger(tmp_path, "A", "USD")
    lines = (tmp_path / "config.yaml").read_text("utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith('#   fund: "(?P<'))
    comment = " ".join(line.removeprefix("# ") for line in lines[at - 5 : at])
    assert "`fund` splits accounting strings into named groups and also checks them" in comment
    assert "charges to a fund that does not match are held with the flag `invalid-fund`" in comment


def test_git_keeps_charges_as_they_are_and_ignores_outputs(tmp_path):
    create_ledger(tmp_path, "A", "USD")
    assert "charges/** -text" in (tmp_path / ".gitattributes").read_text()
    assert "periods/*.lines.csv -text" in (tmp_path / ".gitattributes").read_text()
    ignored = (tmp_path / ".gitignore").read_text().splitlines()
    assert {"config.local.yaml", ".openchargeback/", "public/", "statements/", f"*{TEMPORARY}"} <= set(ignored)


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
    assert create_ledger(tmp_path, "A", "USD", program=FROM_GIT).obstacle == ""
    assert written(tmp_path) == FILES | WORKFLOWS["github"]
    assert git.head(tmp_path) is not None


def test_inside_a_repository_none_is_made(tmp_path):
    git.init_repository(tmp_path)
    made = create_ledger(tmp_path / "ledger", "A", "USD")
    assert not (tmp_path / "ledger" / ".git").exists()
    assert "larger repository" in made.obstacle
    assert git.head(tmp_path) is None


@pytest.mark.parametrize(("name", "currency"), [("", "USD"), ("A", "dollars"), ("A", ""), ("x" * 1001, "USD")])
def test_unusable_settings_are_refused_before_anything_is_written(tmp_path, name, currency):
    with pytest.raises(UsageFault):
        create_ledger(tmp_path / "ledger", name, currency)
    assert not (tmp_path / "ledger").exists()


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    write = changes.write_through

    def full(file, data):
        if b"\norganization:" in data:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, data)

    monkeypatch.setattr(changes, "write_through", full)
    with pytest.raises(OutsideFault, match="disk is full"):
        create_ledger(tmp_path / "ledger", "A", "USD")
    assert not (tmp_path / "ledger").exists()
