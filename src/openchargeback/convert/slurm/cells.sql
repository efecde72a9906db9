-- raw, one row per line: the cells as sacct prints them (the columns of `header.KNOWN`, NULL where the export lacks one)
-- read.
INSERT INTO raw
SELECT
    {file},
    line,
    coalesce(JobIDRaw, JobID, '') AS job_id,
    CASE WHEN JobID <> JobIDRaw THEN JobID END AS shown_id,
    moment(Submit) AS submitted,
    CASE WHEN submitted IS NULL THEN coalesce(SLUID, DBIndex, Submit, '') END AS serial,
    coalesce(nullif(Cluster, ''), {cluster}) AS cluster,
    coalesce(Account, '') AS account,
    {person} AS person,
    coalesce(Partition, '') AS partition,
    coalesce(QOS, '') AS qos,
    coalesce(State, '') AS state,
    moment(Start) AS start_local,
    moment("End") AS end_local,
    duration(coalesce(ElapsedRaw, Elapsed)) AS worked,
    CASE WHEN is_unset(Suspended) OR Suspended = '00:00:00' THEN 0 ELSE duration(Suspended) END AS paused,
    nullif(AllocTRES, '') AS tres,
    CASE
        WHEN start_local IS NULL AND NOT is_unset(Start) THEN 'Start'
        WHEN end_local IS NULL AND NOT is_unset("End") THEN 'End'
        WHEN worked IS NULL OR worked < 0 THEN 'Elapsed'
        WHEN paused IS NULL OR paused < 0 THEN 'Suspended'
        WHEN job_id = '' THEN 'JobID'
    END AS bad,
    CASE bad WHEN 'Start' THEN Start WHEN 'End' THEN "End" WHEN 'Elapsed' THEN coalesce(ElapsedRaw, Elapsed)
        WHEN 'Suspended' THEN Suspended END AS bad_cell
FROM {rows}
