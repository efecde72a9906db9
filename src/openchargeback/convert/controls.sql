-- One row per meter: seconds times base units that the records used in all, those of the period, clipped in one piece, and
-- what the charges hold; the last two must be equal.
SELECT
    named.meter, coalesce(sum(used.amount), 0)::HUGEINT AS amount_in, coalesce(sum(billed.amount), 0)::HUGEINT AS amount_out,
    coalesce(sum(used.whole), 0)::HUGEINT AS whole
FROM (
    SELECT
        level.item, sum(level.level::HUGEINT * held.factor) AS whole,
        sum(held_within(level.level, held.factor, held.starts, held.ends, {first}, {last}))
            FILTER (WHERE held.starts < {last} AND held.ends > {first}) AS amount
    FROM held
    JOIN held_level AS level ON level.holding = held.holding
    GROUP BY level.item
) AS used
FULL JOIN (SELECT item, sum(amount) AS amount FROM charge GROUP BY item) AS billed ON billed.item = used.item
JOIN held_item AS named ON named.id = coalesce(used.item, billed.item)
GROUP BY named.meter
ORDER BY named.meter
