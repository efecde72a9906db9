-- changed_costs: the number of paired charges with a different cost.
SELECT count(*)
FROM pair
JOIN base.outcome AS old ON old.n = pair.base
JOIN head.outcome AS new ON new.n = pair.head
WHERE old.cost <> new.cost;
