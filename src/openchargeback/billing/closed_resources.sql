-- One row per closed period whose resources do not sum to its own billing lines, or whose cells are not certain to be as
-- `ledger.table` reads them.
WITH part AS (
    SELECT recorded, pi, project, fund, source, service, 1 AS sign, list, discount, covered, billed, true AS plain
    FROM ({lines})
    WHERE entry = 'own'
    UNION ALL
    SELECT
        recorded, pi, project, fund, source, service, -1, list, discount, covered, billed,
        list_contains($kinds, kind)
            AND regexp_full_match(charges, '0|[1-9][0-9]{0,17}')
            AND len(list_filter(
                [list, discount, covered, billed],
                lambda cents: NOT regexp_full_match(cents, '-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?')
            )) = 0
            AND len(list_filter(
                [quantity, list_unit_price, contracted_unit_price],
                lambda exact: NOT regexp_full_match(exact, '|-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?')
            )) = 0
            AND len(list_filter(
                [first_day, last_day],
                lambda day: day <> '' AND strftime(try_cast(day AS DATE), '%Y-%m-%d') IS DISTINCT FROM day
            )) = 0
            AND various IN ('', 'price', 'unit')
    FROM ({resources})
),
summed AS (
    SELECT
        recorded,
        sum(sign * TRY_CAST(list AS DECIMAL(38, 6))) AS list,
        sum(sign * TRY_CAST(discount AS DECIMAL(38, 6))) AS discount,
        sum(sign * TRY_CAST(covered AS DECIMAL(38, 6))) AS covered,
        sum(sign * TRY_CAST(billed AS DECIMAL(38, 6))) AS billed,
        bool_and(coalesce(plain, false)) AS plain
    FROM part
    GROUP BY recorded, pi, project, fund, source, service
)
SELECT DISTINCT recorded
FROM summed
WHERE NOT plain OR list <> 0 OR discount <> 0 OR covered <> 0 OR billed <> 0
