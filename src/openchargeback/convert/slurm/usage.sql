-- usage, as `tables.sql` of the room describes it: one row per job and meter that is billed in its partition and QOS.
-- The job is spread over the seconds that it held its allocation, from its start; pauses included, since sacct does not
-- say when they were.
INSERT INTO usage
SELECT
    job.n, job.file, job.n - input.before + input.first_line AS line,
    md5_number(concat_ws('|', label.cluster, job.job_id, job.submitted)) AS identity,
    job.started AS starts, job.started + to_seconds(job.held) AS ends, job.label,
    tres_meter.meter, tres_meter.variant,
    (tres_meter.level * job.elapsed)::HUGEINT AS amount,
    job.shown_id AS resource, state.word AS state
FROM job
JOIN input ON input.file = job.file
JOIN job_label AS label ON label.id = job.label
JOIN state ON state.id = job.state
JOIN tres_meter ON tres_meter.tres = job.tres
JOIN billed ON billed.label = job.label AND billed.meter = tres_meter.meter
WHERE job.left_out IS NULL AND tres_meter.level > 0
