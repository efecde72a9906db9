"""A ledger with the records of its closed months."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.settings import Config
from openchargeback.model import field_values
from openchargeback.record.closing_record import ClosingRecord


@dataclass(frozen=True, slots=True)
class RecordedLedger(Ledger):
    """A ledger with the records of its closed months, by period."""

    records: dict[str, ClosingRecord] = field(default_factory=dict)

    @classmethod
    def of(cls, ledger: Ledger, records: dict[str, ClosingRecord] | None = None) -> RecordedLedger:
        """The ledger with these records."""
        return cls(**field_values(ledger, Ledger), records=records or {})

    def settings(self, period: str) -> Config:
        """The settings to show a period with: those it was closed with, else today's."""
        record = self.records.get(period)
        if record is None:
            return self.config
        # Journal formats and the portal's appearance are not frozen: profiles and templates are live.
        journal = replace(record.config.journal, formats=self.config.journal.formats)
        portal = replace(self.config.portal, accent=record.config.portal.accent)
        return replace(record.config, journal=journal, portal=portal)

    def as_recorded(self, period: str) -> RecordedLedger:
        """The ledger as a closed period was billed: with the settings and directory from its record.

        Returns the ledger unchanged if the period has no record.
        """
        record = self.records.get(period)
        return replace(self, config=record.config, directory=record.directory) if record else self
