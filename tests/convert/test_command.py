"""The command `convert`: its lists, its example, its place in a pipeline; and kinds of other packages."""

from __future__ import annotations

import json
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner
from sacct import ONE, Case, export

from openchargeback.cli.main import cli
from openchargeback.convert import kinds
from openchargeback.convert.config import read_config
from openchargeback.convert.example import example_config
from openchargeback.convert.kinds import GROUP, Found, Kind, Meter, Reading, kind_of, names
from openchargeback.convert.settings import Settings
from openchargeback.convert.slurm.settings import SlurmSettings
from openchargeback.ledger.declared import keys_of
from openchargeback.problems import UsageFault

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["convert", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_every_kind_is_listed_and_has_an_example_that_can_be_read(tmp_path: Path) -> None:
    listed = json.loads(run("--list", "--json"))["kinds"]
    assert [each["kind"] for each in listed] == names()
    for name in names():
        path = tmp_path / f"{name}.yaml"
        path.write_text(run(name, "--example-config"), encoding="utf-8")
        config, problems = read_config(kind_of(name), path)
        assert problems == []
        assert config is not None


def test_the_example_explains_every_key() -> None:
    text = example_config(kind_of("slurm"))
    for cls in (Settings, SlurmSettings):
        for key in keys_of(cls):
            assert f"{key.name}:" in text, key.name
            assert getattr(key.shape, "help", ""), key.name


def test_the_example_uncommented_is_read_as_well(tmp_path: Path) -> None:
    """So that a default that is shown can be written."""
    lines = example_config(kind_of("slurm")).splitlines()
    shown = [line.replace("# ", "", 1) if f"{line.strip()[2:].split(':')[0]}" in DEFAULTED else line for line in lines]
    path = tmp_path / "all.yaml"
    path.write_text("\n".join(shown) + "\n", encoding="utf-8")
    _, problems = read_config(kind_of("slurm"), path)
    assert problems == []


DEFAULTED = {"rows", "users", "sku", "account_is_project", "threads_per_core", "longest_days", "columns"}


def test_built_in_kinds_are_registered_as_those_of_packages_are() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"][GROUP] == kinds.BUILT_IN


def _read_nothing(reading: Reading) -> Found:
    """One record: a core for the first hour of 2025."""
    reading.con.execute("INSERT INTO label (id, partition, account) VALUES (1, 'p', 'astro')")
    reading.con.execute("INSERT INTO usage VALUES (0, 1735689600, 1735693200, 1, 'cpu', '', 3600)")
    reading.con.execute(
        "CREATE VIEW record AS "
        "SELECT 0 AS n, 1 AS file, 1 AS line, 5::UBIGINT AS identity, 'x' AS resource, '' AS state"
    )
    return Found(read=1)


OTHER = Kind(
    name="other",
    title="Hours of another system",
    settings=SlurmSettings,
    meters=(Meter("cpu", "cpu", "CPU time", {"Core": 1}),),
    resource_type="Machine",
    rates=(),
    read=_read_nothing,
)
NO_KIND = "text"


def _installed(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    points = [metadata.EntryPoint("other", f"{__name__}:{value}", GROUP) for value in values]
    monkeypatch.setattr(metadata, "entry_points", lambda **_: points)


def test_a_package_adds_a_kind(monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    _installed(monkeypatch, "OTHER")
    assert names() == sorted({*kinds.BUILT_IN, "other"})
    (case.folder / "config.yaml").write_text(
        "service: S\nprovider: P\nbilling_account: B\ncurrency: USD\nother: {meters: [cpu]}\n"
        'rates: [{id: cpu, resource: cpu, unit: Core-Hours, price: "2"}]\n'
    )
    (case.folder / "in.txt").write_text("x\n")
    folder = str(case.folder)
    run("other", f"{folder}/in.txt", "--config", f"{folder}/config.yaml", "-o", f"{folder}/out.csv")
    (_, row) = (case.folder / "out.csv").read_text().splitlines()
    assert row.startswith(",2,B,")


@pytest.mark.parametrize(
    ("values", "message"),
    [((), "is not a kind"), (("OTHER", "OTHER"), "several installed packages"), (("NO_KIND",), "is not a Kind")],
)
def test_what_is_no_kind_is_refused(monkeypatch: pytest.MonkeyPatch, values: tuple[str, ...], message: str) -> None:
    _installed(monkeypatch, *values)
    with pytest.raises(UsageFault, match=message):
        kind_of("other")


@pytest.mark.parametrize("arguments", [(), ("slurm",), ("slurm", "x.txt"), ("slurm", "x.txt", "--config", "c.yaml")])
def test_what_is_missing_is_named(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, ["convert", *arguments])
    assert isinstance(done.exception, UsageFault)


def test_usage_of_several_months_needs_a_period(case: Case) -> None:
    text = export(ONE, ONE.replace("2025-01-02", "2025-02-02").replace("101", "102"))
    with pytest.raises(UsageFault, match="of 2025-01 to 2025-02: name the month"):
        case.run(text, period="")
    done, _ = case.run(export(ONE), period="")
    assert done is not None
    assert done.period == "2025-01"


def test_an_output_that_is_a_folder_is_refused(case: Case) -> None:
    case.rows(export(ONE))
    folder = str(case.folder)
    arguments = ("slurm", f"{folder}/1.txt", "--config", f"{folder}/config.yaml", "-o", folder)
    assert CliRunner().invoke(cli, ["convert", *arguments]).exit_code == 2
