-- One row per meter: seconds times base units that the records used in the period, clipped in one piece, and what the
-- parts hold. They must be equal.
SELECT meter, coalesce(used.amount, 0) AS amount_in, coalesce(billed.amount, 0) AS amount_out, coalesce(whole.amount, 0) AS whole
FROM (
    SELECT meter, sum(used_within(amount, starts, ends, {first}, {last}))::HUGEINT AS amount
    FROM usage WHERE starts < {last} AND ends > {first} GROUP BY meter
) AS used
FULL JOIN (SELECT meter, sum(amount)::HUGEINT AS amount FROM charge GROUP BY meter) AS billed USING (meter)
FULL JOIN (SELECT meter, sum(amount)::HUGEINT AS amount FROM usage GROUP BY meter) AS whole USING (meter)
ORDER BY meter
