"""What no job of an export may be, with what to do about it."""

from __future__ import annotations

from openchargeback.convert.findings import Rule
from openchargeback.problems import Severity

AGAIN = "export it again with `TZ=UTC SLURM_TIME_FORMAT=standard sacct --parsable2`"

ORIGIN_RULES = (
    Rule(
        where="word LIKE '%+'",
        value="word",
        code="usage-cut",
        message="the state {} is cut off: this is not a parsable export",
        fix="export with `sacct --parsable2`, whose cells are whole",
    ),
    Rule(
        where="NOT known AND word NOT LIKE '%+'",
        value="word",
        code="usage-state",
        message='"{}" is not a state of Slurm',
        fix="check that the cells are under the right columns",
    ),
    Rule(
        where="torn",
        value="''",
        code="usage-cells",
        message="a cell has the control character U+001F",
        fix="rename what has it in Slurm, or remove it from the export",
    ),
)
"""On the origins of jobs (`dimensions.sql`)."""

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
        fix="it must be a whole number of seconds or D-HH:MM:SS; export ElapsedRaw",
    ),
    Rule(
        where="bad = 'JobID'",
        value="''",
        code="usage-number",
        message="the job has no id",
        fix=AGAIN,
    ),
    Rule(
        where="bad IS NULL AND left_out IS NULL AND gap > 1",
        value="gap",
        code="usage-clock",
        message="Start, End, Elapsed and Suspended disagree by {} seconds",
        fix="export Suspended too; if all are off by one hour, `timezone` is not the zone of the export",
    ),
    Rule(
        where="open AND left_out IS NULL AND elapsed > $longest * 86400",
        value="'job ' || shown_id",
        code="usage-stale",
        message="{} has been running for longer than `slurm: longest_days`",
        fix="list it with `sacctmgr show runawayjobs`, fix it there and export again, or raise `longest_days`",
    ),
    Rule(
        where="open AND left_out IS NULL AND starts < $period_end AND starts + lasted < $period_end",
        value="'job ' || shown_id",
        code="usage-open",
        message="{} is still running, and the export was made before the month ended",
        fix="export again after the end of the month: the next month's charges will not include this time",
    ),
    Rule(
        where="left_out = 'nothing allocated' AND elapsed > 0",
        value="''",
        code="usage-tres",
        message="the job ran, but AllocTRES is empty, so nothing is billed",
        fix="check AccountingStorageTRES in slurm.conf",
        severity=Severity.WARNING,
    ),
    Rule(
        where="left_out IS NULL AND several",
        value="shown_id",
        code="usage-array",
        message="{} stands for several tasks and has run; it is billed as one job",
        fix="check it with `sacct --array`",
        severity=Severity.WARNING,
    ),
    Rule(
        where="left_out IS NULL AND tres IN (SELECT id FROM tres_part WHERE odd)",
        value="(SELECT string_agg(part, ',' ORDER BY part) FROM tres_part WHERE tres_part.id = tres AND odd)",
        code="usage-tres",
        message="cannot read {} in AllocTRES",
        fix="it must be `type=count`, with a whole count; export with `--noconvert`",
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
    Rule(
        where="clash IS NOT NULL",
        value="'job ' || shown_id",
        code="usage-conflict",
        message="{} is there twice with different content for the same time",
        fix="convert only the newer export",
    ),
    Rule(
        where="clash IS NULL AND first <> n",
        value="''",
        code="usage-repeated",
        message="records that are identical to earlier ones are counted once",
        fix="nothing to fix, if the exports are known to overlap",
        severity=Severity.NOTICE,
    ),
)
"""On jobs whose identity is there more than once."""
