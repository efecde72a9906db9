-- One row per file with charges that passed the checks but lack what every charge needs: their number.
SELECT file, count(*)
FROM charge
WHERE period_start IS NULL OR cost IS NULL OR list IS NULL OR NOT list_contains($categories, category)
GROUP BY file
