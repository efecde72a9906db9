"""The time and waiting, as a value, so that tests need not wait."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass

from openchargeback.ledger.deliveries import MOMENT


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """now: the time (UTC), which people may set back. elapsed: seconds that only grow, for waiting. sleep: waits."""

    now: Callable[[], dt.datetime] = _now
    elapsed: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    def moment(self) -> str:
        """The time as the log of deliveries has it."""
        return self.now().astimezone(dt.UTC).strftime(MOMENT)


REAL = Clock()
"""The time of this machine."""
