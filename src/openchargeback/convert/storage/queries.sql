-- labels: the labels of the paths that are billed.
INSERT INTO label
SELECT row_number() OVER (ORDER BY system, tier, account, person)::INTEGER, system, NULL, NULL, tier, account, person
FROM (
    SELECT DISTINCT
        nullif(system, '') AS system, nullif(tier, '') AS tier, nullif(account, '') AS account, {person} AS person
    FROM net WHERE NOT skipped AND bytes > 0
);
-- record: one row per record of the listings, as the room's `tables.sql` says; one path is the same in every listing.
CREATE VIEW record AS
SELECT
    n, file, line, md5_number_lower(concat_ws('|', {meter}, system, node, owner, person)) AS identity, path AS resource,
    '' AS state
FROM level;
-- left_out: how many records are not billed, by reason.
SELECT
    CASE
        WHEN counted.left_out IS NOT NULL THEN counted.left_out
        WHEN counted.skipped THEN 'left out by `paths`'
        WHEN coalesce(net.bytes, 0) <= 0 THEN 'nothing of its own'
        ELSE {other}
    END AS reason, count(*) AS records
FROM counted LEFT JOIN net ON net.n = counted.n
WHERE counted.n NOT IN (SELECT n FROM usage)
GROUP BY ALL ORDER BY ALL;
-- sampled: one row per system, series and sampled day of the month.
SELECT DISTINCT system, series, day FROM level WHERE day >= {first} AND day < {last} ORDER BY ALL;
