-- One row per flag on a charge, as raised before any decision (docs/LEDGER.md, "Flags"), with the reason; NULL if the
-- flag is self-explanatory. flags.py adds possible-duplicate, pattern:<name> and unusual-amount, which need settings,
-- whole rows or history; inactive_fund_flags.sql adds inactive-fund by day; correction_flags.sql copies flags to
-- corrections.
CREATE TABLE flag AS
SELECT charge.n, payer_flag.flag, payer_flag.why
FROM attributed AS charge
JOIN payer_flag ON payer_flag.payer = charge.payer
WHERE NOT payer_flag.billed_only OR charge.cost <> 0
UNION ALL
SELECT n, 'expired-project', project || ' ended on ' || project.ends
FROM dated
JOIN project ON project.id = dated.project
WHERE dated.first_day > project.ends
UNION ALL
SELECT dated.n, 'spans-change', dated.first_day || ' to ' || dated.last_day || ' spans ' || CASE
    WHEN dated.first_day <= project.ends AND dated.last_day > project.ends THEN 'the end of the project on ' || project.ends
    ELSE 'a change of PI or fund in the directory' END
FROM dated
JOIN project ON project.id = dated.project
LEFT JOIN entry AS starting ON starting.number = dated.entry
LEFT JOIN entry AS ending ON ending.number = dated.last_entry
WHERE (dated.first_day <= project.ends AND dated.last_day > project.ends)
    OR (starting.pi, starting.fund) IS DISTINCT FROM (ending.pi, ending.fund)
UNION ALL
SELECT n, 'wrong-period', 'BillingPeriodStart is in ' || strftime(period_start, '%Y-%m')
FROM attributed
WHERE strftime(period_start, '%Y-%m') <> period
UNION ALL
SELECT n, 'foreign-currency', NULL FROM attributed WHERE currency <> $currency
UNION ALL
SELECT n, 'above-list', NULL FROM attributed WHERE kind IN ('usage', 'purchase') AND cost > list AND cost > 0
UNION ALL
SELECT n, 'negative-usage', NULL FROM attributed WHERE kind = 'usage' AND cost < 0
UNION ALL
SELECT back.n, 'unmatched-reference', coalesce(earlier.why, 'no single charge has the number ' || back.refers_to)
FROM back_reference AS back
ANTI JOIN follows ON follows.n = back.n
LEFT JOIN follows_earlier AS earlier ON earlier.n = back.n
WHERE earlier.n IS NULL OR earlier.disposition NOT IN ('billed', 'rejected')
