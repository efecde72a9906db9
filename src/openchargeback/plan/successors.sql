-- One row is one charge of the base that an id (or the beginning of one) names: that text, and the id of the charge
-- that the head has in its place, null where it was withdrawn. A text that means several charges gives a row for each.
SELECT named.prefix, new.id
FROM named
JOIN base.charge_id AS old ON left(old.id, 8) = left(named.prefix, 8) AND starts_with(old.id, named.prefix)
LEFT JOIN pair ON pair.base = old.n
LEFT JOIN head.charge_id AS new ON new.n = pair.head
ORDER BY named.place, old.n
