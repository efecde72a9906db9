-- One row per charge whose billing differs: its number in base and head, and what changed about it.
-- new, withdrawn: only one revision has it. cost: it is billed to the same line, at another cost.
-- outcome: it is newly billed, no longer billed, or billed to another line.
CREATE TABLE movement AS
WITH every AS (
    SELECT base, head FROM pair
    UNION ALL
    SELECT n, NULL FROM base.outcome WHERE n NOT IN (SELECT base FROM pair)
    UNION ALL
    SELECT NULL, n FROM head.outcome WHERE n NOT IN (SELECT head FROM pair)
)
SELECT
    every.base,
    every.head,
    CASE
        WHEN every.base IS NULL THEN 'new'
        WHEN every.head IS NULL THEN 'withdrawn'
        WHEN old.billed AND new.billed AND (old.pi, old.project, old.fund, old.source, old.service)
            IS NOT DISTINCT FROM (new.pi, new.project, new.fund, new.source, new.service) THEN 'cost'
        ELSE 'outcome'
    END AS change,
    old.cost IS DISTINCT FROM new.cost AS cost_changed,
    coalesce(old.decided, false) <> coalesce(new.decided, false) AS decision_changed
FROM every
LEFT JOIN base.outcome AS old ON old.n = every.base
LEFT JOIN head.outcome AS new ON new.n = every.head
WHERE
    (CASE WHEN old.billed THEN (old.cost, old.pi, old.project, old.fund, old.source, old.service) END)
    IS DISTINCT FROM (CASE WHEN new.billed THEN (new.cost, new.pi, new.project, new.fund, new.source, new.service) END)
