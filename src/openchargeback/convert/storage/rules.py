"""What no record of a storage listing may be, with what to do about it."""

from __future__ import annotations

from openchargeback.convert.findings import Rule
from openchargeback.problems import Severity

COUNTED = (
    Rule(
        where="clash AND left_out IS NOT DISTINCT FROM 'identical to another record'",
        value="path",
        code="usage-conflict",
        message="{} is there twice with different figures for the same moment",
        fix="convert one of the two listings, or name the time of day in the file names",
    ),
    Rule(
        where="repeated AND left_out IS NOT DISTINCT FROM 'identical to another record'",
        value="''",
        code="usage-repeated",
        message="records that are identical to earlier ones are counted once",
        fix="nothing to fix, if the listings are known to overlap",
        severity=Severity.NOTICE,
    ),
)
"""On `counted`."""

QUOTA = Rule(
    where="outer_bytes IS NULL AND NOT skipped",
    value="path",
    code="usage-quota",
    message="{} has no such limit, so there is nothing to bill",
    fix="set it on the system or in `storage: purchased`, or leave the path out with `paths: skip`",
)
"""On `net`, where capacity is bought."""

NESTED = Rule(
    where="difference < 0",
    value="path",
    code="usage-nested",
    message="the paths below {} hold more than it does",
    fix="take all figures of a sample at one time and with the same rules for snapshots",
)
"""On `net`, where use is billed."""
