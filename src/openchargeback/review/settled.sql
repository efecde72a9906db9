-- One row per decided charge, with its effective payer. Per field: the decision's value; if the decision names a
-- project, else the directory's value for it as of the charge's date; else the charge's own. The columns …_via give the
-- origin of each.
CREATE OR REPLACE TABLE settled AS
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
    coalesce(word.pi, entry.pi, CASE WHEN word.project IS NULL THEN payer.pi ELSE coalesce(payer.tag_pi, payer.default_pi) END)
        AS pi,
    coalesce(word.project, payer.project) AS project,
    coalesce(
        word.fund,
        entry.fund,
        CASE WHEN word.project IS NULL THEN payer.fund ELSE coalesce(payer.tag_fund, payer.default_fund) END
    ) AS fund,
    CASE WHEN word.pi IS NOT NULL THEN 'decision' WHEN entry.pi IS NOT NULL THEN 'project'
        WHEN word.project IS NULL THEN payer.pi_via WHEN payer.tag_pi IS NOT NULL THEN 'tag'
        WHEN payer.default_pi IS NOT NULL THEN 'default' END AS pi_via,
    CASE WHEN word.project IS NOT NULL THEN 'decision' ELSE payer.project_via END AS project_via,
    CASE WHEN word.fund IS NOT NULL THEN 'decision' WHEN entry.fund IS NOT NULL THEN 'project'
        WHEN word.project IS NULL THEN payer.fund_via WHEN payer.tag_fund IS NOT NULL THEN 'tag'
        WHEN payer.default_fund IS NOT NULL THEN 'default' END AS fund_via
FROM word
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
LEFT JOIN detail USING (n)
LEFT JOIN entry ON entry.project = word.project AND detail.first_day BETWEEN entry.since AND entry.until
