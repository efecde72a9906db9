-- given: one row per billed row of the tables and meter whose cost the table gives.
INSERT INTO given
SELECT
    n, {meter}, coalesce(type{index}, ''), units(cost{index}), units(list{index}),
    CASE WHEN price{index} >= 0 AND price{index} = TRY(price{index}::DECIMAL(24, 9)) THEN TRY(price{index}::DECIMAL(24, 9)) END
FROM placed
WHERE left_out IS NULL AND on{index} AND (amount{index} > 0 OR cost{index} <> 0)
ORDER BY n
