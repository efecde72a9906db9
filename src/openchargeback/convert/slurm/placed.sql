-- One row per job with its line, what it came from and what could not be read, for the rules.
SELECT
    job.* EXCLUDE (origin), job.tres AS tres_id, coalesce(raw.shown_id, raw.job_id) AS shown_id, raw.file,
    coalesce(raw.line, job.n - input.before + input.first_line) AS line,
    origin.word, origin.known, origin.torn, origin.text
FROM job
JOIN raw ON raw.rowid = job.n
JOIN origin ON origin.id = job.origin
JOIN input ON input.file = raw.file
