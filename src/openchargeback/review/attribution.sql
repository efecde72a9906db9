-- One row is one way in which charges of the period are attributed: PI, project and fund, with where each comes from.
-- Per field the first of: the row's tag; the project that claims its account or resource; the project's directory
-- entry, as of the period; the source's default payer. Malformed tags say nothing.
-- posts: whether the source's charges go to the journal; those that are only shown need no fund.
CREATE TABLE payer AS
WITH combination AS (
    SELECT DISTINCT source, category, tag, claimed FROM {charges}
),
named AS (
    SELECT
        combination.*,
        coalesce(tag.malformed, false) AS malformed,
        coalesce(tag.pi, tag.project, tag.fund, combination.claimed) IS NULL AND NOT coalesce(tag.malformed, false)
            AS untouched,
        email.canonical AS tag_pi,
        tag.project AS tag_project,
        tag.fund AS tag_fund,
        CASE WHEN untouched OR NOT fallback.untagged_only THEN fallback.pi END AS default_pi,
        CASE WHEN untouched OR NOT fallback.untagged_only THEN fallback.project END AS default_project,
        CASE WHEN untouched OR NOT fallback.untagged_only THEN fallback.fund END AS default_fund,
        coalesce(tag.project, combination.claimed, default_project) AS project,
        fallback.posts
    FROM combination
    LEFT JOIN tag ON tag.id = combination.tag
    LEFT JOIN email ON email.written = tag.pi
    LEFT JOIN fallback ON fallback.source = combination.source
)
SELECT
    row_number() OVER (ORDER BY named.source, named.category, named.tag, named.claimed) AS id,
    named.source,
    named.category,
    named.tag,
    named.claimed,
    named.malformed,
    coalesce(named.tag_pi, project.pi, named.default_pi) AS pi,
    named.project,
    coalesce(named.tag_fund, project.fund, named.default_fund) AS fund,
    CASE WHEN named.tag_pi IS NOT NULL THEN 'tag' WHEN project.pi IS NOT NULL THEN 'project'
        WHEN named.default_pi IS NOT NULL THEN 'default' END AS pi_via,
    CASE WHEN named.tag_project IS NOT NULL THEN 'tag' WHEN named.claimed IS NOT NULL THEN 'match'
        WHEN named.default_project IS NOT NULL THEN 'default' END AS project_via,
    CASE WHEN named.tag_fund IS NOT NULL THEN 'tag' WHEN project.fund IS NOT NULL THEN 'project'
        WHEN named.default_fund IS NOT NULL THEN 'default' END AS fund_via,
    named.default_pi,
    named.default_fund,
    named.tag_pi,
    named.tag_fund,
    named.posts
FROM named
LEFT JOIN project ON project.id = named.project
