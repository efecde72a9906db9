-- One row is one row of the given file that a file of the ledger already has: the same in all columns of both
-- (changed = false), or the same except for costs, prices and quantities (changed = true).
-- Rows count from 0. whole: digest of all cells of a row; rest: of those that are not amounts, NULL if rows cannot be
-- distinguished without them. Equal rows are legal, so the nth in one file matches the nth in the other.
CREATE OR REPLACE TEMP TABLE overlap AS
WITH given AS (
    SELECT *, row_number() OVER (PARTITION BY whole ORDER BY row) AS nth FROM ({given})
),
there AS (
    SELECT *, row_number() OVER (PARTITION BY whole ORDER BY row) AS nth FROM ({there})
),
twice AS (
    SELECT given.row, there.row AS row_there
    FROM given
    JOIN there ON there.whole = given.whole AND there.nth = given.nth
),
other_given AS (
    SELECT row, rest, amounts, row_number() OVER (PARTITION BY rest ORDER BY row) AS nth
    FROM given
    WHERE row NOT IN (SELECT row FROM twice)
),
other_there AS (
    SELECT row, rest, amounts, row_number() OVER (PARTITION BY rest ORDER BY row) AS nth
    FROM there
    WHERE row NOT IN (SELECT row_there FROM twice)
)
SELECT false AS changed, row, row_there, []::VARCHAR[] AS before, []::VARCHAR[] AS after FROM twice
UNION ALL
SELECT true, given.row, there.row, there.amounts, given.amounts
FROM other_given AS given
JOIN other_there AS there ON there.rest = given.rest AND there.nth = given.nth
