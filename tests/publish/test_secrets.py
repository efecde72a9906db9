"""No output publishes a secret, and no message repeats it."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pypdf
import pytest
from markupsafe import escape

from openchargeback.cli.main import main
from openchargeback.publish.secrets import Secrets, secrets_of

WORD = 'corr"ct hörse & <b>'
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaGhhc2g"
ROWS = """\
BillingPeriodStart,BilledCost,Tags
2025-01-01,5,"{""pi_email"": ""ann@example.edu"", ""project_id"": ""p"", ""fund_org"": ""F1""}"
"""


def attached(text: str) -> bytes:
    writer, out = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.add_attachment("lines.csv", text.encode())
    for each in writer._objects:
        if isinstance(each, pypdf.generic.StreamObject) and text.encode() in each.get_data():
            each.update({pypdf.generic.NameObject("/Filter"): pypdf.generic.NameObject("/FlateDecode")})
            each._data = __import__("zlib").compress(text.encode())
    writer.write(out)
    return out.getvalue()


FORMS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "json": lambda text: json.dumps(text).encode(),
    "json-unicode": lambda text: json.dumps(text, ensure_ascii=False).encode(),
    "html": lambda text: html.escape(text).encode(),
    "jinja": lambda text: str(escape(text)).encode(),
    "markdown": lambda text: html.escape(text, quote=False).replace('"', "&quot;").encode(),
    "json-in-html": lambda text: (
        json.dumps(text).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()
    ),
    "emphasis": lambda text: (
        f"<html><p>{html.escape(text[:9])}<em>{html.escape(text[9:12])}</em>".encode() + html.escape(text[12:]).encode()
    ),
    "csv": lambda text: text.replace('"', '""').encode(),
    "url": lambda text: quote(text).encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64-within": lambda text: base64.b64encode(b"user:" + text.encode() + b"!"),
    "gzip": lambda text: gzip.compress(text.encode()) + gzip.compress(b"more"),
    "script": lambda text: b'charges.month("2025-01","%s");' % base64.b64encode(gzip.compress(text.encode())),
    "gzip-second-member": lambda text: gzip.compress(b"x" * 3_000_000) + gzip.compress(text.encode()),
    "pdf-attachment": attached,
    "pdf-string": lambda text: f"%PDF-1.7 /Title <feff{text.encode('utf-16-be').hex()}>".encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_every_form(form: str) -> None:
    """And what merely looks like it is not."""
    secrets = Secrets([("email.password", WORD)])
    data = FORMS[form](f"before {WORD} behind")
    [problem] = secrets.found_in("x/y", data)
    assert (problem.path, problem.code, problem.message) == (
        "x/y",
        "secret-published",
        "contains the secret email.password",
    )
    assert WORD not in repr(problem)
    assert secrets.found_in("x/y", FORMS[form](f"before {WORD[:-1]} behind")) == []


def test_a_secret_across_the_pieces_of_a_large_file_is_found() -> None:
    """Decompressed data come piece by piece."""
    secrets = Secrets([("a", "needle-needle")])
    for before in range((1 << 20) - 14, (1 << 20) + 2):
        assert secrets.found_in("x", gzip.compress(b"x" * before + b"needle-needle", 1)), before


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "ledger/config.yaml": "organization: X\nsources: {aws: {credit_fund: C1}}\n",
        "ledger/config.local.yaml": f"""\
