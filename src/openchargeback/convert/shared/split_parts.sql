-- split_part: one row per amount and share of it, as `allocate.sql` wants what it allocates: the share of the rest, exact
-- in 10^-18. The share of the whole units, `base`, has no more than 18 decimals, so nothing of it is to be allocated.
CREATE TABLE split_part AS
SELECT
    split_amount.id * {parts} + share.number AS id, split_amount.id AS parent, split_amount.n, split_amount.number,
    share.number AS share,
    (split_amount.rest::DECIMAL(19, 0) * share.ratio)::DECIMAL(38, 18) AS exact_billed,
    0::DECIMAL(38, 18) AS exact_discount,
    (split_amount.whole * share.ratio)::DECIMAL(38, 18) AS base
FROM split_amount
JOIN share ON share.cost_group = split_amount.cost_group
