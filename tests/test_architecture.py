"""The layers and the one home of each outside thing, held by the import-linter contracts in pyproject.toml."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BROKEN_PACKAGE = ROOT / "tests" / "fixtures" / "architecture"

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract for contract in CONFIG["contracts"]}
ROOMS = [room.strip("()") for room in CONTRACTS["rooms"]["layers"]]
OUTSIDE = [thing for contract in CONFIG["contracts"] for thing in contract.get("forbidden_modules", [])]


def lint_imports(package_folder: Path) -> subprocess.CompletedProcess[str]:
    """Holds the `openchargeback` that lies in package_folder against our contracts."""
    return subprocess.run(
        [
            *(sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"),
            *("--config", str(ROOT / "pyproject.toml"), "--no-cache"),
        ],
        cwd=package_folder,
        # A wide terminal, so that no line of the report is folded.
        env={**os.environ, "PYTHONPATH": str(package_folder), "COLUMNS": "300", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def broken() -> subprocess.CompletedProcess[str]:
    return lint_imports(BROKEN_PACKAGE)


def test_the_package_keeps_every_contract():
    result = lint_imports(ROOT / "src")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in result.stdout


def test_each_outside_thing_may_be_imported_at_home_and_the_home_by_others(tmp_path):
    package = tmp_path / "openchargeback"
    homes = {
        "files/git.py": "subprocess",
        "ledger/patterns.py": "re2",
        "focus/reading.py": "frictionless",
        "templating/environment.py": "jinja2",
        "portal/pages.py": "markdown_it, weasyprint",
        "verify/pdf.py": "pypdf",
        "deliver/mail.py": "email, smtplib",
        "publish/cluster.py": "dask, distributed",
        "web/server.py": "argon2, starlette, uvicorn",
        "cli/__init__.py": "click, rich, openchargeback.files.git, openchargeback.focus.reading, "
        "openchargeback.templating.environment, openchargeback.portal.pages, openchargeback.deliver.mail, "
        "openchargeback.publish.cluster, openchargeback.verify.pdf, "
        "openchargeback.web.server",
    }
    for home, things in homes.items():
        (package / home).parent.mkdir(parents=True, exist_ok=True)
        (package / home).parent.joinpath("__init__.py").touch()
        (package / home).write_text(f"import {things}\n", encoding="utf-8")
    (package / "__init__.py").touch()
    result = lint_imports(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_package_that_breaks_every_contract_is_refused(broken):
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert f"0 kept, {len(CONTRACTS)} broken" in broken.stdout


@pytest.mark.parametrize(("above", "below"), list(pairwise(ROOMS)))
def test_no_room_may_import_the_one_above_it(broken, above, below):
    assert f"openchargeback.{below} -> openchargeback.{above} (l.3)" in broken.stdout


@pytest.mark.parametrize("thing", OUTSIDE)
def test_nothing_outside_is_imported_away_from_its_home(broken, thing):
    assert re.search(rf"openchargeback\.elsewhere -> {thing} \(l\.\d+\)", broken.stdout)


def test_a_new_room_must_be_given_its_place(broken):
    assert "not listed as layers:\n\n- openchargeback.elsewhere" in broken.stdout


def test_every_room_of_the_package_is_known():
    package = ROOT / "src" / "openchargeback"
    found = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert found - {"__init__", "__main__"} <= set(ROOMS)


def money_classes(text: str) -> dict[str, bool]:
    """The dataclasses of a module that hold money, by name: whether they are built by keyword only."""
    found = {}
    for each in ast.walk(ast.parse(text)):
        if not isinstance(each, ast.ClassDef):
            continue
        decorators = [ast.unparse(one) for one in each.decorator_list if "dataclass" in ast.unparse(one)]
        fields = [ast.unparse(one.annotation) for one in each.body if isinstance(one, ast.AnnAssign)]
        if decorators and any(re.search(r"\b(Decimal|Amounts)\b", field) for field in fields):
            found[each.name] = "kw_only=True" in decorators[0]
    return found


def test_the_check_of_money_finds_a_record_that_is_built_by_position() -> None:
    record = "{decorator}\nclass Sum:\n    list: Decimal | None\n    billed: dict[str, Amounts]\n"
    assert money_classes(record.format(decorator="@dataclass(frozen=True)")) == {"Sum": False}
    assert money_classes(record.format(decorator="@dataclass(frozen=True, kw_only=True)")) == {"Sum": True}
    assert money_classes("@dataclass\nclass Name:\n    text: str\n") == {}


def test_records_with_money_are_built_by_keyword() -> None:
    """Neighbors of one type, such as list price and amount billed, could be exchanged unseen otherwise.

    Settings are made by the reader of the files, which goes by the names of keys.
    """
    settings = {"Number", "Pattern", "PlanSettings", "Source", "UnusualAmount"}
    found = {
        f"{path.name}:{name}": by_keyword
        for path in (ROOT / "src").rglob("*.py")
        for name, by_keyword in money_classes(path.read_text(encoding="utf-8")).items()
        if name not in settings
    }
    assert len(found) > 40
    assert [name for name, by_keyword in found.items() if not by_keyword] == []
