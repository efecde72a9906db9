"""The journal of a run: which messages the log announced, and how far each got since.

Writing the log of a month twice for each message takes longer than sending it. So a run without a throttle writes many
messages to the log as `sending` before the first of them leaves, and then a line of this journal before and after each.
With both, a killed run knows of every announced message whether it left. Without the journal, all of them are unknown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from openchargeback.files.writing import ignore_all, outside, sync_folder
from openchargeback.ledger.deliveries import Delivery, DeliveryState

_Line = dict[str, str | list[str]]


@dataclass(slots=True)
class Told:
    """What a journal says. announced: by id, the moment under which the log has a message as `sending`.

    marks: by id, the last state, its moment and the server's reply. whole: whether every line can be read, so that an
    announced message without a mark did not leave.
    """

    announced: dict[str, str] = field(default_factory=dict)
    marks: dict[str, tuple[DeliveryState, str, str]] = field(default_factory=dict)
    whole: bool = True

    def take(self, line: _Line) -> None:
        """Add a line. Raises KeyError, TypeError or ValueError if it is not one of ours."""
        at = str(line["at"])
        if "announced" in line:
            self.announced |= dict.fromkeys(line["announced"], at)
        else:
            self.marks[str(line["id"])] = DeliveryState(str(line["state"])), at, str(line["reply"])


class Journal:
    """The journal of a month, in the ledger's cache."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def exists(self) -> bool:
        """Whether a run is going on, or was killed."""
        return self._path.exists()

    def read(self) -> Told:
        """What it says. Raises OutsideFault if it cannot be read."""
        told = Told()
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return told
        except OSError as fault:
            raise outside(self._path, fault) from fault
        # What follows the last line end was being written, so the message it is about had not left.
        for line in data.split(b"\n")[:-1]:
            try:
                told.take(json.loads(line))
            except (KeyError, TypeError, ValueError):
                told.whole = False
        return told

    def announce(self, ids: Iterable[str], at: str) -> None:
        """Note that the log is about to have these as `sending`. Raises OutsideFault as `mark` does."""
        try:
            ignore_all(self._path.parent)
        except OSError as fault:
            raise outside(self._path, fault) from fault
        self._append([{"announced": [*ids], "at": at}])
        sync_folder(self._path.parent)

    def mark(self, deliveries: Iterable[Delivery]) -> None:
        """Note how far messages got, and wait until it is on disk. Raises OutsideFault if the disk is full."""
        self._append(
            {"id": each.id, "state": str(each.state), "at": each.at, "reply": each.reply} for each in deliveries
        )

    def _append(self, lines: Iterable[Mapping[str, object]]) -> None:
        data = "".join(json.dumps(each) + "\n" for each in lines).encode()
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                while data:
                    data = data[os.write(handle, data) :]
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as fault:
            raise outside(self._path, fault) from fault

    def remove(self) -> None:
        """Remove it, once the log says the same. Raises OutsideFault if it cannot be removed."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as fault:
            raise outside(self._path, fault) from fault
