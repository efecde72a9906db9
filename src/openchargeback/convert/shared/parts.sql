-- part: one row per row of the output that is a share: the row it is a share of, its amounts (exact, and as text), and who
-- got it. A column without an amount in the shared row has none in its shares.
CREATE TABLE part AS
WITH given AS (
    SELECT
        split_part.n, split_part.share, split_part.number,
        (split_part.base + split_share.billed::DECIMAL(19, 0) * 0.000000000000000001)::DECIMAL(38, 18) AS amount
    FROM split_part
    JOIN split_share ON split_share.id = split_part.id
),
together AS (
    SELECT
        n, share,
        {amounts}
    FROM given
    GROUP BY n, share
)
SELECT together.*, shared_cost.pool
FROM together
JOIN shared_cost ON shared_cost.n = together.n
