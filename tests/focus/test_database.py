"""What DuckDB may keep in memory."""

from __future__ import annotations

import pytest

from openchargeback.focus import database as database_
from openchargeback.focus.database import count, database, make_room

_LIMIT = "SELECT parse_formatted_bytes(current_setting('memory_limit'))"


@pytest.mark.parametrize(("most", "more"), [("3000MB", True), ("1MB", False)])
def test_only_a_large_text_gets_more_memory(most: str, more: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_, "_MEMORY_FOR_LARGE", most)
    with database() as con:
        usual = count(con, _LIMIT)
        make_room(con, 1_000_000_000)
        assert count(con, _LIMIT) == usual
        make_room(con, 1_000_000_001)
        assert (count(con, _LIMIT) > usual) is more
        assert count(con, _LIMIT) >= usual
