"""`convert --new` and `convert --check`: a package of one's own, installed offline, and checks that can fail."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from openchargeback.cli.main import cli
from openchargeback.convert.checking import check, kind_at
from openchargeback.convert.csv.kind import CSV
from openchargeback.convert.kinds import BUILT_IN, Found, Kind, Reading
from openchargeback.convert.template import write_package
from openchargeback.focus.database import insert
from openchargeback.problems import LedgerFault, UsageFault

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new package, importable."""
    folder = tmp_path / "package"
    done = CliRunner().invoke(cli, ["convert", "--new", "gpu-farm", "--directory", str(folder)])
    assert done.exit_code == 0, done.output
    assert [Path(line).relative_to(folder).as_posix() for line in done.stdout.splitlines()] == [
        "pyproject.toml",
        "README.md",
        "src/openchargeback_gpu_farm.py",
        "tests/test_openchargeback_gpu_farm.py",
    ]
    monkeypatch.syspath_prepend(str(folder / "src"))
    yield folder
    sys.modules.pop("openchargeback_gpu_farm", None)


def python(*arguments: str | Path, path: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": path, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_new_package_is_installed_and_converts(package: Path, tmp_path: Path) -> None:
    """With pip, into a folder of its own; then its kind is listed, converts, and passes its own tests."""
    site = tmp_path / "site"
    install = ("-m", "pip", "install", "--no-deps", "--no-build-isolation", "--target", site, package)
    done = python(*install, path=str(SOURCE), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    path = os.pathsep.join([str(SOURCE), str(site)])
    main = ("-c", "from openchargeback.cli.main import main; raise SystemExit(main())")
    kinds = python(*main, "convert", "--list", "--json", path=path, cwd=tmp_path)
    assert "gpu-farm" in {each["kind"] for each in json.loads(kinds.stdout)["kinds"]}
    config = python(*main, "convert", "gpu-farm", "--example-config", path=path, cwd=tmp_path)
    (tmp_path / "farm.yaml").write_text(config.stdout)
    module = importlib.import_module("openchargeback_gpu_farm")
    (tmp_path / "farm.csv").write_text(module.SAMPLE)
    convert = ("convert", "gpu-farm", "farm.csv", "--config", "farm.yaml", "--period", "2025-01", "-o", "out.csv")
    done = python(*main, *convert, path=path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "7.30 USD" in done.stdout
    tests = python("-m", "pytest", "-q", "-p", "no:cacheprovider", package / "tests", path=path, cwd=package)
    assert tests.returncode == 0, tests.stdout + tests.stderr


def test_a_new_converter_passes_every_check(package: Path) -> None:
    assert package.is_dir()
    done = CliRunner().invoke(cli, ["convert", "--check", "openchargeback_gpu_farm", "--json"])
    assert done.exit_code == 0, done.output
    checks = json.loads(done.stdout)["checks"]
    assert len(checks) == 8
    assert all(each["passed"] for each in checks)


def test_the_module_is_about_fifty_lines(package: Path) -> None:
    lines = (package / "src/openchargeback_gpu_farm.py").read_text().splitlines()
    assert len(lines) < 80
    assert all(len(line) <= 120 for line in lines)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name != "csv")) for name in BUILT_IN])
def test_a_built_in_converter_passes_every_check(name: str) -> None:
    assert [each for each in check(kind_at(name)) if not each.passed] == []


@pytest.mark.parametrize("name", ["", "GPU", "gpu farm", "gpu_farm", "-gpu", "../gpu", "gpu/farm", "x" * 41])
def test_a_name_that_cannot_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="is not a valid name"):
        write_package(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_name_that_the_program_has(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="built-in kind"):
        write_package("slurm", tmp_path / "new")


def test_a_folder_that_is_not_empty_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageFault, match="not empty"):
        write_package("gpu", tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("no_such_module", "cannot be imported"),
        ("json", "has 0 converters"),
        ("openchargeback.convert.csv.kind:NO", "has no converter NO: it has CSV"),
    ],
)
def test_a_place_without_a_converter(place: str, words: str) -> None:
    with pytest.raises(UsageFault, match=words):
        kind_at(place)


