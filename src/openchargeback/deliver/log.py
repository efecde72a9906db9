"""The log of deliveries while messages are being sent: on disk before and after each message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from openchargeback.files.lock import held
from openchargeback.files.writing import ignore_all, outside, write_file
from openchargeback.ledger.deliveries import (
    Delivery,
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
        return "".join((self.head, _BEGIN, *self._texts.values())).encode()

    def record(self, *changed: Delivery) -> None:
        """Add or replace messages, and wait until they are on disk.

        Raises OutsideFault if the disk is full; then neither the file nor the log has changed.
        """
        self._record(changed)

    def merge(self, others: Sequence[Delivery]) -> None:
        """Take over what another log says about messages that this one lacks, or of which it knows less."""
        news = [each for each in others if _knows_more(each, self._entries.get(each.id))]
        if news:
            self._record(news)

    def _record(self, changed: Sequence[Delivery]) -> None:
        before = dict(self._entries), dict(self._texts)
        for each in changed:
            self._entries[each.id] = each
            self._texts[each.id] = delivery_text(each)
        place = self._root / self.path
        try:
            place.parent.mkdir(exist_ok=True)
            write_file(place, self.data)
        except BaseException as error:
            self._entries, self._texts = before
            if isinstance(error, OSError):
                raise outside(place, error) from error
            raise


def _knows_more(other: Delivery, own: Delivery | None) -> bool:
    if own is None:
        return True
    return own.state.value == "sending" and other.state.value != "sending"
