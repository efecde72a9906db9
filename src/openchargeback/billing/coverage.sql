-- One row per source: the number of days of the period that its charges cover, the first and the last.
-- {spans} has one row per distinct span in its files: source, usage, and the start and end of charge periods as text.
-- Taxes, purchases and credits often span the whole month in one row, so if there is any usage, only usage counts.
-- An end with a time is exclusive (FOCUS 1.2, "ChargePeriodEnd"); an end without one is inclusive.
WITH span AS MATERIALIZED ({spans}),
chosen AS (
    SELECT source, starts, ends FROM span WHERE usage
    UNION
    SELECT source, starts, ends FROM span WHERE source NOT IN (SELECT source FROM span WHERE usage)
),
moment AS (
    SELECT
        source,
        utc(starts)::DATE AS starts,
        (CASE WHEN strlen(ends) = 10 THEN utc(ends) ELSE utc(ends) - INTERVAL 1 MICROSECOND END)::DATE AS ends
    FROM chosen
),
covered AS (
    SELECT DISTINCT
        source,
        unnest(generate_series(
            greatest(starts, $first_day::DATE),
            least(greatest(coalesce(ends, starts), starts), $last_day::DATE),
            INTERVAL 1 DAY
        ))::DATE AS day
    FROM moment
)
SELECT span.source, count(covered.day) AS days, min(covered.day) AS first_day, max(covered.day) AS last_day
FROM (SELECT DISTINCT source FROM span) AS span
LEFT JOIN covered ON covered.source = span.source
GROUP BY span.source
