-- One row per flag that holds a charge: no decision clears the flag or rejects the charge.
CREATE OR REPLACE TABLE held AS
SELECT flag.n, flag.flag
FROM flag
ANTI JOIN (SELECT ruling.n, clears.flag FROM ruling JOIN clears USING (decision)) AS cleared
    ON cleared.n = flag.n AND cleared.flag = flag.flag
WHERE flag.n NOT IN (SELECT n FROM ruling JOIN verdict USING (decision) WHERE verb = 'reject')
    AND flag.n NOT IN (SELECT n FROM follows_earlier WHERE disposition = 'rejected')
