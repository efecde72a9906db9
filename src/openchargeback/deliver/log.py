"""The log of deliveries while messages are being sent: on disk before and after each message.

The file is written as a whole. For many messages in a row, it announces them, and a journal says what became of each
until the file does (see journal.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from openchargeback.deliver.journal import Journal
from openchargeback.files.lock import held
from openchargeback.files.writing import ignore_all, outside, write_file
from openchargeback.ledger.deliveries import (
    Delivery,
    DeliveryState,
    deliveries_path,
    deliveries_text,
    delivery_text,
    read_deliveries,
    without_place,
)
from openchargeback.ledger.files import read_bytes
from openchargeback.ledger.links import CACHE
from openchargeback.ledger.schema_files import schema_comment
from openchargeback.problems import LedgerFault, Problem

_BEGIN = deliveries_text(()).removesuffix(" []\n") + "\n"


@contextmanager
def sending_alone(root: Path) -> Iterator[None]:
    """Keep any other `send` of this ledger out. Raises OutsideFault if one is running."""
    folder = root / CACHE
    try:
        ignore_all(folder)
        with held(folder / "send.lock", "another `send` is running for this ledger; wait until it is done"):
            yield
    except OSError as fault:
        raise outside(root, fault) from fault


class Log:
    """The deliveries of a month, in the order in which they were first recorded."""

    def __init__(self, root: Path, period: str) -> None:
        self.period = period
        self.path = deliveries_path(period)
        self._root = root
        problems: list[Problem] = []
        data = read_bytes(root, self.path, problems)
        found, faults = read_deliveries(data, self.path) if data is not None else ((), [])
        if problems or faults:
            raise LedgerFault([*problems, *faults], root)
        self._entries = {each.id: without_place(each) for each in found}
        self._texts = {each.id: delivery_text(each) for each in self._entries.values()}
        self.head = schema_comment(root, self.path)
        self._journal = Journal(root / CACHE / f"sending-{period}.jsonl")
        self._announced: set[str] = set()
        self._waiting: dict[str, Delivery] = {}
        self._take_over()

    @classmethod
    def to_write(cls, root: Path, period: str) -> Log:
        """The log for a command that has `sending_alone`: what a killed run left in its journal is in the file now."""
        log = cls(root, period)
        log.settle()
        return log

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Every message of the month so far."""
        return tuple(self._entries.values())

    def get(self, id_: str) -> Delivery | None:
        """A message by its id."""
        return self._entries.get(id_)

    @property
    def data(self) -> bytes:
        """The content of the file."""
        coming = map(delivery_text, self._waiting.values())
        return "".join((self.head, _BEGIN, *self._texts.values(), *coming)).encode()

    def record(self, *changed: Delivery) -> None:
        """Add or replace messages, and wait until they are on disk.

        Raises OutsideFault if the disk is full; then neither the file nor the log has changed.
        """
        self._record(changed)

    def announce(self, messages: Sequence[Delivery]) -> None:
        """Record first attempts as `sending` before any of them leaves; `mark` then says what becomes of each.

        Raises OutsideFault if the disk is full; then none of them may leave.
        """
        self._journal.announce((each.id for each in messages), messages[0].at)
        self._announced |= {each.id for each in messages}
        self._waiting |= {each.id: each for each in messages}
        self._record(())

    def is_announced(self, *ids: str) -> bool:
        """Whether the journal says what becomes of all of these messages."""
        return self._announced.issuperset(ids)

    def mark(self, *changed: Delivery) -> None:
        """Note in the journal what became of announced messages, and wait until it is on disk.

        Raises OutsideFault if the disk is full; then nothing has changed.
        """
        self._journal.mark(changed)
        for each in changed:
            self._waiting.pop(each.id, None)
            self._keep(each)

    def settle(self, *changed: Delivery) -> None:
        """Record messages in the file, and with them what the journal says; announced ones that have not left go.

        Raises OutsideFault if the disk is full; then the journal stays, and says the same to the next command.
        """
        self._waiting.clear()
        if changed or self._journal.exists:
            self._record(changed)
            self._journal.remove()
        self._announced.clear()

    def merge(self, others: Sequence[Delivery]) -> None:
        """Take over what another log says about messages that this one lacks, or of which it knows less."""
        if news := self.news(others):
            self._record(news)

    def news(self, others: Sequence[Delivery]) -> list[Delivery]:
        """What another log says about messages that this one lacks, or of which it knows less."""
        return [each for each in others if _knows_more(each, self._entries.get(each.id))]

    def _record(self, changed: Sequence[Delivery]) -> None:
        before = dict(self._entries), dict(self._texts)
        for each in changed:
            self._keep(each)
        place = self._root / self.path
        try:
            place.parent.mkdir(exist_ok=True)
            write_file(place, self.data)
        except BaseException as error:
            self._entries, self._texts = before
            if isinstance(error, OSError):
                raise outside(place, error) from error
            raise

    def _keep(self, delivery: Delivery) -> None:
        self._entries[delivery.id] = delivery
        self._texts[delivery.id] = delivery_text(delivery)

    def _take_over(self) -> None:
        """What the journal of a killed run says about the messages that the file has as `sending`."""
        told = self._journal.read()
        for id_, at in told.announced.items():
            entry = self._entries.get(id_)
            # Anything else was written later, by a person or another run, and knows more.
            if entry is None or entry.state is not DeliveryState.SENDING or entry.at != at:
                continue
            if mark := told.marks.get(id_):
                state, moment, reply = mark
                self._keep(replace(entry, state=state, at=moment, reply=reply))
            elif told.whole:
                del self._entries[id_], self._texts[id_]


def _knows_more(other: Delivery, own: Delivery | None) -> bool:
    if own is None:
        return True
    return own.state is DeliveryState.SENDING and other.state is not DeliveryState.SENDING
