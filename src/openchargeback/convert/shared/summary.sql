-- One row per PI, project, fund and pool: shares, quantity by unit, list cost and cost, exactly.
SELECT
    coalesce(payer.pi, '') AS pi, coalesce(payer.project, '') AS project, coalesce(payer.fund, '') AS fund,
    ({pools})[part.pool + 1] || CASE WHEN share.payer IS NULL THEN ', idle' ELSE '' END AS rate, coalesce({unit}, '') AS unit, count(*) AS rows,
    coalesce(sum({quantity}), 0)::DECIMAL(38, 18) AS quantity,
    coalesce(sum(coalesce({list}, {cost})), 0)::DECIMAL(38, 18) AS list,
    coalesce(sum({cost}), 0)::DECIMAL(38, 18) AS cost
FROM part
JOIN cost_row AS row ON row.n = part.n
JOIN share ON share.number = part.share
LEFT JOIN payer ON payer.id = share.payer
GROUP BY ALL
ORDER BY ALL