def test_new_and_check_are_two_things() -> None:
    done = CliRunner().invoke(cli, ["convert", "--new", "gpu", "--check", "json"])
    assert isinstance(done.exception, UsageFault)


# Converters with one fault each, and the check that sees it.


def lenient(reading: Reading, *, keep: str = "") -> Found:
    """Reads whatever is there: lines `id seconds`, without any check. keep: which fault to have."""
    found = Found()
    items: dict[str, tuple[int, int, int]] = {}
    for file in reading.inputs:
        for line, text in enumerate(file.path.read_text().splitlines(), 1):
            id_, _, seconds = text.partition(" ")
            key = f"{file.number}{id_}" if keep == "doubled" else id_
            items.setdefault(key, (file.number, line, int(seconds or 0)))
    found.read = len(items)
    order = sorted(items, key=hash) if keep == "order" else list(items)
    rows = [(n, *items[key]) for n, key in enumerate(order)]
    con = reading.con
    con.execute("CREATE TABLE item (n BIGINT, file INTEGER, line BIGINT, seconds BIGINT)")
    insert(con, "item", rows)
    con.execute("INSERT INTO label VALUES (1, NULL, NULL, NULL, NULL, 'astro', NULL)")
    con.execute(
        "CREATE VIEW farmed AS SELECT n, 1736121600 AS starts, greatest(seconds, 1) + starts AS ends, seconds FROM item"
    )
    con.execute("INSERT INTO usage SELECT n, starts, ends, 1, 'hours', '', seconds::HUGEINT FROM farmed")
    con.execute(
        "CREATE VIEW record AS SELECT n, file, line, n::UBIGINT AS identity, 'x' AS resource, '' AS state FROM item"
    )
    return found


def with_fault(**changes: Any) -> Kind:
    rates = ({"id": "hours", "resource": "hours", "unit": "Hours", "price": "1"},)
    kind = replace(CSV, adapt=None, decimals=0, samples={"farm.txt": "a 3600\nb 7200\n"}, read=lenient, rates=rates)
    return replace(kind, **changes)


def failed(kind: Kind) -> dict[str, str]:
    return {each.name: each.message for each in check(kind) if not each.passed}


def test_a_converter_that_takes_anything_fails_the_checks_of_bad_input() -> None:
    assert failed(with_fault()) == {
        "an empty input is a problem": "a header without records (farm.txt) converts without an error",
        "a cut input is a problem": "an input without its last character (farm.txt) converts without an error",
        "the same input twice is not billed twice": "the same input twice is neither reported nor counted as left out",
    }


def test_a_converter_that_bills_twice() -> None:
    kind = with_fault(read=lambda reading: lenient(reading, keep="doubled"))
    assert failed(kind)["the same input twice is not billed twice"] == "the same input twice is billed twice"


def test_a_converter_whose_charges_are_not_valid() -> None:
    meters = tuple(replace(each, category="Nonsense") for each in CSV.meters)
    assert "constraint-error" in failed(with_fault(meters=meters))["the charges are valid, without a warning"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"samples": {}}, "the example input converts"),
        ({"samples": {"farm.txt": "not a number\n"}}, "the example input converts"),
        ({"rates": ({"id": "x", "resource": "hours", "unit": "Hours"},)}, "the example config is read"),
        (
            {"rates": ({"id": "x", "resource": "hours", "unit": "Hours", "type": "none", "price": "1"},)},
            "the example input converts",
        ),
    ],
)
def test_a_converter_whose_example_does_not_work(changes: dict[str, Any], name: str) -> None:
    """Nothing further is tried."""
    assert list(failed(with_fault(**changes))) == [name]


def test_a_failed_check_ends_the_command_with_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openchargeback.convert.csv.kind.CSV", with_fault())
    done = CliRunner().invoke(cli, ["convert", "--check", "openchargeback.convert.csv.kind"])
    assert isinstance(done.exception, LedgerFault)
    assert {each.code for each in done.exception.problems} == {"converter-fault"}
