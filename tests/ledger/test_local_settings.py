"""`config.local.yaml` holds secrets and how one machine sends mail, and changes nothing that counts."""

from __future__ import annotations

import pytest

from openchargeback.ledger.config import CONFIG, read_config

BASE = b"organization: Northfield University\ncurrency: USD\n"
ALLOWED = b"""\
email:
  host: smtp.example.edu
  port: 587
  security: starttls
  user: billing
  password: "secret: word"
  password_command: [pass, show, smtp]
  token_command: get-token
  throttle: 30
  outbox: /var/spool/outbox
web:
  users:
    ada: {role: admin, email: ada@example.edu, hash: "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"}
"""


@pytest.mark.parametrize("key", sorted(CONFIG.fields.keys() - {"email", "web"}))
def test_no_other_section_can_be_set(key: str) -> None:
    """Each is an error with its line, and the settings are those of config.yaml."""
    config, problems = read_config(BASE, f"# mine\n{key}: secret-word\n".encode())
    assert config == read_config(BASE)[0]
    [problem] = problems
    assert (problem.path, problem.line, problem.code) == ("config.local.yaml", 2, "local-setting")
    assert problem.message == f"`{key}` cannot be set here"
    assert "secret-word" not in repr(problem)


def test_what_a_machine_may_say_is_fine() -> None:
    """And is no part of the settings."""
    assert read_config(BASE, ALLOWED) == read_config(BASE)
    assert read_config(BASE, b"") == read_config(BASE)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("email: {host: h, from: secret-word}", "local-setting", 1),
        ("email: secret-word", "wrong-type", 1),
        ("secret-word", "wrong-type", 1),
        ("web: {}\nemail:\n  port: secret-word", "wrong-type", 3),
        ("email: {password: [secret-word]}", "wrong-type", 1),
        ("email: {password: 'secret-word}", "yaml-syntax", 1),
        ("email: {secret-word}", "local-setting", 1),
        ("email: {password: !secret-word x}", "yaml-refused", 1),
        ("email: {password: *secret-word}", "yaml-refused", 1),
        ("secret-word: 1\nsecret-word: 2", "duplicate-key", 2),
    ],
)
def test_a_fault_never_quotes_the_file(text: str, code: str, line: int) -> None:
    """The report may be published with the log of a workflow."""
    problems = read_config(BASE, text.encode())[1]
    assert problems[0].code == code
    assert problems[0].line >= line
    assert "secret-word" not in repr(problems)


def test_a_password_that_looks_like_a_number_is_not_told() -> None:
    """What other YAML readers would make of it does not matter: only this program reads the file."""
    assert read_config(BASE, b"email: {password: 0777777777}") == read_config(BASE)


@pytest.mark.parametrize("key", ["portal: {repository", "organization: {name: X, contact: {url"])
@pytest.mark.parametrize("who", ["billing:hunter2", "hunter2", ":hunter2"])
def test_an_address_with_credentials_is_an_error_that_does_not_repeat_them(key: str, who: str) -> None:
    """A user name alone is often a token."""
    text = f"organization: X\n{key}: 'https://{who}@git.example.edu/billing'}}{'}' * (key.count('{') - 1)}\n"
    text = text if key.startswith("portal") else text.removeprefix("organization: X\n")
    problems = read_config(text.encode())[1]
    assert [(each.code, each.line) for each in problems] == [("url-credentials", 2 if key.startswith("portal") else 1)]
    assert "hunter2" not in repr(problems)
    assert read_config(text.replace(f"{who}@", "").encode())[1] == []
    assert read_config(text.replace(f"{who}@", "").replace("/billing", "/@billing").encode())[1] == []
