-- One row of `billing` per charge of a revision that is in {charges}: whether it is billed, and the billing line that it
-- is, or would be, on.
CREATE VIEW billing AS
SELECT
    charge.n,
    charge.source,
    charge.cost,
    coalesce(disposition.disposition, 'billed') AS disposition,
    CASE WHEN disposition.decided THEN disposition.pi ELSE payer.pi END AS pi,
    CASE WHEN disposition.decided THEN disposition.project ELSE payer.project END AS project,
    coalesce(CASE WHEN disposition.decided THEN disposition.fund ELSE payer.fund END, '') AS fund,
    charge.service,
    ruling.n IS NOT NULL AS decided
FROM {charges} AS charge
JOIN payer ON payer.id = charge.payer
LEFT JOIN disposition ON disposition.n = charge.n
LEFT JOIN (SELECT DISTINCT n FROM ruling) AS ruling ON ruling.n = charge.n;

-- One row of `outcome` per such charge: the same, with a hash of the billing line (`line`), which is quick to
-- compare; two lines with one hash would leave a difference without a cause (comparison.py, `unexplained`).
CREATE TABLE outcome AS
SELECT n, cost, disposition, disposition = 'billed' AS billed, decided, hash(pi, project, fund, source, service) AS line
FROM billing
