-- counted: one row per record: why it does not count (left_out), NULL if it does. Of a path's samples of one day the last
-- one counts; of several at one moment the first. clash: another at the same moment has another figure.
CREATE TABLE counted AS
WITH placed AS (
    SELECT
        *, moment = max(moment) OVER (PARTITION BY system, node, owner, person, day) AS latest,
        row_number() OVER same AS place, bytes IS DISTINCT FROM first_value(bytes) OVER same AS differs
    FROM level
    WINDOW same AS (PARTITION BY system, node, owner, person, day, moment ORDER BY n)
)
SELECT
    * EXCLUDE (latest, place, differs),
    CASE
        WHEN day < {first} OR day >= {last} THEN 'sample of another month'
        WHEN NOT latest THEN 'earlier sample of the same day'
        WHEN place > 1 THEN 'identical to another record'
    END AS left_out,
    place > 1 AND differs AND latest AS clash,
    place > 1 AND NOT differs AND latest AS repeated
FROM placed
