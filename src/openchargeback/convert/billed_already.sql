-- One row per input and file of the ledger that has billed some of the same time: the first such line, and how many
-- records there are.
SELECT
    record.file, other.filename AS path, min(record.line) AS line, count(DISTINCT record.n) AS count
FROM held
JOIN record ON record.n = held.n
JOIN read_parquet([{others}], filename = true) AS other ON other.identity = record.identity
WHERE held.starts < {last} AND held.ends > {first}
    AND other.starts < least(held.ends, {last}) AND other.ends > greatest(held.starts, {first})
GROUP BY record.file, other.filename
ORDER BY record.file, other.filename
