-- rejects: one row per line that is not a row, first fault only.
SELECT line, any_value(error_type::VARCHAR) AS kind, any_value(csv_line) AS text
FROM reject_errors GROUP BY line ORDER BY line LIMIT 50;
-- years: the earliest and the latest local time in the exports.
SELECT min(least(start_local, end_local)) AS first, max(greatest(start_local, end_local)) AS last FROM raw;
-- undated: the files with times in a zone that they do not say.
SELECT DISTINCT file FROM raw WHERE NOT dated AND (start_local IS NOT NULL OR end_local IS NOT NULL);
-- first_place: where the first record is.
SELECT raw.file, coalesce(raw.line, input.first_line) FROM raw JOIN input ON input.file = raw.file WHERE raw.rowid = 0;
-- job_ids: how many jobs there are, how many ids are numbers, and the lowest and the highest of these.
SELECT count(*), count(number), min(number), max(number) FROM job;
-- different_ids: how many different numbers the ids of jobs are.
SELECT bit_count(bitstring_agg(number, {low}, {high})) FROM job;
-- none_repeated: `repeated` without any row.
CREATE TABLE repeated (n BIGINT, first BIGINT, clash BIGINT);
-- left_out: how many jobs are not billed, by reason.
SELECT coalesce(left_out, 'nothing allocated that is billed') AS reason, count(*) AS jobs
FROM job WHERE left_out IS NOT NULL OR holding IS NULL GROUP BY ALL ORDER BY ALL;
-- drop_repeated: jobs whose very content an earlier record has are not billed again.
UPDATE job SET left_out = 'identical to another record' FROM repeated WHERE repeated.n = job.n AND repeated.first <> job.n;
-- origin_keys: what decides what is billed of the jobs of a label.
SELECT DISTINCT label, partition, qos FROM origin ORDER BY label;
-- labels: the labels of the jobs, in the form that all kinds share.
INSERT INTO label
SELECT DISTINCT
    label, nullif(cluster, ''), nullif(partition, ''), nullif(qos, ''), NULL, nullif(account, ''), nullif(person, '')
FROM origin ORDER BY label;
-- held: one row per job that is billed. It is spread over the seconds that it held its allocation, from its start; pauses
-- included, since sacct does not say when they were.
CREATE VIEW held AS
SELECT n, starts, starts + lasted AS ends, label, holding, elapsed AS factor
FROM job
WHERE left_out IS NULL AND holding IS NOT NULL;
-- document: one row per job of a JSON export, in its order: its line, and what is read of it.
CREATE OR REPLACE TABLE document (line BIGINT, job JSON);
