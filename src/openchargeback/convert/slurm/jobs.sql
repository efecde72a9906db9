-- job: one row per job, array task, component of a heterogeneous job, or run of a requeued or resized job; no steps.
-- n: its row in `raw`, from 0. number: its id, if that is a number. starts: seconds since 1970 (UTC). In the hour that a zone repeats, a time has two readings;
-- the one is taken that agrees with Elapsed.
-- lasted: seconds from start to end: Elapsed, which is billed, and Suspended. gap: by how much End disagrees with that; an
-- export that sacct has cut to its window (`-T`) has jobs that start after their end. endless: it has ended without an End.
-- holding: what it held of what is billed; NULL for nothing. several: whether it stands for tasks of an array.
-- left_out: why it is not billed; NULL if it is.
CREATE TABLE job AS
WITH reading AS (
    SELECT
        raw.rowid AS n, raw.*,
        elapsed + suspended AS lasted,
        epoch_us(start_local) // 1000000 AS start_second_of,
        epoch_us(end_local) // 1000000 AS end_second_of,
        start_second_of - {start_first} AS start_first,
        start_second_of - {start_second} AS start_second,
        end_second_of - {end_first} AS end_first,
        end_second_of - {end_second} AS end_second
    FROM raw
    WHERE NOT step
),
chosen AS (
    SELECT
        *,
        CASE WHEN start_first <> start_second
                AND abs(end_first - start_first - lasted) > 1 AND abs(end_second - start_first - lasted) > 1
            THEN start_second ELSE start_first END AS starts
    FROM reading
)
SELECT
    chosen.n, try_cast(chosen.job_id AS BIGINT) AS number, chosen.starts, chosen.elapsed, chosen.lasted, origin.open,
    CASE
        WHEN end_local IS NULL THEN 0
        WHEN lasted = 0 THEN greatest(least(end_first - starts, end_second - starts), 0)
        ELSE least(abs(end_first - starts - lasted), abs(end_second - starts - lasted))
    END AS gap,
    end_local IS NULL AND NOT origin.open AND origin.known AS endless,
    origin.id AS origin, origin.label, tres.id AS tres, holding.id AS holding,
    chosen.bad, contains(coalesce(chosen.shown_id, chosen.job_id), '[') AS several,
    CASE
        WHEN origin.elsewhere THEN 'ran in another cluster'
        WHEN starts IS NULL OR lasted = 0 THEN 'used no time'
        WHEN origin.free THEN 'state not billed: ' || origin.word
        WHEN NOT origin.bills THEN 'nothing billed in the partition or QOS'
        WHEN tres.id IS NULL OR elapsed = 0 THEN 'nothing allocated'
    END AS left_out
FROM chosen
JOIN (SELECT * FROM origin JOIN label_rule USING (label)) AS origin ON origin.text = chosen.origin
LEFT JOIN tres ON tres.text = chosen.tres
LEFT JOIN holding ON holding.tres = tres.id AND holding.rule = origin.rule
