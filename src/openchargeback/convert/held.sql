-- What the stages read, made of `usage` unless the kind has created it (`Found.held`).
-- held_item: one row per meter and variant, with an id from 1 in their order.
-- held_level: one row per holding and item: how much of what a record holds at the same time.
-- held: one row per record and holding: the interval, and a factor; the amount of an item is its level times the factor.
--   The factor is the seconds of the interval if all of them count.
CREATE TABLE held_item AS
SELECT (row_number() OVER (ORDER BY meter, variant))::INTEGER AS id, meter, variant
FROM (SELECT DISTINCT meter, variant FROM usage);
CREATE TABLE held_level AS
SELECT id AS holding, id AS item, 1::BIGINT AS level FROM held_item;
CREATE VIEW held AS
SELECT usage.n, usage.starts, usage.ends, usage.label, item.id AS holding, usage.amount AS factor
FROM usage
JOIN held_item AS item ON item.meter = usage.meter AND item.variant = usage.variant
