"""Who pays: PI, project and fund of every charge, from tags, directory and defaults (DESIGN section 4).

What stands in the database afterwards:
    project     one row a project of the directory, with its PI and fund as of the period
    payer       one row a way of attribution (`attribution.sql`)
    attributed  the table `charge` with `payer` beside it
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from openchargeback.focus.database import identifier, insert, sql
from openchargeback.focus.reading import LoadedFile
from openchargeback.ledger.directory import MATCH_COLUMNS, Directory, Entry, ProjectEntry
from openchargeback.ledger.periods import first_day, last_day
from openchargeback.ledger.settings import Config


def attribute(
    con: duckdb.DuckDBPyConnection, period: str, loaded: Sequence[LoadedFile], config: Config, directory: Directory
) -> None:
    """Give every charge of the table `charge` its payer."""
    project_table(con, period, directory)
    _emails(con, directory)
    _fallbacks(con, loaded, config, directory)
    # Claims cost a join over all charges, so they are only looked for where the directory makes any.
    claims = _claims(con, loaded, directory)
    claimed = f"LEFT JOIN ({claims}) AS claim ON claim.n = charge.n" if claims else ""
    project = "claim.claimed" if claims else "NULL::VARCHAR"
    charges = f"(SELECT charge.*, {project} AS claimed FROM charge {claimed})"
    con.execute(sql(__package__, "attribution.sql", charges=charges))
    same_claim = "AND payer.claimed IS NOT DISTINCT FROM charge.claimed" if claims else ""
    con.execute(
        "CREATE TABLE attributed AS SELECT charge.n, charge.file, charge.source, charge.period_start, charge.cost, "
        f"charge.list, charge.currency, charge.kind, charge.service, payer.id AS payer FROM {charges} AS charge "
        "JOIN payer ON payer.source = charge.source AND payer.category IS NOT DISTINCT FROM charge.category "
        f"AND payer.tag IS NOT DISTINCT FROM charge.tag {same_claim}"
    )
    con.execute("DROP TABLE charge")


def project_table(con: duckdb.DuckDBPyConnection, period: str, directory: Directory) -> None:
    """Fill `project` with the PI and fund of every project of the directory, as of the period."""
    con.execute("CREATE TABLE project (id VARCHAR, pi VARCHAR, fund VARCHAR, ends DATE)")
    rows = []
    for id_, entry in directory.projects.items():
        held = entry_as_of(entry, period)
        rows.append((id_, held.pi or None, held.fund or None, entry.end))
    insert(con, "project", rows)


def entry_as_of(project: ProjectEntry, period: str) -> Entry:
    """The entry in force when the period begins, or else when it ends."""
    first = project.entry_on(first_day(period))
    return first if first.pi or first.fund else project.entry_on(last_day(period))


def _emails(con: duckdb.DuckDBPyConnection, directory: Directory) -> None:
    con.execute("CREATE TABLE email (written VARCHAR, canonical VARCHAR)")
    written = con.execute("SELECT DISTINCT pi FROM tag WHERE pi IS NOT NULL ORDER BY pi").fetchall()
    insert(con, "email", [(text, directory.email(text)) for (text,) in written])


def _fallbacks(
    con: duckdb.DuckDBPyConnection, loaded: Sequence[LoadedFile], config: Config, directory: Directory
) -> None:
    con.execute(
        "CREATE TABLE fallback (source VARCHAR, pi VARCHAR, project VARCHAR, fund VARCHAR, untagged_only BOOLEAN, "
        "posts BOOLEAN)"
    )
    names = sorted({*config.sources, *(file.file.source for file in loaded)})
    rows = [
        (
            source.name,
            directory.email(source.default.pi) or None,
            source.default.project or None,
            source.default.fund or None,
            source.default_untagged_only,
            config.posts(source.name),
        )
        for source in map(config.source, names)
    ]
    for row in rows:
        con.execute("INSERT INTO fallback VALUES (?, ?, ?, ?, ?, ?)", row)


def _claims(con: duckdb.DuckDBPyConnection, loaded: Sequence[LoadedFile], directory: Directory) -> str:
    """SQL for the charges that a project claims by account or resource; empty where no project claims any."""
    claims = [
        (MATCH_COLUMNS.index(column), value, id_)
        for id_, entry in directory.projects.items()
        for column, value in entry.match
    ]
    present = [name for name in MATCH_COLUMNS if any(name in file.columns for file in loaded)]
    if not claims or not present:
        return ""
    con.execute("CREATE TABLE claim_rule (column_number INTEGER, value VARCHAR, project VARCHAR)")
    insert(con, "claim_rule", claims)
    parts = [
        f"SELECT cell.n, {MATCH_COLUMNS.index(name)} AS rank, claim_rule.project FROM cell JOIN claim_rule "
        f"ON claim_rule.value = cell.{identifier(name)} AND claim_rule.column_number = {MATCH_COLUMNS.index(name)}"
        for name in present
    ]
    return f"SELECT n, arg_min(project, rank) AS claimed FROM ({' UNION ALL '.join(parts)}) GROUP BY n"
