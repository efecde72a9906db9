-- part: one row per span (a UTC day), label and item: how much all records together used in it.
-- used: one row per label and item of the period.
CREATE TABLE part AS
WITH added AS (
    SELECT
        cut.label, level.item, cut.span, count(*) AS records,
        sum(held_within(level.level, cut.factor, cut.starts, cut.ends, span.starts, span.ends))::HUGEINT AS amount
    FROM cut
    JOIN span ON span.id = cut.span
    JOIN held_level AS level ON level.holding = cut.holding
    GROUP BY cut.label, level.item, cut.span
)
SELECT NULL::BIGINT AS n, added.*, span.starts, span.ends FROM added JOIN span ON span.id = added.span;
CREATE VIEW used AS SELECT DISTINCT label, item FROM part
