-- charge: one row per row of the output: who used how much of what, by which offer (NULL if there is none), and what the
-- records give themselves. grade: free for what an allowance covers, std for what it could have; else empty.
-- quantity has nine decimals, rounded half up from whole seconds; costs are quantity times price, exactly, unless given.
CREATE TABLE charge AS
SELECT
    part.*, offer.id AS offer,
    quantity_of(part.amount, offer.divided_by) AS quantity,
    NULL::DECIMAL(38, 18) AS given_cost, NULL::DECIMAL(38, 18) AS given_list, NULL::DECIMAL(24, 9) AS given_price
FROM divided AS part
LEFT JOIN offer
    ON offer.label = part.label AND offer.item = part.item AND NOT offer.given
    AND part.starts >= offer.since AND part.starts < offer.until
WHERE part.amount > 0
