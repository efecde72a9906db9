-- One row per id (or prefix) in a decision that does not match exactly one charge, or matches a correction that is
-- decided with its original: the number of matching charges, and the id of the original.
SELECT named.decision, named.prefix, count(charge_id.n), left(any_value(original.id), 16)
FROM named
LEFT JOIN (SELECT n, id, period FROM charge_id JOIN attributed USING (n)) AS charge_id
    ON left(charge_id.id, 8) = left(named.prefix, 8) AND starts_with(charge_id.id, named.prefix)
    AND charge_id.period = named.period
LEFT JOIN follows ON follows.n = charge_id.n
LEFT JOIN charge_id AS original ON original.n = follows.original
GROUP BY named.decision, named.place, named.prefix
HAVING count(charge_id.n) <> 1 OR count(original.id) > 0
ORDER BY named.decision, named.place
