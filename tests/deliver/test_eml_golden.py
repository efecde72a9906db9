"""What people get, as `.eml` files in `tests/deliver/golden/`, which `--update-golden` rewrites."""

import email
import json
import re
import shutil
import struct
import zlib
from email.policy import default as policy
from pathlib import Path

import pytest
from mail_host import BY, closed, office
from test_finance import write
from test_questions import PEOPLE, PROJECTS

import program
from golden_ledgers import copied
from openchargeback.deliver.finance import send_finance
from openchargeback.publish.books import open_books
from repository import HEAD, Repository, row

GOLDEN = Path(__file__).parent / "golden"
URL = "https://billing.example.edu/portal/"
EMAIL = {
    "plain": "",
    "subsidy": "nothing_due: true, ",
    "showback": "note: Showback this year; charging starts in July., ",
    "external-payers": "",
    "yen": "",
    "credits": "",
    "funds": "",
}


def png(width=120, height=40) -> bytes:
    """A logo whose bytes depend on no library: stored, not compressed."""
    rows = b"".join(b"\0" + bytes((29, 78, 137)) * width for _ in range(height))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    blocks = [rows[start : start + 65535] for start in range(0, len(rows), 65535)]
    stored = b"".join(
        bytes([at == len(blocks) - 1]) + struct.pack("<HH", len(block), len(block) ^ 0xFFFF) + block
        for at, block in enumerate(blocks)
    )
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(rows))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def run(ledger, *arguments, code=0):
    return program.run(*arguments, "--ledger", ledger, cwd=ledger, code=code)


def outbox(folder, case, *, draft=False) -> Path:
    """The messages of January of a case, in development mode."""
    ledger = copied(case, folder)
    (ledger / "logo.png").write_bytes(png())
    config = (ledger / "config.yaml").read_text()
    assert "email:" not in re.sub(r"\bemail: \S+@", "", config)
    assert "portal:" not in config
    named = "organization: Golden University\n"
    assert named in config
    config = config.replace(named, "organization: {name: Golden University, logo: logo.png}\n")
    more = f"attach: link, from: billing@example.edu, {EMAIL[case]}"
    copies = "copy_to: [{project: genomics, to: lab-manager@example.edu}]"
    (ledger / "config.yaml").write_text(f"{config}\nportal: {{url: '{URL}'}}\nemail: {{{more}{copies}}}\n")
    if draft:
        run(ledger, "send", "--period", "2025-01", "--draft", "--object-by", "2099-02-03")
    else:
        run(ledger, "periods", "close", "2025-01", *BY, "--leave-held")
        run(ledger, "send", "--period", "2025-01")
    return ledger / "outbox/2025-01"


def compare(request, name, found: dict[str, bytes]):
    folder = GOLDEN / name
    if request.config.getoption("--update-golden"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file, data in found.items():
            (folder / file).write_bytes(data)
    kept = {path.name: path.read_bytes() for path in folder.glob("*.eml")}
    assert kept.keys() == found.keys()
    different = [file for file in kept if kept[file] != found[file]]
    assert not different, f"{different} differ from tests/deliver/golden/{name}"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.eml"))}


@pytest.mark.mostly_slow(but=2)
@pytest.mark.parametrize("case", EMAIL)
def test_statements(case, tmp_path, request):
    compare(request, case, files(outbox(tmp_path, case)))


def test_a_draft(tmp_path, request):
    found = files(outbox(tmp_path, "plain", draft=True))
    compare(request, "draft", found)
    for data in found.values():
        message = email.message_from_bytes(data, policy=policy)
        assert message["Subject"].startswith("DRAFT statements, January 2025: object by 3 Feb 2099")
        text = message.get_body(("plain",)).get_content()
        assert text.startswith("DRAFT: Charges for January 2025")
        assert "would be charged to" in text
        assert "No payment is needed" not in text


def test_a_question(tmp_path, request):
    ledger = Repository(tmp_path / "ledger")
    settings = "email: {from: billing@example.edu, grants: grants@example.edu}"
    ledger.write("config.yaml", f"organization: Test University\nsources: {{aws: {{credit_fund: C-1}}}}\n{settings}\n")
    ledger.write("charges/2025-01/aws.csv", HEAD + row("12.345", fund=""))
    ledger.write("directory/people.yaml", PEOPLE)
    ledger.write("directory/projects.yaml", PROJECTS)
    (item,) = json.loads(ledger.run("review", "list", "--json").stdout)["items"]
    ledger.run("review", "ask", item["item"])
    compare(request, "question", files(ledger.root / "outbox/2025-01"))


def test_a_month_for_finance(tmp_path, request):
    ledger = closed(tmp_path / "ledger", "email: {from: billing@example.edu, finance: finance@example.edu}\n")
    send_finance(open_books(ledger.root), "2025-01", write, office())
    compare(request, "finance", files(ledger.root / "outbox/2025-01"))


@pytest.mark.slow
def test_a_message_with_a_pdf_is_the_same_each_time(tmp_path):
    found = []
    for number in range(2):
        ledger = closed(tmp_path / str(number)).root
        run(ledger, "send", "--period", "2025-01")
        found.append(files(ledger / "outbox/2025-01"))
    assert found[0] == found[1]
    assert len(found[0]) == 2
    assert all(b"application/pdf" in data for data in found[0].values())


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.eml")), ids=lambda path: f"{path.parent.name}-{path.stem[:12]}")
def test_every_message_reads_alike_in_text_and_html_and_loads_nothing(path):
    message = email.message_from_bytes(path.read_bytes(), policy=policy)
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Bcc"] is None
    assert re.findall(r"""(?:src|background)=["']([^"']+)""", html) in ([], ["cid:logo@openchargeback"])
    assert all(address.startswith((URL, "mailto:", "https://")) for address in re.findall(r'href="([^"]+)"', html))
    figures = re.findall(r"\d[\d,]*\.\d\d", text)
    plain = re.sub(r"<[^>]*>", " ", html)
    assert all(figure in plain for figure in figures)
    assert max(map(len, path.read_bytes().splitlines())) < 998


@pytest.mark.slow
def test_a_template_of_the_ledger_wins_and_its_faults_stop_everything(tmp_path):
    ledger = closed(tmp_path / "ledger")
    own = ledger.root / "templates/email/statements.txt"
    own.parent.mkdir(parents=True)
    own.write_text("Dear {{ letter.name }}: {{ letter.total.due | money }}\n")
    ledger.commit()
    ledger.run("send", "--period", "2025-01")
    (first, _) = files(ledger.root / "outbox/2025-01").values()
    message = email.message_from_bytes(first, policy=policy)
    assert message.get_body(("plain",)).get_content() == "Dear ada@example.edu: 16.35\r\n"

    shutil.rmtree(ledger.root / "outbox")
    own.write_text("Dear {{ letter.nobody }}\n")
    done = ledger.run("send", "--period", "2025-01", code=1)
    assert "templates/email/statements.txt:1" in done.stderr
    own.unlink()
    html = own.with_suffix(".html")
    html.write_text('<p><img src="https://tracker.example/x.png"></p>')
    done = ledger.run("send", "--period", "2025-01", code=1)
    assert "the email would load something from elsewhere, on line 1" in done.stderr
    assert not (ledger.root / "outbox").exists()
