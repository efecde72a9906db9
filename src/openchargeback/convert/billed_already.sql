-- One row per input and file of the ledger that has billed some of the same time: the first such line, and how many
-- records there are.
SELECT
    record.file, other.filename AS path, min(record.line) AS line, count(DISTINCT record.n) AS count
FROM usage
JOIN record ON record.n = usage.n
JOIN read_parquet([{others}], filename = true) AS other ON other.identity = record.identity
WHERE usage.starts < {last} AND usage.ends > {first}
    AND other.starts < least(usage.ends, {last}) AND other.ends > greatest(usage.starts, {first})
GROUP BY record.file, other.filename
ORDER BY record.file, other.filename
