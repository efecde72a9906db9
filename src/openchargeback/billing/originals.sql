-- One row per charge that corrections of a later month refer to, with its outcome and payer.
SELECT
    charge.source,
    named.number,
    charge_id.id,
    coalesce(disposition.disposition, 'billed'),
    CASE WHEN disposition.decided THEN disposition.pi ELSE payer.pi END,
    CASE WHEN disposition.decided THEN disposition.project ELSE payer.project END,
    CASE WHEN disposition.decided THEN disposition.fund ELSE payer.fund END
FROM ({numbers}) AS named
JOIN attributed AS charge ON charge.n = named.n
JOIN cited ON cited.source = charge.source AND cited.number = named.number
JOIN payer ON payer.id = charge.payer
JOIN charge_id ON charge_id.n = charge.n
LEFT JOIN disposition ON disposition.n = charge.n
QUALIFY count(*) OVER (PARTITION BY charge.source, named.number) = 1
ORDER BY charge.source, named.number
