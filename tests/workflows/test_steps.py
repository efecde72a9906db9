"""Every step of the ledger workflows, run in real clones of a bare remote: a branch, its merge, and a shallow clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ci_runner import Runner, git, holds, run_gitlab

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
BROKEN = CHARGES + f"2025-01-01,a lot,Compute,r2,{TAGS}\n"

GH = """#!{python}
# Stands in for the command `gh api` on the comments of one issue, kept as JSON in a file; --jq is done by jq.
import json, os, subprocess, sys
arguments, store = sys.argv[1:], os.environ["GH_STORE"]
assert arguments.pop(0) == "api" and os.environ["GH_TOKEN"] == "token"
def option(name):
    return arguments.pop(arguments.index(name) + 1) if name in arguments else ""
method, query, field = option("--method") or "GET", option("--jq"), option("-F")
(path,) = [each for each in arguments if not each.startswith("-")]
comments = json.load(open(store))
body = open(field.removeprefix("body=@")).read() if field else ""
if method == "GET":
    assert path == "repos/uni/ledger/issues/1/comments"
    sys.exit(subprocess.run(["jq", "-r", query], input=json.dumps(comments), text=True).returncode)
if method == "POST":
    assert path == "repos/uni/ledger/issues/1/comments"
    comments.append({{"id": len(comments) + 1, "user": {{"login": "github-actions[bot]"}}, "body": body}})
else:
    assert method == "PATCH"
    (found,) = [each for each in comments if path == f"repos/uni/ledger/issues/comments/{{each['id']}}"]
    found["body"] = body
json.dump(comments, open(store, "w"))
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
    assert plan in ran.summary
    assert json.loads((tmp_path / "artifacts/evidence/evidence.json").read_text("utf-8"))["problems"] == []
    assert "### Evidence for decisions and closings" in ran.summary
    assert ran.outputs == {"plan": "true"}


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
    store = tmp_path / "comments.json"
    others = [
        {"id": 1, "user": {"login": "ada"}, "body": f"{MARKER} quoted by a person"},
        {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "of another workflow"},
    ]
    store.write_text(json.dumps(others))
    (tmp_path / "bin" / "gh").write_text(GH.format(python=sys.executable))
    (tmp_path / "bin" / "gh").chmod(0o755)
    plan = tmp_path / "artifacts/plan/plan.md"
    plan.parent.mkdir(parents=True)
    environment = github.runner._environment
    monkeypatch.setattr(github.runner, "_environment", lambda *a: {**environment(*a), "GH_STORE": str(store)})
    for text in (f"{MARKER}\nfirst `$(touch /tmp/x)`\n", f"{MARKER}\nsecond\n"):
        plan.write_text(text, encoding="utf-8")
        context = {"github.token": "token", "github.event.pull_request.number": "1"}
        ran = github.runner.run(PULL_REQUEST, "comment", "", context=context)
        assert not ran.failed, ran.logs
        comments = json.loads(store.read_text())
        assert comments[:2] == others
        assert [each["body"] for each in comments[2:]] == [text]


@pytest.mark.parametrize(
    ("change", "comments"),
    [
        ({}, True),
        ({"github.event.pull_request.head.repo.full_name": "someone/ledger"}, False),
        ({"github.event.pull_request.user.login": "dependabot[bot]"}, False),
        ({"needs.check.outputs.plan": ""}, False),
    ],
)
def test_only_a_pull_request_of_the_same_repository_is_commented(change, comments):
    values = {
        "needs.check.outputs.plan": "true",
        "github.event.pull_request.head.repo.full_name": "uni/ledger",
        "github.repository": "uni/ledger",
        "github.event.pull_request.user.login": "ada",
    }
    job = yaml.safe_load(PULL_REQUEST.read_text(encoding="utf-8"))["jobs"]["comment"]
    assert holds(job["if"], values | change) is comments
    assert not any("checkout" in step.get("uses", "") for step in job["steps"])


