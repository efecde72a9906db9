"""A finalized month is sealed: whatever changes in it is found, and named."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openchargeback.ledger.files import digest_with_plain_line_ends
from openchargeback.ledger.periods import Event, PeriodFile, read_period, seal_digest, write_period
from openchargeback.ledger.reading import read_ledger
from openchargeback.model import State
from openchargeback.problems import Problem
from openchargeback.record import seal
from openchargeback.record.files import read_record

SAMPLE = Path(__file__).parents[2] / "ledger"
PERIOD = "2024-12"
SEALED = sorted(read_period((SAMPLE / f"periods/{PERIOD}.yaml").read_bytes(), "p")[0].seal.files)  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy of the sample ledger for tests that put back what they change."""
    root = tmp_path_factory.mktemp("sealed") / "ledger"
    shutil.copytree(SAMPLE, root, ignore=shutil.ignore_patterns(".openchargeback"))
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the sample ledger, whose months are finalized."""
    shutil.copytree(SAMPLE, tmp_path / "ledger", ignore=shutil.ignore_patterns(".openchargeback"))
    return tmp_path / "ledger"


def found(root: Path) -> list[Problem]:
    """What the comparison of December with its seal finds."""
    ledger, _ = read_ledger(root)
    assert ledger is not None
    # The record as it was, so that a damaged one does not hide behind its own fault.
    record, _ = read_record(SAMPLE, PERIOD, ledger.period_file(PERIOD))
    assert record is not None
    return seal.changed_inputs(ledger, [record])


def test_an_untouched_month_is_silent(root: Path) -> None:
    """And the seal covers charges, decisions and everything that closing wrote."""
    assert found(root) == []
    folders = {path.split("/")[0] for path in SEALED}
    assert folders == {"approvals", "charges", "periods"}
    names = {path.removeprefix(f"periods/{PERIOD}.") for path in SEALED if path.startswith("periods/")}
    assert names == {"frozen.yaml", "lines.csv", "logo.svg", "resources.csv", "statements.csv"}


@settings(max_examples=60, deadline=None)
@given(path=st.sampled_from(SEALED), place=st.integers(0, 2**31), flip=st.integers(1, 255))
def test_every_changed_byte_is_found(shared: Path, path: str, place: int, flip: int) -> None:
    """Any byte of any sealed file."""
    whole = (shared / path).read_bytes()
    at = place % len(whole)
    try:
        (shared / path).write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
        assert [(problem.path, problem.code) for problem in found(shared)] == [(path, "sealed-file-changed")]
    finally:
        (shared / path).write_bytes(whole)


@settings(max_examples=25, deadline=None)
@given(path=st.sampled_from(SEALED), cut=st.integers(1, 50), more=st.binary(max_size=20))
def test_every_changed_length_is_found(shared: Path, path: str, cut: int, more: bytes) -> None:
    """Cut off, or with something appended."""
    whole = (shared / path).read_bytes()
    changed = whole + more if more else whole[:-cut]
    try:
        (shared / path).write_bytes(changed)
        assert [(problem.path, problem.code) for problem in found(shared)] == [(path, "sealed-file-changed")]
    finally:
        (shared / path).write_bytes(whole)


def test_added_and_removed_files_are_found(root: Path) -> None:
    """In the month's folders, and beside its record."""
    (root / f"charges/{PERIOD}/gcp.csv").write_text("x", encoding="utf-8")
    (root / f"approvals/{PERIOD}/more.yaml").write_text("decisions: []\n", encoding="utf-8")
    (root / f"periods/{PERIOD}.held.csv").write_text("charge\n", encoding="utf-8")
    (root / f"charges/{PERIOD}/aws.csv").unlink()
    told = {problem.path: problem.message for problem in found(root)}
    assert {path: "added since" in message for path, message in told.items()} == {
        f"charges/{PERIOD}/gcp.csv": True,
        f"approvals/{PERIOD}/more.yaml": True,
        f"periods/{PERIOD}.held.csv": True,
        f"charges/{PERIOD}/aws.csv": False,
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("state: finalized", "state: finalized\nrevision: 2"),
        ("on: 2025-01-08", "on: 2025-01-09"),
        ("billing.admin@", "someone@"),
        ("charges/2024-12/aws.csv", "charges/2024-12/aws2.csv"),
        ('digest: "', 'digest: "0123456789abcdef'),
    ],
)
def test_an_edited_period_file_is_found(root: Path, old: str, new: str) -> None:
    """The seal covers what the file says beside it."""
    path = root / f"periods/{PERIOD}.yaml"
    text = path.read_text(encoding="utf-8")
    edited = text.replace(old, new, 1)
    if "0123456789abcdef" in new:
        edited = edited.replace(text.split('digest: "')[1][:64], text.split('digest: "')[1][:48], 1)
    assert edited != text
    path.write_text(edited, encoding="utf-8")
    assert "sealed-file-changed" in {
        problem.code for problem in found(root) if problem.path == f"periods/{PERIOD}.yaml"
    }


