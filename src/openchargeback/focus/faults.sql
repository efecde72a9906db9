-- One row is one cell that stops its file, by row number (from 0) and column.
SELECT row, name, text, count(*) OVER (PARTITION BY name) AS total
FROM (
    SELECT rowid AS row, 'BillingPeriodStart' AS name, BillingPeriodStart AS text
    FROM file_row WHERE BillingPeriodStart IS NULL OR utc(BillingPeriodStart) IS NULL
    UNION ALL
    SELECT rowid, $cost_column, Cost FROM file_row WHERE amount(Cost) IS NULL
    UNION ALL
    SELECT rowid, 'ListCost', ListCost FROM file_row WHERE ListCost IS NOT NULL AND amount(ListCost) IS NULL
    UNION ALL
    SELECT rowid, 'ChargeCategory', ChargeCategory FROM file_row WHERE NOT list_contains($categories, lower(ChargeCategory))
)
QUALIFY row_number() OVER (PARTITION BY name ORDER BY row) <= $limit
ORDER BY row, name
