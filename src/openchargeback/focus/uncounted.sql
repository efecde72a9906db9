-- One row: how many charges of a file passed the checks but lack what every charge needs.
SELECT count(*)
FROM charge
WHERE file = $file
    AND (period_start IS NULL OR cost IS NULL OR list IS NULL OR NOT list_contains($categories, category))
