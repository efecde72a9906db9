"""Statements by email: one message to each PI, once each, with a log on disk before and after."""

import email
import json
from email.policy import default as policy

import pytest
from mail_host import BY, closed, email_text, mail_host, office

from openchargeback.deliver import preparing
from openchargeback.deliver.parcels import Request
from openchargeback.deliver.statements import send_statements
from openchargeback.ledger.deliveries import DeliveryState, read_deliveries
from openchargeback.problems import OutsideFault, UsageFault
from openchargeback.publish.books import open_books
from repository import january


def log_of(ledger, period="2025-01"):
    path = ledger.root / f"deliveries/{period}.yaml"
    found, problems = read_deliveries(path.read_bytes(), path.name) if path.exists() else ((), [])
    assert problems == []
    return found


@pytest.fixture
def host():
    with mail_host() as made:
        yield made


ADA, BEN = "ada@example.edu", "ben@example.edu"
SENDING, SENT = DeliveryState.SENDING, DeliveryState.SENT


@pytest.mark.parametrize(
    ("throttle", "logged"),
    [
        ("6000", [{ADA: SENDING}, {ADA: SENT, BEN: SENDING}]),
        # Many in a row are in the log before the first of them leaves.
        ("0", [{ADA: SENDING, BEN: SENDING}, {ADA: SENDING, BEN: SENDING}]),
    ],
)
def test_one_message_to_each_pi_with_the_pdf_and_a_log_before_and_after(tmp_path, host, throttle, logged):
    ledger = closed(tmp_path / "ledger", email_text(host.port, throttle=throttle))
    before = []
    host.on_data = lambda: before.append({each.to: each.state for each in log_of(ledger)})
    done = ledger.run("send", "--period", "2025-01")
    assert "2 messages sent" in done.stdout
    assert before == logged
    assert [(each.to, each.state) for each in log_of(ledger)] == [(ADA, SENT), (BEN, SENT)]
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


def test_what_is_too_large_to_attach_is_linked(tmp_path, host, monkeypatch):
    ledger = closed(tmp_path / "ledger", "portal: {url: https://billing.example.edu}\n" + email_text(host.port))
    monkeypatch.setattr("openchargeback.deliver.preparing.MEGABYTE", 1_000)
    send_statements(open_books(ledger.root), "2025-01", Request(), office())
    message = email.message_from_bytes(host.messages[0][1], policy=policy)
    assert [*message.iter_attachments()] == []
    for kind in ("plain", "html"):
        text = message.get_body((kind,)).get_content()
        assert "https://billing.example.edu/statements/2025-01/ada@example.edu/2025-01_p1_" in text


@pytest.mark.parametrize(("attach", "why"), [("link", "`email.attach` is link"), ("pdf", "ada@example.edu are larger")])
def test_without_a_portal_nothing_can_be_linked_so_nothing_is_sent(tmp_path, host, monkeypatch, attach, why):
    ledger = closed(tmp_path / "ledger", email_text(host.port, attach=attach))
    monkeypatch.setattr("openchargeback.deliver.preparing.MEGABYTE", 1_000)
    with pytest.raises(UsageFault, match=f"{why}.* there is no portal to link to; set `portal.url`"):
        send_statements(open_books(ledger.root), "2025-01", Request(), office())
    assert (host.messages, log_of(ledger)) == ([], ())


def test_a_missing_pdf_sends_nothing(tmp_path, host, monkeypatch):
    ledger = closed(tmp_path / "ledger", email_text(host.port))
    real = preparing.kept_or_rendered
    monkeypatch.setattr(preparing, "kept_or_rendered", lambda *given: [*real(*given)][1:])
    with pytest.raises(OutsideFault, match=r"there is no PDF of 2025-01-\w{10}, so nothing was sent"):
        send_statements(open_books(ledger.root), "2025-01", Request(), office())
    assert (host.messages, log_of(ledger)) == ([], ())


