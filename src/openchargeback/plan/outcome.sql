-- One row per charge of a revision: its outcome and, if billed, its billing line.
CREATE TABLE outcome AS
SELECT
    charge.n,
    charge.source,
    charge.cost,
    coalesce(disposition.disposition, 'billed') AS disposition,
    coalesce(disposition.disposition, 'billed') = 'billed' AS billed,
    CASE WHEN disposition.decided THEN disposition.pi ELSE payer.pi END AS pi,
    CASE WHEN disposition.decided THEN disposition.project ELSE payer.project END AS project,
    coalesce(CASE WHEN disposition.decided THEN disposition.fund ELSE payer.fund END, '') AS fund,
    charge.service,
    ruling.n IS NOT NULL AS decided
FROM attributed AS charge
JOIN payer ON payer.id = charge.payer
LEFT JOIN disposition ON disposition.n = charge.n
LEFT JOIN (SELECT DISTINCT n FROM ruling) AS ruling ON ruling.n = charge.n
