-- One row is one charge of an earlier period that a late decision bills (with its cents) or rejects (without).
SELECT
    charge_id.id,
    disposition.disposition,
    coalesce(CASE WHEN disposition.decided THEN disposition.pi ELSE payer.pi END, ''),
    coalesce(CASE WHEN disposition.decided THEN disposition.project ELSE payer.project END, ''),
    coalesce(CASE WHEN disposition.decided THEN disposition.fund ELSE payer.fund END, ''),
    charge.source,
    charge.service,
    charge.currency,
    charge.list,
    charge.cost,
    coalesce(share.discount, 0),
    coalesce(share.billed, 0),
    (SELECT min(decision) FROM ruling WHERE ruling.n = charge.n) AS decision
FROM disposition
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
JOIN charge_id USING (n)
LEFT JOIN charge_part AS part ON part.n = charge.n
LEFT JOIN charge_share AS share ON share.id = part.id
WHERE disposition.disposition <> 'held'
ORDER BY charge_id.id
