"""A closed month's bundle goes to finance once: by email, or into a folder."""

import email
import io
import shutil
import zipfile
from email.policy import default as policy
from pathlib import Path

import pytest
from mail_host import closed, email_text, mail_host, office

from openchargeback.deliver.finance import send_finance
from openchargeback.deliver.log import Log
from openchargeback.ledger.deliveries import DeliveryState
from openchargeback.problems import UsageFault
from openchargeback.publish.books import open_books
from repository import Repository

SAMPLE = Path(__file__).parents[2] / "ledger"


def write(folder):
    path = folder / "2025-01-for-finance.zip"
    path.write_bytes(b"PK\x05\x06" + bytes(18))
    return path


@pytest.fixture
def host():
    with mail_host() as made:
        yield made


def test_by_email_once(tmp_path, host):
    ledger = closed(tmp_path / "ledger", email_text(host.port, finance="finance@example.edu"))
    books = open_books(ledger.root)
    assert send_finance(books, "2025-01", write, office()).outcome.complete
    ((to, data),) = host.messages
    message = email.message_from_bytes(data, policy=policy)
    assert to == "finance@example.edu"
    (archive,) = message.iter_attachments()
    assert (archive.get_filename(), archive.get_content()[:2]) == ("2025-01-for-finance.zip", b"PK")
    assert "  Debits                   23.35" in message.get_body(("plain",)).get_content()

    again = send_finance(books, "2025-01", write, office())
    assert (again.outcome.sent, len(host.messages)) == ([], 1)
    send_finance(books, "2025-01", write, office(), why="they lost it")
    assert [each.attempt for each in Log(ledger.root, "2025-01").deliveries] == [1, 2]
    assert len(host.messages) == 2


def test_into_a_folder(tmp_path):
    ledger = closed(tmp_path / "ledger")
    books, drop = open_books(ledger.root), tmp_path / "drop"
    with pytest.raises(UsageFault, match="nobody gets the bundle"):
        send_finance(books, "2025-01", write, office())
    with pytest.raises(UsageFault, match="is not a folder; create it"):
        send_finance(books, "2025-01", write, office(), drop=str(drop))
    drop.mkdir()
    (done,) = send_finance(books, "2025-01", write, office(), drop=str(drop)).outcome.sent
    assert (done.to, done.reply) == ("drop-folder", "copied as 2025-01-for-finance.zip")
    assert [path.name for path in drop.iterdir()] == ["2025-01-for-finance.zip"]
    assert str(drop) not in (ledger.root / "deliveries/2025-01.yaml").read_text()


def test_a_folder_that_cannot_be_written_has_failed_and_is_tried_again(tmp_path):
    ledger = closed(tmp_path / "ledger")
    books, drop = open_books(ledger.root), tmp_path / "drop"
    (drop / "2025-01-for-finance.zip").mkdir(parents=True)
    with pytest.raises(UsageFault):
        send_finance(books, "2025-01", write, office(), drop=str(drop))
    (entry,) = Log(ledger.root, "2025-01").deliveries
    assert (entry.state, entry.reply[:12]) == (DeliveryState.FAILED, "not copied: ")
    assert str(tmp_path) not in entry.reply
    (drop / "2025-01-for-finance.zip").rmdir()
    assert send_finance(books, "2025-01", write, office(), drop=str(drop)).outcome.complete


def test_too_large_for_an_email(tmp_path, host):
    ledger = closed(tmp_path / "ledger", email_text(host.port, finance="finance@example.edu", max_size="1"))

    def large(folder):
        path = write(folder)
        path.write_bytes(bytes(800_000))
        return path

    with pytest.raises(UsageFault, match=r"makes a message of 1 MB, more than `email\.max_size`"):
        send_finance(open_books(ledger.root), "2025-01", large, office())
    assert host.messages == []


def test_the_command_hands_over_the_real_bundle(tmp_path, host):
    ledger = closed(tmp_path / "ledger", email_text(host.port, finance="finance@example.edu"))
    done = ledger.run("send", "--period", "2025-01", "--finance")
    assert "2025-01 handed to finance@example.edu: 250 2.0.0 Ok: queued as 00001" in done.stdout
    ((_, data),) = host.messages
    (archive,) = email.message_from_bytes(data, policy=policy).iter_attachments()
    assert archive.get_filename() == "2025-01-for-finance.zip"
    with zipfile.ZipFile(io.BytesIO(archive.get_content())) as found:
        assert "2025-01-for-finance/index.html" in found.namelist()
    assert "was handed to finance before" in ledger.run("send", "--period", "2025-01", "--finance").stdout
    assert "was handed to finance before" in ledger.run("send", "--finance", "2025-01").stdout
    assert "different months" in ledger.run("send", "--finance", "2025-01", "--period", "2025-02", code=2).stderr
    assert "is not a period" in ledger.run("send", "--finance", "January", code=2).stderr
    drop = tmp_path / "drop"
    drop.mkdir()
    ledger.run("send", "--period", "2025-01", "--finance", "--drop", str(drop))
    assert [path.name for path in drop.iterdir()] == ["2025-01-for-finance.zip"]


@pytest.mark.slow
def test_the_bundle_of_a_closed_month_of_the_sample_ledger_is_what_bundle_writes(tmp_path, host):
    """Finance gets by email exactly what anyone can write and verify from the ledger."""
    ledger = Repository(tmp_path / "ledger")
    shutil.copytree(SAMPLE, ledger.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".openchargeback"))
    settings = (ledger.root / "config.yaml").read_text(encoding="utf-8")
    ledger.write("config.yaml", settings + email_text(host.port, finance="finance@example.edu"))
    ledger.commit()
    ledger.run("bundle", "2024-12", "-o", str(tmp_path / "finance"))
    ledger.run("send", "--period", "2024-12", "--finance")
    ((_, data),) = host.messages
    message = email.message_from_bytes(data, policy=policy)
    (archive,) = message.iter_attachments()
    assert message["Subject"] == "For finance: research computing, December 2024 (Research Computing)"
    assert "Statements                  25" in message.get_body(("plain",)).get_content()
    assert archive.get_content() == (tmp_path / "finance" / archive.get_filename()).read_bytes()
    with zipfile.ZipFile(io.BytesIO(archive.get_content())) as found:
        names = found.namelist()
    assert sum(name.endswith(".pdf") for name in names) == 25
    assert any(name.endswith("control-totals.json") for name in names)
