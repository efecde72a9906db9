-- One row is one charge that is flagged or decided, with what became of it; every other charge is billed.
-- rejected: a decision rejects it. held: a flag holds it (`held.sql`). billed: the rest, with the payer that counts.
CREATE OR REPLACE TABLE disposition AS
SELECT
    touched.n,
    CASE
        WHEN EXISTS (SELECT 1 FROM ruling JOIN verdict USING (decision) WHERE ruling.n = touched.n AND verb = 'reject')
            THEN 'rejected'
        WHEN touched.n IN (SELECT n FROM held) THEN 'held'
        ELSE 'billed'
    END AS disposition,
    settled.n IS NOT NULL AS decided,
    settled.pi,
    settled.project,
    settled.fund
FROM (SELECT n FROM flag UNION SELECT n FROM ruling) AS touched
LEFT JOIN settled USING (n)
