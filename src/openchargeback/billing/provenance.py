"""Where a statement's PI, project and fund come from, and which references its charges name.

What stands in the database afterwards:
    traced      one row a way of attribution with the billed charges of a statement (`traced.sql`)
    reference   one row a value of a configured reference in a distinct text of Tags (`references.sql`)
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from openchargeback.focus.database import insert, sql
from openchargeback.focus.tags import FIELDS, read_tags
from openchargeback.model import Attribution, Reference

MOST_VALUES = 100
"""How many values of a reference a statement keeps; beyond, `charges.csv` has them."""

Payer = tuple[str, str]
"""PI and project of a statement."""


def trace(con: duckdb.DuckDBPyConnection, references: Mapping[str, str]) -> None:
    """Fill `traced` and `reference` once every charge has its disposition. references: name → tag key."""
    con.execute(sql(__package__, "traced.sql"))
    if references:
        _read_references(con, references)
    else:
        con.execute("CREATE TABLE reference (tag BIGINT, name VARCHAR, value VARCHAR)")


def read_attributions(con: duckdb.DuckDBPyConnection) -> dict[Payer, tuple[Attribution, ...]]:
    """How the charges of each statement were attributed, the largest groups first."""
    rows = con.execute(
        "SELECT pi, project, pi_via, project_via, fund_via, people, sum(charges)::BIGINT AS charges, sum(exact_billed) "
        "FROM traced GROUP BY ALL ORDER BY pi, project, charges DESC, pi_via, project_via, fund_via, people"
    ).fetchall()
    result: dict[Payer, list[Attribution]] = {}
    for pi, project, pi_via, project_via, fund_via, by, charges, exact_billed in rows:
        found = Attribution(pi_via, project_via, fund_via, tuple(by), charges, exact_billed)
        result.setdefault((pi, project), []).append(found)
    return {payer: tuple(found) for payer, found in result.items()}


def read_references(con: duckdb.DuckDBPyConnection) -> dict[Payer, tuple[Reference, ...]]:
    """The references that the billed charges of each statement name, by name."""
    rows = con.execute(
        "SELECT traced.pi, traced.project, reference.name, count(DISTINCT reference.value), "
        "list_sort(list(DISTINCT reference.value))[:$most] FROM traced JOIN payer ON payer.id = traced.payer "
        "JOIN reference ON reference.tag = payer.tag GROUP BY ALL ORDER BY 1, 2, 3",
        {"most": MOST_VALUES},
    ).fetchall()
    result: dict[Payer, list[Reference]] = {}
    for pi, project, name, count, values in rows:
        result.setdefault((pi, project), []).append(Reference(name, tuple(values), count))
    return {payer: tuple(found) for payer, found in result.items()}


def _read_references(con: duckdb.DuckDBPyConnection, references: Mapping[str, str]) -> None:
    names, keys = sorted(references), [references[name] for name in sorted(references)]
    paths = ["/" + key.replace("~", "~0").replace("/", "~1") for key in keys]
    con.execute(sql(__package__, "references.sql"), {"names": names, "paths": paths})
    # The rules of tolerance are those for the payer's tags (focus/tags.py).
    odd = con.execute(
        "SELECT id, text FROM tag WHERE NOT plain OR len(list_filter(json_keys(text), lambda key: "
        "list_contains($folded, lower(trim(key))) AND NOT list_contains($keys, key))) > 0",
        {"folded": [key.strip().lower() for key in keys], "keys": keys},
    ).fetchall()
    found = [
        (id_, name, value)
        for id_, text in odd
        for name, key in zip(names, keys, strict=True)
        if (value := read_tags(text, dict.fromkeys(FIELDS, key)).pi)
    ]
    con.execute("DELETE FROM reference WHERE list_contains($odd, tag)", {"odd": [id_ for id_, _ in odd]})
    insert(con, "reference", found)
