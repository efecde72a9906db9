-- One row per PI, project, fund and rate: rows, quantity in the rate's unit, list cost and cost, exactly.
SELECT
    payer.pi, payer.project, payer.fund, rate.name AS rate, coalesce(rate.unit, '') AS unit, count(*) AS rows,
    coalesce(sum(quantity), 0)::DECIMAL(38, 9) AS quantity, sum(coalesce(given_list, quantity * offer.list_price))::DECIMAL(38, 18) AS list,
    sum(coalesce(given_cost, quantity * CASE WHEN grade = 'free' THEN 0 ELSE offer.price END))::DECIMAL(38, 18) AS cost
FROM charge
JOIN offer ON offer.id = charge.offer
JOIN payer ON payer.id = offer.payer
JOIN rate ON rate.id = offer.rate
GROUP BY ALL
ORDER BY ALL
