"""The sources that a ledger knows: those listed in its settings, and those with charges."""

from __future__ import annotations

from collections.abc import Collection

from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.settings import Config
from openchargeback.ledger.shape import nearest
from openchargeback.problems import Problem, Severity


def unlisted_source(name: str, path: str, config: Config, with_charges: Collection[str]) -> Problem | None:
    """A notice about a source that the settings do not list, at its file; None if there is nothing to report.

    with_charges: the sources that had charges before. If a ledger lists no sources, only a name that is similar to a
    known one is reported, since it may be misspelled.
    """
    is_new = name not in with_charges
    known = sorted({*config.sources, *with_charges} - {name})
    near = nearest(name, known) if is_new else ""
    if name in config.sources or not (config.sources or near):
        return None
    meant = f"; did you mean {near}?" if near else ""
    message = f"{'new source' if is_new else 'source'} {name}: not listed in {FILE_NAME}{meant}"
    fix = f"list {name} under `sources` in {FILE_NAME}, or move its files to the right source"
    return Problem(path, "unlisted-source", message, fix, severity=Severity.NOTICE)
