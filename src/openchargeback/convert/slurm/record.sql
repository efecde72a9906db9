-- record: one row per line of the exports, as the room's `tables.sql` says. The identity is without the start: an export
-- that sacct has cut to its window (`-T`) gives the same job another start.
CREATE VIEW record AS
SELECT
    raw.rowid AS n, raw.file, coalesce(raw.line, raw.rowid - input.before + input.first_line) AS line,
    md5_number_lower(concat_ws('|', split_part(raw.origin, joint(), 1), raw.job_id, submission(raw.submitted))) AS identity,
    coalesce(raw.shown_id, raw.job_id) AS resource, split_part(split_part(raw.origin, joint(), 6), ' ', 1) AS state
FROM raw
JOIN input ON input.file = raw.file
