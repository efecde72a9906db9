"""Git, asked by the program: real repositories in temporary folders."""

import os
import subprocess

import pytest

from openchargeback.evidence.history import History
from openchargeback.files import git
from openchargeback.problems import OutsideFault


@pytest.fixture(autouse=True)
def no_settings_of_this_computer(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "ledger"
    root.mkdir()
    assert git.init_repository(root)
    return root


def run(root, *arguments, **environment):
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.edu")
    subprocess.run(["git", "-C", root, *identity, *arguments], check=True, capture_output=True, env=environment or None)


def commit(root):
    (root / "config.yaml").write_text("organization: A\n")
    run(root, "add", ".")
    run(root, "commit", "-qm", "first", GIT_COMMITTER_DATE="2025-02-03T10:30:00+01:00", PATH="/usr/bin:/bin")


def test_head_gives_the_commit_and_its_date_in_utc(repository):
    commit(repository)
    found = git.head(repository)
    assert found is not None
    assert len(found.id) == 40
    assert found.date == "2025-02-03T09:30:00Z"


def test_head_works_in_a_folder_of_the_repository(repository):
    commit(repository)
    (repository / "charges").mkdir()
    assert git.head(repository / "charges") == git.head(repository)


def test_before_the_first_commit_there_is_no_head(repository):
    assert git.head(repository) is None


def test_outside_a_repository_there_is_nothing_to_tell(tmp_path):
    assert git.head(tmp_path) is None
    assert not git.is_dirty(tmp_path)
    assert not git.inside_repository(tmp_path)


def test_without_git_there_is_nothing_to_tell(repository, monkeypatch, tmp_path):
    commit(repository)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.head(repository) is None
    assert not git.is_dirty(repository)
    assert git.user(repository) == ""
    assert not git.init_repository(tmp_path)


def test_dirty_is_what_is_not_committed_and_not_ignored(repository):
    commit(repository)
    assert not git.is_dirty(repository)
    (repository / "new.yaml").write_text("")
    assert git.is_dirty(repository)
    (repository / ".gitignore").write_text("new.yaml\n.gitignore\n")
    assert not git.is_dirty(repository)
    (repository / "config.yaml").write_text("organization: B\n")
    assert git.is_dirty(repository)


def test_dirty_looks_at_the_folder_of_the_ledger_only(repository):
    commit(repository)
    (repository / "ledger").mkdir()
    (repository / "elsewhere.txt").write_text("")
    assert not git.is_dirty(repository / "ledger")


def test_the_branch_is_main_whatever_is_configured(tmp_path):
    (tmp_path / "gitconfig").write_text("[init]\n  defaultBranch = trunk\n")
    root = tmp_path / "ledger"
    root.mkdir()
    git.init_repository(root)
    assert (root / ".git" / "HEAD").read_text() == "ref: refs/heads/main\n"


def test_a_folder_in_a_repository_gets_none_of_its_own(repository):
    inner = repository / "billing"
    inner.mkdir()
    assert not git.init_repository(inner)
    assert not (inner / ".git").exists()


def test_user_is_the_configured_address_or_nothing(repository):
    assert git.user(repository) == ""
    run(repository, "config", "user.email", "reviewer@example.edu")
    assert git.user(repository) == "reviewer@example.edu"


def test_a_hook_does_not_send_git_elsewhere(repository, tmp_path, monkeypatch):
    commit(repository)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other.git"))
    assert git.head(repository) is not None


def test_a_message_in_another_language_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    assert git.head(tmp_path) is None


def test_what_is_not_expected_stops_with_what_git_said(repository):
    (repository / ".git" / "config").write_text("[core\n")
    with pytest.raises(OutsideFault, match="bad config"):
        git.head(repository)


def files(root, message, **contents):
    """Commit these files (`a_yaml` for `a.yaml`); gives the commit."""
    for name, text in contents.items():
        (root / name.replace("_", ".").replace("STAR", "*")).write_text(text)
    run(root, "add", "-A")
    run(root, "commit", "-qm", message)
    return git.resolve(root, "HEAD")


@pytest.mark.parametrize("inherited", [{}, {"GIT_GLOB_PATHSPECS": "1"}, {"GIT_ICASE_PATHSPECS": "1"}])
def test_a_name_that_looks_like_a_pattern_is_a_name(repository, monkeypatch, inherited):
    """Else whoever changed `a.yaml` would have changed `*.yaml`, which nobody looked at."""
    for name, value in inherited.items():
        monkeypatch.setenv(name, value)
    first = files(repository, "first", STAR_yaml="unseen")
    files(repository, "second", a_yaml="seen")
    assert git.last_change(repository, "HEAD", "*.yaml") == first
    assert git.integrations(repository, "HEAD", "*.yaml") == [first]
    assert [each.id for each in History(repository).trace("*.yaml").commits] == [first]
    assert git.commits_on(repository, ["*.yaml"], 9) == [first]
    (repository / "a.yaml").write_text("changed")
    assert not git.is_dirty(repository, ["*.yaml"])


def test_objects_that_a_clone_puts_in_place_of_others_do_not_count(repository):
    files(repository, "first", a_yaml="true")
    (repository / "b.yaml").write_text("false")
    run(repository, "hash-object", "-w", "b.yaml")
    true, false = git.content_id(repository, "HEAD", "a.yaml"), git.content_id_of_file(repository, "b.yaml")
    run(repository, "replace", true, false)
    assert git.read_blob(repository, true) == b"true"


def test_parents_that_a_clone_makes_up_do_not_count(repository):
    """Git still reads `info/grafts`; nothing of it may reach what it says either."""
    first = files(repository, "first", a_yaml="1")
    second = files(repository, "second", a_yaml="2")
    grafts = repository / ".git/info/grafts"
    grafts.parent.mkdir(exist_ok=True)
    grafts.write_text(f"{second}\n")
    assert git.commits_on(repository, ["a.yaml"], 9) == [second, first]
    with pytest.raises(OutsideFault) as stopped:
        git.commit_of(repository, "0" * 40)
    assert "graft" not in str(stopped.value)


def test_a_ledger_in_a_folder_of_its_repository_asks_for_its_own_files(repository):
    """By their paths in the ledger, also what merges wrote under an earlier name."""
    ledger = repository / "billing"
    ledger.mkdir()
    (repository / "a.yaml").write_text("another")
    files(ledger, "first", a_yaml="1")
    assert git.content_id(ledger, "HEAD", "a.yaml") == git.content_id_of_file(ledger, "a.yaml")
    assert git.content_id(ledger, "HEAD", "a.yaml") != git.content_id(repository, "HEAD", "a.yaml")
    run(repository, "switch", "-qc", "side")
    files(ledger, "side", b_yaml="b")
    run(repository, "switch", "-q", "main")
    files(ledger, "main", c_yaml="c")
    run(repository, "merge", "-q", "--no-commit", "side")
    written = files(ledger, "merge", a_yaml="2")
    run(ledger, "mv", "a.yaml", "d.yaml")
    files(ledger, "renamed")
    assert [each.id for each in History(ledger).trace("d.yaml").merges] == [written]
    assert History(ledger).trace("b.yaml").merges == ()
    assert git.root_commits(ledger, "a.yaml") == [git.resolve(ledger, "HEAD~3")]


def test_a_file_that_was_only_touched_is_as_committed(repository):
    """Whatever its time, its content decides; in a folder of the repository, too."""
    ledger = repository / "billing"
    ledger.mkdir()
    (repository / "a.yaml").write_text("another")
    files(ledger, "first", a_yaml="1", b_yaml="2", c_yaml="3", d_yaml="4")
    committed = git.tree(ledger, git.resolve(ledger, "HEAD"))
    for name in ("a.yaml", "b.yaml"):
        os.utime(ledger / name, (1, 1))
    assert git.work_tree(ledger) == committed
    (ledger / "b.yaml").write_text("5")
    (ledger / "c.yaml").unlink()
    (ledger / "d.yaml").chmod(0o755)
    found = git.work_tree(ledger)
    assert found.keys() == {"a.yaml", "b.yaml", "d.yaml"}
    assert found["a.yaml"] == committed["a.yaml"]
    assert found["b.yaml"].id == git.content_id_of_file(ledger, "b.yaml") != committed["b.yaml"].id
    assert (found["d.yaml"].mode, found["d.yaml"].id) == ("100755", committed["d.yaml"].id)


@pytest.mark.parametrize(
    "attributes",
    ["", "-text", "text", "text=auto", "eol=crlf", "ident", "filter=upper", "working-tree-encoding=UTF-16LE", "-ident"],
)
@pytest.mark.parametrize("autocrlf", ["false", "input"])
def test_a_large_file_has_the_id_that_git_gives_it(repository, monkeypatch, attributes, autocrlf):
    """It is hashed here if Git would store its bytes unchanged."""
    run(repository, "config", "core.autocrlf", autocrlf)
    run(repository, "config", "filter.upper.clean", "tr a-z A-Z")
    ledger = repository / "billing"
    ledger.mkdir()
    (ledger / ".gitattributes").write_text(f"*.csv {attributes}\n" if attributes else "")
    contents = [b"a\nb\n", b"a\r\nb\r\n", b"$Id$\n\n", b"", "é\n\n".encode(), b"a\r"]
    names = [f"é {number}.csv" for number in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        (ledger / name).write_bytes(content)
    expected = git.content_ids_of_files(ledger, names)
    monkeypatch.setattr(git, "_LARGE", 0)
    assert git.content_ids_of_files(ledger, names) == expected
    assert all(expected.values())


def test_only_what_git_would_change_is_hashed_by_git(repository, monkeypatch):
    monkeypatch.setattr(git, "_LARGE", 3)
    files(repository, "first", a_csv="1", b_csv="large", c_csv="large\r\n")
    asked = []
    real = git.run
    monkeypatch.setattr(git, "run", lambda *given, **more: asked.append((given[1], more)) or real(*given, **more))
    git.content_ids_of_files(repository, ["a.csv", "b.csv", "c.csv"])
    assert [more["text"] for command, more in asked if command == "hash-object"] == ["a.csv\nc.csv\n"]


def test_contents_of_any_size_are_written(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(git, "_LARGE", 3)
    contents = ["", "small", "x", "large" * 9]
    files(repository, "first", **{f"f{number}_csv": text for number, text in enumerate(contents)})
    entries = git.tree(repository, git.resolve(repository, "HEAD"))
    wanted = [(entries[f"f{number}.csv"].id, tmp_path / f"{number}") for number in range(len(contents))]
    git.write_blobs(repository, wanted)
    assert [path.read_text() for _, path in wanted] == contents
    with pytest.raises(OutsideFault, match="has no object"):
        git.write_blobs(repository, [("0" * 40, tmp_path / "missing")])
