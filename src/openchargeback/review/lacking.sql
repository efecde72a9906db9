-- One row per decision and missing field: PI, project, or fund (if anything is billed and needs one). If a charge has
-- several decisions, only those that clear a flag asking for the field count.
WITH lacking AS (
    SELECT decided_charge.n, unnest(['pi', 'project', 'fund']) AS field,
        unnest([
            decided_charge.pi,
            decided_charge.project,
            CASE WHEN decided_charge.cost = 0 OR NOT needs_fund(decided_charge.posts, decided_charge.pi) THEN '' ELSE decided_charge.fund END
        ]) AS value
    FROM decided_charge
    WHERE decided_charge.n NOT IN (SELECT n FROM held)
        AND decided_charge.n NOT IN (SELECT n FROM ruling JOIN verdict USING (decision) WHERE verb = 'reject')
),
blamed AS (
    SELECT
        lacking.n,
        lacking.field,
        ruling.decision,
        EXISTS (
            SELECT 1 FROM clears JOIN asks ON asks.flag = clears.flag
            WHERE clears.decision = ruling.decision AND asks.field = lacking.field
        ) AS asked
    FROM lacking
    JOIN ruling ON ruling.n = lacking.n
    WHERE lacking.value IS NULL
)
SELECT decision, field, count(*) AS charges
FROM blamed
WHERE asked OR (n, field) NOT IN (SELECT (n, field) FROM blamed WHERE asked)
GROUP BY decision, field
ORDER BY decision, field DESC
