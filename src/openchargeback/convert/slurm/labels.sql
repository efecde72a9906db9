-- job_label: one row per distinct cluster, account, user, partition and QOS of the jobs, with an id from 1.
CREATE TABLE job_label AS
SELECT row_number() OVER (ORDER BY cluster, account, person, partition, qos) AS id, * FROM (
    SELECT DISTINCT
        coalesce(nullif(Cluster, ''), $cluster) AS cluster, coalesce(Account, '') AS account,
        {person} AS person, coalesce(Partition, '') AS partition, coalesce(QOS, '') AS qos
    FROM raw
    WHERE NOT contains(coalesce(JobIDRaw, JobID, ''), '.')
)
