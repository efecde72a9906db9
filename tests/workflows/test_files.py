"""The workflow files: valid by the schemas of their forges, and without what an attacker could use."""

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml

from openchargeback.ledger.installed import Program
from openchargeback.ledger.new import create_ledger

ROOT = Path(__file__).parents[2]
OWN = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = Path(sysconfig.get_path("scripts"))
PROGRAM = Program(repository="git+https://git.example.edu/billing.git@" + "ab" * 20)
PINNED = re.compile(r"uses: (?P<action>\S+)@(?P<ref>\S+)(?P<comment> # v\d+\.\d+\.\d+)?")


@pytest.fixture(scope="module")
def new_ledgers(tmp_path_factory) -> Path:
    """A new ledger for each forge, in a folder of its name."""
    folder = tmp_path_factory.mktemp("new")
    for forge in ("github", "gitlab", "forgejo"):
        create_ledger(folder / forge, "A", "USD", forge, program=PROGRAM)
    return folder


def of_new(folder: Path) -> list[Path]:
    found = [*folder.glob("*/.github/workflows/*"), *folder.glob("*/.forgejo/workflows/*")]
    assert len(found) == 5
    return sorted(found)


def tool(name: str, *arguments: str | Path) -> str:
    """Run a tool of the development environment without a network; gives what it printed once it was content."""
    program = shutil.which(name, path=str(SCRIPTS)) or shutil.which(name)
    assert program, f"{name} is not installed; `make test` does it"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def steps(path: Path):
    """Every step of a workflow of GitHub's kind, with the name of its job."""
    for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
        for step in job.get("steps", ()):
            yield name, step


def test_they_are_valid_by_the_schemas_of_their_forges(new_ledgers, tmp_path):
    assert len(OWN) == 3
    github = ("--builtin-schema", "vendor.github-workflows")
    tool("check-jsonschema", *github, *OWN, *new_ledgers.glob("github/.github/workflows/*"))
    tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", new_ledgers / "gitlab" / ".gitlab-ci.yml")
    # Forgejo's format is GitHub's.
    tool("check-jsonschema", *github, *new_ledgers.glob("forgejo/.forgejo/workflows/*"))
    broken = tmp_path / "broken.yml"
    broken.write_text(OWN[0].read_text(encoding="utf-8").replace("runs-on:", "run-on:"), encoding="utf-8")
    with pytest.raises(AssertionError, match="run-on"):
        tool("check-jsonschema", *github, broken)


def test_zizmor_finds_nothing(new_ledgers, tmp_path):
    options = ("--offline", "--no-progress", "--quiet", "--config", ROOT / ".github" / "zizmor.yml")
    tool("zizmor", *options, ROOT / ".github" / "workflows")
    tool("zizmor", *options, new_ledgers / "github" / ".github" / "workflows")
    careless = tmp_path / "careless.yml"
    text = (new_ledgers / "github/.github/workflows/pull-request.yml").read_text(encoding="utf-8")
    assert "focus-billing plan HEAD^1" in text
    careless.write_text(text.replace("plan HEAD^1", "plan ${{ github.head_ref }}"), encoding="utf-8")
    with pytest.raises(AssertionError, match="template-injection"):
        tool("zizmor", *options, careless)


def test_actions_are_pinned_by_commit_with_their_version(new_ledgers):
    used: dict[str, set[str]] = {}
    for path in [*OWN, *of_new(new_ledgers)]:
        for found in PINNED.finditer(path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[0-9a-f]{40}", found["ref"]), f"{path.name}: {found[0]}"
            assert found["comment"], f"{path.name}: {found[0]} names no version"
            used.setdefault(found["action"], set()).add(found["ref"])
    assert len(used) >= 8
    assert all(len(refs) == 1 for refs in used.values()), "one action, one version"


def test_no_expression_reaches_a_shell(new_ledgers):
    for path in [*OWN, *of_new(new_ledgers)]:
        for job, step in steps(path):
            assert "${{" not in step.get("run", ""), f"{path.name}, {job}: pass it by env"


def judge_jobs(path: Path, text: str) -> None:
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert "concurrency" in workflow
    for name, job in workflow["jobs"].items():
        assert "permissions" in job, f"{path.name}: {name}"
        assert 0 < job["timeout-minutes"] <= 60, f"{path.name}: {name}"
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
                # Only the job that people approve writes: what was emailed, to branches of its own.
                writes = path.name == "send.yml" and job.get("environment") == "statements"
                assert writes or set(job["permissions"].values()) == {"read"}, "what runs a checkout must not write"


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_each_job_has_its_own_permissions_and_a_time_limit(path):
    judge_jobs(path, path.read_text(encoding="utf-8"))


def test_each_job_of_a_ledger_does_too_and_the_example_of_pages(new_ledgers, tmp_path):
    for path in (new_ledgers / "github/.github/workflows").iterdir():
        text = re.sub(r"^  # (?=  |pages:)", "  ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        judge_jobs(path, text)
        if path.name == "publish.yml":
            assert set(yaml.safe_load(text)["jobs"]) == {"build", "pages"}
            (tmp_path / "publish.yml").write_text(text, encoding="utf-8")
            tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", tmp_path / "publish.yml")
            tool("zizmor", "--offline", "--no-progress", "--quiet", tmp_path / "publish.yml")


def test_the_workflows_of_a_ledger_fetch_all_history(new_ledgers):
    for path in of_new(new_ledgers):
        checkouts = [step for _, step in steps(path) if "checkout@" in step.get("uses", "")]
        assert {step["with"]["fetch-depth"] for step in checkouts} == {0}


def test_workflows_of_a_ledger_name_no_repository_of_a_program_and_install_nothing_by_a_bare_name(new_ledgers):
    """Whoever registers such a name would run code in every ledger's CI."""
    for path in [*of_new(new_ledgers), new_ledgers / "gitlab/.gitlab-ci.yml"]:
        text = path.read_text(encoding="utf-8")
        assert "openchargeback/openchargeback" not in text
        installs = re.findall(r"pip install .*", text)
        assert installs == text.count("--require-hashes") * [
            "pip install --require-hashes --no-deps -r requirements.lock",
            f"pip install --no-deps --no-index --no-build-isolation '{PROGRAM.repository}'",
        ], path
