-- One row per job of the export, in its order: the cells as sacct prints them in a table, with times in UTC.
-- state.current is a word in old versions and a list of a state and flags in new ones; a flag that says more than the
-- state (REQUEUED, RESIZING) is what a table shows. 0 means that a time is not set.
WITH cell AS (
    SELECT
        line,
        json_extract_string(job, [
            '$.job_id', '$.array.job_id', '$.array.task_id', '$.array.task_id.number', '$.array.task_id.set', '$.array.task',
            '$.sluid', '$.cluster', '$.account', '$.user', '$.partition', '$.qos', '$.state.current', '$.state.current[0]',
            '$.time.submission', '$.time.start', '$.time.end', '$.time.elapsed', '$.time.suspended',
            '$.het.job_id.number', '$.het.job_id', '$.het.job_offset.number', '$.het.job_offset'
        ]) AS c,
        json_extract(job, '$.state.current') AS current,
        from_json(json_extract(job, '$.allocated'), '[{"type":"VARCHAR","name":"VARCHAR","count":"VARCHAR"}]') AS tres
    FROM document
)
SELECT
    line,
    CASE WHEN c[5] = 'true' OR (c[4] IS NULL AND c[3] IS NOT NULL) THEN c[2] || '_' || coalesce(c[4], c[3])
        WHEN c[6] <> '' THEN c[2] || '_[' || c[6] || ']'
        WHEN whole(coalesce(c[20], c[21])) > 0 THEN concat(coalesce(c[20], c[21]), '+', coalesce(c[22], c[23]))
        ELSE c[1] END AS JobID,
    c[1] AS JobIDRaw, NULL AS DBIndex, nullif(c[7], '') AS SLUID, nullif(c[8], '') AS Cluster, c[9] AS Account, c[10] AS "User",
    c[11] AS Partition, c[12] AS QOS,
    CASE WHEN json_type(current) = 'ARRAY'
        THEN coalesce(list_filter(from_json(current, '["VARCHAR"]'), lambda w: w IN ('REQUEUED', 'RESIZING', 'REVOKED'))[1], c[14])
        ELSE c[13] END AS State,
    printed(c[15]) AS Submit, printed(c[16]) AS Start, printed(c[17]) AS "End",
    NULL AS Elapsed, c[18] AS ElapsedRaw, c[19] AS Suspended,
    array_to_string(
        list_transform(
            list_filter(tres, lambda t: t.count <> '0' OR t.type IN ('cpu', 'mem', 'node')),
            lambda t: concat(t.type, CASE WHEN coalesce(t.name, '') <> '' THEN '/' || t.name ELSE '' END, '=', t.count,
                CASE t.type WHEN 'mem' THEN 'M' ELSE '' END)
        ), ','
    ) AS AllocTRES
FROM cell
