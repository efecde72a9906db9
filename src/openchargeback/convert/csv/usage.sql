-- usage: one row per billed row of the tables and meter that it has something of.
INSERT INTO usage
SELECT placed.n, placed.starts, placed.ends, row_label.id, {meter}, coalesce(placed.type{index}, ''), placed.amount{index}
FROM placed
JOIN row_label ON {same_label}
WHERE placed.left_out IS NULL AND placed.on{index} AND (placed.amount{index} > 0 OR coalesce(placed.cost{index}, 0) <> 0)
ORDER BY placed.n
