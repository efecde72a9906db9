-- The output: one row per row of the charge files that no pool selects, as it was, and one per share of the others, in the
-- order of the files; shares by resource, the idle share last.
SELECT
    {columns}
FROM cost_row AS row
LEFT JOIN part ON part.n = row.n
LEFT JOIN share ON share.number = part.share
WHERE part.n IS NOT NULL OR {keep}
ORDER BY row.n, part.share
