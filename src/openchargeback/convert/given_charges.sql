-- charge: further rows, for what the records give a cost for. The price is there if it gives the cost exactly. A credit
-- has no quantity: what it refunds was used all the same, and sums of quantities must not count it again.
INSERT INTO charge BY NAME
SELECT
    part.n, part.label, part.meter, part.variant, part.span, part.records, part.starts, part.ends, part.amount,
    rate.id AS rate, label_payer.payer, rate.base AS divided_by,
    CASE WHEN part.cost >= 0
        THEN (((part.amount * 2000000000 + divided_by) // (divided_by * 2))::DECIMAL(29, 0) * 0.000000001)::DECIMAL(29, 9)
    END AS quantity,
    money(part.cost) AS given_cost, money(part.list) AS given_list,
    CASE WHEN TRY(quantity * part.price) = given_cost THEN part.price END AS given_price
FROM given_part AS part
JOIN given_rate ON given_rate.meter = part.meter AND given_rate.credit = (part.cost < 0)
JOIN rate ON rate.id = given_rate.rate
JOIN label_payer
    ON label_payer.label = part.label AND part.starts >= label_payer.since AND part.starts < label_payer.until
