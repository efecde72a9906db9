"""What happened to single charges after their period was closed, across the ledger, in period order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from openchargeback.model import Correction, Entry
from openchargeback.record.closing_record import ClosingRecord

DONE = {
    Entry.LATE: "billed late",
    Entry.REJECTED: "rejected late",
    Entry.CREDIT: "credited",
    Entry.REBILL: "billed again",
}
"""What was done with a charge of an earlier period, in words."""


@dataclass(frozen=True, slots=True)
class Event:
    """A correction and the period whose statement carries it."""

    posted: str
    correction: Correction


@dataclass(slots=True)
class Events:
    """The events of a ledger. known: by original period and full charge id, oldest first."""

    known: dict[str, dict[str, list[Event]]] = field(default_factory=dict)

    @staticmethod
    def of(records: Iterable[ClosingRecord]) -> Events:
        """The events in the records of closed periods."""
        events = Events()
        for record in sorted(records, key=lambda record: record.period):
            events.add(record.period, record.corrections)
        return events

    def add(self, posted: str, corrections: Sequence[Correction]) -> None:
        """Add the corrections of a period; call in period order."""
        for each in corrections:
            self.known.setdefault(each.original, {}).setdefault(each.charge, []).append(Event(posted, each))

    def charges(self, original: str) -> list[str]:
        """The ids of the period's charges that have events, sorted."""
        return sorted(self.known.get(original, {}))

    def last_by_prefix(self, original: str, prefix: str) -> Event | None:
        """The last event of the charge with this id prefix; None if no charge or several match."""
        found = [id_ for id_ in self.known.get(original, {}) if id_.startswith(prefix)]
        return self.last(original, found[0]) if len(found) == 1 else None

    def has_prefix(self, original: str, prefix: str) -> bool:
        """Whether any charge with this id prefix has events."""
        return any(id_.startswith(prefix) for id_ in self.known.get(original, {}))

    def last(self, original: str, id_: str) -> Event | None:
        """The last event of the charge with this full id; None if there is none."""
        events = self.known.get(original, {}).get(id_)
        return events[-1] if events else None
