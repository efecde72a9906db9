"""What the distributions hold: built from a copy of the checkout, sdist first and the wheel from that."""

import configparser
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement

import openchargeback

ROOT = Path(__file__).parents[1]
FILES = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore", "requirements.lock")
SHIPPED = {"src/openchargeback": "openchargeback", "site_templates": "openchargeback/site_templates"}
LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store")

# Files of the kinds and in the places that a careless .gitignore or build configuration would drop.
PROBES = [
    "src/openchargeback/billing/probe.sql",
    "site_templates/statements/probe.html",
    "site_templates/build/probe.css",
]


def run(*arguments: str | Path, cwd: Path) -> None:
    # Without an index: all that a build needs is in the lock.
    env = {**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    copy = tmp_path_factory.mktemp("packaging") / "checkout"
    copy.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, copy)
    for folder in SHIPPED:
        shutil.copytree(ROOT / folder, copy / folder, ignore=LEFTOVERS)
    for probe in PROBES:
        (copy / probe).parent.mkdir(parents=True, exist_ok=True)
        (copy / probe).write_text("probe\n", encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def wheel(checkout) -> Iterator[zipfile.ZipFile]:
    run("hatchling", "build", "-t", "sdist", "-d", "dist", cwd=checkout)
    (sdist,) = (checkout / "dist").glob("*.tar.gz")
    run("pip", "wheel", "--no-deps", "--no-build-isolation", "-w", "dist", sdist, cwd=checkout)
    (path,) = (checkout / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    return wheel.read(f"openchargeback-{openchargeback.__version__}.dist-info/{name}").decode()


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_the_templates_whole(wheel, checkout):
    expected = {
        (PurePosixPath(shipped) / path.relative_to(checkout / folder).as_posix()).as_posix()
        for folder, shipped in SHIPPED.items()
        for path in (checkout / folder).rglob("*")
        if path.is_file()
    }
    lock = "openchargeback/requirements.lock"
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == {*expected, lock}
    assert wheel.read(lock) == (checkout / "requirements.lock").read_bytes()
    assert {"openchargeback/py.typed", "openchargeback/billing/probe.sql"} <= expected
    assert "openchargeback/site_templates/statements/probe.html" in expected


def test_both_names_start_the_program(wheel):
    entry_points = configparser.ConfigParser()
    entry_points.read_string(metadata(wheel, "entry_points.txt"))
    assert dict(entry_points["console_scripts"]) == {
        "focus-billing": "openchargeback.cli.main:main",
        "openchargeback": "openchargeback.cli.main:main",
    }


def test_the_metadata_name_version_and_license(wheel):
    fields = Parser().parsestr(metadata(wheel, "METADATA"))
    assert fields["Version"] == openchargeback.__version__
    assert fields["License-Expression"] == "MIT"
    assert fields["Requires-Python"] == ">=3.11"
    assert "MIT License" in metadata(wheel, "licenses/LICENSE")


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-site.lock"])
def test_a_lock_has_a_digest_for_everything_and_names_no_host(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if line[:1].isalnum()]
    assert pins
    assert all(line.endswith(" \\") and "==" in line for line in pins)
    assert "://" not in text
    assert "--index-url" not in text


def pins(lock: str) -> set[str]:
    """`name==version` of each package, without the systems that need it."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    return {line.partition(" ")[0] for line in lines if line[:1].isalnum()}


def names(pinned: set[str]) -> set[str]:
    return {pin.partition("==")[0] for pin in pinned}


@pytest.mark.parametrize("lock", ["requirements-dev.lock", "requirements-site.lock"])
def test_the_other_locks_have_the_versions_of_the_program(lock):
    assert pins("requirements.lock") < pins(lock)


def test_site_and_tests_share_versions_since_they_share_an_environment():
    site, dev = pins("requirements-site.lock"), pins("requirements-dev.lock")
    assert names(site - dev).isdisjoint(names(dev))


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-site.lock"])
def test_a_lock_meets_the_bounds(lock):
    """Run `make lock` where it does not: Dependabot raises bounds in pyproject.toml and leaves the locks alone."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = declared["project"]["optional-dependencies"]
    bounds = declared["project"]["dependencies"] + declared["dependency-groups"]["build"]
    name = lock.removeprefix("requirements-").removesuffix(".lock")
    bounds += extras.get(name, []) + (extras["dask"] if name == "dev" else [])
    locked = dict(pin.split("==") for pin in pins(lock))
    wanted = [Requirement(bound) for bound in bounds]
    below = [str(each) for each in wanted if not each.specifier.contains(locked[each.name.lower()])]
    assert below == []
