-- One row per movement with its one cause.
-- A charge that only one revision has is new or withdrawn. A different cost is usage if a quantity that both give
-- changed, config if the source bills another column, else price. A different outcome is due to the last step between
-- base and head that changed it ({steps}: charges, directory, config, decision). If that step is the charges themselves,
-- the cause is a decision that is valid on only one side, else the charge's own change of cost, else usage: other
-- charges changed.
CREATE TABLE caused AS
WITH quantity AS (
    SELECT
        movement.base,
        movement.head,
        len(list_filter(list_zip(old.quantities, new.quantities), lambda each: each[1] <> each[2])) > 0 AS changed
    FROM movement
    JOIN base.quantity AS old ON old.n = movement.base
    JOIN head.quantity AS new ON new.n = movement.head
)
SELECT
    movement.base,
    movement.head,
    CASE
        WHEN movement.change IN ('new', 'withdrawn') THEN movement.change
        WHEN movement.change = 'outcome' AND step.cause <> 'charges' THEN step.cause
        WHEN movement.change = 'outcome' AND movement.decision_changed THEN 'decision'
        WHEN movement.change = 'outcome' AND NOT movement.cost_changed THEN 'usage'
        WHEN list_contains($other_column, old.source) THEN 'config'
        WHEN quantity.changed THEN 'usage'
        ELSE 'price'
    END AS cause
FROM movement
LEFT JOIN base.attributed AS old ON old.n = movement.base
LEFT JOIN quantity ON quantity.base = movement.base AND quantity.head = movement.head
LEFT JOIN ({steps}) AS step ON step.head = movement.head AND movement.change = 'outcome'
