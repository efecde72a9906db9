-- net: one row per record that counts, with its bytes less those of the paths right below it on the same day, so that no
-- byte counts twice. below: how many such paths there are; outer_bytes: the figure before.
CREATE TABLE net AS
WITH chosen AS (
    SELECT *, string_split(node, '/') AS parts FROM counted WHERE left_out IS NULL
),
ancestor AS (
    SELECT n, system, day, depth, array_to_string(parts[1:depth], '/') AS node
    FROM (SELECT n, system, day, parts, unnest(range(1, len(parts))) AS depth FROM chosen WHERE NOT own)
),
parent AS (
    SELECT ancestor.n, arg_max(chosen.n, ancestor.depth) AS parent
    FROM ancestor
    JOIN chosen ON chosen.system = ancestor.system AND chosen.day = ancestor.day AND chosen.node = ancestor.node
    WHERE NOT chosen.own
    GROUP BY ancestor.n
),
under AS (
    SELECT parent.parent AS n, count(*) AS below, sum(coalesce(chosen.bytes, 0))::HUGEINT AS bytes
    FROM parent JOIN chosen ON chosen.n = parent.n
    GROUP BY parent.parent
)
SELECT
    chosen.* EXCLUDE (parts) REPLACE ({net} AS bytes), chosen.bytes AS outer_bytes,
    coalesce(under.below, 0) AS below, chosen.bytes - coalesce(under.bytes, 0) AS difference
FROM chosen
LEFT JOIN under ON under.n = chosen.n
