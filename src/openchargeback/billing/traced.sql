-- One row per attribution (payer), billing line and set of deciding people: the sums of their billed charges, and how
-- PI, project and fund were found.
CREATE TABLE traced AS
WITH unflagged AS (
    SELECT period, payer, service, count(*) AS charges, sum(cost) AS exact_billed, sum(list) AS exact_list
    FROM attributed AS charge
    ANTI JOIN disposition ON disposition.n = charge.n
    GROUP BY period, payer, service
),
reassigned AS (
    SELECT ruling.n, list_sort(list(DISTINCT decider.person)) AS people
    FROM ruling
    JOIN verdict USING (decision)
    JOIN decider USING (decision)
    WHERE verdict.verb = 'reassign'
    GROUP BY ruling.n
)
SELECT
    payer.id AS payer, unflagged.period, payer.pi, payer.project, coalesce(payer.fund, '') AS fund, payer.source, unflagged.service,
    payer.pi_via, payer.project_via, coalesce(payer.fund_via, '') AS fund_via, []::VARCHAR[] AS people,
    unflagged.charges, unflagged.exact_billed, unflagged.exact_list
FROM unflagged
JOIN payer ON payer.id = unflagged.payer
UNION ALL
SELECT
    payer.id,
    charge.period,
    CASE WHEN disposition.decided THEN decided_charge.pi ELSE payer.pi END,
    CASE WHEN disposition.decided THEN decided_charge.project ELSE payer.project END,
    coalesce(CASE WHEN disposition.decided THEN decided_charge.fund ELSE payer.fund END, ''),
    payer.source,
    charge.service,
    CASE WHEN disposition.decided THEN decided_charge.pi_via ELSE payer.pi_via END,
    CASE WHEN disposition.decided THEN decided_charge.project_via ELSE payer.project_via END,
    coalesce(CASE WHEN disposition.decided THEN decided_charge.fund_via ELSE payer.fund_via END, ''),
    coalesce(reassigned.people, []),
    count(*),
    sum(charge.cost),
    sum(charge.list)
FROM disposition
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
LEFT JOIN decided_charge USING (n)
LEFT JOIN reassigned USING (n)
WHERE disposition.disposition = 'billed'
GROUP BY ALL
