-- One row per flagged or decided charge, with its outcome; every other charge is billed.
-- rejected: a decision rejects it, or it corrects a rejected charge of an earlier month.
-- held: a flag holds it (`held.sql`). billed: all others, with the effective payer.
CREATE OR REPLACE TABLE disposition AS
SELECT
    charge.n,
    CASE
        WHEN EXISTS (SELECT 1 FROM ruling JOIN verdict USING (decision) WHERE ruling.n = charge.n AND verb = 'reject')
            OR charge.n IN (SELECT n FROM follows_earlier WHERE disposition = 'rejected')
            THEN 'rejected'
        WHEN charge.n IN (SELECT n FROM held) THEN 'held'
        ELSE 'billed'
    END AS disposition,
    decided_charge.n IS NOT NULL AS decided,
    decided_charge.pi,
    decided_charge.project,
    decided_charge.fund
FROM (
    SELECT n FROM flag UNION SELECT n FROM ruling
    UNION SELECT n FROM follows_earlier WHERE disposition = 'rejected'
) AS charge
LEFT JOIN decided_charge USING (n)
