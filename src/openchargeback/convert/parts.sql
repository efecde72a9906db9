-- part: one row per record, item and span of the period: how much of the amount falls into the span.
-- used: one row per label and item of the period.
CREATE VIEW part AS
SELECT
    cut.n, cut.label, level.item, cut.span, 1 AS records,
    greatest(cut.starts, span.starts) AS starts, least(cut.ends, span.ends) AS ends,
    held_within(level.level, cut.factor, cut.starts, cut.ends, span.starts, span.ends) AS amount
FROM cut
JOIN span ON span.id = cut.span
JOIN held_level AS level ON level.holding = cut.holding;
CREATE VIEW used AS
SELECT DISTINCT spanned.label, level.item
FROM (SELECT DISTINCT label, holding FROM spanned) AS spanned
JOIN held_level AS level ON level.holding = spanned.holding
