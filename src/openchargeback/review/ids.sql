-- One row is one charge of one source with its id: SHA-256, in hex, over source, period, its canonical text, how many
-- rows of the source have the same text, and its place among those (by digest of the whole row).
-- The canonical text holds the non-null FOCUS columns by name, without x_ columns, file name and row number, so that
-- the id stays the same when a file is sorted anew, recompressed or given more columns of the provider's own.
INSERT INTO charge_id
WITH canonical AS ({rows}),
counted AS (
    SELECT
        n,
        text,
        count(*) OVER (PARTITION BY text) AS alike,
        row_number() OVER (PARTITION BY text ORDER BY whole, n) AS place
    FROM canonical
)
SELECT n, sha256(concat_ws(chr(31), $source, $period, text, alike::VARCHAR, place::VARCHAR)) AS id
FROM counted
