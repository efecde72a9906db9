-- One row per charge of the base that an id (or prefix) names: that text, and the id of the same charge in the head,
-- null if it was withdrawn. A prefix that matches several charges gives one row for each.
SELECT named.prefix, new.id
FROM named
JOIN base.charge_id AS old ON left(old.id, 8) = left(named.prefix, 8) AND starts_with(old.id, named.prefix)
LEFT JOIN pair ON pair.base = old.n
LEFT JOIN head.charge_id AS new ON new.n = pair.head
ORDER BY named.place, old.n
