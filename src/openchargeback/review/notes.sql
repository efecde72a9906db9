-- One row per flag of an item of the review queue, with its first few distinct reasons.
SELECT
    queued.item,
    flag.flag,
    coalesce(list_sort(list(DISTINCT flag.why) FILTER (flag.why IS NOT NULL))[:$most], []) AS reasons
FROM queued
JOIN flag USING (n)
GROUP BY queued.item, flag.flag
ORDER BY queued.item, flag.flag
