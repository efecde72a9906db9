"""Every step of the ledger workflows, run in real clones of a bare remote: a branch, its merge, and a shallow clone."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ci_runner import Ran, Runner, filled, git, holds, run_gitlab

from needed import needs
from openchargeback import __version__
from openchargeback.ledger.installed import Program
from openchargeback.ledger.new import create_ledger
from program import put_on_path

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
# What `init` writes, but for the line that installs the program.
LEDGERS = ROOT / "site_templates/forges/github/github/workflows"
PULL_REQUEST = LEDGERS / "pull-request.yml"
PUBLISH = LEDGERS / "publish.yml"

MARKER = "<!-- openchargeback-plan -->"
TAGS = '"{""pi_email"": ""ada@example.edu"", ""project_id"": ""p1"", ""fund_org"": ""F-1""}"'
CHARGES = f"BillingPeriodStart,BilledCost,ServiceName,ResourceId,Tags\n2025-01-01,100.25,Compute,r1,{TAGS}\n"
CONFIG = {"config.yaml": "organization: A\nsources: {aws: {credit_fund: C-1}}\n"}
BROKEN = CHARGES + f"2025-01-01,a lot,Compute,r2,{TAGS}\n"

GH = """#!{python}
# Stands in for `gh api` on the comments of one issue, kept as JSON, and for `gh release`, kept as folders of files.
import json, os, shutil, sys
from pathlib import Path
arguments, store = sys.argv[1:], Path(os.environ["GH_STORE"])
assert os.environ["GH_TOKEN"] == "token"
def option(name):
    return arguments.pop(arguments.index(name) + 1) if name in arguments else ""
def api():
    method, field = option("--method") or "GET", option("-F")
    (path,) = [each for each in arguments if not each.startswith("-")]
    comments = json.loads((store / "comments.json").read_text())
    body = Path(field.removeprefix("body=@")).read_text() if field else ""
    if method == "GET":
        assert path == "repos/uni/ledger/issues/1/comments"
        print(json.dumps(comments))
    elif method == "POST":
        assert path == "repos/uni/ledger/issues/1/comments"
        comments.append({{"id": len(comments) + 1, "user": {{"login": "github-actions[bot]"}}, "body": body}})
    else:
        assert method == "PATCH"
        (found,) = [each for each in comments if path == f"repos/uni/ledger/issues/comments/{{each['id']}}"]
        found["body"] = body
    (store / "comments.json").write_text(json.dumps(comments))
def release(verb, tag, *files):
    assert os.environ["GH_REPO"] == "uni/ledger"
    place = store / tag.replace("/", "%")
    if verb == "view":
        sys.exit(1) if not place.is_dir() else print(*(each.name for each in place.iterdir()), sep="\\n")
    elif verb == "download":
        Path("released").mkdir(exist_ok=True)
        shutil.copy(place / option("--pattern"), "released")
    else:
        place.mkdir(exist_ok=verb == "upload")
        (name,) = [each for each in files if each.endswith(".zip")]
        shutil.copy(name, place)
if arguments.pop(0) == "api":
    api()
else:
    release(*arguments)