email: {{host: smtp.example.edu, user: billing-user, password: "sesame-open", password_command: pass show smtp/billing}}
web: {{users: {{ann: {{role: reviewer, email: ann@example.edu, hash: "{HASH}"}}}}}}
""",
        "ledger/charges/2025-01/aws.csv": ROWS,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q", tmp_path / "ledger"], check=True)
    for name, url in {
        "a": "https://ann:p%40ssw0rd1@git.example.edu/x",
        "b": f"https://{'t' * 40}@git.example.edu/y",
        "c": "https://ghp_abcdefghij9876543210:x-oauth-basic@git.example.edu/z",
        "d": "https://bob:hunt@rsecret99@git.example.edu/z",
        "e": "https://a-user-name-without-digits:rabbit-hole@git.example.edu/z",
    }.items():
        subprocess.run(["git", "-C", tmp_path / "ledger", "remote", "add", name, url], check=True)
    return tmp_path / "ledger"


def add_others(root: Path) -> None:
    """Settings of a later version of the program, perhaps."""
    with (root / "config.local.yaml").open("a", encoding="utf-8") as file:
        file.write("session_keys: [0123456789, short]\n")


OF_REMOTES = ("ghp_abcdefghij9876543210", "hunt@rsecret99", "rabbit-hole")


@pytest.mark.parametrize("word", ["sesame-open", HASH, "0123456789", "p@ssw0rd1", "p%40ssw0rd1", "t" * 40, *OF_REMOTES])
def test_passwords_tokens_and_hashes_are_secrets(root: Path, word: str) -> None:
    """Of the local settings and of Git remotes."""
    add_others(root)
    [problem] = secrets_of(root).found_in("x", f"<p>{word}</p>".encode())
    assert word not in repr(problem)


@pytest.mark.parametrize(
    "word",
    [
        "x-oauth-basic",
        "a-user-name-without-digits",
        "smtp.example.edu",
        "billing-user",
        "pass show smtp/billing",
        "reviewer",
        "ann@example.edu",
        "short",
    ],
)
def test_names_of_servers_and_people_are_none(root: Path, word: str) -> None:
    """They stand on every page."""
    add_others(root)
    assert secrets_of(root).found_in("x", word.encode()) == []


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as done:
        main([str(each) for each in arguments])
    return int(done.value.code or 0)


def test_nothing_is_published_with_a_secret_in_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A build, statements and a journal are refused as a whole; the message names the key and the file."""
    out, config = root.parent / "out", (root / "config.yaml").read_text()
    assert run("build", "--ledger", root, "-o", out) == 0
    before = sorted(path.relative_to(out) for path in out.rglob("*"))
    (root / "config.yaml").write_text(config + "statements: {note: 'Log in with sesame-open'}\n")
    capsys.readouterr()
    for command in (
        ("build", "-o", out),
        ("generate", "--period", "2025-01", "-o", root.parent / "pdfs"),
    ):
        assert run(command[0], "--ledger", root, *command[1:]) == 1
        told = capsys.readouterr().err
        assert "secret-published" in told
        assert "email.password of config.local.yaml" in told
        assert "sesame-open" not in told
    (root / "config.yaml").write_text(config + "journal: {description: 'sesame-open'}\n")
    for where in ((), ("-o", root.parent / "DRAFT.csv")):
        assert run("journal", "--ledger", root, "--period", "2025-01", *where) == 1
        done = capsys.readouterr()
        assert "sesame-open" not in done.out + done.err
    assert sorted(path.relative_to(out) for path in out.rglob("*")) == before
    assert not any((root.parent / name).exists() for name in ("pdfs", "DRAFT.csv"))


def test_an_unchanged_output_is_searched_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The password may have been set after the output was built."""
    (root / "pages").mkdir()
    (root / "pages/about.md").write_text("# Log in\n\nwith another-password\n")
    out = root.parent / "out"
    assert run("build", "--ledger", root, "-o", out) == 0
    assert run("build", "--ledger", root, "-o", out) == 0
    (root / "config.local.yaml").write_text("email: {password: another-password}\n")
    assert run("build", "--ledger", root, "-o", out) == 1
    assert "pages/about" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_a_plan_for_others_to_read_is_refused_too(root: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    """A workflow posts it as a comment."""
    for words in (
        ("add", "config.yaml", "charges"),
        ("-c", "user.name=A", "-c", "user.email=a@example.edu", "commit", "-qm", "a"),
    ):
        subprocess.run(["git", "-C", root, *words], check=True)
    charged = root / "charges/2025-01/aws.csv"
    charged.write_text(ROWS + ROWS.splitlines()[1].replace(",5,", ",7,").replace('"p"', '"sesame-open"') + "\n")
    assert run("plan", "HEAD", "--ledger", root, "--format", form) == 1
    done = capsys.readouterr()
    assert "secret-published" in done.err
    assert "sesame-open" not in done.out + done.err


def test_eight_characters_are_searched_for_and_fewer_are_not() -> None:
    """A shorter word would be found in any output."""
    secrets = Secrets([("email.password", "k7-Qz9_x"), ("web.token", "k7-Qz9_")])
    [problem] = secrets.found_in("x", b"before k7-Qz9_x behind")
    assert problem.message == "contains the secret email.password"
    assert secrets.found_in("x", b"before k7-Qz9_ behind") == []
    assert not Secrets([("web.token", "k7-Qz9_")])
