-- spanned: one row per record and holding that was used in the period, with its first and last span.
-- cut: one row per record, holding and span of the period in which it was used.
CREATE VIEW spanned AS
SELECT *, span_on(greatest(starts, {first})) AS first_span, span_on(least(ends, {last}) - 1) AS last_span
FROM {held}
WHERE starts < {last} AND ends > {first};
CREATE VIEW cut AS
SELECT * EXCLUDE (first_span, last_span), unnest(range(first_span, last_span + 1))::INTEGER AS span FROM spanned
