-- part: one row per span (a UTC day), label, meter and variant: how much all records together used in it.
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
),
added AS (
    SELECT
        cut.label, cut.meter, cut.variant, cut.span, count(*) AS records,
        sum(used_within(cut.amount, cut.starts, cut.ends, span.starts, span.ends))::HUGEINT AS amount
    FROM cut
    JOIN span ON span.id = cut.span
    GROUP BY cut.label, cut.meter, cut.variant, cut.span
)
SELECT NULL::BIGINT AS n, added.*, span.starts, span.ends FROM added JOIN span ON span.id = added.span
