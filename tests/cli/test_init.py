"""`init` as a person runs it, and what later commands write into such a ledger."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

import program
from yaml_schemas import schema_of

ROOT = Path(__file__).parents[2]
TAGS = '"{""pi_email"": ""ada@example.edu"", ""project_id"": ""p1""}"'
CHARGES = f"BillingPeriodStart,BilledCost,ServiceName,ResourceId,Tags\n2025-01-01,100.25,Compute,r1,{TAGS}\n"


class Plain(yaml.SafeLoader):
    """Leaves dates and the key `on` the text that they are in YAML 1.2."""


Plain.yaml_implicit_resolvers = {
    first: [each for each in found if not each[0].endswith(("timestamp", "bool"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def run(*arguments: str | Path, cwd: Path, code: int = 0) -> str:
    """Run the program and give all it said."""
    done = program.run(*arguments, cwd=cwd, code=code)
    return done.stdout + done.stderr


@pytest.fixture(autouse=True)
def identity(tmp_path_factory, monkeypatch) -> Path:
    """The Git settings of a computer where someone has given name and address."""
    settings = tmp_path_factory.mktemp("home") / "gitconfig"
    settings.write_text("[user]\nname = Ada\nemail = ada@example.edu\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME", raising=False)
        monkeypatch.delenv(f"GIT_{role}_EMAIL", raising=False)
    return settings


def test_a_month_from_init_to_close_leaves_files_that_name_a_schema_that_is_there(tmp_path):
    said = run("init", "ledger", cwd=tmp_path)
    assert "commit" not in said
    ledger = tmp_path / "ledger"
    (tmp_path / "aws.csv").write_text(CHARGES, encoding="utf-8")
    run("ingest", "aws.csv", "--source", "aws", cwd=tmp_path)
    run("review", "reassign", "--period", "2025-01", "--flag", "missing-fund", "--set-fund", "F-1", "--reason", "r",
        cwd=tmp_path)  # fmt: skip
    with (ledger / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("sources: {aws: {credit_fund: RC-1}}\n")
    assert "2025-01 is closed, in commit " in run("periods", "close", "2025-01", "--commit", cwd=tmp_path)
    (approval,) = (ledger / "approvals/2025-01").iterdir()
    for path, kind in ((approval, "approvals"), (ledger / "periods/2025-01.yaml", "period")):
        first, *_ = path.read_text(encoding="utf-8").splitlines()
        named = (path.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve()
        assert named == (ledger / ".schemas" / f"{kind}.json").resolve()
        content = yaml.load(path.read_text(encoding="utf-8"), Plain)  # noqa: S506  # a safe loader
        jsonschema.validate(content, json.loads(named.read_bytes()))
        run("validate", "--strict", path.relative_to(ledger).as_posix(), cwd=ledger)


def test_without_an_identity_it_says_what_to_do_and_that_works(tmp_path, identity):
    identity.write_text("")
    said = run("init", "ledger", cwd=tmp_path)
    assert "Git does not know who you are" in said
    commands = [line.strip() for line in said.splitlines() if line.strip().startswith("git ")]
    assert len(commands) == 3
    subprocess.run(" && ".join(commands), shell=True, cwd=tmp_path, check=True, capture_output=True)  # noqa: S602
    status = ["git", "-C", tmp_path / "ledger", "status", "--porcelain"]
    assert subprocess.run(status, capture_output=True, check=True).stdout == b""


def test_schemas_are_renewed_in_a_ledger_only(tmp_path):
    run("init", "ledger", cwd=tmp_path)
    (tmp_path / "ledger/.schemas/config.json").write_text("{}")
    assert ".schemas/config.json" in run("init", "--schemas", "ledger", cwd=tmp_path)
    assert (tmp_path / "ledger/.schemas/config.json").read_bytes() == schema_of("config")
    assert "not a ledger" in run("init", "--schemas", ".", cwd=tmp_path, code=2)
    assert not (tmp_path / ".schemas").exists()
