"""Shares in a ledger: valid without a warning, billed to who used what, and split only once."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pools import POOL, USE, costs, pod, table

from openchargeback.cli.main import cli
from openchargeback.ledger.yaml_text import document
from openchargeback.problems import LedgerFault, Severity

PROJECTS = """projects:
  - {id: sky-survey, pi: zoe@example.edu, fund: AST-1, match: {SubAccountId: [astro]}}
  - {id: genomics, pi: ada@example.edu, fund: BIO-1, match: {SubAccountId: [bio]}}
  - {id: rc-ops, pi: ops@example.edu, fund: OPS-1}
"""
PLAIN = '{"team": "platform"}'


class Site:
    """A ledger, a config next to it, costs and a table of use."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "ledger"
        (self.root / "charges").mkdir(parents=True)
        (self.root / "directory").mkdir()
        (self.root / "config.yaml").write_text("organization: Northfield University\n")
        (self.root / "directory/projects.yaml").write_text(PROJECTS)
        self.config({})

    def config(self, pool: Mapping[str, object], **keys: object) -> None:
        text = document({"currency": "USD", "shared": {"pools": [{**POOL, **pool}]}, **keys}, "")
        (self.folder / "shared.yaml").write_text(text)

    def convert(self, output: str, cost: str, use: str = USE, *options: str) -> Result:
        """Run the command; output: relative to the ledger."""
        (self.folder / "aws.csv").write_text(cost)
        (self.folder / "opencost.csv").write_text(use)
        inputs = (str(self.folder / "aws.csv"), str(self.folder / "opencost.csv"))
        out = ("-o", str(self.root / output)) if output else ()
        config = ("--config", str(self.folder / "shared.yaml"), "--ledger", str(self.root))
        return self.run("convert", "shared", *inputs, *config, *out, *options)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments)

    def problems(self) -> list[str]:
        """What validation says of charges."""
        done = self.run("validate", "--ledger", str(self.root), "--format", "json", "--full")
        found = json.loads(done.stdout)["problems"]
        return [f"{each['code']}: {each['message']}" for each in found if each["path"].startswith("charges/")]

    def month(self) -> dict[str, Any]:
        shown = json.loads(self.run("periods", "show", "2025-01", "--ledger", str(self.root), "--json").stdout)
        assert isinstance(shown, dict)
        return shown

    def held(self) -> str:
        """What waits for a decision."""
        return str(self.month()["sources"][0]["held"])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def billed(site: Site) -> dict[str, str]:
    """What the statement of each project says."""
    return {each["project"]: each["billed"] for each in site.month()["statements"]}


def codes(done: Result) -> set[str]:
    assert isinstance(done.exception, LedgerFault), done.output
    return {each.code for each in done.exception.problems if each.severity is Severity.ERROR}


def test_shares_are_valid_and_billed_to_those_who_used_the_cluster(site: Site) -> None:
    """The tags of the cluster name someone, who pays the idle share and nothing else."""
    done = site.convert("charges/2025-01/aws.csv", costs())
    assert done.exit_code == 0, done.output
    assert site.problems() == []
    assert site.month()["flags"] == []
    assert billed(site) == {"sky-survey": "31.25", "genomics": "18.75", "rc-ops": "50.00"}


def test_an_idle_share_of_a_cluster_without_tags_is_held(site: Site) -> None:
    assert site.convert("charges/2025-01/aws.csv", costs({"Tags": PLAIN, "SubAccountId": "bio"})).exit_code == 0
    # Unless a project claims the account of the cluster.
    assert billed(site) == {"sky-survey": "31.25", "genomics": "68.75"}
    assert site.convert("charges/2025-01/aws.csv", costs({"Tags": PLAIN})).exit_code == 0
    assert billed(site) == {"sky-survey": "31.25", "genomics": "18.75"}
    assert site.held() == "50"


def test_an_account_of_no_project_is_held_and_never_paid_by_the_cluster(site: Site) -> None:
    use = table([pod("astro", 1, 1), pod("chem", 3, 3)])
    done = site.convert("charges/2025-01/aws.csv", costs(), use)
    assert "chem does not belong to a project" in done.output
    assert billed(site) == {"sky-survey": "25.00"}
    assert site.held() == "75"


def test_shares_of_a_cost_of_the_config_are_valid(site: Site) -> None:
    keys = {"service": "Licenses", "provider": "Northfield", "billing_account": "lic"}
    pool = {
        "match": {},
        "costs": [{"name": "Statistics", "amount": "999.99", "list": "1234.56"}, {"name": "Maps", "amount": "10"}],
        "format": "table",
        "resource": "lab",
        "weights": [{"column": "seats", "unit": "Seats"}],
    }
    site.config(pool, **keys)
    (site.folder / "opencost.csv").write_text("lab,seats\nastro,1\nbio,6\n")
    config = ("--config", str(site.folder / "shared.yaml"), "--ledger", str(site.root))
    done = site.run(
        "convert",
        "shared",
        str(site.folder / "opencost.csv"),
        *config,
        "-o",
        str(site.root / "charges/2025-01/lic.csv"),
    )
    assert done.exit_code == 0, done.output
    assert site.problems() == []
    assert billed(site) == {"sky-survey": "144.28", "genomics": "865.71"}
    again = site.run(
        "convert", "shared", str(site.folder / "opencost.csv"), *config, "-o", str(site.root / "charges/2025-01/l2.csv")
    )
    assert codes(again) == {"usage-billed-already"}


