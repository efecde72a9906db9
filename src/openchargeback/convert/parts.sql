-- part: one row per record, meter and span of the period: how much of the amount falls into the span.
CREATE TABLE part AS
WITH placed AS (
    SELECT *, span_on(greatest(starts, {first})) AS span, span_on(least(ends, {last}) - 1) AS last_span
    FROM {usage}
    WHERE starts < {last} AND ends > {first}
),
cut AS (
    SELECT * EXCLUDE (last_span) FROM placed WHERE span = last_span
    UNION ALL
    SELECT * EXCLUDE (span, last_span), unnest(range(span, last_span + 1)) AS span FROM placed WHERE span <> last_span
)
SELECT
    cut.n, cut.label, cut.meter, cut.variant, cut.span, 1 AS records,
    greatest(cut.starts, span.starts) AS starts, least(cut.ends, span.ends) AS ends,
    used_within(cut.amount, cut.starts, cut.ends, span.starts, span.ends) AS amount
FROM cut
JOIN span ON span.id = cut.span
