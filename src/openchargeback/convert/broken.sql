-- One row per file and value among rows that break a rule: the first line, how many there are, the lines of the next.
SELECT
    file, value, min(line) AS line, count(*) AS count,
    list_slice(list_sort(list(line)), 2, 6) AS more
FROM (SELECT file, line, left(coalesce(({value})::VARCHAR, ''), 80) AS value FROM {rows} WHERE {where})
GROUP BY file, value
ORDER BY line, file, value
LIMIT {most}