"""


class Forge:
    """A bare repository with a new ledger on main, someone's clone of it, and a runner."""

    def __init__(self, folder: Path, forge: str) -> None:
        self.remote, self.clone, self.path = folder / "remote.git", folder / "clone", put_on_path(folder / "bin")
        subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", self.remote], check=True)
        # As the hosts do, so that a runner can fetch the commit it was started for.
        git(self.remote, "config", "uploadpack.allowAnySHA1InWant", "true")
        program = Program(repository=f"git+{ROOT.as_uri()}@{'0' * 40}")
        assert create_ledger(self.clone, "A", "USD", forge, program=program).obstacle == ""
        git(self.clone, "remote", "add", "origin", str(self.remote))
        git(self.clone, "push", "--quiet", "-u", "origin", "main")
        self.runner = Runner(self.remote, folder / "runs", self.path, folder / "artifacts")
        self.folder = folder

    def host(self, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Put a `gh` on the PATH; gives the folder with the comments and releases that it keeps."""
        store = self.folder / "host"
        store.mkdir()
        (self.folder / "bin" / "gh").write_text(GH.format(python=sys.executable))
        (self.folder / "bin" / "gh").chmod(0o755)
        environment = self.runner._environment
        monkeypatch.setattr(self.runner, "_environment", lambda *a: {**environment(*a), "GH_STORE": str(store)})
        return store

    def program(self, *arguments: str) -> None:
        """Run the program on the clone's ledger, and commit what it changed on main."""
        program = [self.path.split(os.pathsep)[0] + "/focus-billing", "--ledger", str(self.clone)]
        subprocess.run([*program, *arguments], check=True, capture_output=True)
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--allow-empty", "-m", " ".join(arguments))
        git(self.clone, "push", "--quiet", "origin", "HEAD:main")

    def branch(self, name: str, files: dict[str, str], start: str = "main") -> str:
        """Commit files on a new branch and push it; gives the commit of main merged with it, as GitHub makes it."""
        git(self.clone, "switch", "--quiet", "-c", name, start)
        for relative, text in files.items():
            (self.clone / relative).parent.mkdir(parents=True, exist_ok=True)
            (self.clone / relative).write_text(text, encoding="utf-8")
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "-m", name)
        git(self.clone, "push", "--quiet", "origin", name)
        git(self.clone, "switch", "--quiet", "--detach", "main")
        git(self.clone, "merge", "--quiet", "--no-ff", "-m", "merge", name)
        git(self.clone, "push", "--quiet", "origin", f"HEAD:refs/pull/{name}/merge")
        merged = git(self.clone, "rev-parse", "HEAD")
        git(self.clone, "switch", "--quiet", "main")
        return merged

    def merge(self, name: str) -> str:
        git(self.clone, "merge", "--quiet", "--no-ff", "-m", f"Merge {name}", name)
        git(self.clone, "push", "--quiet", "origin", "main")
        return git(self.clone, "rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def identity(monkeypatch, tmp_path_factory):
    settings = tmp_path_factory.mktemp("home") / "gitconfig"
    settings.write_text("[user]\nname = Ada\nemail = ada@example.edu\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")


@pytest.fixture
def github(tmp_path) -> Forge:
    return Forge(tmp_path, "github")


def test_a_pull_request_is_validated_planned_and_previewed(github, tmp_path):
    merged = github.branch("january", {"charges/2025-01/aws.csv": CHARGES})
    ran = github.runner.run(PULL_REQUEST, "check", merged)
    assert not ran.failed, ran.logs
    assert ran.outcomes["validate"] == ran.outcomes["build"] == "success"
    assert (tmp_path / "artifacts/portal-preview/index.html").is_file()
    assert list((tmp_path / "artifacts/portal-preview/statements/2025-01").rglob("*.pdf"))
    plan = (tmp_path / "artifacts/plan/plan.md").read_text(encoding="utf-8")
    assert plan.startswith(MARKER)
    assert "100.25" in plan
    assert "→ HEAD" in plan
    assert "work tree" not in plan
    assert plan in ran.summary
    assert json.loads((tmp_path / "artifacts/evidence/evidence.json").read_text("utf-8"))["problems"] == []
    assert "### Evidence for decisions and closings" in ran.summary
    assert ran.outputs == {"plan": "true", "validate": "success", "suffix": ""}


def test_a_fault_is_an_annotation_at_its_line_and_stops_the_preview(github, tmp_path):
    merged = github.branch("january", {"charges/2025-01/aws.csv": BROKEN})
    ran = github.runner.run(PULL_REQUEST, "check", merged)
    assert ran.outcomes["validate"] == "failure"
    assert "::error file=charges/2025-01/aws.csv,line=3" in ran.logs["validate"]
    assert ran.outcomes["build"] == "skipped"
    assert not (tmp_path / "artifacts").exists()


def test_the_plan_is_against_the_target_branch_as_it_is_now(github):
    """Main goes on after the branch was made; what came there is no part of the plan."""
    old = git(github.clone, "rev-parse", "main")
    github.branch("february", {"charges/2025-02/aws.csv": CHARGES.replace("2025-01-01", "2025-02-01")})
    github.merge("february")
    merged = github.branch("january", {"charges/2025-01/hpc.csv": CHARGES.replace("100.25", "7.50")}, old)
    ran = github.runner.run(PULL_REQUEST, "check", merged)
    assert "7.50" in ran.summary
    assert "100.25" not in ran.summary


def test_a_plan_in_a_shallow_clone_says_what_is_missing(github):
    merged = github.branch("january", {"charges/2025-01/aws.csv": CHARGES})
    ran = github.runner.run(PULL_REQUEST, "check", merged, depth=1)
    assert ran.outcomes["plan"] == "failure"
    assert "Traceback" not in ran.logs["plan"]
    assert ran.outcomes["build"] == "success"


@needs("jq")
def test_the_plan_is_one_comment_that_is_renewed(github, tmp_path, monkeypatch):
    host = github.host(monkeypatch)
    others = [
        {"id": 1, "user": {"login": "ada"}, "body": f"{MARKER} quoted by a person"},
        {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "of another workflow"},
        {"id": 3, "user": {"login": "github-actions[bot]"}, "body": "<!-- openchargeback-plan: hpc -->\n"},
    ]
    (host / "comments.json").write_text(json.dumps(others))
    plan = tmp_path / "artifacts/plan/plan.md"
    plan.parent.mkdir(parents=True)
    context = {
        "github.token": "token",
        "github.event.pull_request.number": "1",
        "github.event.pull_request.head.sha": "1234567890abcdef",
        "needs.check.outputs.plan": "true",
    }

    def comment(**outputs: str) -> list[str]:
        values = context | {f"needs.check.outputs.{name}": value for name, value in outputs.items()}
        ran = github.runner.run(PULL_REQUEST, "comment", "", context=values)
        assert not ran.failed, ran.logs
        comments = json.loads((host / "comments.json").read_text())
        assert comments[:3] == others
        return [each["body"] for each in comments[3:]]

    for text in (f"{MARKER}\nfirst `$(touch /tmp/x)`\n", f"{MARKER}\nsecond\n"):
        plan.write_text(text, encoding="utf-8")
        assert comment() == [text]
    # A later push fails before there is a plan: the old figures must not stay.
    for validate, words in (("failure", "**Validation failed**"), ("", "**The check failed before the plan**")):
        (said,) = comment(plan="", validate=validate)
        assert said.startswith(f"{MARKER}\n\n{words} for 1234567890ab, so there is no plan. [The check](")
    assert comment() == [f"{MARKER}\nsecond\n"]
    # What is no plan of this ledger is not posted.
    plan.write_text("<!-- openchargeback-plan: hpc -->\nother\n", encoding="utf-8")
    assert github.runner.run(PULL_REQUEST, "comment", "", context=context).failed


@pytest.mark.parametrize(
    ("change", "comments"),
    [
        ({}, True),
        ({"github.event.pull_request.head.repo.full_name": "someone/ledger"}, False),
        ({"github.event.pull_request.user.login": "dependabot[bot]"}, False),
    ],
)
def test_only_a_pull_request_of_the_same_repository_is_commented(change, comments):
    values = {
        "github.event.pull_request.head.repo.full_name": "uni/ledger",
        "github.repository": "uni/ledger",
        "github.event.pull_request.user.login": "ada",
    }
    job = yaml.safe_load(PULL_REQUEST.read_text(encoding="utf-8"))["jobs"]["comment"]
    assert holds(job["if"], values | change) is comments
    assert not any("checkout" in step.get("uses", "") for step in job["steps"])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def publish(forge: Forge, commit: str, before: str = "") -> Ran:
    ran = forge.runner.run(PUBLISH, "build", commit, context={"github.event.before": before})
    assert not ran.failed, ran.logs
    return ran


@needs("jq")
def test_main_is_published_with_a_folder_for_finance_of_each_month(github, tmp_path):
    github.branch("january", {"charges/2025-01/aws.csv": CHARGES})
    commit = github.merge("january")
    ran = publish(github, commit)
    artifacts = tmp_path / "artifacts"
    assert sorted(path.name for path in artifacts.iterdir()) == ["bundles", "portal"]
    assert (artifacts / "portal/index.html").is_file()
    assert commit in (artifacts / "portal/manifest.json").read_text()
    assert ran.outputs == {"periods": '["2025-01"]', "finalized": "[]", "suffix": ""}
    context = {"matrix.period": "2025-01"}
    assert not github.runner.run(PUBLISH, "finance", "", context=context).failed
    # Again, as by a re-run.
    assert not github.runner.run(PUBLISH, "finance", "", context=context).failed
    found = artifacts / "2025-01 for finance"
    # The month is open: finance gets drafts, apart from where what is posted will be.
    assert sorted(path.name for path in found.iterdir()) == ["drafts", "index.html", "manifest.json", "statements"]
    assert any("100.25" in path.read_text() for path in found.glob("drafts/DRAFT-*.csv"))
    assert list(found.glob("statements/*.pdf"))


@needs("jq")
def test_only_months_that_are_open_or_changed_since_the_last_publication(github, tmp_path):
    """Also where a run was replaced by a newer one, so that its commit was never published."""
    github.runner.caches = tmp_path / "caches"
    for month in ("2024-11", "2024-12"):
        github.branch(month, {f"charges/{month}/aws.csv": CHARGES.replace("2025-01", month), **CONFIG})
        github.merge(month)
        github.program("periods", "close", month)
    first = git(github.clone, "rev-parse", "main")
    assert json.loads(publish(github, first).outputs["periods"]) == ["2024-11", "2024-12"]
    github.program("periods", "finalize", "2024-11")
    skipped = git(github.clone, "rev-parse", "main")
    github.branch("january", {"charges/2025-01/aws.csv": CHARGES})
    ran = publish(github, github.merge("january"), before=skipped)
    assert json.loads(ran.outputs["periods"]) == ["2024-11", "2025-01"]
    assert json.loads(ran.outputs["finalized"]) == ["2024-11"]
    # Without a cache, since the push itself.
    github.runner.caches = None
    ran = publish(github, git(github.clone, "rev-parse", "main"), before=skipped)
    assert json.loads(ran.outputs["periods"]) == ["2025-01"]


@needs("jq")
def test_a_finalized_month_becomes_a_release_that_is_never_replaced(github, tmp_path, monkeypatch):
    host = github.host(monkeypatch)
    job = yaml.safe_load(PUBLISH.read_text(encoding="utf-8"))["jobs"]["release"]
    assert not any(word in str(job) for word in ("checkout", "pip ", "focus-billing"))
    final = {"needs.build.outputs.finalized": '["2024-12"]'}
    assert holds(job["if"], final | {"github.event.repository.private": "true"})
    assert not holds(job["if"], final | {"github.event.repository.private": "false"})
    assert not holds(job["if"], {"needs.build.outputs.finalized": "[]", "github.event.repository.private": "true"})
    zipped = tmp_path / "artifacts/bundles/2024-12-for-finance.zip"
    zipped.parent.mkdir(parents=True)
    zipped.write_bytes(b"as finalized")
    context = final | {"github.token": "token", "github.repository": "uni/ledger"}
    released = host / "2024-12-for-finance/2024-12-for-finance.zip"
    for _ in range(2):
        ran = github.runner.run(PUBLISH, "release", "", context=context)
        assert not ran.failed, ran.logs
        assert released.read_bytes() == b"as finalized"
    # A run that was stopped before its file was there.
    released.unlink()
    assert not github.runner.run(PUBLISH, "release", "", context=context).failed
    assert released.read_bytes() == b"as finalized"
    zipped.write_bytes(b"otherwise")
    ran = github.runner.run(PUBLISH, "release", "", context=context)
    assert ran.failed
    assert "::error::the release 2024-12-for-finance has another 2024-12-for-finance.zip" in ran.logs["Release"]
    assert released.read_bytes() == b"as finalized"


@needs("jq")
def test_a_merge_renders_what_it_changes_and_the_cache_never_shows(github, tmp_path):
    """The steps with a folder as the cache: empty, full, without one, and from a pull request."""
    caches = github.runner.caches = tmp_path / "caches"
    months = ("2024-11", "2024-12", "2025-01")
    for month in months:
        github.branch(month, {f"charges/{month}/aws.csv": CHARGES.replace("2025-01", month), **CONFIG})
        github.merge(month)
    for month in months[:2]:
        github.program("periods", "close", month)
    rendered = re.compile(r"^Writing PDFs: \d+ of (\d+)", re.MULTILINE)
    ran = publish(github, git(github.clone, "rev-parse", "main"))
    # A statement of each month, and a report of each year.
    assert rendered.findall(ran.logs["Build"])[-1] == "5"
    (kept,) = caches.iterdir()

    def keys() -> list[str]:
        return sorted(path.name for path in caches.rglob("*") if path.is_file())

    # A pull request reads the cache and leaves it alone.
    before = keys()
    merged = github.branch("more", {"charges/2025-01/hpc.csv": CHARGES.replace("100.25", "7.50")})
    ran = github.runner.run(PULL_REQUEST, "check", merged)
    assert not ran.failed, ran.logs
    assert rendered.findall(ran.logs["build"])[-1] == "2"
    assert keys() == before
    # What is merged renders the month and the year that it changes.
    commit = github.merge("more")
    ran = publish(github, commit)
    assert rendered.findall(ran.logs["Build"])[-1] == "2"
    assert len(list(caches.iterdir())) == 2
    assert kept.is_dir()
    with_cache = contents(tmp_path / "artifacts/portal")
    github.runner.caches = None
    ran = publish(github, commit)
    assert rendered.findall(ran.logs["Build"])[-1] == "5"
    assert contents(tmp_path / "artifacts/portal") == with_cache


@needs("jq")
def test_what_is_finalized_is_recomputed_and_a_poisoned_cache_fails(github, tmp_path):
    github.runner.caches = tmp_path / "caches"
    github.branch("january", {"charges/2025-01/aws.csv": CHARGES, **CONFIG})
    github.merge("january")
    github.program("periods", "close", "2025-01")
    publish(github, git(github.clone, "rev-parse", "main"))
    for place in (tmp_path / "caches").glob("*/cache/??/*"):
        blob = place.read_bytes()
        data = blob[32:].replace(b"%PDF-1.7", b"%PDF-1.6")
        if data != blob[32:]:
            place.write_bytes(hashlib.sha256((place.parent.name + place.name).encode() + data).digest() + data)
    github.program("periods", "finalize", "2025-01")
    ran = github.runner.run(PUBLISH, "build", git(github.clone, "rev-parse", "main"))
    assert ran.outcomes["Build"] == "success"
    assert ran.outcomes["Finalized months"] == "failure"
    assert "differs     statements/2025-01_p1_" in ran.logs["Finalized months"]
    assert ran.outcomes["Keep rendered files"] == "skipped"


@needs("jq")
def test_two_ledgers_of_a_repository_keep_out_of_each_others_way(github, tmp_path, monkeypatch):
    """Each has workflow files of its own, in which only the folder differs."""
    git(github.clone, "switch", "--quiet", "-c", "two")
    for folder, amount in (("cloud", "100.25"), ("units/hpc", "7.50")):
        for name in ("config.yaml", "requirements.lock"):
            (github.clone / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(github.clone / name, github.clone / folder / name)
        (github.clone / folder / "charges/2025-01").mkdir(parents=True)
        (github.clone / folder / "charges/2025-01/aws.csv").write_text(CHARGES.replace("100.25", amount))
    git(github.clone, "add", "--all")
    git(github.clone, "commit", "--quiet", "-m", "two ledgers")
    git(github.clone, "push", "--quiet", "origin", "two")
    host = github.host(monkeypatch)
    (host / "comments.json").write_text("[]")
    groups = set()
    for folder in ("cloud", "units/hpc"):
        own = {}
        for path in (PULL_REQUEST, PUBLISH):
            own[path] = tmp_path / f"{path.stem}-{folder.replace('/', '-')}.yml"
            text = path.read_text(encoding="utf-8")
            assert text.count('OPENCHARGEBACK_LEDGER: "."') == 1
            own[path].write_text(text.replace('OPENCHARGEBACK_LEDGER: "."', f"OPENCHARGEBACK_LEDGER: {folder}"))
            context = {
                "github.workflow_ref": f"uni/ledger/.github/workflows/{own[path].name}@refs/pull/1/merge",
                "github.event.pull_request.number": "1",
                "github.token": "token",
            }
            groups.add(filled(yaml.safe_load(text)["concurrency"]["group"], context))
        ran = github.runner.run(own[PULL_REQUEST], "check", "refs/heads/two", context=context)
        assert not ran.failed, ran.logs
        outputs = {f"needs.check.outputs.{name}": value for name, value in ran.outputs.items()}
        assert not github.runner.run(own[PULL_REQUEST], "comment", "", context=context | outputs).failed
        assert not github.runner.run(own[PUBLISH], "build", "refs/heads/two").failed
        outputs = {"matrix.period": "2025-01", "needs.build.outputs.suffix": outputs["needs.check.outputs.suffix"]}
        assert not github.runner.run(own[PUBLISH], "finance", "", context=outputs).failed
    assert len(groups) == 4
    names = {path.name for path in (tmp_path / "artifacts").iterdir()}
    kinds = ("plan", "evidence", "portal-preview", "portal", "bundles", "2025-01 for finance")
    assert names == {f"{kind} ({folder})" for kind in kinds for folder in ("cloud", "units-hpc")}
    comments = [each["body"].splitlines()[0] for each in json.loads((host / "comments.json").read_text())]
    assert comments == ["<!-- openchargeback-plan: cloud -->", "<!-- openchargeback-plan: units/hpc -->"]


@needs("jq")
def test_a_shallow_clone_gives_the_same_journal(github, tmp_path):
    github.branch("january", {"charges/2025-01/aws.csv": CHARGES})
    commit = github.merge("january")
    found = []
    for depth in (0, 1):
        assert not github.runner.run(PUBLISH, "build", commit, depth=depth).failed
        found.append(contents(tmp_path / "artifacts/portal/drafts"))
    assert found[0]
    assert found[0] == found[1]


@needs("jq")
def test_a_ledger_without_charges_is_published_too(github, tmp_path):
    assert not github.runner.run(PUBLISH, "build", "refs/heads/main").failed
    assert (tmp_path / "artifacts/portal/index.html").is_file()


@needs("node")
def test_forgejo_checks_what_merging_gives_and_publishes(tmp_path):
    forge = Forge(tmp_path, "forgejo")
    old = git(forge.clone, "rev-parse", "main")
    forge.branch("february", {"charges/2025-02/aws.csv": CHARGES.replace("2025-01", "2025-02"), **CONFIG})
    forge.merge("february")
    forge.branch("january", {"charges/2025-01/aws.csv": CHARGES.replace("100.25", "7.50")}, old)
    own = forge.clone / ".forgejo/workflows"
    # Forgejo checks out the branch itself, not its merge.
    ran = forge.runner.run(
        own / "pull-request.yml",
        "check",
        "refs/heads/january",
        context={"github.event.pull_request.base.ref": "main"},
    )
    assert not ran.failed, ran.logs
    preview = tmp_path / "artifacts/portal-preview"
    assert {path.name for path in (preview / "drafts").iterdir()} == {"2025-01", "2025-02"}
    plan = (tmp_path / "artifacts/plan/plan.md").read_text(encoding="utf-8")
    assert "7.50" in plan
    assert "100.25" not in plan
    forge.runner.caches = tmp_path / "caches"
    ran = forge.runner.run(own / "publish.yml", "build", forge.merge("january"))
    assert not ran.failed, ran.logs
    assert {"portal", "finance"} <= {path.name for path in (tmp_path / "artifacts").iterdir()}
    forge.program("periods", "close", "2025-01")
    before = git(forge.clone, "rev-parse", "HEAD")
    forge.program("periods", "finalize", "2025-01")
    git(forge.clone, "push", "--quiet", "--force", "origin", "HEAD:refs/heads/finalize", f"{before}:refs/heads/main")
    ran = forge.runner.run(
        own / "pull-request.yml",
        "check",
        "refs/heads/finalize",
        context={"github.event.pull_request.base.ref": "main"},
    )
    assert not ran.failed, ran.logs
    assert "2025-01-for-finance" in ran.logs["Finalized months"]
    git(forge.clone, "push", "--quiet", "origin", "HEAD:refs/heads/main")
    ran = forge.runner.run(own / "publish.yml", "build", "refs/heads/main")
    assert not ran.failed, ran.logs
    assert "identical: finance/2025-01-for-finance" in ran.logs["Finalized months"]
    assert (tmp_path / "artifacts/finance/2025-01-for-finance.zip").is_file()


def test_forgejo_refuses_a_branch_that_conflicts(tmp_path):
    forge = Forge(tmp_path, "forgejo")
    old = git(forge.clone, "rev-parse", "main")
    forge.branch("one", {"charges/2025-01/aws.csv": CHARGES})
    forge.merge("one")
    git(forge.clone, "switch", "--quiet", "-c", "two", old)
    (forge.clone / "charges/2025-01").mkdir(parents=True)
    (forge.clone / "charges/2025-01/aws.csv").write_text(CHARGES.replace("100.25", "9.00"))
    git(forge.clone, "add", "--all")
    git(forge.clone, "commit", "--quiet", "-m", "two")
    git(forge.clone, "push", "--quiet", "origin", "two")
    ran = forge.runner.run(
        forge.clone / ".forgejo/workflows/pull-request.yml",
        "check",
        "refs/heads/two",
        context={"github.event.pull_request.base.ref": "main"},
    )
    assert "::error::this branch conflicts with main: merge main into it" in ran.logs["Merge"]
    assert ran.outcomes["Validate"] == "skipped"


def gitlab(tmp_path: Path, ref: str, forge: Forge, name: str = "work") -> Path:
    """A checkout of a GitLab job."""
    work = tmp_path / name
    work.mkdir()
    forge.runner.checkout(work, ref, 0)
    return work


def test_gitlab_checks_a_merge_request_of_a_fork_against_what_it_started_from(tmp_path):
    """The fork's own main is old; what came to the project's since is no part of the plan."""
    forge = Forge(tmp_path, "gitlab")
    old = git(forge.clone, "rev-parse", "main")
    forge.branch("february", {"charges/2025-02/aws.csv": CHARGES.replace("2025-01", "2025-02")})
    base = forge.merge("february")
    forge.branch("january", {"charges/2025-01/aws.csv": CHARGES.replace("100.25", "7.50")})
    # In a fork, `origin` is the fork, whose main has stayed behind.
    git(forge.clone, "push", "--quiet", "--force", "origin", f"{old}:main")
    work = gitlab(tmp_path, "refs/heads/january", forge)
    file = work / ".gitlab-ci.yml"
    code, log = run_gitlab(file, "validate", work, forge.path)
    assert code == 0, log
    assert json.loads((work / "gl-code-quality-report.json").read_text()) is not None
    code, log = run_gitlab(file, "plan", work, forge.path, CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    assert code == 0, log
    assert "7.50" in log
    assert "100.25" not in log
    code, log = run_gitlab(file, "preview", work, forge.path)
    assert code == 0, log


def test_gitlab_publishes_the_newest_commit_alone(tmp_path):
    forge = Forge(tmp_path, "gitlab")
    forge.branch("january", {"charges/2025-01/aws.csv": CHARGES, **CONFIG})
    overtaken = forge.merge("january")
    forge.program("periods", "close", "2025-01")
    forge.program("periods", "finalize", "2025-01")
    newest = git(forge.clone, "rev-parse", "main")
    for commit, wanted in ((overtaken, 75), (newest, 0)):
        work = gitlab(tmp_path, commit, forge, commit)
        variables = {"CI_COMMIT_SHA": commit, "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BEFORE_SHA": "0" * 40}
        for job in ("build", "finance", "finalized"):
            code, log = run_gitlab(work / ".gitlab-ci.yml", job, work, forge.path, **variables)
            assert code == wanted, log
            assert wanted == 0 or "newer" in log
            assert yaml.safe_load((work / ".gitlab-ci.yml").read_text())[job]["allow_failure"] == {"exit_codes": 75}
    assert (work / "public/index.html").is_file()
    assert list((work / "finance/2025-01-for-finance/statements").glob("*.pdf"))
    assert [path.name for path in (work / "finalized").iterdir()] == ["2025-01-for-finance.zip"]


def test_gitlab_keeps_the_report_of_a_fault_and_fails(tmp_path):
    forge = Forge(tmp_path, "gitlab")
    forge.branch("january", {"charges/2025-01/aws.csv": BROKEN})
    work = gitlab(tmp_path, "refs/heads/january", forge)
    code, log = run_gitlab(work / ".gitlab-ci.yml", "validate", work, forge.path)
    assert code == 1, log
    (fault,) = json.loads((work / "gl-code-quality-report.json").read_text())
    assert fault["location"]["path"] == "charges/2025-01/aws.csv"


@pytest.mark.parametrize(("tag", "passes"), [(f"v{__version__}", True), (f"v{__version__}1", False), ("v", False)])
def test_a_release_is_refused_where_the_tag_is_not_the_version(tag, passes):
    steps = yaml.safe_load((WORKFLOWS / "release.yml").read_text(encoding="utf-8"))["jobs"]["build"]["steps"]
    (script,) = [step["run"] for step in steps if step.get("name") == "The tag names the version"]
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=ROOT,
        env={**os.environ, "GITHUB_REF_NAME": tag},
        capture_output=True,
        check=False,
    )
    assert (done.returncode == 0) is passes


def test_a_closing_fails_its_check_until_the_review_is_there(github, tmp_path, monkeypatch):
    """The check runs again when a review arrives; what it needs of the host is only read."""
    assert "pull_request_review" in yaml.safe_load(PULL_REQUEST.read_text(encoding="utf-8"))[True]
    config = "organization: A\nsources: {aws: {credit_fund: C-1}}\nreview: {evidence: {level: A}}\n"
    github.branch("january", {"config.yaml": config, "charges/2025-01/aws.csv": CHARGES})
    github.merge("january")
    program = [github.path.split(os.pathsep)[0] + "/focus-billing", "--ledger", str(github.clone)]
    subprocess.run([*program, "periods", "close", "2025-01"], check=True, capture_output=True)
    merged = github.branch("close", {})
    head = git(github.clone, "rev-parse", "close")
    said = {"reviews": [], "commits": [{"sha": head, "author": {"login": "ada"}, "commit": {"message": "close"}}]}
    gh = tmp_path / "bin/gh"
    kinds = "".join(f"*/{kind}) cat {tmp_path}/{kind};; " for kind in ("reviews", "commits"))
    gh.write_text(f'#!/bin/sh\ncase "$*" in {kinds}*/pulls/*) cat {tmp_path}/pull;; *) exit 1;; esac\n')
    gh.chmod(0o755)
    environment = github.runner._environment

    def with_event(own, values, temp):
        made = environment(own, values, temp)
        request = {"number": 1, "head": {"sha": head}, "user": {"login": "ada"}}
        Path(made["GITHUB_EVENT_PATH"]).write_text(json.dumps({"pull_request": request}), encoding="utf-8")
        (tmp_path / "pull").write_text(json.dumps({**request, "commits": 1}), encoding="utf-8")
        return made

    monkeypatch.setattr(github.runner, "_environment", with_event)
    review = {"user": {"login": "rita"}, "state": "APPROVED", "commit_id": head, "author_association": "MEMBER"}
    for reviews, outcome in (([], "failure"), ([review], "success")):
        for name, listed in (said | {"reviews": reviews}).items():
            (tmp_path / name).write_text(json.dumps(listed), encoding="utf-8")
        ran = github.runner.run(PULL_REQUEST, "check", merged)
        assert ran.outcomes["Required evidence"] == outcome, ran.logs
        assert {ran.outcomes[name] for name in ("validate", "plan", "evidence", "build")} == {"success"}
    assert "approved by rita" in ran.summary
    # The plan names what people see on GitHub, not the merge commit that only the runner has.
    plan = (tmp_path / "artifacts/plan/plan.md").read_text(encoding="utf-8")
    assert f"&#35;1 {head[:12]}, merged" in plan.replace("\u200b", "")
    assert merged[:12] not in plan
