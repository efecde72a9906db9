-- One row is what a reviewer decides at once: the charges of one flag, source, project, service, PI and currency.
-- Held are those whose flag no decision has cleared and that no decision has rejected.
WITH flagged AS (
    SELECT
        flag.flag,
        flag.n,
        disposition.disposition = 'held' AND NOT EXISTS (
            SELECT 1 FROM ruling JOIN clears USING (decision) WHERE ruling.n = flag.n AND clears.flag = flag.flag
        ) AS undecided
    FROM flag
    JOIN disposition USING (n)
)
SELECT
    flagged.flag,
    charge.source,
    coalesce(payer.project, '') AS project,
    charge.service,
    coalesce(payer.pi, '') AS pi,
    charge.currency,
    count(*) AS charges,
    sum(charge.cost) AS exact_billed,
    sum(charge.list) AS exact_list,
    count(*) FILTER (flagged.undecided) AS held,
    coalesce(sum(charge.cost) FILTER (flagged.undecided), 0) AS exact_held,
    list_sort(list(charge_id.id) FILTER (flagged.undecided)) AS ids,
    max(reason.why) AS why
FROM flagged
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
LEFT JOIN charge_id ON charge_id.n = flagged.n
LEFT JOIN reason ON reason.flag = flagged.flag AND reason.source = charge.source
    AND reason.project = coalesce(payer.project, '') AND reason.service = charge.service
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 1, 2, 3, 4, 5, 6
