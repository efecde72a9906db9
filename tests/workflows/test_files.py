"""The workflow files: valid by the schemas of their forges, and without what an attacker could use."""

import hashlib
import re
import shlex
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
    assert "focus-billing plan HEAD^1 --head HEAD" in text
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
            assert set(yaml.safe_load(text)["jobs"]) == {"build", "finance", "release", "keep", "pages"}
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
        installs = re.findall(r"pip install (.*?)(?:; fi)?$", text, re.MULTILINE)
        assert installs == text.count("--require-hashes") * [
            "--require-hashes --no-deps -r requirements.lock",
            '--no-deps --no-index --no-build-isolation "$program"',
        ], path


def test_only_the_job_that_publishes_writes_the_cache_of_rendered_files(new_ledgers):
    """And it writes that after everything else went well, last of all."""
    for path in of_new(new_ledgers):
        uses = [(job, step["uses"]) for job, step in steps(path) if "/cache" in step.get("uses", "")]
        saving = [job for job, used in uses if "/cache/save@" in used]
        assert saving == (["build"] if path.name == "publish.yml" else []), path
        assert any("/cache/restore@" in used for _, used in uses)
        last = [step for job, step in steps(path) if job == "build"][-1:]
        assert all("/cache/save@" in step["uses"] and "cancelled" not in step["if"] for step in last)
        for _, step in steps(path):
            if "/cache@" in step.get("uses", ""):
                assert "openchargeback" not in step["with"]["path"]
    jobs = yaml.safe_load((new_ledgers / "gitlab/.gitlab-ci.yml").read_text(encoding="utf-8"))
    writing = [name for name, job in jobs.items() if isinstance(job, dict) and "rendered" in str(job.get("cache"))]
    assert writing == ["build"]
    assert jobs["build"]["rules"] == [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}]


def test_a_quiet_ledger_keeps_its_cache(new_ledgers):
    """GitHub deletes what nobody has read for seven days. Publishing is not delayed by it, and needs a push."""
    workflow = yaml.safe_load((new_ledgers / "github/.github/workflows/publish.yml").read_text(encoding="utf-8"))
    (schedule,) = workflow[True]["schedule"]
    assert schedule["cron"].endswith("* * 1,4"), "twice a week"
    keep, build = workflow["jobs"]["keep"], workflow["jobs"]["build"]
    assert keep["if"] == "${{ github.event_name == 'schedule' }}"
    assert build["if"] == "${{ github.event_name == 'push' }}"
    (step,) = keep["steps"]
    read = next(each for each in build["steps"] if "/cache/restore@" in each.get("uses", ""))
    assert (step["uses"], step["with"]) == (read["uses"], read["with"])
    assert "${{ github.event_name }}" in workflow["concurrency"]["group"]
    for name in ("finance", "release"):
        assert workflow["jobs"][name]["needs"] == "build"
        assert "always()" not in workflow["jobs"][name]["if"]


def test_every_job_that_installs_reads_packages_from_a_cache(new_ledgers):
    """Those of pip and those of the system."""
    for path in of_new(new_ledgers):
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            places = [step for step in job["steps"] if step.get("name") == "Install"]
            if not places:
                assert "pip install" not in str(job), (path, name)
                continue
            cached = " ".join(str(step.get("with")) for step in job["steps"] if "uses" in step)
            assert "packages" in cached
            assert "requirements.lock" in cached
            assert "Dir::Cache::Archives" in places[0]["run"]
            before = job["steps"][: job["steps"].index(places[0])]
            assert sum("actions/cache@" in step.get("uses", "") for step in before) == 1
    jobs = yaml.safe_load((new_ledgers / "gitlab/.gitlab-ci.yml").read_text(encoding="utf-8"))
    packages = jobs["default"]["cache"]
    assert packages == {"key": "packages", "paths": [".packages/pip/http-v2", ".packages/debian"]}
    assert jobs["variables"]["PIP_CACHE_DIR"] == "$CI_PROJECT_DIR/.packages/pip"
    for name, job in jobs.items():
        if isinstance(job, dict) and "script" in job and name != "default":
            installs, cache = job.get("before_script") != [], job.get("cache", packages)
            assert (packages in (cache if isinstance(cache, list) else [cache])) == installs, name


def test_every_artifact_of_github_can_be_uploaded_again(new_ledgers):
    for path in (new_ledgers / "github/.github/workflows").iterdir():
        uploads = [step for _, step in steps(path) if "upload-artifact@" in step.get("uses", "")]
        assert uploads or path.name == "send.yml"
        assert all(step["with"]["overwrite"] is True for step in uploads)


def test_jobs_that_write_run_nothing_of_the_ledger(new_ledgers):
    found = set()
    for path in (new_ledgers / "github/.github/workflows").iterdir():
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            if "write" in job["permissions"].values():
                found.add(name)
                # People approve the job that sends; it must push what it is about to send before it does.
                approved = job.get("environment") == "statements"
                assert approved or not re.search(r"checkout|focus-billing|pip |python", str(job["steps"]))
    assert found == {"comment", "release", "send"}


def test_the_readme_says_what_needs_a_paid_plan_and_what_finance_gets(new_ledgers):
    for forge, words in {
        "github": ("For a private repository, GitHub sells some of this", "`2025-01 for finance`", "as a release"),
        "gitlab": ("What is marked Premium needs a paid plan", "artifact `finance`", "`finalized`"),
        "forgejo": ("Forgejo has no paid plans", "artifact `finance`", "in a release"),
    }.items():
        text = " ".join((new_ledgers / forge / "README.md").read_text(encoding="utf-8").split())
        assert all(each in text or each.replace("as a release", "is also a release") in text for each in words), forge
        assert "{{" not in text


def test_gitlab_installs_no_cached_package_that_debian_does_not_vouch_for(new_ledgers, tmp_path):
    """apt compares only the size of a package that it finds in its cache."""
    script = yaml.safe_load((new_ledgers / "gitlab/.gitlab-ci.yml").read_text(encoding="utf-8"))["default"]
    (text,) = script["before_script"]
    judged = text[text.index("debian --print-uris") : text.index("debian -o Dir::Cache")]
    packages = tmp_path / ".packages/debian"
    packages.mkdir(parents=True)
    good, same_size, old = b"as signed", b"as forged", b"an older version"
    for name, data in (("good_1_all.deb", good), ("forged_1%3a2_amd64.deb", same_size), ("old_0_all.deb", old)):
        (packages / name).write_bytes(data)
    digest = hashlib.sha256(good).hexdigest()
    printed = "".join(
        f"'http://deb.debian.org/{name}' {name} 9 SHA256:{digest}\n"
        for name in ("good_1_all.deb", "forged_1%3a2_amd64.deb", "missing_1_all.deb")
    )
    stub = f"debian() {{ printf %s {shlex.quote(printed)}; }}\n"
    shell = ("bash", "-eo", "pipefail", "-c")
    done = subprocess.run([*shell, stub + judged], cwd=packages, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in packages.glob("*.deb")) == ["good_1_all.deb"]
    shutil.rmtree(packages)
    packages.mkdir()
    assert subprocess.run([*shell, stub + judged], cwd=packages, check=False).returncode == 0
