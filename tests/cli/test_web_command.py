"""`focus-billing web`: what it refuses before it serves, and passwords."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import program
from openchargeback.ledger.reading import read_ledger
from openchargeback.web.people import People
from repository import Repository, january

EVERYWHERE = "0.0.0.0"  # noqa: S104 - which is refused
GOOD = "long enough for anyone\n"


@pytest.fixture
def ledger(tmp_path: Path) -> Repository:
    return january(tmp_path / "ledger")


def run(ledger: Repository, *arguments: str, code: int = 0) -> str:
    done = program.run("web", *arguments, "--ledger", ledger.root, cwd=ledger.root, code=code)
    return str(done.stdout + done.stderr)


def passwd(ledger: Repository, *arguments: str, typed: str, code: int = 0) -> str:
    """Set a password that is typed."""
    command = [*program.COMMAND, "web", "passwd", *arguments, "--ledger", str(ledger.root)]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_a_ledger_named_before_passwd_is_the_one_that_is_written(ledger: Repository, tmp_path: Path) -> None:
    """As in the container, whose command ends with the ledger; another one is nearer."""
    other = january(tmp_path / "here/ledger").root
    command = [*program.COMMAND, "web", "--ledger", str(ledger.root)]
    command += ["passwd", "ada", "--role", "admin", "--email", "ada@example.edu"]
    subprocess.run(command, input=GOOD, cwd=other.parent, capture_output=True, text=True, check=True)
    assert (ledger.root / "config.local.yaml").exists()
    assert not (other / "config.local.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", EVERYWHERE], "passwords would travel in the clear"),
        (["--host", "192.0.2.1", "--url", "https://x.example.edu"], "passwords would travel in the clear"),
        (["--host", "::"], "passwords would travel in the clear"),
        (["--cert", "cert.pem"], "--cert and --key go together"),
        (["--host", EVERYWHERE, "--cert", "c", "--key", "k"], "add --url"),
        (["--user-header", "X-User"], "needs --behind-proxy"),
        (["--behind-proxy", "127.0.0.1"], "needs --url"),
        (["--behind-proxy", "proxy", "--url", "https://x.example.edu"], "not an address or network"),
        (["--behind-proxy", "127.0.0.1", "--url", "http://x.example.edu"], "not encrypted"),
        (["--url", "https://x.example.edu/billing"], "not the address of a server"),
        (["--url", "javascript:alert(1)"], "not the address of a server"),
    ],
)
def test_what_would_be_unsafe_is_refused(ledger: Repository, arguments: list[str], said: str) -> None:
    assert said in run(ledger, *arguments, code=2)


def test_people_in_the_committed_settings_are_for_this_machine_alone(ledger: Repository) -> None:
    hash_ = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"
    text = f"organization: U\nweb: {{users: {{ada: {{role: admin, email: ada@example.edu, hash: '{hash_}'}}}}}}\n"
    ledger.write("config.yaml", text)
    said = run(ledger, "--behind-proxy", "127.0.0.1", "--url", "https://x.example.edu", code=2)
    assert "config.yaml has web users, whose hashes Git keeps for good" in said


def test_a_password_goes_to_the_local_settings_and_nowhere_else(ledger: Repository) -> None:
    ledger.write("config.local.yaml", "# mine\nemail: {user: billing}  # kept\n")
    said = passwd(ledger, "ada", "--role", "admin", "--email", "Ada@example.edu", typed=GOOD)
    assert said == "config.local.yaml: ada may log in as admin.\n"
    local = ledger.root / "config.local.yaml"
    text = local.read_text("utf-8")
    assert text.startswith("# mine\nemail: {user: billing}  # kept\nweb:\n")
    assert GOOD.strip() not in text
    assert local.stat().st_mode & 0o777 == 0o600
    found, problems = read_ledger(ledger.root)
    assert found is not None
    assert problems == []
    people = People.of(found)
    assert people.check("ada", GOOD.strip())
    assert not people.check("ada", GOOD)
    assert not people.check("ada", "")
    passwd(ledger, "ada", typed="another long one\n")
    passwd(ledger, "ben", "--role", "pi", "--email", "ben@example.edu", typed=GOOD)
    found, _ = read_ledger(ledger.root)
    assert found is not None
    people = People.of(found)
    assert people.check("ada", "another long one")
    assert people.users["ada"].role == "admin"
    assert people.check("ben", GOOD.strip())
    assert "# mine\nemail: {user: billing}  # kept\n" in local.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (["ada"], GOOD, "add --role and --email"),
        (
            ["ada", "--role", "admin", "--email", "ada@example.edu"],
            "short\n",
            "a password needs 12 to 1,000 characters",
        ),
        (["ada", "--role", "boss", "--email", "ada@example.edu"], GOOD, "'boss' is not one of"),
    ],
)
def test_a_faulty_person_is_refused(ledger: Repository, arguments: list[str], typed: str, said: str) -> None:
    assert said in passwd(ledger, *arguments, code=2, typed=typed)
    assert not (ledger.root / "config.local.yaml").exists()


def test_an_address_that_is_no_address_is_a_problem_in_its_place(ledger: Repository) -> None:
    for name, email in (("ada", "nobody"), ("../ada", "ada@example.edu"), ("a\nb", "ada@example.edu")):
        said = passwd(ledger, name, "--role", "admin", "--email", email, code=1, typed=GOOD)
        assert "config.local.yaml" in said
        assert not (ledger.root / "config.local.yaml").exists(), "a fault there would stop every command"
