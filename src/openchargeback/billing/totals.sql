-- One row per period, source and currency: the exact imported total and its outcome.
SELECT
    charge.period,
    charge.source,
    charge.currency,
    count(DISTINCT charge.file) AS files,
    count(*) AS charges,
    sum(charge.cost) AS imported,
    coalesce(sum(charge.cost) FILTER (coalesce(disposition.disposition, 'billed') = 'billed'), 0) AS billed,
    coalesce(sum(charge.cost) FILTER (disposition.disposition = 'held'), 0) AS held,
    coalesce(sum(charge.cost) FILTER (disposition.disposition = 'rejected'), 0) AS rejected,
    sum(charge.list) AS imported_list,
    count(*) FILTER (coalesce(disposition.disposition, 'billed') = 'billed') AS charges_billed,
    count(*) FILTER (disposition.disposition = 'held') AS charges_held,
    count(*) FILTER (disposition.disposition = 'rejected') AS charges_rejected
FROM attributed AS charge
LEFT JOIN disposition ON disposition.n = charge.n
GROUP BY charge.period, charge.source, charge.currency
ORDER BY charge.period, charge.source, charge.currency
