-- One row is one charge: a row of a charge file, with the cells that every charge needs read as values.
-- The cells were already checked (verdict.py), so their spelling is not checked again.
-- n numbers the charges of all files, in the order of the files and their rows.
-- cost and list are in the row's currency, exact; NULL if the cell cannot be read (the file is then rejected).
-- list falls back to the cost if there is no list price: no discount. Azure writes 0 for that (zero_is_null), and so
-- do others for taxes and adjustments, which never have a list price.
-- With effective costs, a commitment is paid for by the usage it covers, so its purchase has no list price.
-- A row that refers back to the charge it corrects (OCI) is a correction, whatever its class.
-- tag points to the distinct text of its tags under its source's keys (tags.sql): AllocatedTags, or Tags if those are null.
INSERT INTO charge
WITH file_row AS NOT MATERIALIZED ({rows}),
starts AS (
    SELECT text, utc(text) AS moment
    FROM (SELECT DISTINCT BillingPeriodStart AS text FROM file_row)
)
SELECT
    row.n,
    row.file,
    row.period,
    row.source,
    starts.moment AS period_start,
    exact(row.Cost) AS cost,
    CASE
        WHEN $effective AND lower(row.ChargeCategory) = 'purchase' AND row.CommitmentDiscountId IS NOT NULL THEN 0
        WHEN row.ListCost IS NULL THEN exact(row.Cost)
        WHEN ($zero_is_null OR lower(row.ChargeCategory) IN ('tax', 'adjustment')) AND exact(row.ListCost) = 0
            THEN exact(row.Cost)
        ELSE exact(row.ListCost)
    END AS list,
    coalesce(upper(row.BillingCurrency), $currency) AS currency,
    lower(row.ChargeCategory) AS category,
    CASE
        WHEN lower(row.ChargeClass) = 'correction' OR row.refers_back THEN 'correction'
        ELSE coalesce(lower(row.ChargeCategory), 'usage')
    END AS kind,
    coalesce(row.ServiceName, '') AS service,
    tag.id AS tag
FROM file_row AS row
LEFT JOIN starts ON starts.text = row.BillingPeriodStart
LEFT JOIN tag ON tag.text = row.tags AND tag.key_set = row.key_set
