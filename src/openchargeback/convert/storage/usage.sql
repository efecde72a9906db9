-- usage: one row per record that is billed: its bytes over the days that it stands for.
INSERT INTO usage
WITH ranked AS (
    SELECT net.*, row_number() OVER (PARTITION BY system, node, owner, person ORDER BY bytes DESC, day) AS place
    FROM net WHERE NOT skipped AND bytes > 0
)
SELECT
    ranked.n, stretch.starts, stretch.ends, label.id, CASE WHEN ranked.object THEN {objects} ELSE {files} END, '',
    ranked.bytes * (stretch.ends - stretch.starts)
FROM ranked
JOIN stretch ON stretch.system = ranked.system AND stretch.series = ranked.series AND stretch.day = ranked.day
JOIN label ON label.cluster IS NOT DISTINCT FROM nullif(ranked.system, '')
    AND label.tier IS NOT DISTINCT FROM nullif(ranked.tier, '')
    AND label.account IS NOT DISTINCT FROM nullif(ranked.account, '')
    AND label.person IS NOT DISTINCT FROM {person}
WHERE {picked}
