-- One more flag per charge dated before its fund began or after it ended.
INSERT INTO flag
SELECT n, 'inactive-fund', fund || CASE WHEN first_day < since THEN ' starts on ' || since ELSE ' ended on ' || until END
FROM (
    SELECT charge.n, payer.fund, fund.since, fund.until, first_day({start}, charge.period_start) AS first_day
    FROM attributed AS charge
    JOIN payer ON payer.id = charge.payer AND needs_fund(payer.posts, payer.pi)
    JOIN fund ON fund.id = payer.fund AND fund.active AND coalesce(fund.since, fund.until) IS NOT NULL
    JOIN cell ON cell.n = charge.n
)
WHERE first_day < since OR first_day > until
