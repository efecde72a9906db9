-- raw, one row per job of the export, in its order: the cells as sacct prints them in a table, with times in UTC.
-- state.current is a word in old versions and a list of a state and flags in new ones; a flag that says more than the
-- state (REQUEUED, RESIZING) is what a table shows. 0 means that a time is not set.
INSERT INTO raw (
    file, JobID, JobIDRaw, SLUID, Cluster, Account, "User", Partition, QOS, State, Submit, Start, "End", ElapsedRaw,
    Suspended, AllocTRES
)
WITH job AS (
    SELECT unnest(jobs) AS job FROM document
),
cell AS (
    SELECT
        json_extract_string(job, [
            '$.job_id', '$.array.job_id', '$.array.task_id', '$.array.task_id.number', '$.array.task_id.set', '$.array.task',
            '$.sluid', '$.cluster', '$.account', '$.user', '$.partition', '$.qos', '$.state.current', '$.state.current[0]',
            '$.time.submission', '$.time.start', '$.time.end', '$.time.elapsed', '$.time.suspended'
        ]) AS c,
        from_json(json_extract(job, '$.tres.allocated'), '[{"type":"VARCHAR","name":"VARCHAR","count":"BIGINT"}]') AS tres
    FROM job
)
SELECT
    {file},
    CASE WHEN c[5] = 'true' OR (c[4] IS NULL AND c[3] IS NOT NULL) THEN c[2] || '_' || coalesce(c[4], c[3])
        WHEN c[6] <> '' THEN c[2] || '_[' || c[6] || ']'
        ELSE c[1] END,
    c[1], nullif(c[7], ''), c[8], c[9], c[10], c[11], c[12],
    coalesce(
        list_extract(list_intersect(from_json(c[13], '["VARCHAR"]'), ['REQUEUED', 'RESIZING', 'REVOKED']), 1), c[14], c[13]
    ),
    strftime(make_timestamp(try_cast(c[15] AS BIGINT) * 1000000), '%Y-%m-%dT%H:%M:%S'),
    CASE c[16] WHEN '0' THEN 'Unknown' ELSE strftime(make_timestamp(try_cast(c[16] AS BIGINT) * 1000000), '%Y-%m-%dT%H:%M:%S') END,
    CASE c[17] WHEN '0' THEN 'Unknown' ELSE strftime(make_timestamp(try_cast(c[17] AS BIGINT) * 1000000), '%Y-%m-%dT%H:%M:%S') END,
    c[18], c[19],
    array_to_string(
        list_transform(
            list_filter(tres, lambda t: t.count > 0 OR t.type IN ('cpu', 'mem', 'node')),
            lambda t: concat(t.type, CASE WHEN coalesce(t.name, '') <> '' THEN '/' || t.name ELSE '' END, '=', t.count,
                CASE t.type WHEN 'mem' THEN 'M' ELSE '' END)
        ), ','
    )
FROM cell
