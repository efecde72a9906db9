-- part: one row per record, meter and span of the period: how much of the amount falls into the span.
CREATE TABLE part AS
SELECT
    cut.n, cut.label, cut.meter, cut.variant, cut.span, 1 AS records,
    greatest(cut.starts, span.starts) AS starts, least(cut.ends, span.ends) AS ends,
    used_within(cut.amount, cut.starts, cut.ends, span.starts, span.ends) AS amount
FROM cut
JOIN span ON span.id = cut.span
