-- One row per charge in a run (on lines that two versions of a file have in common), by its number in base and head, that
-- has the key of a charge outside the runs. Equal charges are paired in the order of the files: with those outside, the
-- order in base and head may differ. Without, both sides have the same ones in the same order.
CREATE OR REPLACE TEMP TABLE contested AS
WITH equal AS MATERIALIZED (
    SELECT n, source, key
    FROM ({keys})
    WHERE key IN (SELECT key FROM base.row_key UNION ALL SELECT key FROM head.row_key)
)
SELECT run.base + equal.n - run.head AS base, equal.n AS head, equal.source, equal.key
FROM equal
JOIN run ON equal.n >= run.head AND equal.n < run.head + run.rows
