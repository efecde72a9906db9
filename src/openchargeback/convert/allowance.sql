-- divided: one row per part, or two where a project's allowance covers some of it. grade: free or std (standard price);
-- empty where there is no allowance. If a project used more than its allowance, each of its parts is free in proportion;
-- what rounding leaves (less than one in 10^12) goes to the first parts, in the order of time and label.
CREATE TABLE divided AS
WITH placed AS (
    SELECT
        part.*, payer.project, allowed.label IS NOT NULL AS graded,
        CASE WHEN graded AND payer.project <> '' THEN {level}::HUGEINT * ({seconds}) ELSE 0 END AS allowance
    FROM part
    JOIN label_payer
        ON label_payer.label = part.label AND part.starts >= label_payer.since AND part.starts < label_payer.until
    JOIN payer ON payer.id = label_payer.payer
    LEFT JOIN allowed ON allowed.label = part.label
),
shared AS (
    SELECT
        *, sum(amount) OVER scope AS used,
        CASE WHEN used <= allowance THEN amount
            ELSE amount * (allowance * 1000000000000 // used) // 1000000000000 END AS proportion
    FROM placed
    WINDOW scope AS (PARTITION BY project, graded{by})
),
rounded AS (
    SELECT
        *, least(used, allowance) - sum(proportion) OVER scope AS rest,
        coalesce(sum(amount - proportion) OVER before, 0) AS taken,
        proportion + greatest(least(amount - proportion, rest - taken), 0) AS free
    FROM shared
    WINDOW
        scope AS (PARTITION BY project, graded{by}),
        before AS (
            PARTITION BY project, graded{by} ORDER BY starts, label, item, n
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
)
SELECT * EXCLUDE (project, graded, allowance, used, proportion, rest, taken, free) REPLACE (free AS amount), 'free' AS grade
FROM rounded WHERE free > 0
UNION ALL
SELECT
    * EXCLUDE (project, graded, allowance, used, proportion, rest, taken, free) REPLACE (amount - free AS amount),
    CASE WHEN graded THEN 'std' ELSE '' END
FROM rounded WHERE amount > free