def test_main_is_published_in_three_artifacts(github, tmp_path):
    github.branch("january", {"charges/2025-01/aws.csv": CHARGES})
    commit = github.merge("january")
    ran = github.runner.run(PUBLISH, "build", commit)
    assert not ran.failed, ran.logs
    artifacts = tmp_path / "artifacts"
    assert sorted(path.name for path in artifacts.iterdir()) == ["journals", "portal", "statements"]
    assert (artifacts / "portal/index.html").is_file()
    # The month is open: what finance downloads has its page, and no draft that someone might post.
    assert [path.name for path in artifacts.glob("journals/**/*") if path.is_file()] == ["index.html"]
    drafts = list(artifacts.glob("portal/drafts/2025-01/*.csv"))
    assert any("100.25" in path.read_text() for path in drafts)
    assert all(path.name.startswith("DRAFT-") for path in drafts)
    assert list((artifacts / "statements/2025-01").rglob("*.pdf"))
    assert commit in (artifacts / "portal/manifest.json").read_text()


def test_a_shallow_clone_gives_the_same_journals(github, tmp_path):
    github.branch("january", {"charges/2025-01/aws.csv": CHARGES})
    commit = github.merge("january")
    found = []
    for depth in (0, 1):
        assert not github.runner.run(PUBLISH, "build", commit, depth=depth).failed
        folder = tmp_path / "artifacts/journals"
        found.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    assert found[0]
    assert found[0] == found[1]


def test_a_ledger_without_charges_is_published_too(github, tmp_path):
    assert not github.runner.run(PUBLISH, "build", "refs/heads/main").failed
    assert (tmp_path / "artifacts/portal/index.html").is_file()


def test_forgejo_checks_and_publishes(tmp_path):
    forge = Forge(tmp_path, "forgejo")
    forge.branch("january", {"charges/2025-01/aws.csv": CHARGES})
    own = forge.clone / ".forgejo/workflows"
    # Forgejo checks out the branch itself, not its merge.
    ran = forge.runner.run(
        own / "pull-request.yml",
        "check",
        "refs/heads/january",
        context={"github.event.pull_request.base.ref": "main"},
    )
    assert not ran.failed, ran.logs
    assert (tmp_path / "artifacts/portal-preview/index.html").is_file()
    assert "100.25" in (tmp_path / "artifacts/plan/plan.md").read_text(encoding="utf-8")
    ran = forge.runner.run(own / "publish.yml", "build", forge.merge("january"))
    assert not ran.failed, ran.logs
    assert {"journals", "portal", "statements"} <= {path.name for path in (tmp_path / "artifacts").iterdir()}


def test_gitlab_checks_and_publishes(tmp_path):
    forge = Forge(tmp_path, "gitlab")
    forge.branch("january", {"charges/2025-01/aws.csv": CHARGES})
    work = tmp_path / "work"
    work.mkdir()
    forge.runner.checkout(work, "refs/heads/january", 0)
    file, target = work / ".gitlab-ci.yml", {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
    code, log = run_gitlab(file, "validate", work, forge.path)
    assert code == 0, log
    assert json.loads((work / "gl-code-quality-report.json").read_text()) is not None
    code, log = run_gitlab(file, "plan", work, forge.path, **target)
    assert code == 0, log
    assert "100.25" in log
    for job in ("preview", "build", "journals", "statements"):
        code, log = run_gitlab(file, job, work, forge.path)
        assert code == 0, log
    assert list((work / "public/journals/2025-01").iterdir())
    assert list((work / "public/statements/2025-01").rglob("*.pdf"))


def test_gitlab_keeps_the_report_of_a_fault_and_fails(tmp_path):
    forge = Forge(tmp_path, "gitlab")
    forge.branch("january", {"charges/2025-01/aws.csv": BROKEN})
    work = tmp_path / "work"
    work.mkdir()
    forge.runner.checkout(work, "refs/heads/january", 0)
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
