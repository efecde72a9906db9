-- part: one row per span (a UTC day), label, meter and variant: how much all records together used in it.
CREATE TABLE part AS
WITH added AS (
    SELECT
        cut.label, cut.meter, cut.variant, cut.span, count(*) AS records,
        sum(used_within(cut.amount, cut.starts, cut.ends, span.starts, span.ends))::HUGEINT AS amount
    FROM cut
    JOIN span ON span.id = cut.span
    GROUP BY cut.label, cut.meter, cut.variant, cut.span
)
SELECT NULL::BIGINT AS n, added.*, span.starts, span.ends FROM added JOIN span ON span.id = added.span
