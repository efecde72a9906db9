-- job_label: one row per distinct cluster, account, user, partition and QOS of the jobs, with an id from 1.
CREATE TABLE job_label AS
SELECT row_number() OVER (ORDER BY cluster, account, person, partition, qos)::INTEGER AS id, *
FROM (SELECT DISTINCT cluster, account, person, partition, qos FROM raw WHERE NOT contains(job_id, '.'))
