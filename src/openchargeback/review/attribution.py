"""Find the PI, project and fund of every charge, from tags, directory and defaults.

Tables created:
    project     one row per project in the directory
    entry       one row per dated entry of a project: its PI and fund, and all PIs and funds of its own
    fund        one row per fund in the directory
    claim       one row per charge that a project claims by its account or resource; only if the directory makes claims
    external    one row per PI who is sent invoices
    naming      one row per distinct combination of payer hints on charges (`naming.sql`)
    dated       one row per charge whose project entry depends on the day (`dated.sql`)
    payer       one row per distinct attribution (`payer.sql`)
    attributed  the table `charge` with a `payer` column
    charge_usage  view: one row per charge with what it is for (`charge_usage.sql`)
    follows     one row per correction that follows the charge it refers to (`follows.sql`)
"""

from __future__ import annotations

import datetime as dt
import re

import duckdb

from openchargeback.focus.cells import cells
from openchargeback.focus.database import count, identifier, insert, query, sql
from openchargeback.focus.dialects import BACK_REFERENCES
from openchargeback.focus.loaded import Loaded
from openchargeback.ledger.directory import EMAIL_PATTERN, MATCH_COLUMNS, Directory
from openchargeback.ledger.settings import Config
from openchargeback.review.charges import Charges
from openchargeback.review.usage import create_usage

_CHAIN = 20
"""How many levels of corrections of corrections are followed back to the original charge."""


def attribute(charges: Charges) -> None:
    """Assign a payer to every row of the table `charge`."""
    con, loaded, config, directory = charges.con, charges.loaded, charges.config, charges.directory
    directory_tables(con, directory)
    _emails(con, directory)
    _fallbacks(con, config, directory)
    # Claims need a join over all charges, so skip it when the directory makes none.
    claims = _claims(con, loaded, directory)
    claimed = "LEFT JOIN claim ON claim.n = charge.n" if claims else ""
    project = "claim.claimed" if claims else "NULL::VARCHAR"
    claiming = f"(SELECT charge.*, {project} AS claimed FROM charge {claimed})"
    con.execute(sql(__package__, "naming.sql", charges=claiming), {"posts": config.posts("")})
    # Days need two more cells per charge, so read them only if an entry or a project's end depends on them.
    is_dated = con.execute("SELECT count(*) FROM project WHERE dated").fetchone() != (0,)
    if is_dated:
        days = cells(con, start="ChargePeriodStart", end="ChargePeriodEnd")
        con.execute(sql(__package__, "dated.sql", charges=claiming, **days))
    else:
        con.execute(query(__package__, "dated"))
    con.execute(sql(__package__, "payer.sql"))
    same_claim = "AND payer.claimed IS NOT DISTINCT FROM charge.claimed" if claims else ""
    on_day = "LEFT JOIN dated ON dated.n = charge.n" if is_dated else ""
    same_entry = "AND (dated.n IS NULL OR payer.entry IS NOT DISTINCT FROM dated.entry)" if is_dated else ""
    con.execute(
        "CREATE TABLE attributed AS SELECT charge.n, charge.file, charge.period, charge.source, charge.period_start, "
        f"charge.cost, charge.list, charge.currency, charge.kind, charge.service, payer.id AS payer "
        f"FROM {claiming} AS charge {on_day} JOIN payer ON payer.source = charge.source "
        "AND payer.category IS NOT DISTINCT FROM charge.category "
        f"AND payer.tag IS NOT DISTINCT FROM charge.tag {same_claim} {same_entry}"
    )
    con.execute("DROP TABLE charge")
    if charges.versions.attributed:
        _take_attributed(charges)
    create_usage(con)
    follow(con, loaded)


def _take_attributed(charges: Charges) -> None:
    """Make `attributed` a view of the charges that it has so far and of those on lines shared with other versions.

    It replaces no attribution: no charge of a month with back references may be taken from a version.
    """
    con, versions = charges.con, {file.file.path: file for file in charges.versions.files}
    own = count(con, "SELECT max(id) FROM payer")
    con.execute("ALTER TABLE attributed RENAME TO attributed_apart")
    runs = [run for file in charges.loaded.files if file.common for run in file.shared(versions[file.file.path])]
    parts = [
        f"SELECT n + {run.shift} AS n, {run.file}::INTEGER AS file, * EXCLUDE (n, file, payer), payer + {own} AS payer "
        f"FROM {charges.versions.schema}.attributed WHERE {run.has('n')}"
        for run in runs
    ]
    con.execute(f"CREATE VIEW attributed AS {' UNION ALL '.join(['FROM attributed_apart', *parts])}")
    con.execute(sql(__package__, "taken_payers.sql", schema=charges.versions.schema, own=str(own)))
    for run in runs:
        con.execute(
            f"INSERT INTO dated SELECT n + {run.shift}, * EXCLUDE (n) FROM {charges.versions.schema}.dated "
            f"WHERE {run.has('n')}"
        )


