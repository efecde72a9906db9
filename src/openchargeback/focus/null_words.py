"""Words that an export writes for a missing value: `NULL` in SQL dumps, `None` from Python, `\\N` from MySQL.

FOCUS requires null, which in CSV is an empty cell (FOCUS 1.2, "Null Handling"). Here `NULL` and `null` are read as
null. Any other such word is text and, in a column of numbers, dates or objects, an error (`explaining.py`).
"""

from __future__ import annotations

import re

import duckdb

from openchargeback.focus import csv_text, decompression, parquet
from openchargeback.focus.column_rules import Finding, severity_for
from openchargeback.focus.columns import COLUMNS, TABLE
from openchargeback.focus.csv_text import MISSING
from openchargeback.focus.database import count, literals
from openchargeback.focus.opening import OpenFile
from openchargeback.ledger.patterns import expression
from openchargeback.problems import Severity

NULLS = tuple(word for word in MISSING if word)
"""Words that are read as null."""

WORDS = ("None", "NaN", "nan", "\\N", "N/A", "n/a", "NA", "Null", "nil", "<null>", "(null)", "<NA>", "#N/A")
"""Words that mean a missing value to the program that wrote them, but are text to every other."""

BLANK = "export an empty cell for a missing value"
"""How to fix them."""

_LOOKED_AT = 1 << 18
_ROWS_LOOKED_AT = 1_000
_CELL = rf'(?:^|[,"\n])(?:{"|".join(map(re.escape, (*NULLS, *WORDS)))})(?:[,"\r\n]|$)'


def is_null_word(text: str) -> bool:
    """Whether a cell is a word for a missing value."""
    return text.strip() in (*NULLS, *WORDS)


def null_words(opened: OpenFile, most: int) -> list[Finding]:
    """The columns of a file that contain such words, in order, each with its first `most` rows.

    An export that writes such words writes them everywhere, so only a file with one near its start is searched.
    In a column that every charge needs, such a word is reported as an error instead.
    """
    severity = severity_for("null-word", Severity.WARNING, opened.source)
    if severity is None:
        return []
    try:
        relation = _parquet(opened) if opened.header is None else _csv(opened)
        found = _found(opened, relation, severity, most) if relation else []
    except (duckdb.OutOfMemoryException, *decompression.UNREADABLE):
        raise
    except duckdb.Error:
        # Rows are uneven: opening the file has reported or corrected that.
        return []
    return [each for each in found if each.column not in ("BillingPeriodStart", opened.source.cost)]


def _csv(opened: OpenFile) -> str:
    with decompression.binary(opened.file.location) as raw:
        start = raw.read(_LOOKED_AT)
    if not expression(_CELL).occurs_in(start):
        return ""
    return csv_text.relation([opened.file.location], len(opened.names), nulls=("",))


def _parquet(opened: OpenFile) -> str:
    _, relation = parquet.text_relation(opened.con, opened.file.location, nulls=("",))
    words = literals((*NULLS, *WORDS))
    seen = " OR ".join(f"c{index} IN ({words})" for index in range(len(opened.names)))
    few = f"(SELECT * FROM {relation} LIMIT {_ROWS_LOOKED_AT})"
    return relation if count(opened.con, f"SELECT count(*) FROM {few} WHERE {seen}") else ""


def _found(opened: OpenFile, relation: str, severity: Severity, most: int) -> list[Finding]:
    wanted = (
        f"CASE WHEN c{index} IN ({_words_in(name)}) THEN c{index} END AS c{index}"
        for index, name in enumerate(opened.names)
    )
    opened.con.execute(f"CREATE OR REPLACE TEMP TABLE null_word AS SELECT {', '.join(wanted)} FROM {relation}")
    parts = (
        f"count(c{n}), min(rowid, {most}) FILTER (c{n} IS NOT NULL), arg_min(c{n}, rowid) FILTER (c{n} IS NOT NULL)"
        for n in range(len(opened.names))
    )
    row = opened.con.execute(f"SELECT {', '.join(parts)} FROM null_word").fetchone() or ()
    opened.con.execute("DROP TABLE null_word")
    findings = []
    for name, number, rows, word in zip(opened.names, row[::3], row[1::3], row[2::3], strict=True):
        if number:
            message = f"{name} contains the word {word}, which is read as {'no value' if word in NULLS else 'text'}"
            findings.append(Finding("null-word", name, severity, number, tuple(sorted(rows)), message, BLANK))
    return findings


def _words_in(name: str) -> str:
    """The words to look for in a column. If it has a list of allowed values, words read as text are errors already."""
    values = TABLE[name].values if name in TABLE else ()
    is_text = COLUMNS.get(name, "string") not in ("datetime", "decimal", "json") and not values
    return literals((*NULLS, *WORDS) if is_text else NULLS)
