-- One row is a group of held charges with the same payer, source, service and flags.
SELECT
    charge.source,
    charge.service,
    coalesce(payer.pi, '') AS pi,
    coalesce(payer.project, '') AS project,
    coalesce(payer.fund, '') AS fund,
    flags,
    count(*) AS charges,
    sum(charge.list) AS exact_list,
    sum(charge.cost) AS exact_billed,
    charge.currency
FROM disposition
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
JOIN (SELECT n, list_sort(list(flag)) AS flags FROM flag GROUP BY n) USING (n)
WHERE disposition.disposition = 'held'
GROUP BY ALL
ORDER BY ALL
