"""A sender that is killed at any moment: each message arrives once, or is named as unknown."""

import os
import signal
import socket
from dataclasses import replace

import pytest
from mail_host import NO_MAIL, Hands, mail_host, settings
from test_sending_failures import prepared

from openchargeback.deliver.log import Log
from openchargeback.deliver.sending import Run
from openchargeback.deliver.transport import MailServer
from openchargeback.ledger.deliveries import DeliveryState, read_deliveries

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


class _Moments:
    """Counts what reaches the disk or the network, and ends the process right before or after the chosen one."""

    def __init__(self, chosen):
        self.chosen, self.count = chosen, 0

    def __call__(self):
        if self.count == self.chosen:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def watch(self, owner, name):
        real = getattr(owner, name)

        def watched(*arguments, **named):
            self()
            done = real(*arguments, **named)
            self()
            return done

        setattr(owner, name, watched)


def _run(root, port, names, throttle=0):
    log = Log.to_write(root, "2025-01")
    messages = [each for each in prepared(root / "out", names) if _may_be_sent(log, each.delivery.id)]
    transport = MailServer(settings(port), NO_MAIL, {})
    Run(log, transport, throttle=throttle, clock=Hands().clock).send(messages)


def _may_be_sent(log, id_):
    known = log.get(id_)
    return known is None or known.state is DeliveryState.FAILED


