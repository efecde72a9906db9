-- repeated: one row per job record whose identity (cluster, job id, submission) another record has as well.
-- first: the earliest record with the very same content. clash: another record of the identity that is not the same and
-- covers some of the same time, so that the job would be billed twice.
CREATE TABLE repeated AS
WITH suspect AS (
    SELECT hash(job_id, submitted) AS digest FROM job WHERE left_out IS NULL GROUP BY ALL HAVING count(*) > 1
),
record AS (
    SELECT job.*, job_label.cluster, job_label.account, job_label.partition, job_label.qos, state.word
    FROM job JOIN job_label ON job_label.id = job.label JOIN state ON state.id = job.state
    WHERE left_out IS NULL AND hash(job_id, submitted) IN (SELECT digest FROM suspect)
),
numbered AS (
    SELECT
        *, min(n) OVER (
            PARTITION BY cluster, job_id, submitted, account, partition, qos, started, elapsed, held, tres, word
        ) AS first
    FROM record
)
SELECT
    one.n, one.first,
    (SELECT min(other.n) FROM numbered AS other
        WHERE other.cluster = one.cluster AND other.job_id = one.job_id AND other.submitted = one.submitted
            AND other.first <> one.first
            AND other.started < one.started + to_seconds(one.held)
            AND other.started + to_seconds(other.held) > one.started) AS clash
FROM numbered AS one
