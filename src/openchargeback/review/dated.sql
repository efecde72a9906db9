-- One row per charge of a project whose directory entry depends on the day: the entries in force on the first and the
-- last day that the charge covers, or NULL if none is.
CREATE TABLE dated AS
WITH covered AS (
    SELECT
        charge.n,
        naming.id AS naming,
        naming.project,
        first_day({start}, charge.period_start) AS first_day,
        last_day({end}, first_day, charge_file.whole_days) AS last_day
    FROM {charges} AS charge
    JOIN naming ON naming.source = charge.source AND naming.category IS NOT DISTINCT FROM charge.category
        AND naming.tag IS NOT DISTINCT FROM charge.tag AND naming.claimed IS NOT DISTINCT FROM charge.claimed
    JOIN project ON project.id = naming.project AND project.dated
    JOIN charge_file ON charge_file.file = charge.file
    JOIN cell ON cell.n = charge.n
)
SELECT covered.*, starting.number AS entry, ending.number AS last_entry
FROM covered
LEFT JOIN entry AS starting ON starting.project = covered.project
    AND covered.first_day BETWEEN starting.since AND starting.until
LEFT JOIN entry AS ending ON ending.project = covered.project
    AND covered.last_day BETWEEN ending.since AND ending.until
