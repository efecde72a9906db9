-- One row per held charge with the number of its queue item, by period and key. Charges that decisions name by id can only be decided by
-- id, so they form items of their own, by the flags that still hold them.
CREATE OR REPLACE TABLE queued AS
SELECT
    flagged.*,
    open.uncleared,
    named_charge.n IS NOT NULL AS named,
    dense_rank() OVER (
        ORDER BY period, source, service, project, pi, currency, sub_account, resource, flags, named_charge.n IS NOT NULL, uncleared
    ) AS item
FROM (SELECT n, list_sort(list(flag)) AS uncleared FROM held GROUP BY n) AS open
JOIN flagged ON flagged.n = open.n
LEFT JOIN named_charge ON named_charge.n = open.n
