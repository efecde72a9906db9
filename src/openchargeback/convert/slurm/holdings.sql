-- holding; held_item, held_level: as the room's `held.sql` says. A holding is an AllocTRES and a rule of what is billed of it.
CREATE TABLE billed_level AS
SELECT tres_meter.*, billed.rule
FROM tres_meter
JOIN billed ON billed.meter = tres_meter.meter
WHERE tres_meter.level > 0;
CREATE TABLE held_item AS
SELECT (row_number() OVER (ORDER BY meter, variant))::INTEGER AS id, meter, variant
FROM (SELECT DISTINCT meter, variant FROM billed_level);
CREATE TABLE holding AS
SELECT (row_number() OVER ())::INTEGER AS id, tres, rule FROM (SELECT DISTINCT tres, rule FROM billed_level);
CREATE TABLE held_level AS
SELECT holding.id AS holding, item.id AS item, billed_level.level::BIGINT AS level
FROM billed_level
JOIN holding ON holding.tres = billed_level.tres AND holding.rule = billed_level.rule
JOIN held_item AS item ON item.meter = billed_level.meter AND item.variant = billed_level.variant