@pytest.mark.parametrize("state", ["open", "closed"])
def test_one_changed_word_does_not_unseal_a_month(root: Path, state: str) -> None:
    """The file itself is refused with the line of the word, and its seal does not fit it any more."""
    path = root / f"periods/{PERIOD}.yaml"
    path.write_text(path.read_text("utf-8").replace("state: finalized", f"state: {state}"), encoding="utf-8")
    (root / f"charges/{PERIOD}/aws.csv").write_text("x", encoding="utf-8")
    period, problems = read_period(path.read_bytes(), "p")
    assert period is not None
    assert [(each.code, each.line) for each in problems] == [("state-contradicted", 3)]
    assert {(each.path, each.code) for each in found(root)} == {
        (f"periods/{PERIOD}.yaml", "sealed-file-changed"),
        (f"charges/{PERIOD}/aws.csv", "sealed-file-changed"),
    }


def test_a_new_seal_does_not_hide_another_closing_date(root: Path) -> None:
    """The record says the date as well, and the seal of the record stands."""
    path = root / f"periods/{PERIOD}.yaml"
    state, _ = read_period(path.read_bytes(), "p")
    assert state is not None
    edited = replace(state, closed=Event(dt.date(2031, 12, 31), "billing.admin@example.edu"))
    path.write_text(write_period(seal.make_seal(root, PERIOD, edited)), encoding="utf-8")
    (told,) = found(root)
    assert (told.path, told.code) == (f"periods/{PERIOD}.yaml", "sealed-file-changed")
    assert "the closing date changed from 2025-01-08 to 2031-12-31" in told.message


def test_a_finalized_month_without_a_seal_is_an_error(root: Path) -> None:
    """Taking the seal out does not unseal it."""
    path = root / f"periods/{PERIOD}.yaml"
    path.write_text(path.read_text(encoding="utf-8").split("seal:")[0], encoding="utf-8")
    assert [problem.code for problem in found(root)] == ["not-sealed"]


def test_windows_line_ends_and_lfs_pointers_are_named(root: Path) -> None:
    """The two accidents that Git itself causes."""
    aws, azure = root / f"charges/{PERIOD}/aws.csv", root / f"charges/{PERIOD}/azure.csv"
    aws.write_bytes(aws.read_bytes().replace(b"\n", b"\r\n"))
    azure.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    messages = [problem.message for problem in found(root)]
    assert "line endings were converted" in messages[0]
    assert "git lfs pull" in messages[1]


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"x" * (1 << 20)]), max_size=6))
@settings(max_examples=40, deadline=None)
def test_line_ends_are_told_across_chunks(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    """Reading by chunks gives what replacing in the whole would."""
    path = tmp_path_factory.getbasetemp() / "ends"
    data = b"".join(parts)
    path.write_bytes(data)
    assert digest_with_plain_line_ends(path) == hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def test_a_file_that_cannot_be_read_is_a_problem(root: Path) -> None:
    """Not a traceback."""
    path = root / f"charges/{PERIOD}/aws.csv"
    path.unlink()
    path.symlink_to(root / "nowhere")
    assert [problem.path for problem in found(root)] == [f"charges/{PERIOD}/aws.csv"]


def test_a_period_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With odd names of files and people."""
    event = Event(dt.date(2025, 1, 2), 'Ann "x" \\ é: #')
    state = PeriodFile(State.FINALIZED, 3, closed=event, finalized=event, frozen="0" * 64)
    (tmp_path / "charges/2025-01").mkdir(parents=True)
    (tmp_path / "charges/2025-01/a b: {c}.csv").write_text("x", encoding="utf-8")
    sealed = seal.make_seal(tmp_path, "2025-01", state)
    assert list(sealed.seal.files) == ["charges/2025-01/a b: {c}.csv"]  # type: ignore[union-attr]
    assert read_period(write_period(sealed).encode(), "p") == (sealed, [])
    assert seal_digest(sealed) == sealed.seal.digest  # type: ignore[union-attr]
    assert seal_digest(replace(sealed, revision=4)) != sealed.seal.digest  # type: ignore[union-attr]


def test_the_last_commit_knows_what_was_finalized(tmp_path: Path) -> None:
    """Also of a ledger that is a folder of a repository; without Git or a commit there is nothing to compare."""
    root = tmp_path / "billing" / "ledger"
    shutil.copytree(SAMPLE, root, ignore=shutil.ignore_patterns(".openchargeback"))

    def told() -> list[tuple[str, str]]:
        ledger, _ = read_ledger(root)
        assert ledger is not None
        return [(each.path, each.code) for each in seal.no_longer_finalized(ledger)]

    def git(*arguments: str) -> None:
        person = ("-c", "user.name=Ada", "-c", "user.email=ada@example.edu")
        subprocess.run(["git", "-C", str(tmp_path), *person, *arguments], check=True, capture_output=True)

    path = f"periods/{PERIOD}.yaml"
    text = (root / path).read_text("utf-8")
    git("init", "-q")
    (root / path).unlink()
    assert told() == []
    (root / path).write_text(text, encoding="utf-8")
    git("add", ".")
    git("commit", "-q", "-m", "closed")
    assert told() == []
    (root / path).write_text(f"# another comment\n{text}", encoding="utf-8")
    assert told() == []
    state, _ = read_period(text.encode(), path)
    assert state is not None
    later = replace(state, finalized=Event(dt.date(2025, 12, 31), "x@x.edu"))
    (root / path).write_text(write_period(seal.make_seal(root, PERIOD, later)), encoding="utf-8")
    assert told() == [(path, "sealed-file-changed")]
    (root / path).unlink()
    assert told() == [(path, "sealed-file-changed")]
    git("checkout", "-q", "--", ".")
    shutil.rmtree(tmp_path / ".git")
    (root / path).unlink()
    assert told() == []
