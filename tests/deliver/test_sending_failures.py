# ruff: noqa: ARG002 - aiosmtpd passes these arguments
"""A mail server that fails at every step: nothing is sent twice, and nothing is called sent that was not."""

import dataclasses
import errno
import json
import os
import ssl
from collections.abc import Callable

import pytest
from aiosmtpd.smtp import AuthResult
from mail_host import NO_MAIL, Hands, Host, certificate, mail_host, settings

from openchargeback.deliver.log import Log, sending_alone
from openchargeback.deliver.mime import envelope_address
from openchargeback.deliver.sending import Prepared, Run
from openchargeback.deliver.transport import MailServer
from openchargeback.files import writing
from openchargeback.ledger.deliveries import Delivery, DeliveryKind, DeliveryState, read_deliveries
from openchargeback.ledger.settings import Mail
from openchargeback.problems import OutsideFault, UsageFault

PEOPLE = ("ada", "ben", "cleo")


def address(name):
    return f"{name}@example.edu"


def prepared(folder, names=PEOPLE, **files):
    folder.mkdir(exist_ok=True)
    made = []
    for name in names:
        file = folder / f"{name}.eml"
        to = name if "@" in name else address(name)
        file.write_bytes(
            files.get(name, f"To: {envelope_address(to)}\r\nSubject: x\r\n\r\n.hidden dot\r\nHello\r\n".encode())
        )
        made.append(
            Prepared(
                Delivery(id=f"{name.partition('@')[0]}.1@example.edu", kind=DeliveryKind.STATEMENTS, to=to,
                         state=DeliveryState.SENDING, at=""),
                file,
            )
        )  # fmt: skip
    return made


class Desk:
    """A log in a folder, and sending to a server without waiting."""

    def __init__(self, root, server, **more):
        self.root, self.hands = root, Hands()
        self.email = settings(server.port, **more)
        self.mail, self.environment = NO_MAIL, {}
        self.context: Callable[[], ssl.SSLContext] = ssl.create_default_context
        self.throttle = 0

    def send(self, names=PEOPLE, **files):
        log = Log(self.root, "2025-01")
        made = prepared(self.root / "out", names, **files)
        transport = MailServer(self.email, self.mail, self.environment, self.context)
        return Run(log, transport, throttle=self.throttle, clock=self.hands.clock).send(made)

    @property
    def states(self):
        """As a later command reads them from disk."""
        data = (self.root / "deliveries/2025-01.yaml").read_bytes()
        found, problems = read_deliveries(data, "deliveries/2025-01.yaml")
        assert problems == []
        return {each.to.partition("@")[0]: str(each.state) for each in found}

    def reply(self, name):
        return Log(self.root, "2025-01").get(f"{name}.1@example.edu").reply


@pytest.fixture
def host():
    with mail_host() as made:
        yield made


def arrived(host):
    return [to.partition("@")[0] for to, _ in host.messages]


def only(step, name, *answers):
    """These answers, in turn, at a step of one address; then the usual ones."""
    left = list(answers)

    def answer(at, to):
        return left.pop(0) if at == step and (step == "MAIL" or to == address(name)) and left else None

    return answer


def test_all_is_well(tmp_path, host):
    desk = Desk(tmp_path, host)
    outcome = desk.send()
    assert outcome.complete
    assert arrived(host) == [*PEOPLE]
    assert host.connections == 1
    assert host.messages[0][1].startswith(b"Date: Thu, 06 Feb 2025 09:00:00 +0000\r\nTo: ada@example.edu\r\n")
    assert b"\r\n.hidden dot\r\n" in host.messages[0][1]


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_a_lasting_refusal_is_one_failure_and_the_others_are_sent(tmp_path, host, step):
    host.answer = only(step, "ada", "550 5.1.1 no such user")
    desk = Desk(tmp_path, host)
    outcome = desk.send()
    assert [each.to for each in outcome.failed] == [address("ada")]
    assert desk.states == {"ada": "failed", "ben": "sent", "cleo": "sent"}
    assert desk.reply("ada") == "550 5.1.1 no such user"
    assert arrived(host) == ["ben", "cleo"]
    assert desk.hands.waited == []


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_what_is_refused_for_now_is_sent_after_the_others(tmp_path, host, step):
    host.answer = only(step, "ada", "451 4.7.1 greylisted", "451 4.7.1 greylisted")
    desk = Desk(tmp_path, host)
    assert desk.send().complete
    expected = ["ben", "cleo", "ada"] if step != "MAIL" else ["cleo", "ada", "ben"]
    assert arrived(host) == expected
    assert desk.hands.waited == ([30.0, 120.0] if step != "MAIL" else [30.0])


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_a_refused_sender_names_the_fix_at_every_step(tmp_path, host, step):
    said = "554 5.2.252 SendAsDenied; billing@example.edu not allowed to send as rc@example.edu"
    host.answer = only(step, "ada", said)
    desk = Desk(tmp_path, host)
    desk.send()
    assert desk.reply("ada").startswith(f"{said}; give the account the right to send as `email.from`")


