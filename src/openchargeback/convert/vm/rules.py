"""What no piece of usage of a machine may be, with what to do about it."""

from __future__ import annotations

from openchargeback.convert.findings import Rule
from openchargeback.problems import Severity

RULES = (
    Rule(
        where="clash",
        value="resource",
        code="usage-conflict",
        message="{} is there twice with different content for the same time",
        fix="convert only the newer export",
    ),
    Rule(
        where="repeated",
        value="''",
        code="usage-repeated",
        message="records that are identical to earlier ones are counted once",
        fix="nothing to fix, if the exports are known to overlap",
        severity=Severity.NOTICE,
    ),
)
"""On `judged`."""
