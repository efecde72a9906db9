"""A sender that is killed at any moment: each message arrives once, or is named as unknown."""

import os
import signal
import socket

import pytest
from mail_host import NO_MAIL, Hands, mail_host, settings
from test_sending_failures import prepared

from openchargeback.deliver.log import Log
from openchargeback.deliver.sending import Run
from openchargeback.deliver.transport import MailServer
from openchargeback.ledger.deliveries import DeliveryState

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


def _run(root, port, names):
    log = Log(root, "2025-01")
    messages = [each for each in prepared(root / "out", names) if _may_be_sent(log, each.delivery.id)]
    transport = MailServer(settings(port), NO_MAIL, {})
    Run(log, transport, throttle=0, clock=Hands().clock).send(messages)


def _may_be_sent(log, id_):
    known = log.get(id_)
    return known is None or known.state is DeliveryState.FAILED


def _killed(root, port, names, moment):
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
            moments.watch(Log, "record")
            _run(root, port, names)
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


def _every_moment(tmp_path, names):
    with mail_host() as host:
        moment, unknown = 0, 0
        while True:
            root = tmp_path / str(moment)
            root.mkdir()
            host.messages.clear()
            killed = _killed(root, host.port, names, moment) < 0
            first = [to.partition("@")[0] for to, _ in host.messages]
            _run(root, host.port, names)
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


def test_killed_at_every_moment_of_three_messages(tmp_path):
    moments, unknown = _every_moment(tmp_path, ("ada", "ben", "cleo"))
    assert moments > 70
    assert 0 < unknown < moments


@pytest.mark.slow
def test_killed_at_every_moment_of_nine_messages(tmp_path):
    moments, _ = _every_moment(tmp_path, tuple(f"p{number}" for number in range(9)))
    assert moments >= 200
