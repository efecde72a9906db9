-- given_part: one row per row of the output whose cost the records give: per record, or per UTC day with all that is
-- alike in it; what is longer than a day keeps its time, clipped to the period and divided where an owner changes.
-- cost, list: in 10^-18 of the currency. A part is a difference of rounded sums, so that the parts add up to the whole.
CREATE TABLE given_part AS
WITH placed AS (
    SELECT
        held.*, item.id AS item, given.cost, coalesce(given.list, given.cost) AS list, given.price,
        list_sort(list_distinct([greatest(held.starts, {first}), least(held.ends, {last})]
            || list_filter([{cuts}]::BIGINT[], lambda cut: cut > greatest(held.starts, {first}) AND cut < least(held.ends, {last})))
        ) AS instants
    FROM given
    JOIN held_item AS item ON item.meter = given.meter AND item.variant = given.variant
    JOIN held ON held.n = given.n AND held.holding = item.id
    WHERE held.starts < {last} AND held.ends > {first}
),
piece AS (
    SELECT *, unnest(instants[:-2]) AS since, unnest(instants[2:]) AS until FROM placed
),
measured AS (
    SELECT
        {record} AS n, label, item, sign(cost) AS sign, price,
        used_within(factor, starts, ends, since, until)::HUGEINT AS amount,
        sign(cost) * used_within(abs(cost), starts, ends, since, until)::HUGEINT AS cost,
        sign(list) * used_within(abs(list), starts, ends, since, until)::HUGEINT AS list,
        {by_day} AND since // 86400 = (until - 1) // 86400 AS daily,
        CASE WHEN daily THEN since // 86400 * 86400 ELSE since END AS starts,
        CASE WHEN daily THEN (since // 86400 + 1) * 86400 ELSE until END AS ends
    FROM piece
)
SELECT
    n, label, item, starts, ends, span_on(starts) AS span, count(*) AS records,
    sum(amount)::HUGEINT AS amount, sum(cost)::HUGEINT AS cost, sum(list)::HUGEINT AS list,
    CASE WHEN count(price) = count(*) AND min(price) = max(price) THEN min(price) END AS price
FROM measured
GROUP BY n, label, item, sign, starts, ends
