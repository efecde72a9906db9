-- One row per file of billed usage: how many rows it has, its first start and last end, its columns in order, and what
-- `write_usage_file` noted in it. All from the end of each file: no row is read. odd: columns without statistics, or with NULL.
WITH schema AS (
    SELECT file_name, string_agg(name || ' ' || duckdb_type, ', ' ORDER BY column_id) AS columns
    FROM parquet_schema([{files}]) WHERE type IS NOT NULL GROUP BY file_name
),
chunk AS (
    SELECT
        file_name,
        min(TRY_CAST(stats_min_value AS BIGINT)) FILTER (WHERE path_in_schema = 'starts') AS first,
        max(TRY_CAST(stats_max_value AS BIGINT)) FILTER (WHERE path_in_schema = 'ends') AS last,
        count(*) FILTER (WHERE stats_null_count IS DISTINCT FROM 0 OR stats_min_value IS NULL OR stats_max_value IS NULL) AS odd
    FROM parquet_metadata([{files}]) GROUP BY file_name
),
note AS (
    SELECT
        file_name, max(decode(value)) FILTER (WHERE decode(key) = 'charges') AS charges,
        max(decode(value)) FILTER (WHERE decode(key) = 'split') AS split
    FROM parquet_kv_metadata([{files}]) GROUP BY file_name
)
SELECT
    file.file_name AS place, file.num_rows AS rows, schema.columns, chunk.first, chunk.last, coalesce(chunk.odd, 0) AS odd,
    note.charges, coalesce(note.split, '') AS split
FROM parquet_file_metadata([{files}]) AS file
LEFT JOIN schema USING (file_name)
LEFT JOIN chunk USING (file_name)
LEFT JOIN note USING (file_name)
ORDER BY ALL
