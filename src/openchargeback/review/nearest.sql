-- One row is one value that names nobody known, with the known value that is spelled most like it: "did you mean".
-- Near: an edit for every four characters, at most three; of an e-mail address only what stands before the @ counts.
-- A PI's value is held against names too, since people write those.
CREATE TABLE nearest AS
WITH unknown AS (
    SELECT DISTINCT 'project' AS kind, project AS value FROM payer WHERE project IS NOT NULL
    UNION
    SELECT 'fund', fund FROM payer WHERE fund IS NOT NULL
    UNION
    SELECT 'pi', coalesce(pi, written_pi) FROM payer WHERE coalesce(pi, written_pi) IS NOT NULL
),
compared AS (
    SELECT
        unknown.kind,
        unknown.value,
        known.value AS near,
        least(
            damerau_levenshtein(lower(unknown.value), lower(known.value)),
            damerau_levenshtein(lower(unknown.value), lower(known.named))
        ) AS distance,
        least(3, strlen(CASE WHEN unknown.kind = 'pi' THEN split_part(unknown.value, '@', 1) ELSE unknown.value END) // 4)
            AS most
    FROM (SELECT * FROM unknown ANTI JOIN known USING (kind, value) ORDER BY ALL LIMIT 2000) AS unknown
    JOIN known USING (kind)
)
SELECT kind, value, arg_min(near, (distance, near)) AS near
FROM compared
WHERE distance <= most
GROUP BY kind, value
