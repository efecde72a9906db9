"""Conversions into a ledger: its directory, its tag keys, and that nothing is billed twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sacct import CONFIG, ONE, export, record

from openchargeback.cli.main import cli
from openchargeback.ledger.yaml_text import document
from openchargeback.problems import LedgerFault, Severity, UsageFault

PROJECTS = """projects:
  - id: sky-survey
    entries:
      - {pi: old@example.edu, fund: AST-1, until: 2025-01-15}
      - {pi: new@example.edu, fund: AST-2, from: 2025-01-16}
    match: {SubAccountId: [Astro]}
  - {id: bio, pi: bo@example.edu, fund: BIO-1}
"""


class Site:
    """A ledger, a config next to it, and exports."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "ledger"
        (self.root / "charges").mkdir(parents=True)
        (self.root / "directory").mkdir()
        settings = "organization: Northfield University\ntags: {pi: pi, project: project, fund: fund}\n"
        (self.root / "config.yaml").write_text(settings)
        (self.root / "directory/projects.yaml").write_text(PROJECTS)
        self.config({})

    def config(self, keys: dict[str, object]) -> None:
        text = document({**CONFIG, "owners": [], **keys}, "")
        (self.folder / "slurm.yaml").write_text(text)

    def convert(self, output: str, text: str, *options: str) -> Result:
        """Run the command; output: relative to the ledger."""
        (self.folder / "export.txt").write_text(text)
        out = ("-o", str(self.root / output)) if output else ()
        arguments = ("slurm", str(self.folder / "export.txt"), "--config", str(self.folder / "slurm.yaml"))
        return self.run("convert", *arguments, *out, "--ledger", str(self.root), *options)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def codes(done: Result) -> set[str]:
    assert isinstance(done.exception, LedgerFault), done.output
    return {each.code for each in done.exception.problems if each.severity is Severity.ERROR}


def test_the_output_is_valid_without_a_warning(site: Site) -> None:
    """By the program's own reading: no problem with the charges, not even a notice, and no flag."""
    site.config({"account_is_project": True})
    tres = "cpu=4,mem=8000M,gres/gpu:a100=2,gres/gpu=2"
    text = export(
        ONE,
        record(JobIDRaw=2, Account="bio", AllocTRES=tres),
        record(JobIDRaw=3, Start="2024-12-30T00:00:01", End="2025-01-20T11:11:11", ElapsedRaw=1854670),
    )
    for rows in ("day", "job"):
        site.config({"account_is_project": True, "rows": rows})
        done = site.convert("charges/2025-01/hpc.csv", text)
        assert done.exit_code == 0, done.output
        found = json.loads(site.run("validate", "--ledger", str(site.root), "--format", "json", "--full").stdout)
        assert [each for each in found["problems"] if each["path"].startswith("charges/")] == []
        assert found["valid"]
        shown = site.run("periods", "show", "2025-01", "--ledger", str(site.root), "--json")
        assert json.loads(shown.stdout)["flags"] == []


def test_tags_follow_the_directory_day_by_day(site: Site) -> None:
    text = export(record(Start="2025-01-15T23:00:00", End="2025-01-16T01:00:00", ElapsedRaw=7200))
    assert site.convert("charges/2025-01/hpc.csv", text).exit_code == 0
    written = (site.root / "charges/2025-01/hpc.csv").read_text()
    assert '""pi"": ""old@example.edu"", ""project"": ""sky-survey"", ""fund"": ""AST-1""' in written
    assert '""pi"": ""new@example.edu"", ""project"": ""sky-survey"", ""fund"": ""AST-2""' in written


def test_an_account_that_no_one_claims_stays_untagged(site: Site) -> None:
    done = site.convert("charges/2025-01/hpc.csv", export(record(Account="chem")), "--json")
    assert done.exit_code == 0
    (problem,) = [each for each in json.loads(done.stdout)["problems"] if each["code"] == "owner-unknown"]
    assert (problem["severity"], "the account chem" in problem["message"]) == ("warning", True)
    assert ",{},chem," in (site.root / "charges/2025-01/hpc.csv").read_text()


def test_an_account_can_be_a_project(site: Site) -> None:
    text = export(record(Account="BIO"))
    assert "does not belong to a project" in site.convert("charges/2025-01/hpc.csv", text).output
    site.config({"account_is_project": True})
    done = site.convert("charges/2025-01/hpc.csv", text)
    assert "does not belong to a project" not in done.output
    assert "BIO-1" in (site.root / "charges/2025-01/hpc.csv").read_text()


