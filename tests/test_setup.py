"""How the project sets itself up: the programs that its tests drive, and that the demo speaks from the first second."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import demo
import programs

ROOT = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NAMES = (
    *("hledger", "jq", "qpdf", "soffice", "systemd-analyze"),
    *("pdfdetach", "pdffonts", "pdfimages", "pdfinfo", "pdftoppm", "pdftotext"),
)

# A system that has no package of a browser, as Ubuntu, and asks no password.
APT = """#!/bin/sh
case " $* " in *" update "*) exit 0;; esac
for last; do :; done
echo "$last" >>"$ASKED"
case $last in chromium) echo "E: Package 'chromium' has no installation candidate" >&2; exit 100;; esac
"""
SUDO = '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n'
PYTHON = """#!/bin/sh
case $1 in
tools/programs.py) printf 'chromium\\nhledger\\njq\\nqpdf\\n';;
*) cat >/dev/null;;
esac
"""


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def only(folder: Path, *names: str) -> str:
    """A PATH on which only these programs are."""
    for name in names:
        script(folder / name, "#!/bin/sh\n")
    return str(folder)


@pytest.mark.parametrize("browser", BROWSERS)
def test_every_browser_that_is_accepted_is_one_that_the_tests_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: str
) -> None:
    """One place names it, so no browser test is skipped where nothing is missing."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none/python"))
    monkeypatch.setenv("PATH", only(tmp_path, browser, *NAMES))
    assert programs.missing_packages() == []
    assert programs.find("chromium") == str(tmp_path / browser)


def test_what_the_tests_drive_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none/python"))
    monkeypatch.setenv("PATH", only(tmp_path, "sh"))
    assert programs.missing_packages() == [
        "chromium",
        "hledger",
        "jq",
        "libreoffice-calc",
        "poppler-utils",
        "qpdf",
        "systemd",
    ]


def test_a_package_that_cannot_be_had_takes_no_other_with_it(tmp_path: Path) -> None:
    """`tools/setup test` goes on, says what is skipped, and installs the rest."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/setup", tmp_path / "tools/setup")
    for name in ("requirements-dev.lock", "pyproject.toml"):
        (tmp_path / name).write_text("", encoding="utf-8")
    script(tmp_path / ".venv/bin/python", PYTHON)
    # The environment is as it should be: the same stamp that the script makes of its inputs.
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    inputs = f"{version}\n{tmp_path}\n".encode() + (ROOT / "tools/setup").read_bytes()
    stamp = hashlib.sha1(b"blob %d\0" % len(inputs) + inputs, usedforsecurity=False).hexdigest()
    (tmp_path / ".venv/setup-requirements-dev.lock").write_text(f"{stamp}\n", encoding="utf-8")
    script(tmp_path / "bin/apt-get", APT)
    script(tmp_path / "bin/sudo", SUDO)
    done = subprocess.run(
        [tmp_path / "tools/setup", "test"],
        env={
            **os.environ,
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "PYTHON": sys.executable,
            "ASKED": str(tmp_path / "asked"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "asked").read_text(encoding="utf-8").split() == ["chromium", "hledger", "jq", "qpdf"]
    assert "continuing; tests that need chromium are skipped" in done.stderr
    assert "skipped" not in done.stderr.replace("tests that need chromium are skipped", "")


def test_the_demo_says_what_it_does_before_it_does_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that may take long comes before the first line."""

    def late() -> None:
        assert capsys.readouterr().err == "demo: creating a ledger in build/demo from the samples\n"
        raise InterruptedError

    monkeypatch.setattr(demo, "claim_demo_folder", late)
    with pytest.raises(InterruptedError):
        demo.main()
