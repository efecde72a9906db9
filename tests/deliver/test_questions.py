"""`review ask` mails a PI the funds to choose from; `review reassign --answer` decides as the answer says."""

import email
import json
import re
from email.policy import default as policy

import pytest
from mail_host import email_text, mail_host

from repository import HEAD, Repository, row

PEOPLE = "people:\n  - {email: ada@example.edu, name: Ada}\n  - {email: ben@example.edu, name: Ben}\n"
PROJECTS = """projects:
  - {id: p1, title: Project One, pi: ada@example.edu}
  - {id: p2, title: Project Two, pi: ada@example.edu, fund: F-2, funds: [F-3]}
  - {id: p3, title: Project Three, pi: ben@example.edu, fund: F-9}
"""


@pytest.fixture
def host():
    with mail_host() as made:
        yield made


@pytest.fixture
def ledger(tmp_path, host):
    made = Repository(tmp_path / "ledger")
    made.write(
        "config.yaml",
        "organization: Test University\nsources: {aws: {credit_fund: C-1}}\n"
        + email_text(host.port, grants="grants@example.edu", reply_to="rc@example.edu"),
    )
    made.write("charges/2025-01/aws.csv", HEAD + row("12.345", fund="") + row("7", "r3", pi="ben@example.edu"))
    made.write("directory/people.yaml", PEOPLE)
    made.write("directory/projects.yaml", PROJECTS)
    made.write(".gitignore", ".openchargeback/\nout*\npublic/\n")
    made.commit()
    return made


def item_of(ledger):
    items = json.loads(ledger.run("review", "list", "--json").stdout)["items"]
    (item,) = [each for each in items if each["pi"] == "ada@example.edu"]
    return item


def answer(question, text, sender="Ada <ada@example.edu>", **headers):
    lines = {
        "From": sender,
        "To": "rc@example.edu",
        "Subject": f"Re: {question['Subject']}",
        "Date": "Mon, 03 Feb 2025 09:30:00 -0500",
        "Message-ID": "<answer.7@example.edu>",
        "In-Reply-To": question["Message-ID"],
        **headers,
    }
    head = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in lines.items() if value)
    return f"{head}Content-Type: text/plain; charset=utf-8\n\n{text}\n"


def asked(ledger, host):
    item = item_of(ledger)
    ledger.run("review", "ask", item["item"])
    return item, email.message_from_bytes(host.messages[0][1], policy=policy)


def test_asking_answering_and_deciding(ledger, host, tmp_path):
    item, question = asked(ledger, host)
    assert [to for to, _ in host.messages] == ["ada@example.edu", "grants@example.edu"]
    text = question.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert "  1. F-2, Project Two\n  2. F-3, Project Two\n" in text
    assert "F-9" not in text
    assert "Nobody has been billed yet. Reason: " in text
    assert question["Reply-To"] == "rc@example.edu"
    listed = ledger.run("review", "list").stdout
    assert re.search(r"asked \d+ \w{3}, no answer", listed)
    ledger.run("build", "-o", str(tmp_path / "public"), "--no-pdf")
    assert re.search(r"asked \d+ \w{3}, no answer", (tmp_path / "public/review/index.html").read_text())

    file = tmp_path / "answer.eml"
    file.write_text(answer(question, "2\n\nThanks!\n-- \nAda\n\nOn Mon, RC wrote:\n> 1. F-2, Project Two\n"))
    done = ledger.run("review", "reassign", "--answer", str(file), "--by", "rc@example.edu")
    assert "Wrote approvals/2025-01/" in done.stdout
    (path,) = (ledger.root / "approvals/2025-01").iterdir()
    written = path.read_text()
    assert 'set: {pi: "ada@example.edu", project: "p2", fund: "F-3"}' in written
    assert 'reason: "ada@example.edu answered on 3 Feb 2025: 2 Thanks!"' in written
    assert re.search(
        r'answer: \{from: ada@example.edu, "on": 2025-02-03, id: answer.7@example.edu, sha256: "[0-9a-f]{64}"\}',
        written,
    )
    assert ledger.run("review", "list", "--json").stdout.count(item["item"]) == 0
    assert json.loads(ledger.run("validate", "--format", "json").stdout)["valid"]


def test_funds_that_only_tags_name_are_to_choose_from_until_they_have_ended(ledger, host):
    past = [row("1", "r4", fund="G-7"), row("3", "r6", fund="G-9")]
    ledger.write("charges/2024-12/aws.csv", HEAD + "".join(past).replace("2025-01", "2024-12"))
    ledger.write("charges/2023-12/aws.csv", HEAD + row("4", "r7", fund="G-1", month="2023-12"))
    active = "".join(f"  - {{id: {each}}}\n" for each in ("G-1", "G-7", "F-1", "F-2", "F-3"))
    ledger.write("directory/funds.yaml", f"funds:\n  - {{id: G-9, until: 2024-12-31}}\n{active}")
    ledger.commit()
    _, question = asked(ledger, host)
    text = question.get_body(("plain",)).get_content().replace("\r\n", "\n")
    offered = re.findall(r"^ +\d+\. (.*)$", text, re.MULTILINE)
    assert offered == ["G-7, Project One", "F-2, Project Two", "F-3, Project Two"]


def test_asking_again_needs_a_reason(ledger, host):
    item, _ = asked(ledger, host)
    done = ledger.run("review", "ask", item["item"], code=2)
    assert f"were asked about {item['item']} on" in done.stderr
    assert "--again WHY" in done.stderr
    ledger.run("review", "ask", item["item"], "--again", "no answer in two weeks")
    assert len({data.partition(b"Message-ID")[2][:60] for _, data in host.messages}) == 4


@pytest.mark.mostly_slow(but=3)
@pytest.mark.parametrize(
    ("text", "headers", "fault"),
    [
        ("either F-2 or F-3", {}, "names several funds: F-2, F-3"),
        ("use my startup money", {}, "names none of the funds that were offered"),
        ("7", {}, "names none of the funds"),
        ("1", {"sender": "Eve <eve@evil.example>"}, "is from eve@evil.example, and ada@example.edu was asked"),
        ("1", {"Auto_Submitted": "auto-replied"}, "was written by a program"),
        ("1", {"In-Reply-To": "<x@y>", "Subject": "hello"}, "answers no question of this ledger"),
        (">1\n> 2", {}, "names none of the funds"),
    ],
)
def test_what_is_no_answer_decides_nothing(ledger, host, tmp_path, text, headers, fault):
    _, question = asked(ledger, host)
    file = tmp_path / "answer.eml"
    file.write_text(answer(question, text, **headers))
    done = ledger.run("review", "reassign", "--answer", str(file), code=2)
    assert fault in done.stderr
    assert not (ledger.root / "approvals").exists()


def test_a_fund_given_by_hand_wins_and_a_subject_is_enough(ledger, host, tmp_path):
    _, question = asked(ledger, host)
    file = tmp_path / "answer.eml"
    file.write_text(answer(question, "charge my new grant F-77 please", **{"In-Reply-To": ""}))
    ledger.run("review", "reassign", "--answer", str(file), "--set-fund", "F-77", "--by", "rc@example.edu")
    (path,) = (ledger.root / "approvals/2025-01").iterdir()
    assert 'set: {fund: "F-77"}' in path.read_text()
    assert "charge my new grant F-77 please" in path.read_text()


def test_nobody_to_ask(ledger, host):
    items = json.loads(ledger.run("review", "list", "--json").stdout)["items"]
    assert len(items) == 2 or items
    done = ledger.run("review", "ask", "q0000000000", code=2)
    assert "is not in the queue" in done.stderr
    assert host.messages == []
