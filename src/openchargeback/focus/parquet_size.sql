-- One row: how many bytes the content of a Parquet file has at least, by what the file says of itself, and at most. A
-- cell takes a byte at least, however well a column of equal cells is encoded; where a column chunk has a dictionary, a
-- cell may be as long as all of that chunk.
SELECT
    greatest(coalesce(sum(total_uncompressed_size), 0), coalesce(sum(num_values), 0)) AS declared,
    coalesce(sum(
        CASE WHEN dictionary_page_offset IS NULL THEN total_uncompressed_size
             ELSE num_values::HUGEINT * total_uncompressed_size END
    ), 0) AS most
FROM parquet_metadata({file})
