-- One row: the least and most bytes that the content of a Parquet file can have, according to its own metadata. A cell
-- counts at least one byte, however well a column of equal cells is encoded; if a column chunk has a dictionary, a cell
-- may be as long as the whole chunk.
SELECT
    greatest(coalesce(sum(total_uncompressed_size), 0), coalesce(sum(num_values), 0)) AS declared,
    coalesce(sum(
        CASE WHEN dictionary_page_offset IS NULL THEN total_uncompressed_size
             ELSE num_values::HUGEINT * total_uncompressed_size END
    ), 0) AS most
FROM parquet_metadata({file})
