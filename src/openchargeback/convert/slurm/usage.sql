-- usage: one row per job and meter that is billed in its partition and QOS. The job is spread over the seconds that it
-- held its allocation, from its start; pauses included, since sacct does not say when they were.
INSERT INTO usage
SELECT
    job.n, job.starts, job.starts + job.held AS ends, job.label, tres_meter.meter, tres_meter.variant,
    tres_meter.level::HUGEINT * job.elapsed AS amount
FROM job
JOIN tres_meter ON tres_meter.tres = job.tres
JOIN billed ON billed.label = job.label AND billed.meter = tres_meter.meter
WHERE job.left_out IS NULL AND tres_meter.level > 0