def test_a_job_is_not_billed_by_two_sources(site: Site) -> None:
    """Aggregated rows name no jobs, so only the recorded intervals can tell."""
    site.config({"rows": "day"})
    assert site.convert("charges/2025-01/hpc.csv", export(ONE)).exit_code == 0
    assert (site.root / "usage/2025-01/hpc.parquet").is_file()
    again = site.convert("charges/2025-01/cluster.csv", export(record(JobIDRaw=7), ONE))
    assert codes(again) == {"usage-billed-already"}
    assert isinstance(again.exception, LedgerFault)
    (problem,) = [each for each in again.exception.problems if each.severity is Severity.ERROR]
    assert (problem.line, problem.count) == (3, 1)
    assert not (site.root / "charges/2025-01/cluster.csv").exists()
    assert not (site.root / "usage/2025-01/cluster.parquet").exists()


def test_the_same_source_may_be_converted_again(site: Site) -> None:
    for _ in range(2):
        assert site.convert("charges/2025-01/hpc.csv", export(ONE)).exit_code == 0
    other = site.convert("charges/2025-01/other.csv", export(record(JobIDRaw=7)))
    assert other.exit_code == 0, other.output


def test_months_of_one_job_do_not_meet(site: Site) -> None:
    text = export(record(Start="2025-01-31T23:00:00", End="2025-02-01T01:00:00", ElapsedRaw=7200))
    for month in ("2025-01", "2025-02"):
        assert site.convert(f"charges/{month}/hpc.csv", text).exit_code == 0


def test_an_export_cut_by_sacct_to_its_window_is_recognized(site: Site) -> None:
    """`sacct -T` gives the job another start, which is not part of its identity."""
    text = export(record(Start="2025-01-10T00:00:00", End="2025-01-20T00:00:00", ElapsedRaw=10 * 86400))
    assert site.convert("charges/2025-01/hpc.csv", text).exit_code == 0
    cut = export(record(Start="2025-01-15T00:00:00", End="2025-01-20T00:00:00", ElapsedRaw=5 * 86400))
    assert codes(site.convert("charges/2025-01/other.csv", cut)) == {"usage-billed-already"}


def test_the_same_input_gives_the_same_bytes(site: Site) -> None:
    files = ("charges/2025-01/hpc.csv", "usage/2025-01/hpc.parquet")
    found = []
    for _ in range(2):
        site.convert(files[0], export(*(record(JobIDRaw=n, JobID=n) for n in range(500))))
        found.append([(site.root / name).read_bytes() for name in files])
    assert found[0] == found[1]


def test_a_closed_month_takes_no_charges(site: Site) -> None:
    (site.root / "periods").mkdir()
    (site.root / "periods/2025-01.yaml").write_text("state: closed\nrevision: 1\nevents: []\n")
    done = site.convert("charges/2025-01/hpc.csv", export(ONE))
    assert done.exit_code != 0
    assert not (site.root / "charges/2025-01/hpc.csv").exists()


@pytest.mark.parametrize(
    ("output", "options"),
    [
        ("charges/hpc.csv", ()),
        ("charges/2025-01/hpc.parquet", ()),
        ("charges/2025-01/hpc.csv", ("--period", "2025-02")),
    ],
)
def test_a_place_that_does_not_fit_is_refused(site: Site, output: str, options: tuple[str, ...]) -> None:
    done = site.convert(output, export(ONE), *options)
    assert isinstance(done.exception, UsageFault)


def test_a_dry_run_writes_nothing_and_shows_who_pays(site: Site) -> None:
    done = site.convert("", export(ONE), "--period", "2025-01", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "old@example.edu" in done.stdout
    assert "read 1 record: 1 used, 0 left out" in done.stdout
    assert list((site.root / "charges").iterdir()) == []
    document_ = json.loads(site.convert("", export(ONE), "--period", "2025-01", "--dry-run", "--json").stdout)
    assert document_["records"] == {"read": 1, "used": 1, "left_out": {}}
    assert document_["cost"] == "0.128"
    assert [each["in_period"] == each["in_charges"] for each in document_["meters"]] == [True, True]


def test_a_failed_conversion_keeps_the_file_that_was_there(site: Site) -> None:
    site.convert("charges/2025-01/hpc.csv", export(ONE))
    before = (site.root / "charges/2025-01/hpc.csv").read_bytes()
    assert site.convert("charges/2025-01/hpc.csv", export(ONE)[:-3]).exit_code != 0
    assert (site.root / "charges/2025-01/hpc.csv").read_bytes() == before
    assert sorted(each.name for each in site.root.rglob("*tmp*")) == []


def test_recorded_intervals_that_cannot_be_read_stop_a_conversion(site: Site) -> None:
    """Else a job could be billed twice without a message."""
    site.convert("charges/2025-01/hpc.csv", export(ONE))
    (site.root / "usage/2025-01/hpc.parquet").write_bytes(b"PAR1 no more")
    assert codes(site.convert("charges/2025-01/other.csv", export(record(JobIDRaw=7)))) == {"unreadable"}
    assert site.convert("charges/2025-01/hpc.csv", export(ONE)).exit_code == 0