def test_a_logo_that_cannot_be_drawn_is_named(tmp_path):
    ledger = closed(tmp_path / "ledger", "email: {attach: none}\n")
    assert "logo" not in ledger.run("send", "--period", "2025-01", "--dry-run").stderr
    ledger.write("logo.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0"><path d="M0 0h9v9z"/></svg>')
    config = (ledger.root / "config.yaml").read_text()
    ledger.write(
        "config.yaml", config.replace("organization: Test University", "organization: {name: T, logo: logo.svg}")
    )
    ledger.commit()
    note = "note: messages have no logo, since logo.svg cannot be drawn; use a simpler SVG or a PNG"
    assert note in ledger.run("send", "--period", "2025-01", "--dry-run").stderr


def test_development_mode_names_an_address_that_no_mail_can_go_to(tmp_path):
    ledger = january(tmp_path / "ledger")
    charges = ledger.root / "charges/2025-01/aws.csv"
    charges.write_text(charges.read_text().replace("ben@example.edu", "ben@exa..mple"))
    ledger.write("config.yaml", (ledger.root / "config.yaml").read_text() + "email: {attach: none}\n")
    ledger.commit()
    ledger.run("periods", "close", "2025-01", *BY)
    ledger.commit()
    done = ledger.run("send", "--period", "2025-01", code=3)
    assert done.stdout.startswith("1 message written to ")
    assert "failed: ben@exa..mple: not written: the part after the @ is not the name of a mail domain" in done.stderr
    assert [each.name.split("_")[0] for each in (ledger.root / "outbox/2025-01").iterdir()] == ["ada@example.edu"]
    planned = ledger.run("send", "--period", "2025-01", "--dry-run").stdout
    assert "ben@exa..mple (no mail can go there: the part after the @ is not the name of a mail domain):" in planned


def test_an_open_month_is_refused_but_for_a_draft(tmp_path, host):
    ledger = january(tmp_path / "ledger")
    ledger.write("config.yaml", (ledger.root / "config.yaml").read_text() + email_text(host.port, attach="none"))
    ledger.commit()
    done = ledger.run("send", "--period", "2025-01", code=2)
    assert "2025-01 is open, so its statements are not final; close it first" in done.stderr
    assert "belong together" in ledger.run("send", "--period", "2025-01", "--draft", code=2).stderr
    past = ledger.run("send", "--period", "2025-01", "--draft", "--object-by", "2025-01-01", code=2)
    assert "is in the past" in past.stderr
    ledger.run("send", "--period", "2025-01", "--draft", "--object-by", "2099-01-01")
    assert [str(each.kind) for each in log_of(ledger)] == ["draft", "draft"]
    assert all(b"Subject: DRAFT statements, January 2025" in data for _, data in host.messages)
    # A draft never counts as the statement.
    ledger.run("periods", "close", "2025-01", *BY)
    unsaved = ledger.run("send", "--period", "2025-01", code=2)
    assert "is not committed; commit the closing of 2025-01" in unsaved.stderr
    ledger.commit()
    closed_ = ledger.run("send", "--period", "2025-01", "--draft", "--object-by", "2099-01-01", code=2)
    assert "2025-01 is closed, so there is nothing to object to" in closed_.stderr
    assert "2 messages sent" in ledger.run("send", "--period", "2025-01").stdout


def test_a_finalized_month_is_sent_and_its_log_stays_writable(tmp_path, host):
    ledger = closed(tmp_path / "ledger", email_text(host.port, attach="none"))
    ledger.run("periods", "finalize", "2025-01", *BY)
    ledger.commit()
    assert "2 messages sent" in ledger.run("send", "--period", "2025-01").stdout
    ledger.commit()
    again = ledger.run("send", "--period", "2025-01", "--only", "ben@example.edu", "--resend", "deleted by mistake")
    assert "1 message sent" in again.stdout
    last = log_of(ledger)[-1]
    assert (last.to, last.attempt, last.why) == ("ben@example.edu", 2, "deleted by mistake")
    assert json.loads(ledger.run("validate", "--format", "json").stdout)["valid"]


def test_a_revision_sends_only_what_changed(tmp_path, host):
    ledger = closed(tmp_path / "ledger", email_text(host.port, attach="none"))
    ledger.run("send", "--period", "2025-01")
    ledger.commit()
    ledger.run("periods", "open", "2025-01")
    text = (ledger.root / "charges/2025-01/aws.csv").read_text()
    ledger.write("charges/2025-01/aws.csv", text.replace("01,7,20", "01,6,20"))
    ledger.commit()
    ledger.run("periods", "close", "2025-01", *BY)
    ledger.commit()
    told = json.loads(ledger.run("send", "--period", "2025-01", "--json").stdout)
    assert [(each["to"], each["state"]) for each in told["messages"]] == [("ben@example.edu", "sent")]
    assert b"Subject: Revised statements, January 2025" in host.messages[-1][1]


def test_generating_and_sending_in_one_command(tmp_path, host):
    ledger = closed(tmp_path / "ledger", email_text(host.port))
    done = ledger.run("generate", "--period", "2025-01", "--send", "-o", str(tmp_path / "out"))
    assert "2 messages sent" in done.stdout
    assert len(list((tmp_path / "out").rglob("*.pdf"))) == 2
    assert len(host.messages) == 2


def test_a_failure_is_exit_3_after_all_others_were_sent(tmp_path, host):
    host.answer = lambda step, to: "550 5.1.1 no such user" if (step, to) == ("RCPT", "ada@example.edu") else None
    ledger = closed(tmp_path / "ledger", email_text(host.port, attach="none"))
    done = ledger.run("send", "--period", "2025-01", code=3)
    assert "failed: ada@example.edu: 550 5.1.1 no such user" in done.stderr
    assert "1 message sent" in done.stdout
    assert [to for to, _ in host.messages] == ["ben@example.edu"]


def test_with_an_error_in_the_ledger_nothing_is_sent(tmp_path, host):
    ledger = closed(tmp_path / "ledger", email_text(host.port))
    ledger.write("deliveries/2025-01.yaml", "deliveries: [{id: x}]\n")
    assert "missing-key" in ledger.run("send", "--period", "2025-01", code=1).stderr
    ledger.write("deliveries/2025-01.yaml", "")
    assert "empty-file" in ledger.run("send", "--period", "2025-01", code=1).stderr
    assert host.messages == []


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--resend", "again"), "say which with --only EMAIL, or --unknown"),
        (("--unknown",), "--unknown needs --resend WHY"),
        (("--only", "ada@example.edu", "--resend", " "), "--resend needs a reason"),
        (("--only", "ada@example.edu", "--resend", "x" * 2001), "the reason has 2,001 characters"),
        (("--finance", "--resend", "x" * 2001), "the reason has 2,001 characters"),
        (("--only", "nobody@example.edu"), "nothing in 2025-01 is for nobody@example.edu"),
    ],
)
def test_wrong_usage(tmp_path, options, fault):
    ledger = closed(tmp_path / "ledger", "email: {attach: none}\n")
    assert fault in ledger.run("send", "--period", "2025-01", *options, code=2).stderr