def test_what_is_refused_for_now_again_and_again_has_failed_in_the_end(tmp_path, host):
    host.answer = lambda step, to: "450 4.2.2 mailbox full" if (step, to) == ("RCPT", address("ben")) else None
    desk = Desk(tmp_path, host)
    outcome = desk.send()
    assert [each.reply for each in outcome.failed] == ["450 4.2.2 mailbox full"]
    assert desk.hands.waited == [30.0, 120.0, 600.0]
    assert desk.states == {"ada": "sent", "ben": "failed", "cleo": "sent"}


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_a_connection_lost_before_the_message_costs_nothing(tmp_path, host, step):
    host.answer = only(step, "ben", "drop")
    desk = Desk(tmp_path, host)
    assert desk.send().complete
    assert sorted(arrived(host)) == [*PEOPLE]


def test_a_connection_lost_after_the_message_is_unknown_and_never_repeated_by_itself(tmp_path, host):
    host.answer = only("DATA", "ben", "keep and drop")
    desk = Desk(tmp_path, host)
    outcome = desk.send()
    assert [each.to for each in outcome.unknown] == [address("ben")]
    assert desk.states == {"ada": "sent", "ben": "unknown", "cleo": "sent"}
    assert arrived(host) == [*PEOPLE]


def test_a_connection_dropped_instead_of_an_answer_is_unknown_too(tmp_path, host):
    host.answer = only("DATA", "ada", "drop")
    desk = Desk(tmp_path, host)
    desk.send()
    assert desk.states == {"ada": "unknown", "ben": "sent", "cleo": "sent"}
    assert arrived(host) == ["ben", "cleo"]


@pytest.mark.parametrize(("delay", "state"), [(0.3, "sent"), (4, "unknown")])
def test_an_answer_that_comes_late_or_not_in_time_is_waited_for_once(tmp_path, host, delay, state):
    host.answer, host.delay = only("DATA", "ada", "keep and wait"), delay
    desk = Desk(tmp_path, host, timeout=2)
    desk.send()
    assert desk.states == {"ada": state, "ben": "sent", "cleo": "sent"}
    assert arrived(host) == [*PEOPLE]


def test_a_server_that_closes_after_20_messages(tmp_path, host):
    count = 0

    def answer(step, _to):
        nonlocal count
        count += step == "MAIL"
        return "421 4.7.0 too many messages in this session" if step == "MAIL" and count % 21 == 0 else None

    host.answer = answer
    names = [f"p{number}" for number in range(50)]
    desk = Desk(tmp_path, host)
    assert desk.send(names).complete
    assert arrived(host) == names
    assert host.connections == 3


@pytest.mark.slow
def test_a_server_that_never_answers_is_waited_for_so_long(tmp_path):
    with mail_host(Host(answer=only("RCPT", "ada"))) as host:
        desk = Desk(tmp_path, host, timeout=1)
        desk.email = dataclasses.replace(desk.email, host="127.0.0.1", port=_silent())
        outcome = desk.send()
    assert {each.to for each in outcome.failed} == {address(name) for name in PEOPLE}
    assert "did not answer in time" in desk.reply("ada")
    assert set(desk.states.values()) == {"failed"}


def _silent():
    import socket

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    _KEPT.append(listener)
    return listener.getsockname()[1]


_KEPT: list = []


