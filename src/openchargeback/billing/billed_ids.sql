-- One row per charge of a closed period that a filter matches, and whether its own period billed it. The payer is the
-- one that the period billed; for a held charge, the one it was attributed to.
SELECT charge_id.id, billed.n IS NOT NULL AS billed
FROM charge_id
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
JOIN charge_usage AS usage USING (n)
LEFT JOIN billed_charge AS billed USING (n)
WHERE (len($resources) = 0 OR list_contains($resources, usage.resource_id))
    AND (len($sources) = 0 OR list_contains($sources, charge.source))
    AND (len($projects) = 0 OR list_contains($projects, coalesce(billed.project, payer.project)))
    AND (NOT $of_statements OR list_contains($payers, [billed.pi, billed.project]))
ORDER BY charge_id.id
