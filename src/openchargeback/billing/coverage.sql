-- One row per period and source: the number of days of the period that its charges cover, the first and the last.
-- {spans} has one row per distinct span in its files: period, source, usage, and the start and end of charge periods as
-- text. Taxes, purchases and credits often span the whole month in one row, so if there is any usage, only usage counts.
-- An end with a time is exclusive (FOCUS 1.2, "ChargePeriodEnd"); an end without one is inclusive.
WITH span AS MATERIALIZED ({spans}),
chosen AS (
    SELECT period, source, starts, ends FROM span WHERE usage
    UNION
    SELECT period, source, starts, ends FROM span WHERE (period, source) NOT IN (SELECT (period, source) FROM span WHERE usage)
),
moment AS (
    SELECT
        period,
        source,
        utc(starts)::DATE AS starts,
        (CASE WHEN strlen(ends) = 10 THEN utc(ends) ELSE utc(ends) - INTERVAL 1 MICROSECOND END)::DATE AS ends
    FROM chosen
),
covered AS (
    SELECT DISTINCT
        period,
        source,
        unnest(generate_series(
            greatest(starts, (period || '-01')::DATE),
            least(
                greatest(coalesce(ends, starts), starts),
                ((period || '-01')::DATE + INTERVAL 1 MONTH - INTERVAL 1 DAY)::DATE
            ),
            INTERVAL 1 DAY
        ))::DATE AS day
    FROM moment
)
SELECT span.period, span.source, count(covered.day) AS days, min(covered.day) AS first_day, max(covered.day) AS last_day
FROM (SELECT DISTINCT period, source FROM span) AS span
LEFT JOIN covered ON covered.period = span.period AND covered.source = span.source
GROUP BY span.period, span.source
