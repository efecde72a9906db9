-- One row per flagged charge with its queue item (docs/ARCHITECTURE.md, "The review queue"): the keys that the item's
-- charges share and all their flags as raised, regardless of decisions. This is the only definition of items: the queue,
-- the selectors of approval files and their expectations, and the proposals of commands and pages all use it.
-- A correction belongs to the item of the charge it refers to.
CREATE TABLE flagged AS
WITH involved AS MATERIALIZED (
    SELECT *
    FROM attributed
    WHERE n IN (SELECT n FROM flag UNION ALL SELECT original FROM follows SEMI JOIN flag USING (n))
)
SELECT
    raised.n,
    leader.period,
    leader.source,
    leader.service,
    coalesce(payer.project, '') AS project,
    coalesce(payer.pi, '') AS pi,
    charge.currency,
    CASE WHEN payer.project IS NULL THEN detail.sub_account ELSE '' END AS sub_account,
    CASE WHEN payer.project IS NULL AND detail.sub_account = '' THEN detail.resource_id ELSE '' END AS resource,
    raised.flags
FROM (SELECT n, list_sort(list(flag)) AS flags FROM flag GROUP BY n) AS raised
JOIN involved AS charge ON charge.n = raised.n
LEFT JOIN follows ON follows.n = raised.n
JOIN involved AS leader ON leader.n = coalesce(follows.original, raised.n)
JOIN payer ON payer.id = charge.payer
JOIN detail ON detail.n = leader.n
