"""The input of every billing stage: the charges of months of a ledger, in a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from openchargeback.focus.loaded import Loaded, LoadedFile
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.settings import Config
from openchargeback.record.recorded_ledger import RecordedLedger


@dataclass(frozen=True, slots=True)
class Versions:
    """Other versions of charge files, loaded before into another schema; `files` as they are called from here.

    attributed: whether their charges have been attributed there, with the same settings and directory, so that those on
    lines that both versions share need not be attributed again.
    """

    schema: str = ""
    files: Sequence[LoadedFile] = ()
    attributed: bool = False


NO_VERSIONS = Versions()

_FEW = 20_000


@dataclass(frozen=True, slots=True)
class Charges:
    """The charges of one or more months in a database, as loaded by `focus.reading.load`.

    periods: ascending; without those that lack a file. ledger: with the settings and directory that they are billed
    with (`RecordedLedger.as_recorded`), so a closed month is always alone. versions: what files were read from.
    """

    con: duckdb.DuckDBPyConnection
    ledger: RecordedLedger
    periods: tuple[str, ...]
    loaded: Loaded
    versions: Versions = NO_VERSIONS

    @property
    def config(self) -> Config:
        """The settings for these months."""
        return self.ledger.config

    @property
    def directory(self) -> Directory:
        """The directory for these months."""
        return self.ledger.directory

    @property
    def are_few(self) -> bool:
        """Whether there are so few that DuckDB takes longer to optimize a query of many columns than to run it."""
        return sum(each.rows for each in self.loaded.files) <= _FEW

    @property
    def sources(self) -> set[str]:
        """The sources that have files in any of the months."""
        return {each.file.source for each in self.loaded.files}
