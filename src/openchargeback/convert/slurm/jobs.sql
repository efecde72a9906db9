-- job: one row per job, array task, component of a heterogeneous job, or run of a requeued or resized job; no steps.
-- n: its row in `raw`, from 0. starts: seconds since 1970 (UTC). In the hour that a zone repeats, a time has two readings;
-- the one is taken that agrees with Elapsed.
-- held: seconds from start to end: Elapsed, which is billed, and Suspended. gap: by how much End disagrees with that.
-- left_out: why it is not billed; NULL if it is.
CREATE TABLE job AS
WITH reading AS (
    SELECT
        raw.rowid AS n, raw.*,
        elapsed + suspended AS held,
        epoch_us(start_local) // 1000000 AS start_second_of,
        epoch_us(end_local) // 1000000 AS end_second_of,
        start_second_of - {start_first} AS start_first,
        start_second_of - {start_second} AS start_second,
        end_second_of - {end_first} AS end_first,
        end_second_of - {end_second} AS end_second
    FROM raw
    WHERE NOT contains(job_id, '.')
),
chosen AS (
    SELECT
        *,
        CASE WHEN start_first <> start_second
                AND abs(end_first - start_first - held) > 1 AND abs(end_second - start_first - held) > 1
            THEN start_second ELSE start_first END AS starts
    FROM reading
)
SELECT
    chosen.n, chosen.starts, chosen.elapsed, chosen.held,
    CASE WHEN end_local IS NULL OR state.open THEN 0
        ELSE least(abs(end_first - starts - held), abs(end_second - starts - held)) END AS gap,
    label.id AS label, state.id AS state, tres.id AS tres,
    CASE
        WHEN state.elsewhere THEN 'ran in another cluster'
        WHEN starts IS NULL OR held = 0 THEN 'used no time'
        WHEN state.free THEN 'state not billed: ' || state.word
        WHEN NOT label.bills THEN 'nothing billed in the partition or QOS'
        WHEN tres.id IS NULL OR elapsed = 0 THEN 'nothing allocated'
    END AS left_out
FROM chosen
JOIN job_label AS label USING (cluster, account, person, partition, qos)
JOIN state ON state.text = chosen.state
LEFT JOIN tres ON tres.text = chosen.tres
