"""SQL that reads the tables of closing records, of one month or of many at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openchargeback.focus.csv_copy import unguarded_sql
from openchargeback.focus.csv_text import relation
from openchargeback.focus.database import literals
from openchargeback.ledger.periods import part_path
from openchargeback.record.tables import column_names


def recorded_rows(root: Path, periods: Sequence[str], name: str) -> str:
    """SQL for the rows of one table in the records of these periods, every cell as text, with the `recorded` period."""
    names, paths = column_names(name), [root / part_path(period, name) for period in periods]
    cells = ", ".join(f"coalesce({unguarded_sql(f'c{index}')}, '') AS {column}" for index, column in enumerate(names))
    place = f"list_position([{literals(map(str, paths))}], filename)" if len(paths) > 1 else "1"
    rows = relation(paths, len(names), nulls=("",))
    return f"SELECT [{literals(periods)}][{place}] AS recorded, {cells} FROM {rows}"
