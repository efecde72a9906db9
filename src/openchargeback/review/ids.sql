-- One row per charge of a source with its id: SHA-256, in hex, over source, period, canonical text, the number of
-- rows of the source in the period with the same text, and its position among those (by digest of the whole row).
-- The canonical text holds the non-null FOCUS columns by name, without x_ columns, file name and row number, so the id
-- stays the same if a file is re-sorted or recompressed, or gets more provider-specific columns.
INSERT INTO charge_id
WITH cells AS ({cells}),
canonical AS (
    SELECT row.n, row.period, row.source, {canonical} AS text FROM cells AS row {joins}
),
counted AS MATERIALIZED (
    SELECT n, period, source, text, count(*) OVER (PARTITION BY period, source, text) AS alike FROM canonical
),
-- Few charges have others alike, so few need the digest of the whole row.
placed AS (
    SELECT n, row_number() OVER (PARTITION BY period, source, text ORDER BY whole, n) AS place
    FROM counted
    JOIN ({wholes}) AS digest USING (n)
    WHERE alike > 1
)
SELECT n, sha256(concat_ws(chr(31), source, period, text, alike::VARCHAR, coalesce(place, 1)::VARCHAR)) AS id
FROM counted
LEFT JOIN placed USING (n)
