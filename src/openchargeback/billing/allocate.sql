-- One row per part in {parts} with its share of its parent's cents, which are in {totals} (id, billed, discount).
-- Largest remainders on signed amounts: every exact amount is rounded toward minus infinity, then the missing units go
-- one each to the largest remainders; the smaller id wins ties, and a part without a remainder gets none.
-- scale: units per currency unit (100 for most). billed and discount are in units; list = billed + discount.
CREATE TABLE {shares} AS
WITH floored AS (
    SELECT
        id,
        {parent} AS parent,
        floor(exact_billed * $scale::INTEGER)::HUGEINT AS billed_floor,
        exact_billed * $scale::INTEGER - floor(exact_billed * $scale::INTEGER) AS billed_rest,
        floor(exact_discount * $scale::INTEGER)::HUGEINT AS discount_floor,
        exact_discount * $scale::INTEGER - floor(exact_discount * $scale::INTEGER) AS discount_rest
    FROM {parts}
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY parent ORDER BY billed_rest DESC, id) AS billed_rank,
        row_number() OVER (PARTITION BY parent ORDER BY discount_rest DESC, id) AS discount_rank,
        sum(billed_floor) OVER (PARTITION BY parent) AS billed_sum,
        sum(discount_floor) OVER (PARTITION BY parent) AS discount_sum
    FROM floored
)
SELECT
    ranked.id,
    ranked.parent,
    (billed_floor + (billed_rank <= total.billed - billed_sum)::INTEGER)::HUGEINT AS billed,
    (discount_floor + (discount_rank <= total.discount - discount_sum)::INTEGER)::HUGEINT AS discount
FROM ranked
JOIN {totals} AS total ON total.id = ranked.parent
