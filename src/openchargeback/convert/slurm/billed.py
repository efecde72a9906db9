"""Which meters are billed in which partition and QOS."""

from __future__ import annotations

import duckdb

from openchargeback.convert.slurm.settings import Exceptional, SlurmSettings
from openchargeback.focus.database import insert, query
from openchargeback.ledger.patterns import expression


def fill_billed(con: duckdb.DuckDBPyConnection, own: SlurmSettings) -> None:
    """Create `label_rule`, one row per label, and `billed`, one row per rule and meter; fill `divisor`.

    rule: which of the exceptions applies to a label, from 1; 0 for none. bills: whether the rule bills any meter.
    """
    con.execute("CREATE TABLE label_rule (label INTEGER, rule INTEGER, bills BOOLEAN)")
    con.execute("CREATE TABLE billed (rule INTEGER, meter VARCHAR)")
    meters = [tuple(dict.fromkeys(each)) for each in (own.meters, *(each.meters for each in own.exceptions))]
    threads = [own.threads_per_core, *(each.threads_per_core or own.threads_per_core for each in own.exceptions)]
    rules = {
        label: next((number for number, each in enumerate(own.exceptions, 1) if _fits(each, partition, qos)), 0)
        for label, partition, qos in con.execute(query(__package__, "origin_keys")).fetchall()
    }
    insert(con, "billed", [(rule, meter) for rule, names in enumerate(meters) for meter in names])
    insert(con, "label_rule", [(label, rule, bool(meters[rule])) for label, rule in rules.items()])
    insert(con, "divisor", [(label, "cpu", threads[rule]) for label, rule in rules.items() if threads[rule] > 1])


def _fits(rule: Exceptional, partition: str, qos: str) -> bool:
    given = ((rule.partition, partition), (rule.qos, qos))
    return all(not wanted or any(expression(each).matches(text) for each in wanted) for wanted, text in given)
