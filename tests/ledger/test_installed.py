"""Where the program came from, as installers record it (PEP 610), and what may land in a ledger of that."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from openchargeback.ledger.installed import Program, installed_program

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SOURCE = "from here\n"
METADATA = "Metadata-Version: 2.4\nName: openchargeback\nVersion: 9.8.7\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
FILES = {
    "openchargeback/__init__.py": SOURCE,
    "openchargeback-9.8.7.dist-info/METADATA": METADATA,
    "openchargeback-9.8.7.dist-info/WHEEL": WHEEL,
}


def record(files: dict[str, str]) -> str:
    """The RECORD of these files, as an installer writes it, with what it adds itself."""
    lines = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(text)}")
    own = "openchargeback-9.8.7.dist-info"
    added = ["../../../bin/focus-billing,sha256=x,1", f"{own}/INSTALLER,sha256=y,4", f"{own}/RECORD,,"]
    return "\n".join([*lines, *added, "openchargeback/__pycache__/__init__.cpython-311.pyc,,"]) + "\n"


def installed(folder: Path, direct_url: object = None, files: dict[str, str] = FILES) -> Distribution:
    """A distribution as it lies in site-packages."""
    own = folder / "openchargeback-9.8.7.dist-info"
    own.mkdir(parents=True)
    (own / "METADATA").write_text(METADATA, encoding="utf-8")
    (own / "RECORD").write_text(record(files), encoding="utf-8")
    if direct_url is not None:
        (own / "direct_url.json").write_text(json.dumps(direct_url), encoding="utf-8")
    return Distribution.at(own)


def from_git(url: str, **more: object) -> dict[str, object]:
    return {"url": url, "vcs_info": {"vcs": "git", "commit_id": COMMIT}, **more}


@pytest.mark.parametrize(
    ("url", "pinned"),
    [
        ("https://git.example.edu/rc/billing.git", "https://git.example.edu/rc/billing.git"),
        ("https://ada:s3cret@git.example.edu/b", "https://git.example.edu/b"),
        ("https://ghp_token@git.example.edu/b", "https://git.example.edu/b"),
        ("https://${TOKEN}@git.example.edu/b", "https://git.example.edu/b"),
        ("https://a@b:s3cret@git.example.edu:8443/b", "https://git.example.edu:8443/b"),
        ("https://git.example.edu/b?private_token=s3cret#s3cret", "https://git.example.edu/b"),
        ("ssh://git@git.example.edu/b", "ssh://git@git.example.edu/b"),
        ("ssh://git:s3cret@git.example.edu/b", "ssh://git@git.example.edu/b"),
        ("ssh://ada@git.example.edu/b", "ssh://git.example.edu/b"),
        ("https://git@git.example.edu/b", "https://git.example.edu/b"),
        ("file:///srv/git/b.git", "file:///srv/git/b.git"),
    ],
)
def test_a_git_install_is_pinned_by_commit_without_credentials(tmp_path, url, pinned):
    assert installed_program(installed(tmp_path, from_git(url))) == Program(repository=f"git+{pinned}@{COMMIT}")


def test_a_subdirectory_of_a_repository_stays_known(tmp_path):
    found = installed_program(installed(tmp_path, from_git("https://git.example.edu/b", subdirectory="py/billing")))
    assert found.repository == f"git+https://git.example.edu/b@{COMMIT}#subdirectory=py/billing"


@pytest.mark.parametrize(
    ("direct_url", "why"),
    [
        ({"url": "file:///home/ada/b", "dir_info": {}}, "a local folder"),
        ({"url": "file:///home/ada/b", "dir_info": {"editable": True}}, "a local folder"),
        ({"url": "file:///home/ada/b.whl", "archive_info": {"hash": "sha256=0"}}, "an archive"),
        ({"url": "https://example.edu/b.whl", "archive_info": {}}, "an archive"),
        ({"url": "https://x.edu/b", "vcs_info": {"vcs": "hg", "commit_id": COMMIT}}, "not record the Git"),
        ({"url": "https://x.edu/b", "vcs_info": {"vcs": "git", "commit_id": "main"}}, "not record the Git"),
        (
            {"url": "https://x.edu/b", "vcs_info": {"vcs": "git", "commit_id": "0123456"}},
            "not record the Git",
        ),
        ({"url": "https://x.edu/b", "vcs_info": []}, "not record the Git"),
        (from_git("https://example.edu/b", subdirectory="x'; curl evil #"), "not record the Git"),
        ([], "not record the Git"),
        (from_git("https://example.edu/'; curl evil; '"), "no plain URL"),
        (from_git("https://example.edu/b\n    - evil"), "no plain URL"),
        (from_git("https://example.edu/${{ secrets.TOKEN }}"), "no plain URL"),
        (from_git("https://[broken"), "no plain URL"),
        (from_git("ext::sh -c evil"), "no plain URL"),
    ],
)
def test_what_nobody_else_can_install_is_named(tmp_path, direct_url, why):
    found = installed_program(installed(tmp_path, direct_url))
    assert (found.requirement, found.repository) == ("", "")
    assert why.removeprefix("no plain URL") in found.obstacle
    if why == "no plain URL":
        assert "not a plain URL" in found.obstacle
    assert "example.edu/'" not in found.obstacle


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder that is the package index of pip, which is asked for nothing else."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(folder), "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return folder


def wheel(folder: Path, files: dict[str, str]) -> str:
    """Put a wheel there; gives its digest."""
    path = folder / "openchargeback-9.8.7-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr("openchargeback-9.8.7.dist-info/RECORD", record(files))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_install_from_an_index_is_pinned_by_the_digest_of_its_wheel(tmp_path, index):
    digest = wheel(index, FILES)
    assert installed_program(installed(tmp_path / "site")) == Program(
        requirement=f"openchargeback==9.8.7 --hash=sha256:{digest}"
    )


@pytest.mark.parametrize(
    "theirs",
    [
        {**FILES, "openchargeback/__init__.py": "from elsewhere\n"},
        {**FILES, "openchargeback/evil.py": "more\n"},
        {**FILES, "uv_evil.pth": "import os\n"},
        {**FILES, "sitecustomize.pyc": "more\n"},
        {**FILES, "openchargeback/__pycache__/evil.cpython-311.pyc": "more\n"},
        {name: text for name, text in FILES.items() if not name.endswith("__init__.py")},
    ],
    ids=["other", "more", "runs-at-start", "bytecode", "cached", "less"],
)
def test_a_package_of_the_same_name_that_is_not_what_is_installed_is_not_pinned(tmp_path, index, theirs):
    wheel(index, theirs)
    found = installed_program(installed(tmp_path / "site"))
    assert found.requirement == ""
    assert "is not the installed program" in found.obstacle


def test_an_index_that_does_not_have_it_is_named(tmp_path, index):
    assert not list(index.iterdir())
    found = installed_program(installed(tmp_path / "site"))
    assert "pip could not download openchargeback==9.8.7 from the package index (" in found.obstacle


def test_this_checkout_is_a_local_folder():
    assert "local folder" in installed_program().obstacle
