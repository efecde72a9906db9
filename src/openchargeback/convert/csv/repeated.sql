-- repeated: one row per billed row whose identity another has as well. first: the earliest that is wholly the same.
-- clash: a row with other content for some of the same time, so that something would be billed twice.
CREATE TABLE repeated AS
WITH same AS (
    SELECT
        n, identity, digest, starts, ends,
        min(n) OVER (PARTITION BY identity, digest) AS first, count(*) OVER (PARTITION BY identity) AS rows
    FROM placed WHERE left_out IS NULL
),
suspect AS (
    SELECT * FROM same WHERE rows > 1
)
SELECT one.n, one.first, min(other.n) AS clash
FROM suspect AS one
LEFT JOIN suspect AS other
    ON other.identity = one.identity AND other.digest <> one.digest AND other.starts < one.ends AND other.ends > one.starts
GROUP BY one.n, one.first
