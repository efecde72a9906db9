-- One row per distinct combination of payer hints on charges of the period, before the directory's dated entries apply.
-- Project: the first of the row's tag; the project that claims its account or resource; the source's default.
-- Malformed tags are ignored. A PI that is not an email address does not count; written_pi keeps it for the reviewer.
-- posts: whether the source's charges are posted, so that they need a fund.
CREATE TABLE naming AS
WITH combination AS (
    SELECT DISTINCT source, category, tag, claimed FROM {charges}
),
named AS (
    SELECT
        combination.*,
        coalesce(tag.malformed, false) AS malformed,
        coalesce(tag.pi, tag.project, tag.fund, combination.claimed) IS NULL AND NOT coalesce(tag.malformed, false)
            AS untouched,
        tag.pi AS written_pi,
        tag.pi IS NOT NULL AND email.canonical IS NULL AS unusable_pi,
        email.canonical AS tag_pi,
        tag.project AS tag_project,
        tag.fund AS tag_fund,
        CASE WHEN untouched OR NOT fallback.untagged_only THEN fallback.pi END AS default_pi,
        CASE WHEN untouched OR NOT fallback.untagged_only THEN fallback.project END AS default_project,
        CASE WHEN untouched OR NOT fallback.untagged_only THEN fallback.fund END AS default_fund,
        coalesce(fallback.posts, $posts) AS posts
    FROM combination
    LEFT JOIN tag ON tag.id = combination.tag
    LEFT JOIN email ON email.written = tag.pi
    LEFT JOIN fallback ON fallback.source = combination.source
)
SELECT
    row_number() OVER (ORDER BY source, category, tag, claimed) AS id,
    * EXCLUDE (untouched),
    coalesce(tag_project, claimed, default_project) AS project,
    CASE WHEN tag_project IS NOT NULL THEN 'tag' WHEN claimed IS NOT NULL THEN 'match'
        WHEN default_project IS NOT NULL THEN 'default' END AS project_via
FROM named
