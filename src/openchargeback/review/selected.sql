-- One row is one flagged charge that a selector matches. What a selector does not name may be anything; empty text means
-- "has none". Charges that a decision names by id are out of reach.
INSERT INTO target
WITH flagged AS (
    SELECT
        flag.n,
        flag.flag,
        charge.source,
        coalesce(payer.project, '') AS project,
        charge.service,
        coalesce(payer.pi, '') AS pi
    FROM flag
    JOIN attributed AS charge USING (n)
    JOIN payer ON payer.id = charge.payer
    WHERE flag.n NOT IN (SELECT n FROM target)
),
kind AS (
    SELECT DISTINCT flag, source, project, service, pi FROM flagged
),
matched AS (
    SELECT selector.decision, kind.*
    FROM selector
    JOIN kind ON kind.flag = selector.flag
        AND kind.source = coalesce(selector.source, kind.source)
        AND kind.project = coalesce(selector.project, kind.project)
        AND kind.service = coalesce(selector.service, kind.service)
        AND kind.pi = coalesce(selector.pi, kind.pi)
)
SELECT DISTINCT flagged.n, matched.decision
FROM matched
JOIN flagged USING (flag, source, project, service, pi)
