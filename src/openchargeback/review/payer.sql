-- One row per distinct attribution of charges of the period: PI, project and fund, with the origin of each.
-- Per field the first of: the row's tag; the project's directory entry, as of the charge's date; the source's default.
CREATE TABLE payer AS
WITH used AS (
    SELECT naming.id AS naming, entry.number AS entry
    FROM naming
    LEFT JOIN project ON project.id = naming.project
    LEFT JOIN entry ON entry.project = naming.project
    WHERE project.dated IS NOT TRUE
    UNION ALL
    SELECT DISTINCT naming, entry FROM dated
)
SELECT
    row_number() OVER (ORDER BY used.naming, used.entry) AS id,
    used.naming,
    used.entry,
    naming.* EXCLUDE (id),
    CASE WHEN NOT naming.unusable_pi THEN coalesce(naming.tag_pi, entry.pi, naming.default_pi) END AS pi,
    coalesce(naming.tag_fund, entry.fund, naming.default_fund) AS fund,
    CASE WHEN naming.unusable_pi THEN NULL WHEN naming.tag_pi IS NOT NULL THEN 'tag'
        WHEN entry.pi IS NOT NULL THEN 'project' WHEN naming.default_pi IS NOT NULL THEN 'default' END AS pi_via,
    CASE WHEN naming.tag_fund IS NOT NULL THEN 'tag' WHEN entry.fund IS NOT NULL THEN 'project'
        WHEN naming.default_fund IS NOT NULL THEN 'default' END AS fund_via
FROM used
JOIN naming ON naming.id = used.naming
LEFT JOIN entry ON entry.number = used.entry
