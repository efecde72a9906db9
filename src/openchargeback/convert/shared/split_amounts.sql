-- split_amount: one row per row that is split and column with an amount: whole units, rounded down, and the rest in 10^-18.
CREATE TABLE split_amount AS
SELECT
    n * {width} + number AS id, n, cost_group, number, amount, floor(amount)::DECIMAL(17, 0) AS whole,
    ((amount - floor(amount))::DECIMAL(18, 18) * 1000000000000000000::DECIMAL(19, 0))::BIGINT AS rest
FROM (
    SELECT shared_cost.n, cost_group.id AS cost_group, amounts.number, exact(amounts.text) AS amount
    FROM shared_cost
    JOIN cost_group
        ON cost_group.pool = shared_cost.pool
        AND cost_group.first_day IS NOT DISTINCT FROM shared_cost.first_day
        AND cost_group.last_day IS NOT DISTINCT FROM shared_cost.last_day
    JOIN cost_row ON cost_row.n = shared_cost.n
    CROSS JOIN LATERAL (SELECT unnest({numbers}) AS number, unnest({cells}) AS text) AS amounts
)
WHERE amount IS NOT NULL
