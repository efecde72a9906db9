-- One row is one charge that a decision reassigns, with the payer that counts: per field the decision's word, else what
-- it had; PI and fund that the directory gave follow a new project.
CREATE TABLE settled AS
WITH word AS (
    SELECT ruling.n, max(verdict.pi) AS pi, max(verdict.project) AS project, max(verdict.fund) AS fund
    FROM ruling JOIN verdict USING (decision)
    GROUP BY ruling.n
)
SELECT
    charge.n,
    charge.cost,
    charge.currency,
    coalesce(word.pi, payer.tag_pi, project.pi, payer.default_pi) AS pi,
    coalesce(word.project, payer.project) AS project,
    coalesce(word.fund, payer.tag_fund, project.fund, payer.default_fund) AS fund
FROM word
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
LEFT JOIN project ON project.id = coalesce(word.project, payer.project)
