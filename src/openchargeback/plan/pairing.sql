-- One row per charge that both revisions have: its number in each. Adds the charges with the same source and key, matched
-- in file order.
INSERT INTO pair
WITH old AS (
    SELECT n, source, key, row_number() OVER (PARTITION BY source, key ORDER BY n) AS place
    FROM base.row_key
),
new AS (
    SELECT n, source, key, row_number() OVER (PARTITION BY source, key ORDER BY n) AS place
    FROM head.row_key
)
SELECT old.n, new.n
FROM old
JOIN new ON new.source = old.source AND new.key = old.key AND new.place = old.place
