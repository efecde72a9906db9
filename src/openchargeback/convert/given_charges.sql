-- offer, charge: further rows, for what the records give a cost for. The price is there if it gives the cost exactly. A
-- credit has no quantity: what it refunds was used all the same, and sums of quantities must not count it again.
INSERT INTO offer BY NAME
SELECT
    (SELECT coalesce(max(id), 0) FROM offer) + row_number() OVER () AS id, part.label, part.item, label_payer.payer, rate.id AS rate,
    label_payer.since, label_payer.until, rate.base AS divided_by, true AS given, part.credit
FROM (SELECT DISTINCT label, item, cost < 0 AS credit FROM given_part) AS part
JOIN held_item AS item ON item.id = part.item
JOIN given_rate ON given_rate.meter = item.meter AND given_rate.credit = part.credit
JOIN rate ON rate.id = given_rate.rate
JOIN label_payer ON label_payer.label = part.label;
INSERT INTO charge BY NAME
SELECT
    part.n, part.label, part.item, part.span, part.records, part.starts, part.ends, part.amount, '' AS grade, offer.id AS offer,
    CASE WHEN NOT offer.credit THEN quantity_of(part.amount, offer.divided_by) END AS quantity,
    money(part.cost) AS given_cost, money(part.list) AS given_list,
    CASE WHEN TRY(quantity * part.price) = given_cost THEN part.price END AS given_price
FROM given_part AS part
JOIN offer
    ON offer.label = part.label AND offer.item = part.item AND offer.given AND offer.credit = (part.cost < 0)
    AND part.starts >= offer.since AND part.starts < offer.until
