-- divided: one row per part, or two where a project's allowance is used up in it. grade: free or std (standard price);
-- empty where there is no allowance. A project's parts take of its allowance in the order of time and label.
CREATE TABLE divided AS
WITH placed AS (
    SELECT
        part.*, allowed.label IS NOT NULL AS graded,
        CASE WHEN allowed.label IS NULL OR payer.project = '' THEN 0
            ELSE {level}::HUGEINT * ({seconds}) - coalesce(sum(part.amount) OVER before, 0) END AS rest,
        greatest(least(part.amount, rest), 0) AS free
    FROM part
    JOIN label_payer
        ON label_payer.label = part.label AND part.starts >= label_payer.since AND part.starts < label_payer.until
    JOIN payer ON payer.id = label_payer.payer
    LEFT JOIN allowed ON allowed.label = part.label
    WINDOW before AS (
        PARTITION BY {scope} ORDER BY part.starts, part.label, part.item, part.n
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)
SELECT * EXCLUDE (graded, rest, free) REPLACE (free AS amount), 'free' AS grade FROM placed WHERE free > 0
UNION ALL
SELECT * EXCLUDE (graded, rest, free) REPLACE (amount - free AS amount), CASE WHEN graded THEN 'std' ELSE '' END
FROM placed WHERE amount > free
