"""The page of rates, from the configs of conversions that a ledger keeps."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from openchargeback.convert.example import example_config
from openchargeback.convert.kept import kept_configs
from openchargeback.convert.kinds import kind_of, names
from openchargeback.publish.build import build
from openchargeback.publish.gathering import gather_ledger

CHARGES = """\
BillingPeriodStart,ResourceId,BilledCost,Tags
2025-01-01,vm-1,5,"{""pi_email"": ""ann@example.edu"", ""project_id"": ""p"", ""fund_org"": ""F1""}"
"""
HPC = """\
service: Cluster <north>
provider: Example University
billing_account: hpc
currency: USD
rates:
  - {id: cpu, resource: cpu, unit: Core-Hours, list: "0.02", subsidy: "40", from: 2025-01-01, until: 2025-06-30}
  - {id: cpu, resource: cpu, unit: Core-Hours, list: "0.021", subsidy: "40", from: 2025-07-01}
  - {id: a100, resource: gpu, type: a100, partition: [gpu, big], unit: 1000 GPU-Hours, price: "0.123456789"}
slurm: {meters: [cpu, gpu]}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ledger"
    for path, text in {
        "config.yaml": "organization: Example University\n",
        "charges/2025-01/aws.csv": CHARGES,
        "conversions/hpc.yaml": HPC,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def rows(page: str) -> list[list[str]]:
    """The cells of the page's tables, as text."""
    found = re.findall(r"<tr>(.*?)</tr>", page.split("<tbody>", 1)[1], re.DOTALL)
    return [
        [html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<t[dh].*?</t[dh]>", row)] for row in found
    ]


def test_every_rate_is_shown_with_its_prices_and_days(root: Path) -> None:
    build(root, root.parent / "out", pdfs=False)
    page = (root.parent / "out/rates/index.html").read_text()
    assert '<h2 id="service-1">Cluster &lt;north&gt;</h2>' in page
    assert rows(page) == [
        ["CPU time", "all", "Core-Hours", "0.02", "0.012", "1 Jan 2025", "30 Jun 2025", "cpu"],
        ["CPU time", "all", "Core-Hours", "0.021", "0.0126", "1 Jul 2025", "–", "cpu"],
        ["GPU time a100", "partition gpu, big", "1000 GPU-Hours", "0.123456789", "0.123456789", "–", "–", "a100"],
    ]
    assert 'href="rates/index.html"' in (root.parent / "out/index.html").read_text()


def test_a_ledger_without_rates_has_no_page_of_them(root: Path) -> None:
    (root / "conversions/hpc.yaml").unlink()
    build(root, root.parent / "out", pdfs=False)
    assert not (root.parent / "out/rates").exists()
    assert "rates/index.html" not in (root.parent / "out/index.html").read_text()


def test_a_changed_rate_changes_the_page(root: Path) -> None:
    build(root, root.parent / "out", pdfs=False)
    (root / "conversions/hpc.yaml").write_text(HPC.replace('"0.021"', '"0.03"'))
    assert build(root, root.parent / "out", pdfs=False).changed
    assert "0.018" in (root.parent / "out/rates/index.html").read_text()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (HPC.replace("slurm:", "slrum:"), "conversion-kind"),
        (HPC + "  extra: 1\n", "yaml-syntax"),
        (HPC.replace("Core-Hours", "CPU hours"), "rate-unit"),
        (HPC.replace("resource: gpu", "resource: tpu"), "rate-resource"),
    ],
)
def test_validate_finds_what_is_wrong_with_a_config(root: Path, text: str, code: str) -> None:
    (root / "conversions/hpc.yaml").write_text(text)
    _, problems = gather_ledger(root)
    assert code in {each.code for each in problems}, problems
    assert {each.path for each in problems} == {"conversions/hpc.yaml"}


def test_a_file_of_rates_is_read_with_the_config_that_names_it(root: Path) -> None:
    (root / "conversions/rates.yaml").write_text(
        '- name: CPU Rate\n  type: Decimal\n  history: [{value: "0.5", from: 2025-01}]\n'
    )
    text = HPC.replace('price: "0.123456789"', 'history: "CPU Rate"').replace(
        "slurm:", "rates_file: rates.yaml\nslurm:"
    )
    (root / "conversions/hpc.yaml").write_text(text)
    found, problems = kept_configs(root)
    assert problems == []
    assert [len(config.settings.rates) for _, config in found] == [3]


@pytest.mark.parametrize("name", names())
def test_the_example_of_every_kind_can_be_kept(root: Path, name: str) -> None:
    (root / "conversions/hpc.yaml").write_text(example_config(kind_of(name)))
    found, problems = kept_configs(root)
    assert problems == []
    assert [kind.name for kind, _ in found] == [name]
    build(root, root.parent / "out", pdfs=False)


def test_meters_that_a_config_declares_have_rates_too(root: Path) -> None:
    head = HPC.partition("rates:")[0]
    rate = '{id: in, resource: cached, unit: 1000000 Tokens, price: "0.075"}'
    (root / "conversions/hpc.yaml").write_text(f"{head}rates:\n  - {rate}\ncsv: {{preset: openai-usage}}\n")
    assert kept_configs(root)[1] == []
    build(root, root.parent / "out", pdfs=False)
    page = (root.parent / "out/rates/index.html").read_text()
    assert [row[2:4] for row in rows(page)] == [["1000000 Tokens", "0.075"]]


def test_tiers_of_machines_are_rates_too(root: Path) -> None:
    (root / "conversions/hpc.yaml").write_text(
        HPC.partition("rates:")[0]
        + 'vm: {basis: recurring, tiers: {small-1: {annual_cost: "600"}, "a.b": {cores: 2}}}\n'
    )
    assert kept_configs(root)[1] == []
    build(root, root.parent / "out", pdfs=False)
    page = (root.parent / "out/rates/index.html").read_text()
    assert [row[:4] for row in rows(page)] == [["Machine", "tier small-1", "Months", "50"]]


def test_a_link_out_of_the_ledger_is_not_followed(root: Path) -> None:
    (root.parent / "other.yaml").write_text(HPC)
    (root / "conversions/other.yaml").symlink_to(root.parent / "other.yaml")
    found, problems = kept_configs(root)
    assert [config.path for _, config in found] == ["conversions/hpc.yaml"]
    assert [each.path for each in problems] == ["conversions/other.yaml"]
