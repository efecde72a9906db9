-- One row is one flag on one charge, as seen before any decision (DESIGN section 4, "Flags").
-- possible-duplicate, pattern:<name> and unusual-amount are added by flags.py, since they take settings or history.
CREATE TABLE flag AS
SELECT charge.n, 'missing-pi' AS flag FROM attributed AS charge JOIN payer ON payer.id = charge.payer
WHERE payer.pi IS NULL AND NOT payer.malformed
UNION ALL
SELECT charge.n, 'missing-project' FROM attributed AS charge JOIN payer ON payer.id = charge.payer
WHERE payer.project IS NULL AND NOT payer.malformed
UNION ALL
SELECT charge.n, 'missing-fund' FROM attributed AS charge JOIN payer ON payer.id = charge.payer
WHERE payer.fund IS NULL AND NOT payer.malformed AND charge.cost <> 0 AND payer.posts
UNION ALL
SELECT charge.n, 'malformed-tags' FROM attributed AS charge JOIN payer ON payer.id = charge.payer
WHERE payer.malformed
UNION ALL
SELECT charge.n, 'invalid-fund' FROM attributed AS charge JOIN payer ON payer.id = charge.payer
WHERE list_contains($bad_funds, payer.fund) AND payer.posts
UNION ALL
SELECT charge.n, 'unknown-project' FROM attributed AS charge JOIN payer ON payer.id = charge.payer
WHERE payer.project IS NOT NULL AND (SELECT count(*) FROM project) > 0
    AND payer.project NOT IN (SELECT id FROM project)
UNION ALL
SELECT charge.n, 'expired-project' FROM attributed AS charge JOIN payer ON payer.id = charge.payer
JOIN project ON project.id = payer.project
WHERE project.ends < $first_day
UNION ALL
SELECT n, 'wrong-period' FROM attributed WHERE strftime(period_start, '%Y-%m') <> $period
UNION ALL
SELECT n, 'foreign-currency' FROM attributed WHERE currency <> $currency
UNION ALL
SELECT n, 'above-list' FROM attributed WHERE kind IN ('usage', 'purchase') AND cost > list AND cost > 0
UNION ALL
SELECT n, 'negative-usage' FROM attributed WHERE kind = 'usage' AND cost < 0
