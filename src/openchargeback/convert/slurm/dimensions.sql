-- The distinct texts of the jobs, each read once.
-- tres: one row per distinct AllocTRES. odd: text that is not `type[/name]=count,…`, a count out of range, or a type twice.
-- tres_meter: one row per distinct AllocTRES and meter: the level held, in CPUs, MiB, GPUs, nodes or billing units.
--   GPUs of a type have it as variant; the untyped total names the same devices and counts only where types are absent.
-- origin: one row per distinct cluster, account, user, partition, QOS and state. label: the number of all but the state;
--   word: the state without ` by <uid>`; free: not billed; elsewhere: another cluster ran the job; open: it has not ended;
--   known: a state of Slurm; torn: a cell has the character that joins them.
CREATE TABLE tres AS
SELECT (row_number() OVER ())::INTEGER AS id, text
FROM (SELECT DISTINCT tres AS text FROM raw WHERE tres IS NOT NULL AND NOT step);
CREATE TABLE tres_part AS
WITH part AS (SELECT id, unnest(string_split(text, ',')) AS part FROM tres),
cell AS (
    SELECT
        id, part, split_part(part, '=', 1) AS name, split_part(name, ':', 1) AS type, lower(trim(type)) AS kind,
        split_part(part, '=', 2) AS cell,
        whole(cell) AS plain, -- Most counts are.
        -- Memory has a suffix (MiB without one) and may read 93.75G; in thousandths, for exactness.
        CASE WHEN plain IS NULL AND regexp_full_match(cell, '\d{1,15}(\.\d{1,3})?[KMGTP]?')
            THEN (try_cast(rtrim(cell, 'KMGTP') AS DECIMAL(18, 3)) * 1000)::HUGEINT END AS thousandths
    FROM part
)
SELECT
    id, part, name,
    coalesce(plain, CASE right(cell, 1)
        WHEN 'K' THEN (thousandths + 512000) // 1024000
        WHEN 'G' THEN (thousandths * 1024 + 500) // 1000
        WHEN 'T' THEN (thousandths * 1048576 + 500) // 1000
        WHEN 'P' THEN (thousandths * 1073741824 + 500) // 1000
        ELSE (thousandths + 500) // 1000 END) AS level,
    name = '' OR level IS NULL OR level < 0 OR level > 1000000000000 OR (plain IS NULL AND name <> 'mem')
        OR type <> kind OR count(*) OVER (PARTITION BY id, name) > 1 AS odd
FROM cell
-- What is not billed may be written in any way.
WHERE kind IN ('cpu', 'mem', 'node', 'billing', 'gres/gpu', '') OR NOT contains(part, '=');
CREATE TABLE tres_meter AS
WITH gpu AS (
    SELECT id, substr(name, 10) AS type, level FROM tres_part WHERE name LIKE 'gres/gpu:%' AND NOT odd
),
typed AS (
    SELECT id, sum(level) AS level FROM gpu GROUP BY id
),
total AS (
    SELECT id, max(level) AS level FROM tres_part WHERE name = 'gres/gpu' AND NOT odd GROUP BY id
)
SELECT id AS tres, 'cpu' AS meter, '' AS variant, level FROM tres_part WHERE name = 'cpu' AND NOT odd
UNION ALL SELECT id, 'memory', '', level FROM tres_part WHERE name = 'mem' AND NOT odd
UNION ALL SELECT id, 'node', '', level FROM tres_part WHERE name = 'node' AND NOT odd
UNION ALL SELECT id, 'billing', '', level FROM tres_part WHERE name = 'billing' AND NOT odd
UNION ALL SELECT id, 'gpu', type, level FROM gpu
UNION ALL SELECT id, 'gpu', '', level FROM total WHERE id NOT IN (SELECT id FROM typed);
CREATE TABLE gpu_mismatch AS
SELECT typed.id FROM
    (SELECT id, sum(level) AS level FROM tres_part WHERE name LIKE 'gres/gpu:%' AND NOT odd GROUP BY id) AS typed
    JOIN (SELECT id, max(level) AS level FROM tres_part WHERE name = 'gres/gpu' AND NOT odd GROUP BY id) AS total USING (id)
WHERE typed.level <> total.level;
CREATE TABLE origin AS
SELECT
    (row_number() OVER (ORDER BY text))::INTEGER AS id, text,
    (dense_rank() OVER (ORDER BY cells[1:5]))::INTEGER AS label,
    cells[1] AS cluster, cells[2] AS account, cells[3] AS person, cells[4] AS partition, cells[5] AS qos,
    split_part(cells[6], ' ', 1) AS word,
    word IN ({free}) AS free, word = {elsewhere} AS elsewhere, word IN ({open}) AS open, word IN ({known}) AS known,
    len(cells) <> 6 AS torn
FROM (
    SELECT text, string_split(text, joint()) AS cells
    FROM (SELECT DISTINCT origin AS text FROM raw WHERE NOT step)
)