def test_a_shared_cost_is_not_split_by_two_sources(site: Site) -> None:
    """Two identical rows are two costs; the same ones in a later export, with other amounts, are not."""
    assert site.convert("charges/2025-01/aws.csv", costs({}, {})).exit_code == 0
    assert (site.root / "usage/2025-01/aws.parquet").is_file()
    again = site.convert(
        "charges/2025-01/k8s.csv", costs({"ResourceId": "vol"}, {}, {"BilledCost": "7"}, {"SkuId": "B"})
    )
    assert codes(again) == {"usage-billed-already"}
    assert isinstance(again.exception, LedgerFault)
    (problem,) = [each for each in again.exception.problems if each.severity is Severity.ERROR]
    assert (problem.line, problem.count) == (3, 2)
    assert not (site.root / "charges/2025-01/k8s.csv").exists()
    assert site.convert("charges/2025-01/aws.csv", costs({}, {})).exit_code == 0


def test_the_same_input_gives_the_same_bytes(site: Site) -> None:
    names = ("charges/2025-01/aws.csv", "usage/2025-01/aws.parquet")
    use = table([pod(f"a{number}", number, 7, Pod=str(number)) for number in range(300)])
    found = []
    for _ in range(2):
        assert site.convert(names[0], costs(*({"BilledCost": str(n / 7)} for n in range(20))), use).exit_code == 0
        found.append([(site.root / name).read_bytes() for name in names])
    assert found[0] == found[1]


def test_a_dry_run_shows_who_would_pay_and_writes_nothing(site: Site) -> None:
    done = site.convert("", costs(), USE, "--dry-run")
    assert done.exit_code == 0, done.output
    assert re.search(r"zoe@example.edu +sky-survey +AST-1 +k8s +Hours +232.5 +37.50 +31.25 +1", done.stdout)
    assert "BilledCost: 100 in, 100 out" in done.stdout
    assert list((site.root / "charges").iterdir()) == []
    found = json.loads(site.convert("", costs(), USE, "--dry-run", "--json").stdout)
    assert (found["cost"], found["list"], found["records"]["used"]) == ("100", "120", 1)
    assert {"column": "BilledCost", "in": "100", "out": "100"} in found["columns"]


def test_a_failed_conversion_keeps_the_file_that_was_there(site: Site) -> None:
    site.convert("charges/2025-01/aws.csv", costs())
    before = (site.root / "charges/2025-01/aws.csv").read_bytes()
    assert site.convert("charges/2025-01/aws.csv", costs(), USE[:-4]).exit_code != 0
    assert (site.root / "charges/2025-01/aws.csv").read_bytes() == before


def unsplit(site: Site) -> list[str]:
    """The charge files of which validation says that they are billed unsplit as well."""
    done = site.run("validate", "--ledger", str(site.root), "--format", "json")
    return [each["path"] for each in json.loads(done.stdout)["problems"] if each["code"] == "shared-unsplit"]


def test_a_later_export_of_split_costs_is_not_billed_as_well(site: Site) -> None:
    """Its amounts and tags are corrected, and it has further rows; files about something else may stay."""
    assert site.convert("charges/2025-01/k8s.csv", costs()).exit_code == 0
    later = site.root / "charges/2025-01/aws.csv"
    later.write_text(costs({"BilledCost": "107.5", "Tags": "{}"}, {"ResourceId": "i-node2"}))
    assert unsplit(site) == ["charges/2025-01/aws.csv"]
    later.write_text(costs({"ResourceId": "i-node2"}))
    assert unsplit(site) == []


@pytest.mark.parametrize("rows", ["keep", "drop"])
def test_costs_are_not_billed_split_and_unsplit(site: Site, rows: str) -> None:
    """Whichever comes first: the file as delivered under its own source, or the shares under another."""
    site.config({})
    text = (site.folder / "shared.yaml").read_text()
    (site.folder / "shared.yaml").write_text(text.replace("shared:", f"shared:\n  other_rows: {rows}", 1))
    (site.root / "charges/2025-01").mkdir()
    (site.root / "charges/2025-01/aws.csv.gz").write_bytes(gzip.compress(costs().encode()))
    done = site.convert("charges/2025-01/k8s.csv", costs())
    assert codes(done) == {"shared-unsplit"}
    assert not (site.root / "charges/2025-01/k8s.csv").exists()
    (site.root / "charges/2025-01/aws.csv.gz").unlink()
    assert site.convert("charges/2025-01/k8s.csv", costs()).exit_code == 0
    assert unsplit(site) == []
    (site.root / "charges/2025-01/aws.csv").write_text(costs())
    assert unsplit(site) == ["charges/2025-01/aws.csv"]
    # In its place, the shares are all there is.
    (site.root / "charges/2025-01/k8s.csv").unlink()
    (site.root / "usage/2025-01/k8s.parquet").unlink()
    assert site.convert("charges/2025-01/aws.csv", costs()).exit_code == 0
    assert unsplit(site) == []
