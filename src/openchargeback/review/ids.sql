-- One row per charge of a source with its id: SHA-256, in hex, over source, period, canonical text, the number of
-- rows of the source in the period with the same text, and its position among those (by digest of the whole row).
-- The canonical text holds the non-null FOCUS columns by name, without x_ columns, file name and row number, so the id
-- stays the same if a file is re-sorted or recompressed, or gets more provider-specific columns.
INSERT INTO charge_id
WITH cells AS ({cells}),
canonical AS (
    SELECT row.n, row.period, row.source, {canonical} AS text, row.whole FROM cells AS row {joins}
),
counted AS (
    SELECT
        n,
        period,
        source,
        text,
        count(*) OVER (PARTITION BY period, source, text) AS alike,
        row_number() OVER (PARTITION BY period, source, text ORDER BY whole, n) AS place
    FROM canonical
)
SELECT n, sha256(concat_ws(chr(31), source, period, text, alike::VARCHAR, place::VARCHAR)) AS id
FROM counted
