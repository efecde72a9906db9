-- One row per charge file, invoice and currency: the charges of the file that name the invoice, what the provider billed
-- for them (BilledCost, whichever column the source bills), how much of that is tax, and the first few of them.
-- {rows} has one row per charge: file, n, and the cells of these columns as text.
SELECT
    file,
    coalesce(trim(InvoiceId), '') AS invoice,
    coalesce(upper(BillingCurrency), $currency) AS currency,
    count(*) AS charges,
    coalesce(sum(exact(BilledCost)), 0) AS billed,
    coalesce(sum(exact(BilledCost)) FILTER (lower(ChargeCategory) = 'tax'), 0) AS tax,
    count(*) FILTER (exact(BilledCost) IS NULL) AS unreadable,
    min(n, $most) AS first
FROM ({rows})
WHERE file IN $files
GROUP BY ALL
ORDER BY file, invoice, currency
