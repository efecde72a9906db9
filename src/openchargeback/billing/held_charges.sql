-- One row is one charge that stays held when its period is closed, as a later period needs it to decide.
SELECT
    charge_id.id,
    charge.source,
    charge.service,
    charge.kind,
    coalesce(payer.pi, ''),
    coalesce(payer.project, ''),
    coalesce(payer.fund, ''),
    coalesce(payer.pi_via, ''),
    coalesce(payer.fund_via, ''),
    array_to_string(flags, ' '),
    charge.currency,
    charge.list,
    charge.cost,
    coalesce({resource_id}, ''),
    coalesce({resource_name}, '')
FROM disposition
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
JOIN charge_id USING (n)
JOIN cell USING (n)
JOIN (SELECT n, list_sort(list(flag)) AS flags FROM flag GROUP BY n) USING (n)
WHERE disposition.disposition = 'held'
ORDER BY charge_id.id
