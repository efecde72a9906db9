-- One row is one charge that is flagged or decided, with what became of it; every other charge is billed.
-- rejected: a decision rejects it. held: a flag that no decision clears. billed: the rest, with the payer that counts.
CREATE TABLE disposition AS
WITH open AS (
    SELECT DISTINCT flag.n
    FROM flag
    WHERE NOT EXISTS (
        SELECT 1 FROM ruling JOIN clears USING (decision) WHERE ruling.n = flag.n AND clears.flag = flag.flag
    )
),
touched AS (
    SELECT n FROM flag UNION SELECT n FROM ruling
)
SELECT
    touched.n,
    CASE
        WHEN EXISTS (SELECT 1 FROM ruling JOIN verdict USING (decision) WHERE ruling.n = touched.n AND verb = 'reject')
            THEN 'rejected'
        WHEN touched.n IN (SELECT n FROM open) THEN 'held'
        ELSE 'billed'
    END AS disposition,
    settled.n IS NOT NULL AS decided,
    settled.pi,
    settled.project,
    settled.fund
FROM touched
LEFT JOIN settled USING (n)
