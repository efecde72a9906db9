"""Statements by email: one message to each PI, once each, with a log on disk before and after."""

import email
import json
from email.policy import default as policy

import pytest
from mail_host import closed, email_text, mail_host

from openchargeback.ledger.deliveries import DeliveryState, read_deliveries


def log_of(ledger, period="2025-01"):
    path = ledger.root / f"deliveries/{period}.yaml"
    found, problems = read_deliveries(path.read_bytes(), path.name) if path.exists() else ((), [])
    assert problems == []
    return found


@pytest.fixture
def host():
    with mail_host() as made:
        yield made


def test_one_message_to_each_pi_with_the_pdf_and_a_log_before_and_after(tmp_path, host):
    ledger = closed(tmp_path / "ledger", email_text(host.port))
    before = []
    host.on_data = lambda: before.append({each.to: each.state for each in log_of(ledger)})
    done = ledger.run("send", "--period", "2025-01")
    assert "2 messages sent" in done.stdout
    assert before == [
        {"ada@example.edu": DeliveryState.SENDING},
        {"ada@example.edu": DeliveryState.SENT, "ben@example.edu": DeliveryState.SENDING},
    ]
    assert [(each.to, each.state) for each in log_of(ledger)] == [
        ("ada@example.edu", DeliveryState.SENT),
        ("ben@example.edu", DeliveryState.SENT),
    ]
    assert log_of(ledger)[0].reply == "250 2.0.0 Ok: queued as 00001"
    message = email.message_from_bytes(host.messages[0][1], policy=policy)
    assert message["To"] == "ada@example.edu"
    assert message["Auto-Submitted"] == "auto-generated"
    (pdf,) = [part for part in message.walk() if part.get_content_type() == "application/pdf"]
    assert pdf.get_content().startswith(b"%PDF-1.7")
    assert pdf.get_filename() == f"2025-01_p1_{log_of(ledger)[0].statements[0].number[8:]}.pdf"
    assert "Amount due: USD 16.35" in message.get_body(("plain",)).get_content()

    again = ledger.run("send", "--period", "2025-01")
    assert "nothing to send" in again.stdout
    assert len(host.messages) == 2
    assert json.loads(ledger.run("validate", "--format", "json").stdout)["valid"]
