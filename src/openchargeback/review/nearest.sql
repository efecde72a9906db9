-- One row per unknown value with the known value of most similar spelling, for "did you mean".
-- At most one edit per four characters and three in total; in email addresses only the part before the @ is compared.
-- A PI's value is also compared with names, since people use those.
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
