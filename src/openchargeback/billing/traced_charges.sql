-- One row per billed charge of the billing lines that were allocated down to charges (`charge_parts.sql`): its
-- location, how its payer was found, its exact amounts and its cents. n counts the charges of a period from 0.
SELECT
    line.id AS line,
    part.parent AS resource,
    part.charge,
    charge.file,
    charge.n,
    part.exact_list,
    part.exact_billed,
    share.billed,
    share.discount,
    CASE WHEN disposition.decided THEN decided_charge.pi_via ELSE payer.pi_via END AS pi_via,
    CASE WHEN disposition.decided THEN decided_charge.project_via ELSE payer.project_via END AS project_via,
    coalesce(CASE WHEN disposition.decided THEN decided_charge.fund_via ELSE payer.fund_via END, '') AS fund_via,
    coalesce(flagged.flags, []) AS flags,
    coalesce(decided.places, []) AS places
FROM charge_part AS part
JOIN charge_share AS share ON share.id = part.id
JOIN resource ON resource.id = part.parent
JOIN line ON line.id = resource.parent
JOIN attributed AS charge ON charge.n = part.n
JOIN payer ON payer.id = charge.payer
LEFT JOIN disposition ON disposition.n = part.n
LEFT JOIN decided_charge ON decided_charge.n = part.n
LEFT JOIN (SELECT n, list(flag ORDER BY flag) AS flags FROM flag GROUP BY n) AS flagged ON flagged.n = part.n
LEFT JOIN (
    SELECT ruling.n, list(decider.place ORDER BY decider.decision) AS places
    FROM ruling JOIN decider USING (decision)
    GROUP BY ruling.n
) AS decided ON decided.n = part.n
ORDER BY line.id, part.parent, charge.n
