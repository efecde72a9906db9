-- How many records two files of billed usage have in common, billed by both for some of the same time.
SELECT count(DISTINCT one.identity)
FROM read_parquet({one}) AS one
JOIN read_parquet({other}) AS other
    ON one.identity = other.identity AND one.starts < other.ends AND one.ends > other.starts
