"""Runs the jobs of a workflow file as CI would: in a clone, step by step, with the variables and files of the runner.

Left out is only the step `Install`: the program that is tested lies on the PATH instead. A runner with a `machine` runs
that step too, in a Python environment that has all but the program. Actions are not run but done by hand, as far as the
steps around them depend on them: checkout, and the way of artifacts and of caches.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass
class Ran:
    """What a job did: outcome and output by step (id or name), its outputs, its summary."""

    outcomes: dict[str, str] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def failed(self) -> bool:
        return "failure" in self.outcomes.values()


@dataclass
class Runner:
    """A machine that runs jobs on commits of a bare repository; `artifacts` is what the run keeps.

    caches: what later runs find, one folder for each key; None for a host without caches.
    """

    remote: Path
    folder: Path
    path: str
    artifacts: Path
    machine: dict[str, str] | None = None
    caches: Path | None = None

    def run(
        self, workflow: Path, job: str, commit: str, *, depth: int = 0, context: dict[str, str] | None = None
    ) -> Ran:
        """One job on a commit or ref; context: values of expressions by their dotted names."""
        content = yaml.safe_load(workflow.read_text(encoding="utf-8"))
        triggers = content[True]  # YAML 1.1 reads the key `on` as true
        called = (triggers.get("workflow_call") or {}) if isinstance(triggers, dict) else {}
        place = self.folder / f"{job}-{len(list(self.folder.iterdir())) if self.folder.exists() else 0}"
        workspace, temp = place / "work", place / "temp"
        workspace.mkdir(parents=True)
        temp.mkdir()
        values = {f"inputs.{name}": str(each.get("default", "")) for name, each in called.get("inputs", {}).items()}
        values |= {"runner.temp": str(temp), "github.sha": commit, **(context or {})}
        ran, description = Ran(), content["jobs"][job]
        own = {**content.get("env", {}), **description.get("env", {})}
        values |= {f"env.{name}": value for name, value in _filled_all(own, values).items()}
        environment = self._environment(own, values, temp)
        shell = content.get("defaults", {}).get("run", {}).get("shell", "")
        for step in description["steps"]:
            if step.get("name") == "Install" and self.machine is None:
                continue
            name = step.get("id") or step.get("name") or step["uses"]
            wanted = step.get("if", "")
            # Unless it mentions how the job went, a condition holds only as long as it goes well.
            if (ran.failed and "cancelled()" not in wanted) or (wanted and not holds(wanted, values)):
                ran.outcomes[name] = "skipped"
            elif "uses" in step:
                outputs = self._act(step["uses"], _filled_all(step.get("with", {}), values), workspace, commit, depth)
                values |= {f"steps.{name}.outputs.{key}": value for key, value in outputs.items()}
                ran.outcomes[name] = "success"
            else:
                variables = environment | _filled_all(step.get("env", {}), values)
                ran.outcomes[name], ran.logs[name] = _shell(step["run"], workspace, variables, temp / "log", shell)
            values[f"steps.{name}.outcome"] = ran.outcomes[name]
            for line in (temp / "output").read_text(encoding="utf-8").splitlines():
                key, _, value = line.partition("=")
                values.setdefault(f"steps.{name}.outputs.{key}", value)
        ran.summary = (temp / "summary").read_text(encoding="utf-8")
        ran.outputs = _filled_all(description.get("outputs", {}), values)
        return ran

    def _environment(self, own: dict[str, str], values: dict[str, str], temp: Path) -> dict[str, str]:
        """The variables of a GitHub runner, and nothing of this computer that the steps could lean on."""
        # What happened, as GitHub tells every job; here of no pull request.
        event = temp / "event.json"
        event.write_text("{}", encoding="utf-8")
        files = {"GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary", "GITHUB_PATH": "path"}
        for name in files.values():
            (temp / name).touch()
        home = temp / "home"
        home.mkdir()
        return {
            "PATH": self.path,
            "HOME": str(home),
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": values.get("github.repository", "uni/ledger"),
            "RUNNER_TEMP": str(temp),
            **{name: str(temp / file) for name, file in files.items()},
            **({"PYTHONPATH": os.pathsep.join(sys.path)} if self.machine is None else self.machine),
            **_filled_all(own, values),
        }

    def _act(self, uses: str, with_: dict[str, str], workspace: Path, commit: str, depth: int) -> dict[str, str]:
        """Do what an action does; gives its outputs."""
        action = uses.split("@", maxsplit=1)[0].rsplit("/", 1)[1]
        if action in ("restore", "save"):
            return self._cache(action, with_, workspace)
        if action == "checkout":
            assert with_["fetch-depth"] == "0"
            self.checkout(workspace, commit, depth)
        elif action == "upload-artifact":
            source = workspace / with_["path"]
            missing = not source.exists()
            assert not (missing and with_.get("if-no-files-found") == "error"), source
            if not missing:
                target = self.artifacts / with_["name"]
                # Version 3 of the action, which Forgejo has, adds to an artifact; since version 4 it fails.
                assert with_.get("overwrite") == "True" or "forgejo" in uses or not target.exists(), target
                shutil.rmtree(target, ignore_errors=True)
                if source.is_dir():
                    shutil.copytree(source, target)
                else:
                    target.mkdir(parents=True)
                    shutil.copy(source, target)
        elif action == "download-artifact":
            shutil.copytree(self.artifacts / with_["name"], workspace / with_.get("path", "."), dirs_exist_ok=True)
        else:
            # Packages are there already.
            assert action in ("setup-python", "cache"), uses
        return {}

    def _cache(self, action: str, with_: dict[str, str], workspace: Path) -> dict[str, str]:
        """Keep a folder under a key, once, or bring back the one kept under it, else the newest of a restore key."""
        if self.caches is None:
            return {}
        self.caches.mkdir(exist_ok=True)
        kept, place = self.caches / with_["key"].replace("/", "%"), workspace / with_["path"]
        if action == "save":
            assert not kept.exists()
            shutil.copytree(place, kept)
            return {}
        prefix = with_.get("restore-keys", with_["key"]).replace("/", "%")
        others = sorted(self.caches.glob(f"{prefix}*"), key=lambda path: path.stat().st_ctime_ns)
        found = [*others, kept] if kept.exists() else others
        if found:
            shutil.copytree(found[-1], place, dirs_exist_ok=True)
        return {"cache-hit": "true" if kept.exists() else "false"} if found else {}

    def checkout(self, workspace: Path, commit: str, depth: int) -> None:
        """What actions/checkout does: all branches with their history (or `depth` commits), HEAD detached."""
        git(workspace, "init", "--quiet")
        git(workspace, "remote", "add", "origin", self.remote.as_uri())
        if depth:
            git(workspace, "fetch", "--quiet", "--no-tags", f"--depth={depth}", "origin", commit)
        else:
            git(workspace, "fetch", "--quiet", "--no-tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
            git(workspace, "fetch", "--quiet", "--no-tags", "origin", commit)
        git(workspace, "checkout", "--quiet", "--detach", "FETCH_HEAD")


def _shell(script: str, workspace: Path, environment: dict[str, str], log: Path, shell: str) -> tuple[str, str]:
    """Run as GitHub does with this shell, or where none is named; gives the outcome and what was printed."""
    options = ("-e", "-o", "pipefail") if shell == "bash" else ("-e",)
    with log.open("w", encoding="utf-8") as out:
        done = subprocess.run(
            ["bash", *options, "-c", script], cwd=workspace, env=environment, stdout=out, stderr=out, check=False
        )
    return ("success" if done.returncode == 0 else "failure"), log.read_text(encoding="utf-8")


def _filled_all(texts: Mapping[str, object], values: dict[str, str]) -> dict[str, str]:
    return {name: filled(str(text), values) for name, text in texts.items()}


def filled(text: str, values: dict[str, str]) -> str:
    """Text with the values of its expressions, which are dotted names here; unknown ones are empty, as in CI."""
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: values.get(found[1], ""), text)


def holds(condition: str, values: dict[str, str]) -> bool:
    """A condition of terms joined by &&: `!cancelled()`, or a name compared with text, `true` or another name."""
    for term in re.sub(r"^\$\{\{|\}\}$", "", condition.strip()).split("&&"):
        if term.strip() == "!cancelled()":
            continue
        found = re.fullmatch(r"([\w.-]+) (==|!=) (?:'([^']*)'|([\w.-]+))", term.strip())
        assert found, f"this test cannot read {term!r}"
        right = found[3] if found[3] is not None else "true" if found[4] == "true" else values.get(found[4], "")
        if (values.get(found[1], "") == right) != (found[2] == "=="):
            return False
    return True


def run_gitlab(file: Path, job: str, workspace: Path, path: str, **variables: str) -> tuple[int, str]:
    """The script of a GitLab job in a checkout, as the runner's bash runs it; exit code and log."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    environment = {
        "PATH": path,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HOME": str(workspace.parent),
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GITLAB_CI": "true",
        "CI_PROJECT_DIR": str(workspace),
        **content["variables"],
        **variables,
    }
    script = "set -eo pipefail\n" + "\n".join(content[job]["script"])
    done = subprocess.run(
        ["bash", "-c", script], cwd=workspace, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr
