-- shared_cost: one row per row that a pool selects, with the days by whose use it is split (NULL: those of the month).
-- found: the numbers of the pools that select it, so many `pools`; the first of them is `pool`. identity: the same for the same cost in every export; of
-- rows that are for the same, each has its own.
CREATE TABLE shared_cost AS
WITH selected AS (
    SELECT *, list_filter({pools}, lambda number: number IS NOT NULL) AS found FROM cost_row
)
SELECT
    n, file, line, found, found[1] AS pool, len(found) AS pools,
    array_to_string(list_transform(found, lambda number: ({names})[number + 1]), ', ') AS names,
    {month} AS month,
    {currency} AS currency,
    {method} IS NOT NULL AS split_before,
    CASE WHEN pool IN {by_day} THEN first_day({start}, utc({period_start})) END AS first_day,
    CASE WHEN pool IN {by_day}
        THEN last_day({end}, first_day({start}, utc({period_start})), {whole_days}) END AS last_day,
    md5_number_lower({identity} || '|' || row_number() OVER (PARTITION BY {identity} ORDER BY n)) AS identity
FROM selected
WHERE len(found) > 0
ORDER BY n
