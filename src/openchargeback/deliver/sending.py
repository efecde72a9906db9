"""Send messages, each once: the loop, its waiting and its retries.

The log on disk says `sending` before the server gets a message, and what became of it afterward. If the program is
killed in between, the entry stays `sending`, and no later `send` repeats it unless a person says so. Without a
throttle, the log announces many messages at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from openchargeback.deliver.clock import Clock
from openchargeback.deliver.log import Log
from openchargeback.deliver.mime import address_fault, dated
from openchargeback.deliver.transport import Refused, Transport, Unanswered, Unreachable
from openchargeback.ledger.deliveries import Delivery, DeliveryState
from openchargeback.problems import OutsideFault
from openchargeback.publish.books import Step, no_step

PAUSES = (30.0, 120.0, 600.0)
"""Seconds before each further round for messages that the server would not take for now."""
BATCH = 50
"""How many messages the log announces at once, if no throttle makes them wait for each other."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message that is ready: its entry for the log, and the file with its bytes, without the Date."""

    delivery: Delivery
    file: Path


@dataclass(slots=True)
class Outcome:
    """What became of the messages of a run."""

    sent: list[Delivery] = field(default_factory=list)
    failed: list[Delivery] = field(default_factory=list)
    unknown: list[Delivery] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every message was accepted by the server."""
        return not self.failed and not self.unknown


Recorded = Callable[[Sequence[Delivery]], None]
"""Called with what has been recorded, after it is on disk."""


def _nothing(_recorded: Sequence[Delivery]) -> None:
    pass


class Run:
    """One run of sending."""

    def __init__(
        self,
        log: Log,
        transport: Transport,
        *,
        throttle: int,
        clock: Clock,
        pauses: Sequence[float] = PAUSES,
        recorded: Recorded = _nothing,
        step: Step = no_step,
    ) -> None:
        self._log, self._transport, self._clock = log, transport, clock
        self._between = 60 / throttle if throttle else 0.0
        self._pauses, self._recorded, self._step = pauses, recorded, step
        self._next = 0.0
        self._pending: list[Delivery] = []
        self._batch: list[Delivery] = []
        self._writer = ThreadPoolExecutor(1)

    def send(self, messages: Sequence[Prepared]) -> Outcome:
        """Send all of them; those that the server will not take for now, again after a pause.

        Raises OutsideFault if nothing can be sent before a person acts: a wrong password, a wrong certificate, a full
        disk. What was sent until then is recorded.
        """
        outcome, queue, total = Outcome(), list(messages), len(messages)
        try:
            for pause in (0.0, *self._pauses):
                if not queue:
                    break
                if pause:
                    self._step("Waiting to try again", total - len(queue), total)
                    self._clock.sleep(pause)
                queue = self._round(queue, outcome, total)
        finally:
            self._transport.close()
            self._writer.shutdown()
            self._flush()
        outcome.failed = [each for each in outcome.failed if each.state is DeliveryState.FAILED]
        for each in queue:
            outcome.failed.append(self._log.get(each.delivery.id) or each.delivery)
        return outcome

    def _round(self, queue: list[Prepared], outcome: Outcome, total: int) -> list[Prepared]:
        """Try each message once; returns those to try again."""
        again: list[Prepared] = []
        left = deque(queue)
        try:
            self._transport.connect()
            while left:
                self._step("Sending", total - len(left) - len(again), total)
                message = left[0]
                self._batch = self._coming(left)
                if self._one(message, outcome):
                    again.append(message)
                left.popleft()
        except Unreachable as error:
            # What was not tried has not failed by itself: it only waits for the server.
            for each in left:
                self._finish(each.delivery, DeliveryState.FAILED, error.reply)
            again += left
        self._flush()
        return again

    def _coming(self, left: deque[Prepared]) -> list[Delivery]:
        """The messages to announce with the next one: first attempts, whose entry can go if they do not leave."""
        first = left[0].delivery.id
        if self._between or self._log.get(first) or self._log.is_announced(first):
            return []
        at = self._clock.moment
        coming = (replace(each.delivery, state=DeliveryState.SENDING, at=at, reply="") for each in islice(left, BATCH))
        return [each for each in coming if self._log.get(each.id) is None]

    def _one(self, message: Prepared, outcome: Outcome) -> bool:
        """Try one message; whether to try it again later. Raises Unreachable before anything is sent."""
        delivery = message.delivery
        if fault := address_fault(delivery.to):
            outcome.failed.append(self._finish(delivery, DeliveryState.FAILED, f"not sent: {fault}"))
            return False
        try:
            data = message.file.read_bytes()
        except OSError as error:
            reason = f"not sent: its file cannot be read: {(error.strerror or str(error)).lower()}"
            outcome.failed.append(self._finish(delivery, DeliveryState.FAILED, reason))
            return False
        self._wait()
        now = self._clock.now()
        recorded = self._begin(replace(delivery, state=DeliveryState.SENDING, at=self._clock.moment, reply=""))
        try:
            try:
                reply = self._transport.send(delivery.to, dated(data, now), recorded)
            finally:
                recorded()
        except Unanswered as error:
            outcome.unknown.append(self._finish(delivery, DeliveryState.UNKNOWN, error.reason))
        except Unreachable:
            raise
        except Refused as error:
            done = self._finish(delivery, DeliveryState.FAILED, error.reply)
            if not error.lasting:
                return True
            outcome.failed.append(done)
        except _Unrecorded:
            raise
        except OutsideFault as error:
            # A reconnection that needs a person: the message itself never left.
            self._finish(delivery, DeliveryState.FAILED, str(error))
            raise
        else:
            outcome.sent.append(self._finish(delivery, DeliveryState.SENT, reply))
        return False

    def _wait(self) -> None:
        """Keep the rate. By a clock that only grows: people set the other one."""
        now = self._clock.elapsed()
        if now < self._next:
            self._flush()
            self._clock.sleep(self._next - now)
            now = max(self._clock.elapsed(), self._next)
        self._next = now + self._between

    def _begin(self, delivery: Delivery) -> Callable[[], None]:
        """Begin to record that a message is about to leave, together with what became of those before.

        The disk works while the server gets the message. The result waits until the record is on disk, and is called
        before the end of the message leaves; it raises OutsideFault if there is no record.
        """
        entries, self._pending = [*self._pending, delivery], []
        writing = self._writer.submit(self._write, entries, self._batch)
        done = False

        def recorded() -> None:
            nonlocal done
            if done:
                return
            done = True
            try:
                writing.result()
            except OutsideFault as error:
                raise _not_recorded(entries, error) from error
            self._recorded(entries)

        return recorded

    def _write(self, entries: Sequence[Delivery], batch: Sequence[Delivery]) -> None:
        if batch:
            self._log.announce(batch)
        ids = [each.id for each in entries]
        if any(map(self._log.is_announced, ids)):
            self._log.mark(*entries)
        if not self._log.is_announced(*ids):
            self._log.record(*entries)

    def _finish(self, delivery: Delivery, state: DeliveryState, reply: str) -> Delivery:
        """Note what became of a message. It is written with the next one, or at once if that has to wait."""
        done = replace(delivery, state=state, at=self._clock.moment, reply=reply)
        self._pending.append(done)
        return done

    def _flush(self) -> None:
        entries, self._pending = self._pending, []
        if not entries:
            # A run that was stopped: what the file cannot say for lack of space, the journal says.
            with suppress(OutsideFault):
                self._log.settle()
            return
        try:
            self._log.settle(*entries)
        except OutsideFault as error:
            raise _not_recorded(entries, error) from error
        self._recorded(entries)


class _Unrecorded(OutsideFault):
    """What became of messages could not be written."""


def _not_recorded(entries: Sequence[Delivery], error: OutsideFault) -> _Unrecorded:
    """The log could not be written. What the server accepted is on disk as `sending`, hence unknown."""
    accepted = [each.to for each in entries if each.state is DeliveryState.SENT]
    if not accepted:
        return _Unrecorded(f"{error}; no message was sent without a record")
    return _Unrecorded(
        f"{error}; the server accepted the message to {', '.join(accepted)}, which the log still has as `sending`: "
        "write `state: sent` and a `reply:` there"
    )
