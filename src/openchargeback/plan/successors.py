"""Follow charges named by id: which charge replaces each one after the data changed."""

from __future__ import annotations

from collections.abc import Sequence

from openchargeback.billing.pipeline import read_charges
from openchargeback.focus.database import database, insert, sql
from openchargeback.focus.loaded import Loaded
from openchargeback.plan.pairing import pair_charges
from openchargeback.problems import has_errors
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.charges import NO_VERSIONS, Versions
from openchargeback.review.ids import number_charges


def successors(period: str, base: RecordedLedger, head: RecordedLedger, ids: Sequence[str]) -> dict[str, str]:
    """The full id in the head of each charge of the base that an id or prefix names; empty if withdrawn.

    Skips an id that names no charge of the base, or several. Empty if a charge file has errors.
    """
    with database() as con:
        files: dict[str, Loaded] = {}
        for schema, ledger in (("head", head), ("base", base)):
            con.execute(f"CREATE SCHEMA {schema}")
            con.execute(f"USE {schema}")
            versions = Versions("head", files["head"].versions("head")) if files else NO_VERSIONS
            charges, problems = read_charges(con, ledger, [period], versions)
            if has_errors(problems):
                return {}
            number_charges(charges, charges.sources)
            files[schema] = charges.loaded
        con.execute("USE main")
        pair_charges(con, files["base"], files["head"])
        con.execute("CREATE TABLE named (place INTEGER, prefix VARCHAR)")
        insert(con, "named", list(enumerate(ids)))
        rows = con.execute(sql(__package__, "successors.sql")).fetchall()
    counts = {prefix: sum(1 for other, _ in rows if other == prefix) for prefix, _ in rows}
    return {prefix: id_ or "" for prefix, id_ in rows if counts[prefix] == 1}
