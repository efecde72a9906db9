"""A run in CI reserves on a branch what it sends: two runs at once, and a runner that dies, send nothing twice."""

import subprocess

import pytest
from mail_host import NO_MAIL, Hands, closed, email_text, mail_host, office, settings

from openchargeback.deliver.log import Log
from openchargeback.deliver.parcels import Request
from openchargeback.deliver.reservation import Reservation, closed_since
from openchargeback.deliver.statements import plan_statements, send_statements
from openchargeback.deliver.transport import MailServer
from openchargeback.files import git
from openchargeback.ledger.deliveries import DeliveryState, read_deliveries
from openchargeback.problems import OutsideFault, UsageFault
from openchargeback.publish.books import open_books

BRANCH = "deliveries/2025-01"


@pytest.fixture
def host():
    with mail_host() as made:
        yield made


@pytest.fixture(autouse=True)
def _identity(monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "ci")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ci@example.edu")


@pytest.fixture
def ledger(tmp_path, host):
    made = closed(tmp_path / "ledger", email_text(host.port, attach="none"))
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "remote.git"], check=True)
    made.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    made.git("push", "-q", "origin", "main")
    return made


def fresh(tmp_path, name):
    """A runner's checkout of main."""
    subprocess.run(["git", "clone", "-q", "-b", "main", tmp_path / "remote.git", tmp_path / name], check=True)
    return tmp_path / name


def on_branch(root):
    tip = git.fetch_branch(root, "origin", BRANCH)
    data = git.file_at(root, tip, "deliveries/2025-01.yaml") if tip else None
    found, problems = read_deliveries(data, "x") if data else ((), [])
    assert problems == []
    return {each.to: each.state for each in found}


def send(root, **more):
    return send_statements(open_books(root), "2025-01", Request(), office(Hands(), reserve="origin", **more))


def test_what_is_sent_stands_on_the_branch_before_and_after(ledger, tmp_path, host):
    seen = []
    host.on_data = lambda: seen.append(on_branch(ledger.root))
    assert send(ledger.root).outcome.complete
    assert seen[0] == dict.fromkeys(("ada@example.edu", "ben@example.edu"), DeliveryState.SENDING)
    assert on_branch(ledger.root) == dict.fromkeys(("ada@example.edu", "ben@example.edu"), DeliveryState.SENT)
    # Another checkout of main, which does not have the log yet, learns from the branch.
    other = fresh(tmp_path, "other")
    assert send(other).messages == ()
    assert len(host.messages) == 2
    # The branch is one commit after the other on top of main, and touches nothing but the log.
    changed = ledger.git("diff", "--name-only", "main", git.fetch_branch(ledger.root, "origin", BRANCH))
    assert changed == "deliveries/2025-01.yaml"
    assert git.is_ancestor(
        ledger.root, git.resolve(ledger.root, "main"), git.fetch_branch(ledger.root, "origin", BRANCH)
    )


def test_a_runner_that_died_leaves_its_messages_unknown_to_the_next_one(ledger, tmp_path, host):
    books = open_books(ledger.root)
    log = Log(ledger.root, "2025-01")
    plan = plan_statements(books, "2025-01", Request())
    reservation = Reservation.taken_up(ledger.root, "origin", log)
    reservation.reserve([message.delivery for message in plan.messages], Hands().clock)
    # Here the machine is gone: nothing else is known of what it did.
    other = fresh(tmp_path, "other")
    result = send(other)
    assert (result.messages, len(result.open), host.messages) == ((), 2, [])
    # The plan that people approve says the same, and writes nothing.
    third = fresh(tmp_path, "third")
    planned = plan_statements(open_books(third), "2025-01", Request(), reserve="origin")
    assert (planned.messages, len(planned.open)) == ((), 2)
    assert not (third / "deliveries").exists()
    assert len(plan_statements(open_books(third), "2025-01", Request()).messages) == 2
    # A person who has asked says so, on a machine that has the log.
    again = send_statements(
        open_books(other), "2025-01", Request(why="nothing arrived", unknown=True), office(Hands(), reserve="origin")
    )
    assert again.outcome.complete
    assert len(host.messages) == 2
    assert set(on_branch(other).values()) == {DeliveryState.SENT}


def test_of_two_that_start_together_one_sends(ledger, tmp_path, host):
    other = fresh(tmp_path, "other")
    logs = [Log(root, "2025-01") for root in (ledger.root, other)]
    runs = [Reservation.taken_up(root, "origin", log) for root, log in zip((ledger.root, other), logs, strict=True)]
    plan = plan_statements(open_books(other), "2025-01", Request())
    messages = [message.delivery for message in plan.messages]
    runs[0].reserve(messages, Hands().clock)
    clock = Hands()
    clock.sleep(1)
    with pytest.raises(OutsideFault, match="another run holds deliveries/2025-01 on origin; nothing was sent"):
        runs[1].reserve(messages, clock.clock)
    assert host.messages == []


def test_what_certainly_did_not_leave_is_given_back(ledger, tmp_path, host):
    """A run that ends by itself knows what left; only one that is killed leaves its reservation."""
    server = MailServer(settings(host.port, security="starttls"), NO_MAIL, {})
    with pytest.raises(OutsideFault, match="does not offer encryption"):
        send(ledger.root, transport=server)
    assert on_branch(ledger.root) == {}
    result = send(fresh(tmp_path, "other"))
    assert (len(result.outcome.sent), result.open) == (2, ())
    assert len(host.messages) == 2


def test_a_remote_that_is_gone_sends_nothing(ledger, tmp_path, host):
    ledger.git("remote", "set-url", "origin", str(tmp_path / "nowhere"))
    with pytest.raises(OutsideFault, match=r"git failed: '.*/nowhere' does not appear to be a git repository$"):
        send(ledger.root)
    assert host.messages == []


def test_months_closed_since(ledger):
    before = ledger.git("rev-list", "--max-parents=0", "HEAD")
    assert closed_since(ledger.root, before) == ["2025-01"]
    assert closed_since(ledger.root, "HEAD") == []
    assert closed_since(ledger.root, "0" * 40) == []
    with pytest.raises(UsageFault, match="Git knows no revision 1111111"):
        closed_since(ledger.root, "1" * 40)
    done = ledger.run("send", "--changed", before, "--dry-run")
    assert done.stdout.splitlines()[-1] == "2 messages would be sent"
    assert "no month was closed since HEAD" in ledger.run("send", "--changed", "HEAD").stdout
