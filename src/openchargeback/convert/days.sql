-- part: one row per span (a UTC day), label, meter and variant: how much all records together used in it.
CREATE TABLE part AS
WITH cut AS (
    SELECT
        usage.starts, usage.ends, label, meter, variant, amount,
        unnest(range(
            span_on(greatest(usage.starts, {first})), span_on(least(usage.ends, {last}) - INTERVAL 1 SECOND) + 1
        )) AS span
    FROM usage
    WHERE usage.starts < {last} AND usage.ends > {first}
)
SELECT
    NULL::BIGINT AS n, NULL::INTEGER AS file, NULL::BIGINT AS line, label, meter, variant, cut.span,
    NULL AS resource, NULL AS state, count(*) AS records, any_value(span.starts) AS starts, any_value(span.ends) AS ends,
    sum(CASE WHEN cut.starts >= span.starts AND cut.ends <= span.ends THEN amount
        ELSE before_instant(amount, cut.starts, cut.ends, span.ends)
            - before_instant(amount, cut.starts, cut.ends, span.starts) END)::HUGEINT AS amount
FROM cut
JOIN span ON span.id = cut.span
GROUP BY label, meter, variant, cut.span
