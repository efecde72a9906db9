-- One row per billed charge with its effective payer, decisions included.
CREATE VIEW billed_charge AS
SELECT
    charge.n,
    charge.period,
    charge.source,
    charge.service,
    charge.kind,
    charge.cost,
    charge.list,
    CASE WHEN disposition.decided THEN disposition.pi ELSE payer.pi END AS pi,
    CASE WHEN disposition.decided THEN disposition.project ELSE payer.project END AS project,
    coalesce(CASE WHEN disposition.decided THEN disposition.fund ELSE payer.fund END, '') AS fund
FROM attributed AS charge
JOIN payer ON payer.id = charge.payer
LEFT JOIN disposition ON disposition.n = charge.n
WHERE coalesce(disposition.disposition, 'billed') = 'billed'
