-- cut: one row per record, meter and span of the period in which it was used; most usage is in one span.
CREATE VIEW cut AS
WITH placed AS (
    SELECT *, span_on(greatest(starts, {first})) AS span, span_on(least(ends, {last}) - 1) AS last_span
    FROM {usage}
    WHERE starts < {last} AND ends > {first}
)
SELECT * EXCLUDE (last_span) FROM placed WHERE span = last_span
UNION ALL
SELECT * EXCLUDE (span, last_span), unnest(range(span, last_span + 1)) AS span FROM placed WHERE span <> last_span
