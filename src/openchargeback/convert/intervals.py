"""Which usage a ledger has billed, and when: small files beside the charges, so that nothing is billed twice.

Aggregated charges name no jobs, so `convert` writes `usage/PERIOD/SOURCE.parquet` with the charges: per record, a
digest of its identity and the interval billed. A later conversion compares its own intervals with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from openchargeback.focus.database import file_literal, literal, named_rows, sql
from openchargeback.focus.equal_files import content_digest, content_size
from openchargeback.ledger.files import digest_of
from openchargeback.ledger.settings import Limits
from openchargeback.problems import LedgerFault, Problem
from openchargeback.wording import counted

_CEILING = Limits().charge_file_bytes
COLUMNS = "identity UBIGINT, starts BIGINT, ends BIGINT"
"""The columns of such a file."""


def write_intervals(
    con: duckdb.DuckDBPyConnection,
    instants: Mapping[str, str],
    path: Path,
    charges: Path | None,
    split: Sequence[Path] = (),
) -> None:
    """Write the identities and intervals of the usage in the period. instants: `first` and `last` of the period.

    charges: the charges that were written; split: charge files whose costs they split. The file notes the content of
    both, so that `validate` can tell charges that were changed (`usage_files.py`).
    """
    notes = {
        "charges": digest_of(charges) if charges else "",
        "split": ",".join(f"{content_size(each, _CEILING)} {content_digest(each, _CEILING)}" for each in split),
    }
    noted = ", ".join(f"{name}: {literal(text)}" for name, text in notes.items() if text)
    options = f"FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, KV_METADATA {{{noted}}}"
    rows = sql(__package__, "intervals.sql", **instants)
    con.execute(f"COPY ({rows}) TO {literal(str(path))} ({options})")


def billed_already(
    con: duckdb.DuckDBPyConnection,
    instants: Mapping[str, str],
    others: Sequence[Path],
    inputs: Mapping[int, str],
    root: Path,
) -> list[Problem]:
    """Problems for usage that other conversions into the ledger have billed. others: their files; inputs: by number."""
    if not others:
        return []
    for other in others:
        try:
            con.execute(f"SELECT count(identity), count(starts), count(ends) FROM read_parquet({file_literal(other)})")
        except duckdb.Error as error:
            relative = other.relative_to(root).as_posix()
            message = "cannot be read, so it is not known what is billed already"
            fix = "restore it from Git, or convert its source again"
            raise LedgerFault([Problem(relative, "unreadable", message, fix)]) from error
    query = sql(__package__, "billed_already.sql", others=", ".join(map(file_literal, others)), **instants)
    return [
        Problem(
            inputs[row["file"]],
            "usage-billed-already",
            f"{counted(row['count'], 'record')} already billed, by {Path(row['path']).relative_to(root).as_posix()}",
            "convert each export into one source; to replace its charges, write to the same file",
            row["line"],
            count=row["count"],
        )
        for row in named_rows(con, query)
    ]