def _killed(root, port, names, moment, throttle):
    """Send in a process of its own, and kill it at this moment; how many moments there were, or -1 if it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            moments = _Moments(moment)
            moments.watch(socket.socket, "sendall")
            moments.watch(socket.SocketIO, "readinto")
            moments.watch(os, "fsync")
            moments.watch(os, "replace")
            moments.watch(os, "write")
            moments.watch(os, "unlink")
            moments.watch(Log, "announce")
            moments.watch(Log, "mark")
            moments.watch(Log, "record")
            _run(root, port, names, throttle)
            os.write(writing, str(moments.count).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return -1
    assert os.WEXITSTATUS(status) == 0
    return int(told)


def _in_file(root):
    """The names of the messages in the log, for those who have that file and nothing else."""
    file = root / "deliveries/2025-01.yaml"
    found, problems = read_deliveries(file.read_bytes(), "x") if file.exists() else ((), [])
    assert problems == []
    return {each.to.partition("@")[0] for each in found}


def _every_moment(tmp_path, names, throttle=0):
    with mail_host() as host:
        moment, unknown = 0, 0
        while True:
            root = tmp_path / str(moment)
            root.mkdir()
            host.messages.clear()
            killed = _killed(root, host.port, names, moment, throttle) < 0
            first = [to.partition("@")[0] for to, _ in host.messages]
            assert {*first} <= _in_file(root), moment
            _run(root, host.port, names, throttle)
            both = [to.partition("@")[0] for to, _ in host.messages]
            log = Log(root, "2025-01")
            states = {name: log.get(f"{name}.1@example.edu").state for name in names}
            named = [name for name in names if states[name] in {DeliveryState.SENDING, DeliveryState.UNKNOWN}]
            assert len(both) == len({*both}), (moment, both)
            assert {*names} - {*both} <= {*named}, (moment, states)
            assert all(states[name] is DeliveryState.SENT for name in names if name not in named)
            # Only the message that was on its way can be unknown, or the one before, whose answer was not yet on disk.
            assert len(named) <= 1, (moment, named)
            assert {*first} - {*named} <= {name for name in names if states[name] is DeliveryState.SENT}
            unknown += bool(named)
            if not killed:
                return moment, unknown
            moment += 1


@pytest.mark.slow
@pytest.mark.parametrize(("names", "throttle"), [(("ada", "ben", "cleo"), 0), (("ada", "ben"), 25)])
def test_killed_at_every_moment_of_a_few_messages(tmp_path, names, throttle):
    """Without a throttle, and with the one that `email` has by default."""
    moments, unknown = _every_moment(tmp_path, names, throttle)
    assert moments > 70
    assert 0 < unknown < moments


@pytest.mark.slow
def test_killed_at_every_moment_of_nine_messages(tmp_path, monkeypatch):
    monkeypatch.setattr("openchargeback.deliver.sending.BATCH", 4)
    moments, _ = _every_moment(tmp_path, tuple(f"p{number}" for number in range(9)))
    assert moments >= 200


NAMES = ("ada", "ben", "cleo")
JOURNAL = ".openchargeback/sending-2025-01.jsonl"


@pytest.fixture
def killed(tmp_path):
    """A ledger whose `send` was killed when ada's message had been sent and ben's was on its way."""
    log = Log.to_write(tmp_path, "2025-01")
    messages = [replace(each.delivery, at="2025-02-06T09:00:00Z") for each in prepared(tmp_path / "out", NAMES)]
    log.announce(messages)
    sent = replace(messages[0], state=DeliveryState.SENT, reply="250 OK", at="2025-02-06T09:00:01Z")
    log.mark(sent, replace(messages[1], at="2025-02-06T09:00:01Z"))
    return tmp_path


def _states(root):
    return {each.to.partition("@")[0]: str(each.state) for each in Log(root, "2025-01").deliveries}


def test_the_journal_tells_which_messages_did_not_leave(killed):
    assert _states(killed) == {"ada": "sent", "ben": "sending"}
    # Reading changes nothing: the file alone still has them all.
    assert _in_file(killed) == {*NAMES}
    Log.to_write(killed, "2025-01")
    assert _in_file(killed) == {"ada", "ben"}
    assert not (killed / JOURNAL).exists()
    assert _states(killed) == {"ada": "sent", "ben": "sending"}


def test_without_the_journal_all_are_unknown(killed):
    (killed / JOURNAL).unlink()
    assert _states(killed) == dict.fromkeys(NAMES, "sending")


def test_with_a_damaged_journal_none_is_taken_for_not_sent(killed):
    lines = (killed / JOURNAL).read_bytes().splitlines(keepends=True)
    (killed / JOURNAL).write_bytes(b"".join((*lines[:2], b"\0" * 20 + b"\n")))
    assert _states(killed) == {"ada": "sent", "ben": "sending", "cleo": "sending"}


def test_what_a_person_wrote_into_the_log_wins_over_the_journal(killed):
    file = killed / "deliveries/2025-01.yaml"
    text = file.read_text()
    entries = text.split("  - ")
    entries[3] = entries[3].replace("state: sending", "state: sent\n    reply: she has it")
    file.write_text("  - ".join(entries))
    assert _states(killed) == {"ada": "sent", "ben": "sending", "cleo": "sent"}


def test_what_another_run_wrote_later_wins_over_the_journal(killed):
    file = killed / "deliveries/2025-01.yaml"
    file.write_text(file.read_text().replace("2025-02-06T09:00:00Z", "2025-02-07T09:00:00Z"))
    assert _states(killed) == dict.fromkeys(NAMES, "sending")


def test_repeated_messages_among_new_ones_are_each_as_they_were(tmp_path):
    """A message that has an entry already is never announced, for its entry cannot go again."""
    with mail_host() as host:
        log = Log.to_write(tmp_path, "2025-01")
        messages = prepared(tmp_path / "out", (*NAMES, "dora"))
        unknown = replace(messages[1].delivery, state=DeliveryState.UNKNOWN, at="2025-02-06T08:00:00Z", reply="gone")
        log.record(unknown)
        host.on_data = lambda: seen.append(_states(tmp_path))
        seen = []
        run = Run(log, MailServer(settings(host.port), NO_MAIL, {}), throttle=0, clock=Hands().clock)
        assert run.send(messages).complete
    assert [each.get("ben") for each in seen] == ["unknown", "sending", "sent", "sent"]
    assert [each.get("cleo") for each in seen] == [None, None, "sending", "sent"]
    assert _states(tmp_path) == dict.fromkeys(("ben", "ada", "cleo", "dora"), "sent")
    assert not (tmp_path / JOURNAL).exists()
