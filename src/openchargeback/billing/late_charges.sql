-- One row per charge of an earlier period that a late decision bills (with its cents) or rejects (without).
SELECT
    charge_id.id AS charge,
    disposition.disposition,
    coalesce(CASE WHEN disposition.decided THEN disposition.pi ELSE payer.pi END, '') AS pi,
    coalesce(CASE WHEN disposition.decided THEN disposition.project ELSE payer.project END, '') AS project,
    coalesce(CASE WHEN disposition.decided THEN disposition.fund ELSE payer.fund END, '') AS fund,
    charge.source,
    charge.service,
    charge.kind,
    charge.currency,
    charge.list AS exact_list,
    charge.cost AS exact_billed,
    coalesce(share.discount, 0) AS discount,
    coalesce(share.billed, 0) AS billed,
    charge.kind,
    usage.resource_id,
    usage.resource_name,
    usage.first_day,
    usage.last_day,
    usage.quantity,
    usage.unit,
    usage.list_unit_price,
    usage.contracted_unit_price,
    (SELECT min(decision) FROM ruling WHERE ruling.n = charge.n) AS decision
FROM disposition
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
JOIN charge_id USING (n)
JOIN charge_usage AS usage USING (n)
LEFT JOIN charge_part AS part ON part.n = charge.n
LEFT JOIN charge_share AS share ON share.id = part.id
WHERE disposition.disposition <> 'held'
ORDER BY charge_id.id
