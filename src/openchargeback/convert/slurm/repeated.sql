-- repeated: one row per job whose identity (cluster, job id, submission) another job has as well.
-- first: the earliest record with the very same content. clash: another record of the identity that is not the same and
-- covers some of the same time, so that the job would be billed twice.
CREATE TABLE repeated AS
WITH suspect AS (
    SELECT hash(job_id, submission(submitted)) AS digest
    FROM raw WHERE NOT step GROUP BY ALL HAVING count(*) > 1
),
record AS (
    SELECT
        job.*, raw.job_id, submission(raw.submitted) AS submitted,
        origin.cluster, origin.account, origin.partition, origin.qos, origin.word
    FROM raw
    JOIN job ON job.n = raw.rowid
    JOIN origin ON origin.id = job.origin
    WHERE hash(raw.job_id, submission(raw.submitted)) IN (SELECT digest FROM suspect) AND job.left_out IS NULL
),
-- Two exports may write the same allocation in two ways, such as 16G and 16384M.
allocation AS (
    SELECT tres, string_agg(concat_ws(' ', meter, variant, level), ',' ORDER BY meter, variant) AS allocated
    FROM tres_meter
    WHERE tres IN (SELECT tres FROM record)
    GROUP BY tres
),
numbered AS (
    SELECT
        record.*, min(n) OVER (
            PARTITION BY cluster, job_id, submitted, account, partition, qos, starts, elapsed, lasted, allocated, word
        ) AS first
    FROM record
    LEFT JOIN allocation USING (tres)
)
SELECT one.n, one.first, min(other.n) AS clash
FROM numbered AS one
LEFT JOIN numbered AS other
    ON other.cluster = one.cluster AND other.job_id = one.job_id AND other.submitted = one.submitted
    AND other.first <> one.first
    AND other.starts < one.starts + one.lasted AND other.starts + other.lasted > one.starts
GROUP BY one.n, one.first
