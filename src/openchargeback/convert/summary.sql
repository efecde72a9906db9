-- One row per PI, project, fund and rate: rows, quantity in the rate's unit, list cost and cost, exactly.
SELECT
    payer.pi, payer.project, payer.fund, rate.name AS rate, coalesce(rate.unit, '') AS unit, count(*) AS rows,
    coalesce(sum(quantity), 0)::DECIMAL(38, 9) AS quantity, sum(coalesce(given_list, quantity * rate.list_price))::DECIMAL(38, 18) AS list,
    sum(coalesce(given_cost, quantity * charge.price))::DECIMAL(38, 18) AS cost
FROM charge
JOIN payer ON payer.id = charge.payer
JOIN rate ON rate.id = charge.rate
GROUP BY ALL
ORDER BY ALL
