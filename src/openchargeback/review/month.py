"""What every stage of billing works on: a month of a ledger whose charges stand in a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from openchargeback.focus.reading import LoadedFile
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.settings import Config
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.record.recorded_ledger import RecordedLedger


@dataclass(frozen=True, slots=True)
class Month:
    """The charges of a month in a database, as `focus.reading.load` leaves them.

    ledger: with the settings and the directory that the month is billed with (`RecordedLedger.as_recorded`).
    """

    con: duckdb.DuckDBPyConnection
    ledger: RecordedLedger
    period: str
    loaded: Sequence[LoadedFile]

    @property
    def config(self) -> Config:
        """The settings that the month is billed with."""
        return self.ledger.config

    @property
    def directory(self) -> Directory:
        """The directory that the month is billed with."""
        return self.ledger.directory

    @property
    def record(self) -> ClosingRecord | None:
        """Its record, where the month is closed."""
        return self.ledger.records.get(self.period)

    @property
    def sources(self) -> set[str]:
        """The sources that have files in the month."""
        return {each.file.source for each in self.loaded}
