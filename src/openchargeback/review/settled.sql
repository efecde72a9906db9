-- One row is one charge that a decision reassigns, with the payer that counts: per field the decision's word, else what
-- it had; PI and fund that the directory gave follow a new project. The columns …_via say where each comes from.
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
    payer.posts,
    coalesce(word.pi, payer.tag_pi, project.pi, payer.default_pi) AS pi,
    coalesce(word.project, payer.project) AS project,
    coalesce(word.fund, payer.tag_fund, project.fund, payer.default_fund) AS fund,
    CASE WHEN word.pi IS NOT NULL THEN 'decision' WHEN payer.tag_pi IS NOT NULL THEN 'tag'
        WHEN project.pi IS NOT NULL THEN 'project' WHEN payer.default_pi IS NOT NULL THEN 'default' END AS pi_via,
    CASE WHEN word.project IS NOT NULL THEN 'decision' ELSE payer.project_via END AS project_via,
    CASE WHEN word.fund IS NOT NULL THEN 'decision' WHEN payer.tag_fund IS NOT NULL THEN 'tag'
        WHEN project.fund IS NOT NULL THEN 'project' WHEN payer.default_fund IS NOT NULL THEN 'default' END AS fund_via
FROM word
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
LEFT JOIN project ON project.id = coalesce(word.project, payer.project)
