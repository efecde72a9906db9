"""The workflow that emails statements, step by step: planned, approved by people, reserved, sent once."""

from __future__ import annotations

import os
import subprocess

import pytest
from ci_runner import git
from mail_host import email_text, mail_host
from test_steps import CHARGES, LEDGERS, Forge

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _identity(monkeypatch, tmp_path_factory):
    settings = tmp_path_factory.mktemp("home") / "gitconfig"
    settings.write_text("[user]\nname = Ada\nemail = ada@example.edu\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")


def test_a_closed_month_is_planned_then_sent_once_and_its_log_proposed(tmp_path):
    github, workflow = Forge(tmp_path, "github"), LEDGERS / "send.yml"
    gh = tmp_path / "bin" / "gh"
    gh.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/gh.log\n')
    gh.chmod(0o755)
    with mail_host() as host:
        config = "organization: A\nsources: {aws: {credit_fund: C-1}}\n" + email_text(host.port, attach="none")
        github.branch("january", {"charges/2025-01/aws.csv": CHARGES, "config.yaml": config})
        before = github.merge("january")
        close = ["focus-billing", "periods", "close", "2025-01", "--leave-held", "--on", "2025-02-05"]
        environment = {**os.environ, "PATH": github.path}
        subprocess.run(close, cwd=github.clone, check=True, capture_output=True, env=environment)
        git(github.clone, "add", "--all")
        git(github.clone, "commit", "--quiet", "-m", "Close January")
        git(github.clone, "push", "--quiet", "origin", "main")
        commit = git(github.clone, "rev-parse", "HEAD")
        context = {
            "github.event.inputs.since": "",
            "github.event.before": before,
            "github.token": "t",
            "github.sha": commit,
            "secrets.OPENCHARGEBACK_EMAIL_PASSWORD": "",
            "secrets.OPENCHARGEBACK_EMAIL_TOKEN": "",
        }
        planned = github.runner.run(workflow, "plan", commit, context=context)
        assert not planned.failed, planned.logs
        assert "1 message would be sent" in planned.summary
        assert planned.outputs == {"messages": "true"}
        assert host.messages == []
        ran = github.runner.run(workflow, "send", commit, context=context)
        assert not ran.failed, ran.logs
        assert len(host.messages) == 1
        assert "pr create --head deliveries/2025-01 --base main" in (tmp_path / "gh.log").read_text()
        # A second run, in a checkout that does not have the log yet.
        again = github.runner.run(workflow, "send", commit, context=context)
        assert not again.failed, again.logs
        assert len(host.messages) == 1
        planned = github.runner.run(workflow, "plan", commit, context=context)
        assert not planned.failed, planned.logs
        assert "0 messages would be sent" in planned.summary
        assert planned.outputs == {"messages": ""}
        # One month more, with the first one in its log: a month without messages does not hide one with some.
        git(github.clone, "pull", "--quiet", "--no-rebase", "origin", "deliveries/2025-01")
        later = github.clone / "charges/2025-02/aws.csv"
        later.parent.mkdir()
        later.write_text(CHARGES.replace("2025-01-01", "2025-02-01"), encoding="utf-8")
        github.program("validate")
        github.program("periods", "close", "2025-02", "--leave-held", "--on", "2025-03-05")
        commit = git(github.clone, "rev-parse", "HEAD")
        planned = github.runner.run(workflow, "plan", commit, context={**context, "github.sha": commit})
        assert not planned.failed, planned.logs
        assert [line for line in planned.summary.splitlines() if "would be sent" in line] == [
            "0 messages would be sent",
            "1 message would be sent",
        ]
        assert planned.outputs == {"messages": "true"}
