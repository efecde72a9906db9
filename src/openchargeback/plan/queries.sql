-- changed_costs: how many pairs of charges cost something else.
SELECT count(*)
FROM pair
JOIN base.outcome AS old ON old.n = pair.base
JOIN head.outcome AS new ON new.n = pair.head
WHERE old.cost <> new.cost;
