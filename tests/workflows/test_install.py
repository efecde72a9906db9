"""The step `Install` of the workflows, run for real: what `init` pinned is what CI installs, and nothing else.

No network: the program comes from a Git repository or from a folder as package index, both made here. What it needs is
there already, in the versions of the lock, as links to the environment of the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
import yaml
from ci_runner import Runner, git

import program

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TAGS = '"{""pi_email"": ""ada@example.edu"", ""project_id"": ""p1"", ""fund_org"": ""F-1""}"'
CHARGES = f"BillingPeriodStart,BilledCost,ServiceName,ResourceId,Tags\n2025-01-01,100.25,Compute,r1,{TAGS}\n"
LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.pyc")
PIP = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


class Machine:
    """A computer with Python, Git, pip and whatever the program needs, but not the program."""

    def __init__(self, folder: Path, index: Path | None = None) -> None:
        self.folder = folder
        venv.create(folder / "venv", with_pip=False)
        (site,) = (folder / "venv/lib").glob("python*/site-packages")
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if "openchargeback" not in path.name and path.suffix != ".pth":
                (site / path.name).symlink_to(path)
        # The runners' own programs that install system packages.
        for name in ("sudo", "apt-get"):
            (folder / "venv/bin" / name).write_text("#!/bin/sh\n", encoding="utf-8")
            (folder / "venv/bin" / name).chmod(0o755)
        (folder / "home").mkdir()
        self.path = f"{folder / 'venv/bin'}{os.pathsep}{os.environ['PATH']}"
        self.pip = {**PIP, **({"PIP_FIND_LINKS": str(index)} if index else {})}

    def run(self, *command: str | Path, cwd: Path | None = None, code: int = 0) -> str:
        environment = {
            "PATH": self.path,
            "HOME": str(self.folder / "home"),
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_CONFIG_GLOBAL": os.environ["GIT_CONFIG_GLOBAL"],
            **self.pip,
        }
        done = subprocess.run(
            command, cwd=cwd or self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module", autouse=True)
def identity(tmp_path_factory):
    settings = tmp_path_factory.mktemp("home") / "gitconfig"
    settings.write_text("[user]\nname = Ada\nemail = ada@example.edu\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(settings))
        patch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """This project as a Git repository of one commit."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    for name in ("src", "site_templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=LEFTOVERS)
    git(folder, "init", "--quiet", "-b", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "one")
    return folder


def published(office: Machine, ledger: Path, folder: Path) -> tuple[Path, str]:
    """A bare repository with the ledger and a pull request on it; gives it and the commit that merges that."""
    remote = folder / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", remote], check=True)
    git(remote, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(ledger, "remote", "add", "origin", str(remote))
    git(ledger, "push", "--quiet", "origin", "main")
    git(ledger, "switch", "--quiet", "-c", "january")
    (folder / "aws.csv").write_text(CHARGES, encoding="utf-8")
    office.run("focus-billing", "ingest", folder / "aws.csv", "--source", "aws", "--ledger", ledger)
    git(ledger, "add", "--all")
    git(ledger, "commit", "--quiet", "-m", "january")
    git(ledger, "switch", "--quiet", "--detach", "main")
    git(ledger, "merge", "--quiet", "--no-ff", "-m", "merge", "january")
    git(ledger, "push", "--quiet", "origin", "HEAD:refs/pull/1/merge")
    return remote, git(ledger, "rev-parse", "HEAD")


def test_what_was_installed_from_git_is_what_ci_installs(tmp_path, project):
    commit = git(project, "rev-parse", "HEAD")
    office = Machine(tmp_path / "office")
    # As a person would: a branch, not a commit.
    office.run("python", "-m", "pip", "install", "--no-deps", "--no-build-isolation", f"git+{project.as_uri()}@main")
    said = office.run("focus-billing", "init", "ledger")
    assert f"The workflows install git+{project.as_uri()}@{commit}" in said
    remote, merged = published(office, tmp_path / "office/ledger", tmp_path)
    # The project goes on; CI stays where the office was.
    (project / "src/openchargeback/__init__.py").write_text("raise SystemExit('newer')\n", encoding="utf-8")
    git(project, "commit", "--quiet", "--all", "-m", "two")
    ci = Machine(tmp_path / "ci")
    runner = Runner(remote, tmp_path / "runs", ci.path, tmp_path / "artifacts", machine=ci.pip)
    workflow = tmp_path / "office/ledger/.github/workflows/pull-request.yml"
    ran = runner.run(workflow, "check", merged)
    assert not ran.failed, ran.logs
    assert "100.25" in (tmp_path / "artifacts/plan/plan.md").read_text(encoding="utf-8")
    assert commit in ran.logs["Install"]
    # GitLab's is the same, in its own words.
    office.run("focus-billing", "init", "gitlab", "--forge", "gitlab")
    content = yaml.safe_load((tmp_path / "office/gitlab/.gitlab-ci.yml").read_text(encoding="utf-8"))
    script = "\n".join(["export OPENCHARGEBACK_LEDGER=. CI_PROJECT_DIR=$PWD", *content["default"]["before_script"]])
    script += "\nfocus-billing --version"
    said = Machine(tmp_path / "runner").run("bash", "-eo", "pipefail", "-c", script, cwd=tmp_path / "office/gitlab")
    assert commit in said


def test_what_was_installed_from_an_index_is_pinned_by_digest_and_nothing_else_gets_in(tmp_path, project):
    git(project, "checkout", "--quiet", "--force", git(project, "rev-list", "--max-parents=0", "HEAD"))
    index = tmp_path / "index"
    office = Machine(tmp_path / "office", index)
    office.run("python", "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", index, project)
    office.run("python", "-m", "pip", "install", "--no-deps", "openchargeback")
    said = office.run("focus-billing", "init", "ledger")
    assert "by its digest in requirements.lock" in said
    workflow = tmp_path / "office/ledger/.github/workflows/publish.yml"
    assert "git+" not in (tmp_path / "office/ledger/requirements.lock").read_text(encoding="utf-8")
    remote, merged = published(office, tmp_path / "office/ledger", tmp_path)
    ci = Machine(tmp_path / "ci", index)
    runner = Runner(remote, tmp_path / "runs", ci.path, tmp_path / "artifacts", machine=ci.pip)
    ran = runner.run(workflow, "build", merged)
    assert not ran.failed, ran.logs
    # Someone puts another package of the same name and version there.
    (wheel,) = index.iterdir()
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("openchargeback/evil.py", "")
    other = Machine(tmp_path / "other", index)
    runner = Runner(remote, tmp_path / "more", other.path, tmp_path / "artifacts", machine=other.pip)
    ran = runner.run(workflow, "build", merged)
    assert ran.outcomes["Install"] == "failure"
    assert "DO NOT MATCH THE HASHES" in ran.logs["Install"]


def test_an_install_from_a_folder_switches_the_workflows_off_and_says_what_to_do(tmp_path):
    said = program.run("init", "ledger", cwd=tmp_path, code=0).stdout
    assert "switched off (.disabled), because this program was installed from a local folder" in said
    assert "focus-billing init --upgrade ledger" in said
    assert sorted(path.name for path in (tmp_path / "ledger/.github/workflows").iterdir()) == [
        "publish.yml.disabled",
        "pull-request.yml.disabled",
        "send.yml.disabled",
    ]