@pytest.fixture(autouse=True)
def _closed():
    yield
    while _KEPT:
        _KEPT.pop().close()


def test_no_server_there(tmp_path, host):
    desk = Desk(tmp_path, host)
    desk.email = dataclasses.replace(desk.email, port=1)
    outcome = desk.send()
    assert len(outcome.failed) == 3
    assert "127.0.0.1:1 cannot be reached: connection refused" in desk.reply("cleo")
    assert arrived(host) == []


def test_the_rate_is_kept_and_a_clock_that_jumps_changes_nothing(tmp_path, host):
    desk = Desk(tmp_path, host)
    desk.throttle = 25
    assert desk.send().complete
    assert desk.hands.waited == pytest.approx([2.4, 2.4])


def test_a_clock_that_is_set_back_sends_nothing_twice(tmp_path, host):
    from datetime import timedelta

    desk = Desk(tmp_path, host)

    def back():
        desk.hands.now -= timedelta(hours=3)

    host.on_data = back
    desk.throttle = 6000
    assert desk.send().complete
    assert arrived(host) == [*PEOPLE]


def test_a_message_larger_than_the_server_takes(tmp_path):
    with mail_host(data_size_limit=3000) as host:
        desk = Desk(tmp_path, host)
        outcome = desk.send(ben=b"To: x\r\n\r\n" + b"x" * 70 + b"\r\n" + b"y\r\n" * 2000)
    assert [each.to for each in outcome.failed] == [address("ben")]
    assert "the server takes 3,000" in desk.reply("ben")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("ada\r\nBcc: x@evil.example", "line break"),
        ("ada lovelace@example.edu", "not an email address"),
        ("ada", "not an email address"),
        ("a" * 250 + "@example.edu", "longer than 254"),
        ("ada@exa..mple", "not the name of a mail domain"),
    ],
)
def test_an_address_that_is_none_is_never_given_to_the_server(tmp_path, host, bad, why):
    desk = Desk(tmp_path, host)
    log = Log(tmp_path, "2025-01")
    (first, second) = prepared(tmp_path / "out", ("ada", "ben"))
    first = dataclasses.replace(first, delivery=dataclasses.replace(first.delivery, to=bad))
    transport = MailServer(desk.email, NO_MAIL, {})
    outcome = Run(log, transport, throttle=0, clock=desk.hands.clock).send([first, second])
    assert why in outcome.failed[0].reply
    assert [each.to for each in outcome.sent] == [address("ben")]
    assert [command for command in host.commands if "ada" in command] == []


def test_a_local_part_beyond_ascii_needs_a_server_that_can(tmp_path):
    with mail_host(enable_SMTPUTF8=False) as host:
        outcome = Desk(tmp_path, host).send(("zoë@example.edu", "ben@bücher.example"))
    assert [each.to for each in outcome.failed] == ["zoë@example.edu"]
    assert "letters beyond ASCII before the @" in outcome.failed[0].reply
    assert host.messages[0][0] == "ben@xn--bcher-kva.example"


def test_a_local_part_beyond_ascii_is_sent_with_smtputf8(tmp_path):
    with mail_host(enable_SMTPUTF8=True) as host:
        assert Desk(tmp_path, host).send(("zoë@bücher.example",)).complete
    assert host.messages[0][0] == "zoë@xn--bcher-kva.example"


@pytest.mark.parametrize("able", [False, True])
def test_an_address_for_answers_beyond_ascii_needs_a_server_that_can_too(tmp_path, able):
    with mail_host(enable_SMTPUTF8=able) as host:
        outcome = Desk(tmp_path, host).send(("ada",), ada="Reply-To: zoë@example.edu\r\n\r\nHi\r\n".encode())
    assert outcome.complete == able
    assert [each.reply for each in outcome.failed] == (
        [] if able else ["the mail server cannot send to addresses with letters beyond ASCII before the @"]
    )


def test_a_missing_file_is_one_failure(tmp_path, host):
    desk = Desk(tmp_path, host)
    log = Log(tmp_path, "2025-01")
    made = prepared(tmp_path / "out")
    made[1].file.unlink()
    outcome = Run(log, MailServer(desk.email, NO_MAIL, {}), throttle=0, clock=desk.hands.clock).send(made)
    assert outcome.failed[0].reply == "not sent: its file cannot be read: no such file or directory"
    assert arrived(host) == ["ada", "cleo"]


