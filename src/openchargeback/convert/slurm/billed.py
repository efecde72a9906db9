"""Which meters are billed in which partition and QOS."""

from __future__ import annotations

import duckdb

from openchargeback.convert.slurm.settings import Exceptional, SlurmSettings
from openchargeback.focus.database import insert
from openchargeback.ledger.patterns import expression


def fill_billed(con: duckdb.DuckDBPyConnection, own: SlurmSettings) -> None:
    """Create `billed`, one row per label and billed meter; fill `divisor`; set `bills` of each label."""
    billed: list[tuple[int, str]] = []
    divisors: list[tuple[int, str, int]] = []
    for label, partition, qos in con.execute("SELECT id, partition, qos FROM job_label").fetchall():
        rule = next((each for each in own.exceptions if _fits(each, partition, qos)), None)
        threads = own.threads_per_core if rule is None else rule.threads_per_core or own.threads_per_core
        billed += [(label, meter) for meter in dict.fromkeys(own.meters if rule is None else rule.meters)]
        if threads > 1:
            divisors.append((label, "cpu", threads))
    con.execute("CREATE TABLE billed (label INTEGER, meter VARCHAR)")
    insert(con, "billed", billed)
    insert(con, "divisor", divisors)
    con.execute("ALTER TABLE job_label ADD COLUMN bills BOOLEAN")
    con.execute("UPDATE job_label SET bills = id IN (SELECT label FROM billed)")


def _fits(rule: Exceptional, partition: str, qos: str) -> bool:
    given = ((rule.partition, partition), (rule.qos, qos))
    return all(not wanted or any(expression(each).matches(text) for each in wanted) for wanted, text in given)
