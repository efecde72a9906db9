-- One row per decided charge, with its effective payer. Per field: the decision's value; else, if the decision names a
-- project, the directory's value for that project as of the charge's date; else the charge's own. The columns …_via say
-- how each was found.
CREATE OR REPLACE TABLE decided_charge AS
WITH chosen AS (
    SELECT ruling.n, max(verdict.pi) AS pi, max(verdict.project) AS project, max(verdict.fund) AS fund
    FROM ruling JOIN verdict USING (decision)
    GROUP BY ruling.n
)
SELECT
    charge.n,
    charge.cost,
    charge.currency,
    payer.posts,
    coalesce(chosen.pi, entry.pi, CASE WHEN chosen.project IS NULL THEN payer.pi ELSE coalesce(payer.tag_pi, payer.default_pi) END)
        AS pi,
    coalesce(chosen.project, payer.project) AS project,
    coalesce(
        chosen.fund,
        entry.fund,
        CASE WHEN chosen.project IS NULL THEN payer.fund ELSE coalesce(payer.tag_fund, payer.default_fund) END
    ) AS fund,
    CASE WHEN chosen.pi IS NOT NULL THEN 'decision' WHEN entry.pi IS NOT NULL THEN 'project'
        WHEN chosen.project IS NULL THEN payer.pi_via WHEN payer.tag_pi IS NOT NULL THEN 'tag'
        WHEN payer.default_pi IS NOT NULL THEN 'default' END AS pi_via,
    CASE WHEN chosen.project IS NOT NULL THEN 'decision' ELSE payer.project_via END AS project_via,
    CASE WHEN chosen.fund IS NOT NULL THEN 'decision' WHEN entry.fund IS NOT NULL THEN 'project'
        WHEN chosen.project IS NULL THEN payer.fund_via WHEN payer.tag_fund IS NOT NULL THEN 'tag'
        WHEN payer.default_fund IS NOT NULL THEN 'default' END AS fund_via
FROM chosen
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
LEFT JOIN detail USING (n)
LEFT JOIN entry ON entry.project = chosen.project AND detail.first_day BETWEEN entry.since AND entry.until