def directory_tables(con: duckdb.DuckDBPyConnection, directory: Directory) -> None:
    """Fill `project`, `entry`, `fund` and `external` from the directory, and `known` with the values it knows."""
    con.execute(query(__package__, "directory"))
    con.execute(query(__package__, "fund_rules"))
    insert(con, "external", [(email,) for email in sorted(directory.external)])
    con.execute("CREATE TABLE known (kind VARCHAR, value VARCHAR, named VARCHAR)")
    projects: list[tuple[object, ...]] = []
    entries: list[tuple[object, ...]] = []
    for id_, project in directory.projects.items():
        is_dated = len(project.entries) > 1 or any(each.since or each.until for each in project.entries)
        end = project.project.end
        projects.append((id_, end, is_dated or end is not None))
        for each in project.entries:
            since, until = each.since or dt.date.min, each.until or dt.date.max
            payer = (each.pi or None, each.fund or None, list(each.all_pis), list(each.all_funds))
            entries.append((len(entries) + 1, id_, *payer, since, until))
    insert(con, "project", projects)
    insert(con, "entry", entries)
    funds = directory.funds
    insert(con, "fund", [(id_, fund.active, fund.since, fund.until) for id_, fund in funds.items()])
    people = {person.email: person.name for person in directory.people.values()}
    responsible = {pi for project in directory.projects.values() for each in project.entries for pi in each.all_pis}
    paying = {fund for project in directory.projects.values() for each in project.entries for fund in each.all_funds}
    known = [("project", id_, id_) for id_ in directory.projects]
    known += [("fund", id_, id_) for id_ in (funds or sorted(paying))]
    known += [("pi", email, people.get(email, email)) for email in sorted({*people, *responsible})]
    insert(con, "known", known)


def _emails(con: duckdb.DuckDBPyConnection, directory: Directory) -> None:
    """Fill `email`: each PI value found in tags with its canonical address; NULL if it is not an address."""
    con.execute("CREATE TABLE email (written VARCHAR, canonical VARCHAR)")
    written = con.execute("SELECT DISTINCT pi FROM tag WHERE pi IS NOT NULL ORDER BY pi").fetchall()
    insert(con, "email", [(text, address_of(text, directory)) for (text,) in written])


def address_of(text: str, directory: Directory) -> str | None:
    """The canonical address for a PI value; None if it is not an email address."""
    email = directory.email(text)
    return email if re.fullmatch(EMAIL_PATTERN, email) else None


def _fallbacks(con: duckdb.DuckDBPyConnection, config: Config, directory: Directory) -> None:
    con.execute(query(__package__, "fallback"))
    rows = [
        (
            source.name,
            directory.email(source.default.pi) or None,
            source.default.project or None,
            source.default.fund or None,
            source.default.untagged_only,
            config.posts(source.name),
        )
        for source in config.sources.values()
    ]
    insert(con, "fallback", rows)


def _claims(con: duckdb.DuckDBPyConnection, loaded: Loaded, directory: Directory) -> bool:
    """Fill `claim`; False if no project can claim any."""
    claims = [
        (MATCH_COLUMNS.index(column), value, id_)
        for id_, entry in directory.projects.items()
        for column, value in entry.match
    ]
    columns = loaded.columns
    cells = {name: f"cell.{identifier(name)}" for name in MATCH_COLUMNS if name in columns}
    if "AllocatedTags" in columns:
        # A share belongs to the owner of its own resource, not to the owner of the shared resource.
        shared, own = (f"cell.{name}" if name in columns else "NULL" for name in ("ResourceId", "AllocatedResourceId"))
        cells["ResourceId"] = f"CASE WHEN cell.AllocatedTags IS NULL THEN {shared} ELSE {own} END"
    if not claims or not cells:
        return False
    con.execute("CREATE TABLE claim_rule (column_number INTEGER, value VARCHAR, project VARCHAR)")
    insert(con, "claim_rule", claims)
    parts = [
        f"SELECT cell.n, {MATCH_COLUMNS.index(name)} AS rank, claim_rule.project FROM cell JOIN claim_rule "
        f"ON claim_rule.value = {cell} AND claim_rule.column_number = {MATCH_COLUMNS.index(name)}"
        for name, cell in cells.items()
    ]
    con.execute(
        "CREATE TABLE claim AS "
        f"SELECT n, arg_min(project, rank) AS claimed FROM ({' UNION ALL '.join(parts)}) GROUP BY n"
    )
    return True


def follow(con: duckdb.DuckDBPyConnection, loaded: Loaded) -> None:
    """Give corrections that refer to another charge of their period that charge's payer (OCI back references).

    Every such charge and its reference goes into `back_reference`, even if nothing is found.
    """
    con.execute("CREATE TABLE back_reference (n BIGINT, period VARCHAR, source VARCHAR, refers_to VARCHAR)")
    con.execute("CREATE TABLE follows (n BIGINT, original BIGINT)")
    for back, own in BACK_REFERENCES:
        tables = [table for table in loaded.tables if back in table.names]
        if not tables:
            continue
        cited = " UNION ALL ".join(
            f"SELECT n, {table.expression(back)} AS refers_to, {table.expression(own)} AS own FROM {table.numbered}"
            for table in tables
        )
        con.execute(sql(__package__, "follows.sql", cited=cited))
    if not count(con, "SELECT count(*) FROM follows"):
        return
    for _ in range(_CHAIN):
        # A correction of a correction follows the original charge.
        con.execute("UPDATE follows SET original = next.original FROM follows AS next WHERE next.n = follows.original")
    # Circular corrections refer to nothing that was charged.
    con.execute("DELETE FROM follows WHERE original IN (SELECT n FROM follows)")
    con.execute(query(__package__, "payer_of_original"))
