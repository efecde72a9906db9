-- charge: one row per row of the output, but for what is the same in every row: who used how much of what at which price
-- (0 for what an allowance covers).
-- quantity has nine decimals, rounded half up from whole seconds; costs are quantity times price, exactly, unless given.
CREATE TABLE charge AS
SELECT
    part.*, rate.id AS rate, payer.id AS payer,
    CASE
        WHEN part.grade = 'free' THEN 0
        WHEN reduction.percent IS NULL THEN rate.price
        ELSE round(rate.list_price * (100 - reduction.percent)::DECIMAL(5, 2) * 0.01::DECIMAL(3, 2), 9)
    END::DECIMAL(24, 9) AS price,
    CASE WHEN part.grade IS DISTINCT FROM 'free' THEN coalesce(trimmed(reduction.percent), rate.subsidy) END AS subsidy,
    rate.base * priced.divisor AS divided_by,
    (((part.amount * 2000000000 + divided_by) // (divided_by * 2))::DECIMAL(29, 0) * 0.000000001)::DECIMAL(29, 9) AS quantity,
    NULL::DECIMAL(38, 18) AS given_cost, NULL::DECIMAL(38, 18) AS given_list, NULL::DECIMAL(24, 9) AS given_price
FROM divided AS part
LEFT JOIN label_payer
    ON label_payer.label = part.label AND part.starts >= label_payer.since AND part.starts < label_payer.until
LEFT JOIN payer ON payer.id = label_payer.payer
LEFT JOIN (SELECT priced.*, rate.since, rate.until FROM priced JOIN rate ON rate.id = priced.rate) AS priced
    ON priced.label = part.label AND priced.meter = part.meter AND priced.variant = part.variant
    AND priced.customer = payer.customer AND part.starts >= priced.since AND part.starts < priced.until
LEFT JOIN rate ON rate.id = priced.rate
LEFT JOIN reduction ON reduction.label = part.label
WHERE part.amount > 0
