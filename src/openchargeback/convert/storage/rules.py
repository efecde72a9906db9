"""What no record of a storage listing may be, with what to do about it."""

from __future__ import annotations

from openchargeback.convert.findings import Rule, conflicting, repeated

_SAME = "left_out IS NOT DISTINCT FROM 'identical to another record'"
COUNTED = (
    conflicting(
        f"clash AND {_SAME}", "path", "convert one of the two listings, or put the time of day into their names"
    ),
    repeated(f"repeated AND {_SAME}"),
)
"""On `counted`."""

QUOTA = Rule(
    where="outer_bytes IS NULL AND NOT skipped",
    value="path",
    code="usage-quota",
    message="{} has no limit to bill",
    fix="set one in the system or in `storage: purchased`, or leave the path out with `paths: skip`",
)
"""On `net`, where capacity is bought."""

NESTED = Rule(
    where="difference < 0",
    value="path",
    code="usage-nested",
    message="the paths below {} add up to more than {} itself",
    fix="take all figures of a sample at one time, by the same rules for snapshots",
)
"""On `net`, where use is billed."""
