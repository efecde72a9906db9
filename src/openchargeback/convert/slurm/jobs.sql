-- job: one row per job, array task, component of a heterogeneous job, or run of a requeued or resized job; no steps.
-- started, ended: UTC. In the hour that a zone repeats, a time has two readings ({start_first}, {start_second} are the
-- seconds to subtract): the one is taken that agrees with Elapsed.
-- held: seconds from start to end: Elapsed, which is billed, and Suspended. gap: by how much End disagrees with that.
-- left_out: why it is not billed; NULL if it is. bad: the first column that cannot be read, with its cell.
CREATE TABLE job AS
WITH cell AS (
    SELECT
        rowid AS n, file,
        coalesce(JobIDRaw, JobID) AS job_id,
        coalesce(JobID, JobIDRaw) AS shown_id,
        coalesce(nullif(Cluster, ''), $cluster) AS cluster,
        coalesce(Account, '') AS account,
        {person} AS person,
        coalesce(Partition, '') AS partition,
        coalesce(QOS, '') AS qos,
        coalesce(State, '') AS state,
        coalesce(Submit, SLUID, DBIndex, '') AS submitted,
        Start, "End", AllocTRES,
        moment(Start) AS start_local,
        moment("End") AS end_local,
        duration(coalesce(ElapsedRaw, Elapsed)) AS elapsed,
        CASE WHEN is_unset(Suspended) THEN 0 ELSE duration(Suspended) END AS suspended,
        coalesce(ElapsedRaw, Elapsed) AS elapsed_cell,
        Suspended AS suspended_cell
    FROM raw
    WHERE NOT contains(coalesce(JobIDRaw, JobID, ''), '.')
),
reading AS (
    SELECT
        *,
        elapsed + suspended AS held,
        start_local - to_seconds({start_first}) AS start_first,
        start_local - to_seconds({start_second}) AS start_second,
        end_local - to_seconds({end_first}) AS end_first,
        end_local - to_seconds({end_second}) AS end_second
    FROM cell
),
chosen AS (
    SELECT
        *,
        CASE WHEN start_first <> start_second AND end_local IS NOT NULL
                AND abs(epoch(end_first) - epoch(start_first) - held) > 1 AND abs(epoch(end_second) - epoch(start_first) - held) > 1
            THEN start_second ELSE start_first END AS started
    FROM reading
)
SELECT
    chosen.n, chosen.file, chosen.job_id, chosen.shown_id, chosen.submitted, chosen.started, chosen.elapsed, chosen.held,
    CASE WHEN end_local IS NULL OR state.open THEN 0
        ELSE least(abs(epoch(end_first) - epoch(started) - held), abs(epoch(end_second) - epoch(started) - held))
    END::BIGINT AS gap,
    label.id AS label, state.id AS state, tres.id AS tres,
    CASE
        WHEN start_local IS NULL AND NOT is_unset(Start) THEN 'Start'
        WHEN end_local IS NULL AND NOT is_unset("End") THEN 'End'
        WHEN elapsed IS NULL OR elapsed < 0 THEN 'Elapsed'
        WHEN suspended IS NULL OR suspended < 0 THEN 'Suspended'
        WHEN job_id = '' OR job_id IS NULL THEN 'JobID'
    END AS bad,
    CASE
        WHEN state.elsewhere THEN 'ran in another cluster'
        WHEN started IS NULL OR held = 0 THEN 'used no time'
        WHEN state.free THEN 'state not billed: ' || state.word
        WHEN NOT label.bills THEN 'nothing billed in the partition or QOS'
        WHEN tres.id IS NULL OR elapsed = 0 THEN 'nothing allocated'
    END AS left_out,
    CASE bad WHEN 'Start' THEN Start WHEN 'End' THEN "End" WHEN 'Elapsed' THEN elapsed_cell WHEN 'Suspended' THEN suspended_cell
    END AS bad_cell
FROM chosen
JOIN job_label AS label USING (cluster, account, person, partition, qos)
JOIN state ON state.text = chosen.state
LEFT JOIN tres ON tres.text = chosen.AllocTRES
