"""The audit log: who did what and when, as JSON lines that are only ever appended. It contains no secrets."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from openchargeback.characters import one_line
from openchargeback.files.writing import outside

_LONGEST = 500
_SHOWN_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. at: in UTC. user: as given at the login, known or not. address: of the browser's end.

    what: a short stable name such as `login` or `merge`. detail: what it was done to, such as a branch.
    """

    at: str
    user: str
    email: str
    role: str
    address: str
    what: str
    detail: str


class Audit:
    """The log of one server. path: the file, which only its owner may read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, what: str, detail: str = "", *, user: str, email: str = "", role: str = "", address: str) -> None:
        """Append an event; it is on the disk when this returns. Raises OutsideFault if it cannot be written."""
        entry = {
            "at": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "user": one_line(user)[:_LONGEST],
            "email": email,
            "role": role,
            "address": address,
            "what": what,
            "detail": one_line(detail)[:_LONGEST],
        }
        line = json.dumps(entry, ensure_ascii=True).encode() + b"\n"
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.write(handle, line)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as fault:
            raise outside(self.path, fault) from fault

    def latest(self, most: int) -> list[Entry]:
        """The last events, the latest first."""
        return list(reversed(list(self._read())))[:most]

    def _read(self) -> Iterator[Entry]:
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, self.path.stat().st_size - _SHOWN_BYTES))
                lines = file.read().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                yield Entry(**json.loads(line))
            except (ValueError, TypeError):
                continue  # cut off by a full disk, or at the start of what is read
