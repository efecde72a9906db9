"""How a statement's PI, project and fund were found, and the references in the tags of its charges.

Tables created:
    traced      one row per attribution and line, for billed charges (`traced.sql`)
    attribution one row per line and distinct attribution of its charges (`attributions.sql`)
    attribution_share   its cents
    reference   one row per value of a configured reference in a distinct Tags text (`references.sql`)
"""

from __future__ import annotations

from decimal import Decimal

import duckdb

from openchargeback import money
from openchargeback.billing.lines import StatementKey
from openchargeback.focus.database import insert, query, sql
from openchargeback.focus.tags import FIELDS, folded, json_pointer, key_sets, read_tags
from openchargeback.ledger.settings import Config
from openchargeback.model import Attribution, Reference

MOST_VALUES = 100
"""How many values of a reference a statement keeps; `charges.csv` has all of them."""


def trace(con: duckdb.DuckDBPyConnection, config: Config) -> None:
    """Fill these tables. Call `lines.sum_lines` first.

    The cents of a line are allocated to its attributions the same way as to its resources, so that both add up to the
    same total on a statement.
    """
    con.execute(sql(__package__, "traced.sql"))
    con.execute(sql(__package__, "attributions.sql"))
    con.execute(
        sql(
            __package__,
            "allocate.sql",
            parts="attribution",
            parent="attribution.parent",
            totals="line_share",
            shares="attribution_share",
        ),
        {"scale": int(10 ** money.places(config.currency))},
    )
    make_references(con, config)


def read_attributions(con: duckdb.DuckDBPyConnection, config: Config) -> dict[StatementKey, tuple[Attribution, ...]]:
    """The attributions of each statement, most charges first; shown-only charges are kept apart from charged ones."""
    sources = [source for (source,) in con.execute("SELECT DISTINCT source FROM line").fetchall()]
    rows = con.execute(
        query(__package__, "attributions"),
        {"posting": [source for source in sources if config.posts(source)]},
    ).fetchall()
    result: dict[StatementKey, list[Attribution]] = {}
    for period, pi, project, posted, pi_via, project_via, fund_via, people, charges, exact_billed, units in rows:
        billed = Decimal(units).scaleb(-money.places(config.currency))
        found = Attribution(
            pi=pi_via,
            project=project_via,
            fund=fund_via,
            by=tuple(people),
            charges=charges,
            exact_billed=exact_billed,
            billed=billed,
            posted=posted,
        )
        result.setdefault((period, pi, project), []).append(found)
    return {key: tuple(found) for key, found in result.items()}


def read_references(con: duckdb.DuckDBPyConnection) -> dict[StatementKey, tuple[Reference, ...]]:
    """The references in the tags of each statement's billed charges, by name."""
    rows = con.execute(
        query(__package__, "references"),
        {"most": MOST_VALUES},
    ).fetchall()
    result: dict[StatementKey, list[Reference]] = {}
    for period, pi, project, name, count, values in rows:
        result.setdefault((period, pi, project), []).append(Reference(name, tuple(values), count))
    return {key: tuple(found) for key, found in result.items()}


def make_references(con: duckdb.DuckDBPyConnection, config: Config) -> None:
    """Fill `reference` only."""
    if not config.reference_names:
        con.execute("CREATE TABLE reference (tag BIGINT, name VARCHAR, value VARCHAR)")
        return
    con.execute(query(__package__, "reference_key"))
    sets, _ = key_sets(config)
    wanted = [
        (number, name, rank, key, folded(key), json_pointer(key))
        for number, tags in enumerate(sets)
        for name, keys in sorted(tags.references.items())
        for rank, key in enumerate(keys)
    ]
    insert(con, "reference_key", wanted)
    con.execute(sql(__package__, "references.sql"))
    # The same tolerance as for the payer's tags (focus/tags.py).
    odd = con.execute(sql(__package__, "odd_references.sql")).fetchall()
    found = [
        (id_, name, value)
        for id_, number, text in odd
        for name, keys in sorted(sets[number].references.items())
        if (value := read_tags(text, dict.fromkeys(FIELDS, keys)).fund)
    ]
    con.execute("DELETE FROM reference WHERE list_contains($odd, tag)", {"odd": [id_ for id_, _, _ in odd]})
    insert(con, "reference", found)
