"""Reports of five mail servers are read alike; what is no report of a failed delivery changes nothing."""

import datetime as dt
import json
import mailbox
from dataclasses import replace
from pathlib import Path

import pytest
from mail_host import closed

from openchargeback.deliver.bounces import bounced, read_reports
from openchargeback.ledger.deliveries import Delivery, DeliveryKind, DeliveryState, deliveries_text, read_deliveries
from openchargeback.problems import UsageFault

REPORTS = Path(__file__).parent / "reports"
SENT = Delivery(
    id="ada.1@example.edu", kind=DeliveryKind.STATEMENTS, to="ada@example.edu", state=DeliveryState.SENT,
    at="2025-02-06T09:00:00Z", reply="250 OK",
)  # fmt: skip


@pytest.mark.parametrize(
    ("server", "status", "reason"),
    [
        ("postfix", "5.1.1", "550 5.1.1 <ada@example.edu>: Recipient address rejected: User unknown"),
        ("exchange", "5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ada@example.edu not found by SM"),
        ("gmail", "5.1.1", "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1"),
        ("sendmail", "5.2.2", "554 5.2.2 mailbox full"),
        ("exim", "5.0.0", ""),
    ],
)
def test_the_report_of(server, status, reason):
    (report,), other = read_reports(REPORTS / f"{server}.eml")
    assert other == 0
    assert (report.id, report.address) == (SENT.id, "ada@example.edu")
    assert report.bounce.on == dt.date(2025, 2, 6)
    assert report.bounce.status == status
    assert report.bounce.reason.startswith(reason)
    assert bounced({"2025-01": [SENT]}, [report])["2025-01"] == [replace(SENT, bounce=report.bounce)]


def changed(server, *pairs):
    text = (REPORTS / f"{server}.eml").read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


AWAY = """\
From: Ada <ada@example.edu>
To: billing@example.edu
Auto-Submitted: auto-replied
In-Reply-To: <ada.1@example.edu>
Subject: Out of office
Content-Type: text/plain

I am away. Action: failed
Status: 5.1.1
"""


@pytest.mark.parametrize(
    "text",
    [
        changed("postfix", ("Action: failed", "Action: delayed")),
        changed("gmail", ("Action: failed", "Action: delivered")),
        changed("exchange", ("report-type=delivery-status", "report-type=disposition-notification")),
        AWAY,
        "From: Ada <ada@example.edu>\nIn-Reply-To: <ada.1@example.edu>\nSubject: Re: statements\n\nThis is wrong!\n",
        "",
        "\x00\x01 not a message",
    ],
)
def test_what_is_no_report_of_a_failed_delivery_is_only_counted(tmp_path, text):
    (tmp_path / "one.eml").write_text(text)
    assert read_reports(tmp_path) == ([], 1)


def test_a_report_on_someone_elses_message_or_one_that_is_noted_changes_nothing():
    reports, _ = read_reports(REPORTS / "postfix.eml")
    assert bounced({"2025-01": [replace(SENT, id="other@example.edu")]}, reports) == {}
    noted = replace(SENT, bounce=reports[0].bounce)
    assert bounced({"2025-01": [noted]}, reports) == {}


def test_a_message_of_unknown_fate_that_came_back_was_sent():
    reports, _ = read_reports(REPORTS / "postfix.eml")
    unknown = replace(SENT, state=DeliveryState.SENDING, reply="")
    (entry,) = bounced({"2025-01": [unknown]}, reports)["2025-01"]
    assert (entry.state, entry.undelivered) == (DeliveryState.SENT, True)
    text = deliveries_text([entry])
    assert read_deliveries(text.encode(), "deliveries/2025-01.yaml")[1] == []


def test_an_mbox_with_several(tmp_path):
    box = mailbox.mbox(tmp_path / "box")
    for name in ("postfix", "gmail"):
        box.add((REPORTS / f"{name}.eml").read_bytes())
    box.add(b"From: x@example.edu\nSubject: hello\n\nFrom here on, all is well\n")
    box.close()
    reports, other = read_reports(tmp_path / "box")
    assert ([each.bounce.status for each in reports], other) == (["5.1.1", "5.1.1"], 1)


def test_nothing_there(tmp_path):
    with pytest.raises(UsageFault, match="does not exist; name an mbox file"):
        read_reports(tmp_path / "none")


def test_the_command_records_them_for_status_and_portal(tmp_path):
    ledger = closed(tmp_path / "ledger")
    ledger.write("deliveries/2025-01.yaml", deliveries_text([SENT]))
    ledger.commit()
    done = ledger.run("send", "--bounces", str(REPORTS / "postfix.eml"))
    assert "bounced: ada@example.edu: 5.1.1 550 5.1.1" in done.stdout
    assert "1 message came back" in done.stdout
    assert "git add deliveries/2025-01.yaml" in done.stdout
    again = ledger.run("send", "--bounces", str(REPORTS))
    assert "0 messages came back; 5 reports already recorded or not about our messages" in again.stdout
    status = ledger.run("send", "--status", "--period", "2025-01")
    assert status.stdout.splitlines()[-1] == "0 messages sent, 1 bounced"
    told = json.loads(ledger.run("send", "--status", "--period", "2025-01", "--json").stdout)
    assert [(each["to"], each["state"]) for each in told["undelivered"]] == [("ada@example.edu", "bounced")]
    ledger.run("build", "-o", str(tmp_path / "public"), "--no-pdf")
    page = (tmp_path / "public/periods/2025-01/index.html").read_text()
    assert "Not delivered" in page
    assert "came back: 5.1.1 550 5.1.1 &lt;ada@example.edu&gt;" in page
