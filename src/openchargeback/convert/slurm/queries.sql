-- rejects: one row per line that is not a row, first fault only.
SELECT line, any_value(error_type::VARCHAR) AS kind, any_value(csv_line) AS text
FROM reject_errors GROUP BY line ORDER BY line LIMIT 50;
-- years: the earliest and the latest local time in the exports.
SELECT min(least(start_local, end_local)) AS first, max(greatest(start_local, end_local)) AS last FROM raw;
-- steps: how many lines there are, and how many of them are steps.
SELECT count(*) AS lines, count(*) FILTER (WHERE contains(job_id, '.')) AS steps FROM raw;
-- left_out: how many jobs are not billed, by reason.
SELECT left_out AS reason, count(*) AS jobs FROM job WHERE left_out IS NOT NULL GROUP BY ALL ORDER BY ALL;
-- drop_repeated: jobs whose very content an earlier record has are not billed again.
UPDATE job SET left_out = 'identical to another record' FROM repeated WHERE repeated.n = job.n AND repeated.first <> job.n;
-- placed: one row per job with its line, state and what could not be read, for the rules.
SELECT
    job.* EXCLUDE (state), job.tres AS tres_id, coalesce(raw.shown_id, raw.job_id) AS shown_id, raw.bad, raw.bad_cell, raw.file,
    coalesce(raw.line, job.n - input.before + input.first_line) AS line, state.word, state.open, state.known
FROM job
JOIN raw ON raw.rowid = job.n
JOIN state ON state.id = job.state
JOIN input ON input.file = raw.file;
-- labels: the labels of the jobs, in the form that all kinds share.
INSERT INTO label
SELECT id, nullif(cluster, ''), nullif(partition, ''), nullif(qos, ''), NULL, nullif(account, ''), nullif(person, '')
FROM job_label;
-- document: one row per job of a JSON export, in its order: its line, and what is read of it.
CREATE OR REPLACE TABLE document (line BIGINT, job JSON);
