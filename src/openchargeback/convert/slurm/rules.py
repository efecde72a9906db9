"""What no job of an export may be, with what to do about it."""

from __future__ import annotations

from openchargeback.convert.findings import Rule, conflicting, misleading, repeated
from openchargeback.problems import Severity

AGAIN = "export it again with `TZ=UTC SLURM_TIME_FORMAT=standard sacct --parsable2`"

HEADER_RULE = Rule(
    where="lower(bad) = 'start: \"start\"'",
    value="''",
    code="usage-cells",
    message="the header occurs again, so several exports are in one file",
    fix="name the exports as separate inputs",
)
"""On jobs; where it is broken, other rules would only say the same."""

ORIGIN_RULES = (
    Rule(
        where="word LIKE '%+'",
        value="word",
        code="usage-cut",
        message="the state {} is cut off, so this is not a parsable export",
        fix="export with `sacct --parsable2`",
    ),
    Rule(
        where="NOT known AND word NOT LIKE '%+'",
        value="word",
        code="usage-state",
        message='"{}" is not a state of Slurm',
        fix="check that the cells are in the right columns",
    ),
    Rule(
        where="torn",
        value="''",
        code="usage-cells",
        message="a cell has the control character U+001F",
        fix="rename what has it in Slurm, or remove it from the export",
    ),
    misleading(["replace(text, joint(), '')"]),
)
"""On the origins of jobs (`dimensions.sql`)."""

_COUNTS = "(left_out IS NULL OR left_out IN ('used no time', 'nothing allocated'))"
"""Whether nothing but the times and the allocation of a job could keep it from being billed."""

JOB_RULES = (
    Rule(
        where="bad LIKE 'Start:%' OR bad LIKE 'End:%'",
        value="bad",
        code="usage-time",
        message="cannot read the time in {}",
        fix=AGAIN,
    ),
    Rule(
        where="bad LIKE 'Elapsed:%' OR bad LIKE 'Suspended:%'",
        value="bad",
        code="usage-number",
        message="cannot read the duration in {}",
        fix="export ElapsedRaw; a duration is a whole number of seconds, or D-HH:MM:SS",
    ),
    Rule(
        where="bad = 'JobID'",
        value="''",
        code="usage-number",
        message="the job has no ID",
        fix=AGAIN,
    ),
    Rule(
        where=f"bad IS NULL AND gap > 1 AND {_COUNTS}",
        value="gap",
        code="usage-clock",
        message="Start, End, Elapsed and Suspended disagree by {} seconds",
        fix="export Suspended as well; if many jobs are off by one hour, correct `timezone`",
    ),
    Rule(
        where=f"bad IS NULL AND starts IS NULL AND lasted > 0 AND {_COUNTS}",
        value="''",
        code="usage-clock",
        message="the job ran, but it has no Start",
        fix=AGAIN,
    ),
    Rule(
        where="bad IS NULL AND left_out IS NULL AND endless",
        value="''",
        code="usage-clock",
        message="the job is not running, but it has no End",
        fix="check `sacctmgr show runawayjobs`, fix the job there, and export again",
    ),
    Rule(
        where="open AND left_out IS NULL AND elapsed > $longest * 86400",
        value="'job ' || shown_id",
        code="usage-stale",
        message="{} has been running for longer than `slurm: longest_days`",
        fix="check `sacctmgr show runawayjobs`, fix the job there and export again, or raise `longest_days`",
    ),
    Rule(
        where="open AND left_out IS NULL AND starts < $period_end AND starts + lasted < $period_end",
        value="'job ' || shown_id",
        code="usage-open",
        message="{} was still running when the export was made, before the month ended",
        fix="export again after the end of the month: the next conversion does not include the rest of its time",
    ),
    Rule(
        where="left_out = 'nothing allocated' AND elapsed > 0",
        value="''",
        code="usage-tres",
        message="the job ran, but AllocTRES is empty, so it is not billed",
        fix="check AccountingStorageTRES in slurm.conf",
        severity=Severity.WARNING,
    ),
    Rule(
        where="left_out IS NULL AND several",
        value="shown_id",
        code="usage-array",
        message="{} stands for several array tasks but has run time; it is billed as one job",
        fix="check it with `sacct --array`",
        severity=Severity.WARNING,
    ),
    Rule(
        where="left_out IS NULL AND tres IN (SELECT id FROM tres_part WHERE odd)",
        value="(SELECT string_agg(part, ',' ORDER BY part) FROM tres_part WHERE tres_part.id = tres AND odd)",
        code="usage-tres",
        message="cannot read {} in AllocTRES",
        fix="export with `--noconvert`; each part is `type=count`, with a whole number",
    ),
    Rule(
        where="left_out IS NULL AND tres IN (SELECT id FROM gpu_mismatch)",
        value="(SELECT text FROM tres WHERE tres.id = tres_id)",
        code="usage-tres",
        message="the GPUs of each type do not add up to the total: {}",
        fix="check AccountingStorageTRES in slurm.conf",
    ),
)
"""On `job`."""

REPEATED_RULES = (
    conflicting("clash IS NOT NULL", "'job ' || shown_id"),
    repeated("clash IS NULL AND first <> n"),
)
"""On jobs whose identity is there more than once."""
