"""The counts of a text's bytes, by which DuckDB's rows are checked, are those of its lines, however it is read."""

from __future__ import annotations

import re
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openchargeback.focus import layout
from openchargeback.focus.layout import count_bytes

PIECES = (b",", b'"', b" ", b"\n", b"\n", b"\r\n", b"\r", b"x", b"NULL", b"null", b"\x00")
OPEN = re.compile(rb',(?: ?"(?:NULL|null)?"|NULL|null)?')
ODD = re.compile(rb'(?:.*[,"])? +', re.DOTALL)


def lines_of(data: bytes) -> list[bytes]:
    *lines, rest = data.split(b"\n")
    return [line.removesuffix(b"\r") for line in [*lines, *([rest] if rest else [])]]


def is_strange(data: bytes) -> bool:
    """Whether DuckDB might read a text differently."""
    if b"\x00" in data or re.search(rb'" +"|\r(?!\n)', data):
        return True
    return any(not line or ODD.fullmatch(line) for line in lines_of(data))


@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=14), block=st.sampled_from([1, 2, 3, 7, 1 << 17]))
def test_the_counts_are_those_of_the_lines(tmp_path, pieces, block):
    path = tmp_path / "charges.csv"
    data = b"".join(pieces)
    path.write_bytes(data)
    with patch.object(layout, "_BLOCK", block):
        found = count_bytes(path)
    # With as many spaces at its end, a line counts as strange whatever is before them.
    assert found.strange == is_strange(data) or (found.strange and b"    " in data)
    if not found.strange:
        opened = [line for line in lines_of(data) if re.search(OPEN.pattern + rb"\Z", line)]
        assert found.lines == len(lines_of(data))
        assert found.open_lines == len(opened)
        assert found.commas == sum(line.count(b",") for line in opened)
