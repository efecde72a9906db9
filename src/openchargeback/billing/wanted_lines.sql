-- One row per requested id (or prefix): the number of charges it matches, one of them, and the billing line of that
-- charge.
SELECT wanted.prefix, count(charge_id.n) AS charges, any_value(charge_id.id), any_value(line.id)
FROM wanted
LEFT JOIN charge_id ON left(charge_id.id, 8) = left(wanted.prefix, 8) AND starts_with(charge_id.id, wanted.prefix)
LEFT JOIN billed_charge AS billed ON billed.n = charge_id.n
LEFT JOIN line ON line.period = billed.period AND line.pi = billed.pi AND line.project = billed.project AND line.fund = billed.fund
    AND line.source = billed.source AND line.service = billed.service
GROUP BY wanted.place, wanted.prefix
ORDER BY wanted.place
