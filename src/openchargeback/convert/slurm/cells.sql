-- raw, one row per line: the cells as sacct prints them (the columns of `header.KNOWN`, NULL where the export lacks one)
-- read.
INSERT INTO raw
SELECT
    {file},
    line,
    coalesce(JobIDRaw, JobID, '') AS job_id,
    CASE WHEN JobID <> JobIDRaw THEN JobID END AS shown_id,
    is_step(job_id) AS step,
    CASE WHEN strlen(Submit) = 19 THEN Submit ELSE coalesce(
        strftime(utc(Submit), '%Y-%m-%dT%H:%M:%S'), SLUID, DBIndex, Submit, ''
    ) END AS submitted,
    concat(
        coalesce(Cluster, {cluster}), joint(), Account, joint() || {person} || joint(),
        Partition, joint(), QOS, joint(), State
    ) AS origin,
    {dated} OR start_utc IS NOT NULL OR end_utc IS NOT NULL AS dated,
    coalesce(start_utc, moment(Start)) AS start_local,
    coalesce(end_utc, moment("End")) AS end_local,
    duration(coalesce(ElapsedRaw, Elapsed)) AS worked,
    CASE WHEN Suspended = '00:00:00' OR is_unset(Suspended) THEN 0 ELSE duration(Suspended) END AS paused,
    nullif(AllocTRES, '') AS tres,
    CASE
        WHEN start_local IS NULL AND NOT is_unset(Start) THEN concat('Start: "', Start, '"')
        WHEN end_local IS NULL AND NOT is_unset("End") THEN concat('End: "', "End", '"')
        WHEN (start_utc IS NULL) <> (end_utc IS NULL) AND start_local IS NOT NULL AND end_local IS NOT NULL
            THEN concat('End: "', "End", '"')
        WHEN worked IS NULL OR worked < 0 THEN concat('Elapsed: "', coalesce(ElapsedRaw, Elapsed), '"')
        WHEN paused IS NULL OR paused < 0 THEN concat('Suspended: "', Suspended, '"')
        WHEN job_id = '' THEN 'JobID'
    END AS bad
FROM (SELECT *, utc(Start) AS start_utc, utc("End") AS end_utc FROM {rows})
