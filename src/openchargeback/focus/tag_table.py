"""The distinct texts of tags of a period, each read once: the tables `key_set` and `tag`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from openchargeback.focus.database import insert, sql
from openchargeback.focus.loaded import LoadedTable
from openchargeback.focus.tags import FIELDS, folded, json_pointer, key_sets, keys_by_field, read_tags
from openchargeback.focus.verdict import with_positions
from openchargeback.ledger.settings import Config
from openchargeback.problems import Problem, Severity

_TAG_NOTES = {
    "tags-braces": ("{column} lack their outer braces", "export FOCUS columns, in which tags are a JSON object"),
    "tags-key-spelling": (
        "tag keys differ from the configured ones in case or spaces",
        "spell each key as in config.yaml",
    ),
    "tags-not-text": ("tag values are numbers or booleans", "write tag values as text"),
}


def read_tag_texts(con: duckdb.DuckDBPyConnection, tables: Sequence[LoadedTable], config: Config) -> list[Problem]:
    """Fill `tag`; returns a warning for each file whose tags were read with tolerance."""
    sets, _ = key_sets(config)
    make_tag_table(con, [keys_by_field(tags) for tags in sets], " UNION ALL ".join(map(_texts, tables)))
    odd = con.execute("SELECT id, key_set, text FROM tag WHERE NOT plain").fetchall()
    values = {id_: read_tags(text, keys_by_field(sets[number])) for id_, number, text in odd}
    con.execute(
        sql(__package__, "tags_update.sql"),
        {
            "ids": list(values),
            **{name: [getattr(each, name) for each in values.values()] for name in (*FIELDS, "malformed")},
            "fault": [each.fault or None for each in values.values()],
        },
    )
    notes: dict[str, list[int]] = {}
    for id_, each in values.items():
        for note in each.notes:
            notes.setdefault(note, []).append(id_)
    return [problem for table in tables for problem in _tag_warnings(table, notes)]


def make_tag_table(con: duckdb.DuckDBPyConnection, sets: Sequence[Mapping[str, Sequence[str]]], texts: str) -> None:
    """Fill `key_set` and `tag`. sets: the keys of each set by field; texts: SQL for key_set and tags of every row."""
    con.execute(sql(__package__, "key_sets.sql"))
    every = list(dict.fromkeys(key for keys in sets for name in FIELDS for key in keys[name]))
    places = {key: place for place, key in enumerate(every, 1)}
    rows = []
    for number, keys in enumerate(sets):
        wanted = list(dict.fromkeys(key for name in FIELDS for key in keys[name]))
        of_field = ([places[key] for key in keys[name]] for name in FIELDS)
        rows.append((number, wanted, [folded(key) for key in wanted], [places[key] for key in wanted], *of_field))
    insert(con, "key_set", rows)
    con.execute(
        sql(__package__, "tags.sql", texts=texts or "SELECT 0 AS key_set, NULL::VARCHAR AS tags"),
        {"paths": [json_pointer(key) for key in every]},
    )


def _texts(table: LoadedTable) -> str:
    """SQL for key_set and tags of every row; where each row has its own Tags alone, of their distinct texts."""
    if "AllocatedTags" in table.names:
        return f"SELECT key_set, {table.tags} AS tags FROM {table.numbered}"
    return f"SELECT key_set, text AS tags FROM {table.tag_texts} JOIN charge_file USING (file)"


def _tag_warnings(table: LoadedTable, notes: Mapping[str, Sequence[int]]) -> list[Problem]:
    """What was tolerated in the tags of each file, each with its count and first row."""
    files = {each.number: each for each in table.files}
    found: dict[int, list[tuple[int, str, Problem]]] = {}
    read = {"AllocatedTags": "true", "Tags": f"{table.expression('AllocatedTags')} IS NULL"}
    for note, ids in sorted(notes.items()):
        message, fix = _TAG_NOTES[note]
        for name, condition in read.items():
            query = (
                f"SELECT file, min(n), count(*) FROM {table.numbered} AS row "
                f"JOIN tag ON tag.text = {table.expression(name)} AND tag.key_set = row.key_set "
                f"WHERE list_contains($ids, tag.id) AND {condition} GROUP BY file"
            )
            text = message.format(column=name)
            for number, n, count in table.con.execute(query, {"ids": ids}).fetchall():
                file = files[number]
                problem = Problem(file.file.path, note, text, fix, severity=Severity.WARNING, count=count)
                found.setdefault(number, []).append((n - file.first, name, problem))
    return [problem for number in sorted(found) for problem in with_positions(files[number], found[number])]