@pytest.mark.parametrize(("at", "arrives"), [(0, 0), (1, 0), (2, 0), (3, 1), (4, 2), (5, 3)])
def test_a_full_disk_stops_before_a_message_that_could_not_be_recorded(tmp_path, host, monkeypatch, at, arrives):
    desk = Desk(tmp_path, host)
    writes = 0
    real_write, real_append = writing.write_file, os.write

    def full():
        nonlocal writes
        writes += 1
        return writes > at

    def write(path, data):
        if full():
            raise OutsideFault(f"cannot write {path}: the disk is full")
        real_write(path, data)

    def append(handle, data):
        if full():
            real_append(handle, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_append(handle, data)

    monkeypatch.setattr("openchargeback.deliver.log.write_file", write)
    monkeypatch.setattr("openchargeback.deliver.journal.os.write", append)
    with pytest.raises(OutsideFault, match="the disk is full") as fault:
        desk.send()
    monkeypatch.undo()
    assert arrived(host) == [*PEOPLE[:arrives]]
    if arrives:
        assert f"accepted the message to {address(PEOPLE[arrives - 1])}" in str(fault.value)
        # Whoever has the file alone sends none of them again.
        assert {*arrived(host)} <= {*desk.states}
    # Here, every message that arrived has an entry, none is called sent that was not, and the others can be sent.
    log = Log.to_write(tmp_path, "2025-01")
    found = {each.to.partition("@")[0]: str(each.state) for each in log.deliveries}
    states = ["sent"] * (arrives - 1) + ["sending"] * min(arrives, 1)
    assert found == dict(zip(PEOPLE[:arrives], states, strict=True))
    assert desk.states == found


def test_two_at_once(tmp_path):
    with (
        sending_alone(tmp_path),
        pytest.raises(OutsideFault, match="another `send` is running"),
        sending_alone(tmp_path),
    ):
        pass


# ── Encryption and login ──────────────────────────────────────────────────────────────────────────────────────────────


def server_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pem")
    return {name: certificate(folder, name) for name in ("localhost", "other.example")}


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted(tmp_path, pems, security):
    context = server_context(*pems["localhost"])
    kind = {"tls": context} if security == "tls" else {"tls_context": context}
    with mail_host(**kind) as host:
        desk = Desk(tmp_path, host, host="localhost", security=security)
        desk.context = lambda: ssl.create_default_context(cafile=pems["localhost"][0])
        assert desk.send().complete
    assert arrived(host) == [*PEOPLE]


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("wrong", ["unknown authority", "other name"])
def test_a_wrong_certificate_sends_nothing(tmp_path, pems, security, wrong):
    name = "localhost" if wrong == "unknown authority" else "other.example"
    context = server_context(*pems[name])
    kind = {"tls": context} if security == "tls" else {"tls_context": context}
    with mail_host(**kind) as host:
        desk = Desk(tmp_path, host, host="localhost", security=security)
        if wrong == "other name":
            desk.context = lambda: ssl.create_default_context(cafile=pems[name][0])
        with pytest.raises(OutsideFault, match=r"certificate that is not valid for localhost"):
            desk.send()
    assert arrived(host) == []
    assert not (tmp_path / "deliveries/2025-01.yaml").exists()


def test_a_server_that_speaks_no_tls(tmp_path, host):
    with pytest.raises(OutsideFault, match="does not offer encryption \\(STARTTLS\\)"):
        Desk(tmp_path, host, security="starttls").send()
    with pytest.raises(OutsideFault, match="does not speak TLS as expected; write `security: starttls`"):
        Desk(tmp_path, host, security="tls").send()
    assert arrived(host) == []


class Login:
    """Accepts one password or token, and answers others as a server would."""

    def __init__(self, answer="535 5.7.8 Error: authentication failed"):
        self.answer, self.seen = answer, []

    def __call__(self, server, session, envelope, mechanism, data):
        self.seen.append((mechanism, getattr(data, "login", data), getattr(data, "password", b"")))
        good = getattr(data, "password", b"") == b"right horse"
        return AuthResult(success=True) if good else AuthResult(success=False, handled=False, message=self.answer)


def login_host(pems, login):
    return mail_host(
        tls_context=server_context(*pems["localhost"]), auth_required=True, authenticator=login, auth_require_tls=True
    )


def secure(tmp_path, host, pems, **more):
    desk = Desk(tmp_path, host, host="localhost", security="starttls", user="billing@example.edu", **more)
    desk.context = lambda: ssl.create_default_context(cafile=pems["localhost"][0])
    return desk


def test_a_password_from_the_environment_or_a_command(tmp_path, pems):
    login = Login()
    with login_host(pems, login) as host:
        desk = secure(tmp_path, host, pems)
        desk.environment = {"OPENCHARGEBACK_EMAIL_PASSWORD": "right horse"}
        assert desk.send(("ada",)).complete
        desk.environment, desk.mail = {}, Mail(password_command=("echo", "right horse"))
        assert desk.send(("ben",)).complete
        desk.mail = NO_MAIL
        with pytest.raises(UsageFault, match="no password for the mail server; set OPENCHARGEBACK_EMAIL_PASSWORD"):
            desk.send(("cleo",))


@pytest.mark.parametrize(
    ("answer", "fix"),
    [
        ("535 5.7.8 authentication failed", "check `email.user` and its password or token"),
        ("550 5.7.30 Basic authentication is not supported for Client Submission", "`email.token_command`"),
        ("535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox", "“Authenticated SMTP”"),
        ("534 5.7.9 Application-specific password required - gsmtp", "Google takes no passwords"),
    ],
)
def test_a_refused_login_names_the_fix(tmp_path, pems, answer, fix):
    with login_host(pems, Login(answer)) as host:
        desk = secure(tmp_path, host, pems)
        desk.environment = {"OPENCHARGEBACK_EMAIL_PASSWORD": "wrong"}
        with pytest.raises(OutsideFault) as fault:
            desk.send()
    assert answer[:9] in str(fault.value)
    assert fix in str(fault.value)
    assert "wrong" not in str(fault.value)
    assert arrived(host) == []


def test_a_token_is_fetched_for_each_login(tmp_path, pems):
    class Tokens(Host):
        def __init__(self):
            super().__init__()
            self.seen = []

        async def auth_XOAUTH2(self, server, args):  # noqa: N802 - aiosmtpd's name
            import base64

            self.seen.append(base64.b64decode(args[1]))
            if b"Bearer good" in self.seen[-1]:
                return AuthResult(success=True, auth_data=b"billing")
            await server.challenge_auth(json.dumps({"status": "400"}))
            return AuthResult(success=False, handled=False, message="535 5.7.3 Authentication unsuccessful")

    count = tmp_path / "count"
    command = ("sh", "-c", f"echo x >> {count}; echo good")
    tokens = Tokens()
    with mail_host(
        tokens, tls_context=server_context(*pems["localhost"]), auth_required=True, auth_require_tls=True
    ) as host:
        desk = secure(tmp_path, host, pems)
        desk.mail = Mail(token_command=command)
        host.answer = only("MAIL", "", None, "drop")
        assert desk.send().complete
        assert tokens.seen[0] == b"user=billing@example.edu\1auth=Bearer good\1\1"
        assert len(count.read_text().split()) == 2
        desk.mail = Mail(token_command=("echo", "bad"))
        with pytest.raises(OutsideFault, match=r"535 5\.7\.3.*check `email\.user` and its password or token"):
            desk.send()


def test_a_command_that_fails_shows_what_it_said_and_never_what_it_printed(tmp_path, pems):
    with login_host(pems, Login()) as host:
        desk = secure(tmp_path, host, pems)
        desk.mail = Mail(password_command=("sh", "-c", "echo secret; echo 'no vault' >&2; exit 4"))
        with pytest.raises(OutsideFault, match=r"exit code 4.*no vault") as fault:
            desk.send()
        assert "secret" not in str(fault.value)
        desk.mail = Mail(password_command=("no-such-program",))
        with pytest.raises(OutsideFault, match=r"`email\.password_command` cannot be run: no such file"):
            desk.send()
