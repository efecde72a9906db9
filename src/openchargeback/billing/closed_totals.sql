-- One row per closed period, source, entry and posting of the billing lines in its record: their sums, and whether every
-- cell is certain to be as `ledger.table` reads it. A line whose statement is not in `P.statements.csv` is not plain.
-- closed: one row per period (period, currency, places of its minor unit).
WITH line AS ({lines}),
statement AS ({statements}),
numbered AS (
    SELECT recorded, pi, project, any_value(number) AS number, count(*) AS times
    FROM statement
    GROUP BY recorded, pi, project
)
SELECT
    closed.period,
    line.source,
    line.entry = 'own' AS own,
    line.posted = 'yes' AS posted,
    count(*) AS lines,
    sum(TRY_CAST(line.exact_list AS DECIMAL(38, 18))) AS exact_list,
    sum(TRY_CAST(line.exact_billed AS DECIMAL(38, 18))) AS exact_billed,
    sum(TRY_CAST(line.list AS DECIMAL(38, 6))) AS list,
    sum(TRY_CAST(line.discount AS DECIMAL(38, 6))) AS discount,
    sum(TRY_CAST(line.covered AS DECIMAL(38, 6))) AS covered,
    sum(TRY_CAST(line.billed AS DECIMAL(38, 6))) AS billed,
    bool_or(TRY_CAST(line.billed AS DECIMAL(38, 6)) <> 0) AS has_amounts,
    list_sort(list(DISTINCT line.fund)) AS funds,
    bool_and(coalesce(
        line.period = closed.period
        AND line.currency = closed.currency
        AND line.entry IN ('own', 'late', 'credit', 'rebill')
        AND line.posted IN ('yes', 'no')
        AND line.invoiced IN ('yes', 'no')
        AND regexp_full_match(line.charges, '0|[1-9][0-9]{0,17}')
        AND regexp_full_match(line.exact_list, '-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?')
        AND regexp_full_match(line.exact_billed, '-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?')
        AND len(list_filter(
            [line.list, line.discount, line.covered, line.billed],
            lambda cents: NOT regexp_full_match(cents, '-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?')
                OR len(split_part(cents, '.', 2)) <> closed.places
        )) = 0
        AND TRY_CAST(line.list AS DECIMAL(38, 6))
            = TRY_CAST(line.discount AS DECIMAL(38, 6)) + TRY_CAST(line.billed AS DECIMAL(38, 6))
        AND numbered.number = line.statement
        AND numbered.times = 1,
        false
    )) AS plain
FROM line
JOIN closed ON closed.period = line.recorded
LEFT JOIN numbered ON numbered.recorded = line.recorded AND numbered.pi = line.pi AND numbered.project = line.project
GROUP BY ALL
ORDER BY ALL
