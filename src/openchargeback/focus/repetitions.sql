-- One row is a pair of files of a delivery that share more than half of the rows of the smaller one.
-- file: the number of a file; row: digest of a row without its amounts. Equal rows are legal, so the nth in one file
-- matches the nth in the other.
WITH rows AS ({rows}),
counted AS (SELECT file, row, count(*) AS n FROM rows GROUP BY ALL),
sizes AS (SELECT file, sum(n) AS size FROM counted GROUP BY file),
shared AS (
    SELECT one.file AS one, other.file AS other, sum(least(one.n, other.n)) AS n
    FROM counted AS one
    JOIN counted AS other ON other.row = one.row AND other.file > one.file
    GROUP BY ALL
)
SELECT shared.one, shared.other, shared.n::BIGINT, least(a.size, b.size)::BIGINT AS rows_of_smaller
FROM shared
JOIN sizes AS a ON a.file = shared.one
JOIN sizes AS b ON b.file = shared.other
WHERE shared.n * 2 > least(a.size, b.size)
ORDER BY ALL
