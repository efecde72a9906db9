-- part: one row per record, meter and span: how much of the amount falls into the span.
CREATE TABLE part AS
WITH cut AS (
    SELECT
        n, file, line, usage.starts, usage.ends, label, meter, variant, amount, resource, state,
        unnest(range(
            span_on(greatest(usage.starts, {first})), span_on(least(usage.ends, {last}) - INTERVAL 1 SECOND) + 1
        )) AS span
    FROM usage
    WHERE usage.starts < {last} AND usage.ends > {first}
)
SELECT
    n, file, line, label, meter, variant, span, resource, state, 1 AS records,
    greatest(cut.starts, span.starts) AS starts, least(cut.ends, span.ends) AS ends,
    CASE WHEN cut.starts >= span.starts AND cut.ends <= span.ends THEN amount
        ELSE before_instant(amount, cut.starts, cut.ends, span.ends)
            - before_instant(amount, cut.starts, cut.ends, span.starts) END AS amount
FROM cut
JOIN span ON span.id = cut.span
