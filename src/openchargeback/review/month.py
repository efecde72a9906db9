"""The input of every billing stage: a month of a ledger with its charges in a database."""

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
    """The charges of a month in a database, as loaded by `focus.reading.load`.

    ledger: with the settings and directory the month is billed with (`RecordedLedger.as_recorded`).
    """

    con: duckdb.DuckDBPyConnection
    ledger: RecordedLedger
    period: str
    loaded: Sequence[LoadedFile]

    @property
    def config(self) -> Config:
        """The settings for this month."""
        return self.ledger.config

    @property
    def directory(self) -> Directory:
        """The directory for this month."""
        return self.ledger.directory

    @property
    def record(self) -> ClosingRecord | None:
        """The closing record, if the month is closed."""
        return self.ledger.records.get(self.period)

    @property
    def sources(self) -> set[str]:
        """The sources that have files in the month."""
        return {each.file.source for each in self.loaded}
