-- The forms as rows of `focus.sql`.
SELECT
    *, NULL::BIGINT AS starts, NULL::BIGINT AS ends, NULL::BIGINT AS records, NULL::HUGEINT AS amount,
    NULL::DECIMAL(29, 9) AS quantity_number, NULL::DECIMAL(38, 18) AS given_cost, NULL::DECIMAL(38, 18) AS given_list,
    NULL::DECIMAL(24, 9) AS given_price, '' AS resource, '' AS state, 0 AS line, '' AS source_file
FROM form
