"""The README's Quick Start, word for word: every line runs, in a copy of the checkout with a virtual environment.

Two things stand in for what a test must not do: `sudo` writes down what it is asked for, and pip finds what the program
needs in the environment of the tests instead of fetching it.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

ROOT = Path(__file__).parents[1]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CHECKOUT = (
    "CHANGELOG.md", "LICENSE", "README.md", "ledger", "pyproject.toml", "requirements.lock", "sample_data",
    "site_templates", "src",
)  # fmt: skip
LEFTOVERS = shutil.ignore_patterns(
    "__pycache__", "*.pyc", ".openchargeback", "public", "statements", "config.local.yaml"
)


def first_block(path: str, after: str) -> str:
    """The first block of shell commands of a page that follows a text."""
    text = (ROOT / path).read_text(encoding="utf-8")
    block = re.search(r"^```sh\n(.*?)^```$", text[text.index(after) :], re.MULTILINE | re.DOTALL)
    assert block
    return block[1]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home folder with the checkout `openchargeback`, and in `bin` a `sudo` that writes down what it is asked for."""
    folder = tmp_path_factory.mktemp("home")
    checkout = folder / "openchargeback"
    checkout.mkdir()
    for name in CHECKOUT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, checkout / name, ignore=LEFTOVERS)
        else:
            shutil.copy(ROOT / name, checkout / name)
    # What the program needs, and what builds it, but not the program.
    (folder / "needed").mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "openchargeback" not in path.name and path.suffix != ".pth":
            (folder / "needed" / path.name).symlink_to(path)
    (folder / "bin").mkdir()
    (folder / "bin/sudo").write_text('#!/bin/sh\necho "$@" >> ~/asked\n', encoding="utf-8")
    (folder / "bin/sudo").chmod(0o755)
    return folder


def typed(script: str, home: Path, folder: Path) -> str:
    """What a person types into a terminal; gives what it shows. Any line that fails is a failure."""
    environment = {
        "HOME": str(home),
        "PATH": os.pathsep.join([str(home / "bin"), os.environ["PATH"]]),
        "PYTHONPATH": str(home / "needed"),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # what pip reads as: no isolation
        "PIP_CONFIG_FILE": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e"],
        input=script, cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def logged_in(port: int) -> int:
    """What the web program answers to the demo's login, once it serves."""
    form = urlencode({"user": "admin", "password": "research-computing"}).encode()
    for _ in range(600):
        connection = http.client.HTTPConnection("localhost", port, timeout=30)
        try:
            connection.request("POST", "/web/login", form, {"Sec-Fetch-Site": "same-origin"} | FORM)
            return connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError("nothing serves")


@pytest.mark.slow
def test_every_line_of_the_quick_start_runs(home):
    *lines, last = first_block("README.md", "## Quick Start").splitlines(keepends=True)
    assert last == "focus-billing web\n"
    script = "".join(lines)
    assert script.splitlines()[1:4] == ["python3 -m venv .venv", ". .venv/bin/activate", "pip install -e ."]
    said = typed(script + "command -v focus-billing\n", home, home / "openchargeback")
    assert "charges/2025-01/aws.csv: added" in said
    assert "charges/2025-01/hpc.csv: added" in said
    assert re.search(r"^\d+ statements, .* would be written below statements$", said, re.MULTILINE)
    assert said.endswith(f"{home}/openchargeback/.venv/bin/focus-billing\n")
    # The last line serves until it is stopped.
    served = subprocess.Popen(
        [home / "openchargeback/.venv/bin/focus-billing", "web"],
        cwd=home / "openchargeback", env={**os.environ, "PYTHONPATH": str(home / "needed")},
    )  # fmt: skip
    try:
        assert logged_in(8000) == 303
    finally:
        served.terminate()
        assert served.wait(30) in (0, -signal.SIGTERM)


@pytest.mark.slow
def test_the_monthly_round_puts_the_program_on_the_path(home, tmp_path):
    script = first_block("docs/MONTHLY_ROUND.md", "installed and on the PATH")
    said = typed(script + "command -v focus-billing\nfocus-billing --version\n", home, tmp_path)
    assert said.splitlines()[-2] == f"{home}/openchargeback/.venv/bin/focus-billing"


def test_the_system_packages_are_those_that_the_set_up_of_the_project_installs():
    first = first_block("README.md", "## Quick Start").splitlines()[0]
    packages = first.removeprefix("sudo apt-get install --no-install-recommends ").split()
    assert packages[:2] == ["git", "python3-venv"]
    setup = (ROOT / "tools/setup").read_text(encoding="utf-8")
    assert re.findall(r'^    "(lib[^"]+)": "', setup, re.MULTILINE) == packages[2:]
