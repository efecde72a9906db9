-- One row per flagged or decided charge, with its outcome; every other charge is billed.
-- rejected: a decision rejects it, or it corrects a charge of an earlier month that was rejected.
-- held: a flag holds it (`held.sql`). billed: all others, with the effective payer.
CREATE OR REPLACE TABLE disposition AS
SELECT
    touched.n,
    CASE
        WHEN EXISTS (SELECT 1 FROM ruling JOIN verdict USING (decision) WHERE ruling.n = touched.n AND verb = 'reject')
            OR touched.n IN (SELECT n FROM follows_earlier WHERE disposition = 'rejected')
            THEN 'rejected'
        WHEN touched.n IN (SELECT n FROM held) THEN 'held'
        ELSE 'billed'
    END AS disposition,
    settled.n IS NOT NULL AS decided,
    settled.pi,
    settled.project,
    settled.fund
FROM (
    SELECT n FROM flag UNION SELECT n FROM ruling
    UNION SELECT n FROM follows_earlier WHERE disposition = 'rejected'
) AS touched
LEFT JOIN settled USING (n)
