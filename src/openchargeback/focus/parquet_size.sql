-- One row: how many bytes the content of a Parquet file has, by what the file says of itself. A cell takes a byte at
-- least, however well a column of equal cells is encoded.
SELECT greatest(
    (SELECT coalesce(sum(total_uncompressed_size), 0) FROM parquet_metadata({file})),
    (SELECT coalesce(sum(num_values), 0) FROM parquet_metadata({file}))
)
