-- Corrections get the flags of the charge they refer to, so that both are held and decided together. A correction that
-- is a duplicate, in another currency or in the wrong month is decided separately, with the flags of both.
DELETE FROM flag
WHERE n IN (SELECT n FROM follows UNION ALL SELECT n FROM follows_earlier WHERE disposition IN ('billed', 'rejected'))
    AND flag NOT IN ('possible-duplicate', 'foreign-currency', 'wrong-period');

INSERT INTO flag
SELECT follows.n, flag.flag, flag.why
FROM follows
JOIN flag ON flag.n = follows.original
ANTI JOIN flag AS own ON own.n = follows.n AND own.flag = flag.flag;

DELETE FROM follows
WHERE EXISTS (
    SELECT 1 FROM flag
    WHERE flag.n = follows.n AND flag NOT IN (SELECT flag FROM flag AS theirs WHERE theirs.n = follows.original)
)
