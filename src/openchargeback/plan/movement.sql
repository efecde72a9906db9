-- One row per charge whose billing differs: its number in base and head, and what changed about it.
-- new, withdrawn: only one revision has it. cost: it is billed to the same line, at another cost.
-- outcome: it is newly billed, no longer billed, or billed to another line.
CREATE TABLE movement AS
SELECT
    old.n AS base,
    new.n AS head,
    CASE
        WHEN old.n IS NULL THEN 'new'
        WHEN new.n IS NULL THEN 'withdrawn'
        WHEN old.billed AND new.billed AND old.line = new.line THEN 'cost'
        ELSE 'outcome'
    END AS change,
    old.cost IS DISTINCT FROM new.cost AS cost_changed,
    old.decided <> new.decided AS decision_changed
FROM base.outcome AS old
LEFT JOIN pair ON pair.base = old.n
FULL JOIN head.outcome AS new ON new.n = pair.head
WHERE
    coalesce(old.billed, false) <> coalesce(new.billed, false)
    OR (old.billed AND new.billed AND (old.cost <> new.cost OR old.line <> new.line))
